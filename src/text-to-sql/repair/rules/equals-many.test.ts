import { describe, expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

describe('equals-many', { timeout: 60_000 }, () => {
  it('makes = an IN where the inner query gives many values', async () => {
    const result = await repairOnLibrary(
      "SELECT full_name FROM author WHERE author_id = (SELECT written_by FROM book WHERE genre = 'Novel')",
    );
    expect(result.sql).toContain('author_id IN (SELECT');
    expect(rulesOf(result)).toEqual(['equals-many']);
  });

  it('leaves = with one value, and with an order that says the first is meant', async () => {
    for (const inner of ["SELECT written_by FROM book WHERE title = 'Salt'", 'SELECT written_by FROM book ORDER BY page_count']) {
      const sql = `SELECT full_name FROM author WHERE author_id = (${inner})`;
      expect((await repairOnLibrary(sql)).sql).toBe(sql);
    }
  });
});
