import { describe, expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

describe('aggregates', { timeout: 60_000 }, () => {
  it('moves a condition on a group from WHERE to HAVING', async () => {
    const result = await repairOnLibrary('SELECT genre FROM book WHERE COUNT(*) > 1 AND page_count > 50');
    expect(result.sql).toBe('SELECT genre FROM book WHERE page_count > 50 GROUP BY genre HAVING COUNT(*) > 1');
    expect(rulesOf(result)).toEqual(['aggregates']);
  });

  it('takes an aggregate out of an aggregate', async () => {
    expect((await repairOnLibrary('SELECT MAX(COUNT(*)) FROM book')).sql).toBe('SELECT COUNT(*) FROM book');
  });

  it('counts rows where the column belongs to the query around', async () => {
    const result = await repairOnLibrary(
      'SELECT full_name FROM author WHERE author_id IN (SELECT written_by FROM book GROUP BY written_by HAVING COUNT(birth_year) > 1)',
    );
    expect(result.changes).toHaveLength(1);
    expect(result.sql).not.toBe(result.original);
  });
});
