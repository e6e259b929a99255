import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('missing-order', { timeout: 60_000 }, () => {
  it('adds the order that was asked for', async () => {
    const result = await repairOnLibrary('SELECT title FROM book', 'List all titles ordered by page count.');
    expect(result.sql).toBe('SELECT title FROM book ORDER BY page_count');
  });

  it('orders by the column that was asked for, not by another', async () => {
    const sql = 'SELECT genre, count(*) FROM book GROUP BY genre ORDER BY count(*)';
    expect((await repairOnLibrary(sql, 'How many books are there of each genre? Order by genre.')).sql).toBe(
      'SELECT genre, count(*) FROM book GROUP BY genre ORDER BY genre',
    );
    expect((await repairOnLibrary(sql, 'How many books are there of each genre, ordered by number?')).sql).toBe(sql);
  });
});
