import { describe, expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

describe('asked-name', { timeout: 60_000 }, () => {
  it('shows the name that a key stands for', async () => {
    const own = await repairOnLibrary("SELECT branch_id FROM branch WHERE city = 'Lyon'", 'The names of branches in Lyon');
    expect(own.sql).toBe("SELECT branch_name FROM branch WHERE city = 'Lyon'");
    expect(rulesOf(own)).toEqual(['asked-name']);
    expect(
      (
        await repairOnLibrary(
          'SELECT branch_id FROM member GROUP BY branch_id ORDER BY count(*) DESC LIMIT 1',
          'The name of the branch with most members',
        )
      ).sql,
    ).toBe(
      'SELECT branch.branch_name FROM member JOIN branch ON member.branch_id = branch.branch_id GROUP BY member.branch_id ORDER BY count(*) DESC LIMIT 1',
    );
  });

  it.each([
    ['SELECT branch_id FROM branch', 'The name and id of each branch'],
    ['SELECT branch_id FROM branch', 'Which branches are there?'],
    // First or last?
    ['SELECT member_id FROM member', 'Names of members'],
  ])('leaves alone: %s, %s', async (sql, question) => {
    expect((await repairOnLibrary(sql, question)).sql).toBe(sql);
  });
});
