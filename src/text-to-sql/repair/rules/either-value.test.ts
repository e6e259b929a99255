import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('either-value', { timeout: 60_000 }, () => {
  it('says OR where the question does', async () => {
    expect(
      (
        await repairOnLibrary(
          "SELECT title FROM book WHERE page_count > 300 AND genre = 'Poetry'",
          'Books of more than 300 pages or poetry',
        )
      ).sql,
    ).toBe("SELECT title FROM book WHERE page_count > 300 OR genre = 'Poetry'");
  });

  it.each([
    ["SELECT title FROM book WHERE page_count >= 100 AND genre = 'Poetry'", 'Books with 100 or more pages in poetry'],
    ["SELECT title FROM book WHERE page_count >= 100 AND genre = 'Poetry'", 'Books or leaflets with 100 pages and poetry'],
    ["SELECT title FROM book WHERE page_count > 80 AND genre = 'Poetry'", 'Titles of poetry'],
  ])('leaves alone: %s, %s', async (sql, question) => {
    expect((await repairOnLibrary(sql, question)).sql).toBe(sql);
  });
});
