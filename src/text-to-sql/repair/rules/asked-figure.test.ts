import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('asked-figure', { timeout: 60_000 }, () => {
  it.each([
    ['SELECT page_count FROM book', 'SELECT avg(page_count) FROM book', 'What is the mean page count?'],
    ['SELECT avg(page_count) FROM book', 'SELECT sum(page_count) FROM book', 'The total page count of all books'],
    [
      'SELECT genre, page_count FROM book GROUP BY genre',
      'SELECT genre, max(page_count) FROM book GROUP BY genre',
      'The highest page count of each genre',
    ],
  ])('%s becomes %s: %s', async (from, to, question) => {
    expect((await repairOnLibrary(from, question)).sql).toBe(to);
  });

  it.each([
    ['SELECT avg(page_count), max(page_count) FROM book', 'The average and maximum page count'],
    ['SELECT title, page_count FROM book', 'Titles and the highest page count'],
    ['SELECT page_count FROM book ORDER BY book_id LIMIT 1', 'The highest page count'],
    ['SELECT page_count FROM book WHERE page_count = (SELECT max(page_count) FROM book)', 'The highest page count'],
  ])('leaves alone: %s', async (sql, question) => {
    expect((await repairOnLibrary(sql, question)).sql).toBe(sql);
  });
});
