import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('inner-join', { timeout: 60_000 }, () => {
  it('makes LEFT JOIN a JOIN, as a habit only', async () => {
    const sql =
      'SELECT a.full_name, COUNT(b.book_id) FROM author AS a LEFT JOIN book AS b ON b.written_by = a.author_id GROUP BY a.author_id';
    const question = 'Name of each author and number of books';
    expect((await repairOnLibrary(sql, question)).sql).toBe(sql.replace('LEFT JOIN', 'JOIN'));
    expect((await repairOnLibrary(sql, question, { habits: false })).sql).toBe(sql);
  });

  it('keeps it where rows without a partner are what is asked for', async () => {
    const sql = 'SELECT a.full_name FROM author AS a LEFT JOIN book AS b ON b.written_by = a.author_id WHERE b.book_id IS NULL';
    expect((await repairOnLibrary(sql, 'Authors without books')).sql).toBe(sql);
  });
});
