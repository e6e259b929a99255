import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('like-column', { timeout: 60_000 }, () => {
  it('looks in the column that the question names', async () => {
    const sql = "SELECT member_id FROM member WHERE last_name LIKE '%yo%'";
    expect((await repairOnLibrary(sql, 'Which members are in a city that contains yo?')).sql).toBe(
      "SELECT member_id FROM member WHERE city LIKE '%yo%'",
    );
    const kept = "SELECT first_name FROM member WHERE last_name LIKE '%i%'";
    for (const question of ['First names of members whose last name contains i', 'First names of members with an i in it'])
      expect((await repairOnLibrary(kept, question)).sql).toBe(kept);
  });
});
