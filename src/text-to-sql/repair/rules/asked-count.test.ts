import { describe, expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

describe('asked-count', { timeout: 60_000 }, () => {
  it('shows the count that orders or picks the groups where it is asked for', async () => {
    expect(
      (
        await repairOnLibrary(
          'SELECT genre FROM book GROUP BY genre ORDER BY count(*) DESC LIMIT 1',
          'Which genre has the most books, and how many are there?',
        )
      ).sql,
    ).toBe('SELECT genre, count(*) FROM book GROUP BY genre ORDER BY count(*) DESC LIMIT 1');
    expect(
      (
        await repairOnLibrary(
          'SELECT genre FROM book GROUP BY genre HAVING count(DISTINCT title) > 1',
          'Genres with more than one title, as well as the number of titles',
        )
      ).sql,
    ).toBe('SELECT genre, count(DISTINCT title) FROM book GROUP BY genre HAVING count(DISTINCT title) > 1');
  });

  it.each([
    ['SELECT genre FROM book GROUP BY genre ORDER BY count(*) DESC LIMIT 1', 'Which genre has the most books?'],
    [
      'SELECT title, page_count FROM book GROUP BY title ORDER BY count(*) DESC LIMIT 1',
      'Which book is there most, and how many pages does it have?',
    ],
    ['SELECT genre, count(*) FROM book GROUP BY genre ORDER BY count(*) DESC LIMIT 1', 'Which genre has the most books, and how many?'],
  ])('leaves alone: %s', async (sql, question) => {
    expect(rulesOf(await repairOnLibrary(sql, question))).not.toContain('asked-count');
  });
});
