import { describe, expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

describe('invented-literal', { timeout: 60_000 }, () => {
  it('leaves out a test against the name of a table or column', async () => {
    const result = await repairOnLibrary(
      "SELECT first_name FROM member WHERE last_name = 'members' AND city = 'Lyon'",
      'Which members live in Lyon?',
    );
    expect(result.sql).toBe("SELECT first_name FROM member WHERE city = 'Lyon'");
    expect(rulesOf(result)).toEqual(['invented-literal']);
    expect((await repairOnLibrary("SELECT first_name FROM member WHERE last_name = 'loan.day'", 'Who is a member?')).sql).toBe(
      'SELECT first_name FROM member',
    );
  });

  it('puts the missing rows of which the question speaks in the place of a !=', async () => {
    const sql = "SELECT branch_name FROM branch WHERE branch_name != 'undefined'";
    expect((await repairOnLibrary(sql, 'Which branches have no members?')).sql).toBe(
      'SELECT branch_name FROM branch WHERE branch_id NOT IN (SELECT branch_id FROM member)',
    );
    expect((await repairOnLibrary(sql, 'List the branches.')).sql).toBe('SELECT branch_name FROM branch');
  });

  it('keeps what the question says, quotes or may mean, and what leaves out missing values', async () => {
    for (const [sql, question] of [
      ["SELECT first_name FROM member WHERE last_name = 'Member'", 'Who is called "Member"?'],
      ["SELECT first_name FROM member WHERE last_name = 'Nowhere'", 'Which members are from somewhere else?'],
      ["SELECT first_name FROM member WHERE city != 'Atlantis'", 'Who does not live in Atlantis?'],
      ["SELECT first_name FROM member WHERE city != 'null'", 'Who has a city?'],
    ] as const)
      expect((await repairOnLibrary(sql, question)).sql).toBe(sql);
  });
});
