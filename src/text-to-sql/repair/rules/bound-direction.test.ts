import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('bound-direction', { timeout: 60_000 }, () => {
  it.each([
    ['page_count > 200', 'page_count < 200', 'Which books have less than 200 pages?'],
    ['page_count > 200', 'page_count < 200', 'Books under a page count of 200'],
    ['page_count < 200', 'page_count >= 200', 'Books with at least 200 pages'],
    ['page_count != 200', 'page_count <= 200', 'Books with a page count not higher than 200'],
    [
      'page_count < 100 AND page_count > 200',
      'page_count >= 100 AND page_count <= 200',
      'Books of no less than 100 and no more than 200 pages',
    ],
  ])('%s becomes %s: %s', async (from, to, question) => {
    expect((await repairOnLibrary(`SELECT title FROM book WHERE ${from}`, question)).sql).toBe(`SELECT title FROM book WHERE ${to}`);
  });

  it.each([
    ['SELECT title FROM book WHERE page_count >= 200', 'Books with more than 200 pages'],
    ['SELECT title FROM book WHERE page_count <= 200', 'Books that do not have more than 200 pages'],
    ['SELECT title FROM book WHERE page_count < 120', 'Books with more than 20 pages'],
    ['SELECT title FROM book WHERE book_id NOT IN (SELECT book_id FROM book WHERE page_count > 200)', 'Books with less than 200 pages'],
    ['SELECT title FROM book EXCEPT SELECT title FROM book WHERE page_count > 200', 'Books with less than 200 pages'],
  ])('leaves alone: %s', async (sql, question) => {
    expect((await repairOnLibrary(sql, question)).sql).toBe(sql);
  });
});
