import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('counted-sides', { timeout: 60_000 }, () => {
  it('counts what is on both sides', async () => {
    const sides = (what: string) =>
      `SELECT ${what} FROM loan WHERE day < '2024-02' INTERSECT SELECT ${what} FROM loan WHERE day > '2024-02'`;
    const question = 'How many members had a loan both before and after February?';
    const counted = `SELECT count(*) FROM (${sides('member_id')})`;
    expect((await repairOnLibrary(sides('count(DISTINCT member_id)'), question)).sql).toBe(counted);
    expect((await repairOnLibrary(sides('count(*)'), question)).sql).toBe(counted);
    // Books or members?
    expect((await repairOnLibrary(sides('count(*)'), 'How many are there?')).sql).toBe(sides('count(*)'));
    const listed = sides('count(*)').replace('INTERSECT', 'UNION ALL');
    expect((await repairOnLibrary(listed, question)).sql).toBe(listed);
  });
});
