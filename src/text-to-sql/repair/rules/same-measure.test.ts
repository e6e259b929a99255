import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('same-measure', { timeout: 60_000 }, () => {
  it("compares a column with its own value in the row of the other's extreme", async () => {
    expect(
      (
        await repairOnLibrary(
          'SELECT count(*) FROM book WHERE page_count > (SELECT max(book_id) FROM book)',
          'How many books have more pages than the newest one?',
        )
      ).sql,
    ).toBe('SELECT count(*) FROM book WHERE page_count > (SELECT page_count FROM book ORDER BY book_id DESC LIMIT 1)');
    expect(
      (
        await repairOnLibrary(
          "SELECT title FROM book WHERE book.page_count < (SELECT min(b.book_id) FROM book AS b WHERE genre = 'Novel')",
          'Books with fewer pages than the first novel?',
        )
      ).sql,
    ).toBe(
      "SELECT title FROM book WHERE book.page_count < (SELECT page_count FROM book AS b WHERE genre = 'Novel' ORDER BY b.book_id LIMIT 1)",
    );
  });

  it.each([
    'SELECT title FROM book WHERE page_count > (SELECT avg(book_id) FROM book)',
    'SELECT title FROM book WHERE page_count < (SELECT max(page_count) FROM book)',
    'SELECT title FROM book WHERE page_count > (SELECT min(birth_year) FROM author)',
    'SELECT title FROM book WHERE page_count > (SELECT max(book_id) FROM book GROUP BY genre)',
  ])('leaves alone: %s', async (sql) => {
    expect((await repairOnLibrary(sql, 'Which books?')).sql).toBe(sql);
  });
});
