import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('duplicate-alias', { timeout: 60_000 }, () => {
  it('gives the second table an alias of its own', async () => {
    const sql = 'SELECT a.first_name, a.branch_name FROM member AS a JOIN branch AS a ON a.branch_id = a.branch_id';
    const result = await repairOnLibrary(sql, 'first names of members and their branch');
    expect(result.sql).toBe('SELECT a.first_name, a2.branch_name FROM member AS a JOIN branch AS a2 ON a.branch_id = a2.branch_id');
  });
});
