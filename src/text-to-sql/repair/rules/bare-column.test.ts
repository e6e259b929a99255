import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('bare-column', { timeout: 60_000 }, () => {
  it('makes the figure for each', async () => {
    expect((await repairOnLibrary('SELECT genre, sum(page_count) FROM book', 'Show the genres and the sum of page counts')).sql).toBe(
      'SELECT genre, sum(page_count) FROM book GROUP BY genre',
    );
  });

  it('does so for a least or greatest only where each is asked for', async () => {
    const sql = 'SELECT max(page_count), genre FROM book';
    expect((await repairOnLibrary(sql, 'What is the longest page count for each genre?')).sql).toBe(`${sql} GROUP BY genre`);
    expect((await repairOnLibrary(sql, 'What is the page count and genre of the longest book?')).sql).toBe(sql);
  });

  it.each(['SELECT title, max(page_count) FROM book', 'SELECT genre, count(*) FROM book GROUP BY genre', 'SELECT count(*) FROM book'])(
    'leaves alone: %s',
    async (sql) => {
      expect((await repairOnLibrary(sql, 'Which title has most pages, and how many books of a genre are there?')).sql).toBe(sql);
    },
  );
});
