import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('missing-bound', { timeout: 60_000 }, () => {
  it('counts the inner rows where the question says how many', async () => {
    const result = await repairOnLibrary(
      'SELECT full_name FROM author WHERE author_id IN (SELECT written_by FROM book)',
      'Which authors wrote at least two books?',
    );
    expect(result.sql).toBe(
      'SELECT full_name FROM author WHERE author_id IN (SELECT written_by FROM book GROUP BY written_by HAVING COUNT(*) >= 2)',
    );
  });
});
