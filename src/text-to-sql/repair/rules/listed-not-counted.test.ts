import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('listed-not-counted', { timeout: 60_000 }, () => {
  it('lists what is asked for', async () => {
    const sql = "SELECT count(DISTINCT genre) FROM book WHERE title != 'Moss'";
    expect((await repairOnLibrary(sql, 'What are the different genres of books but Moss?')).sql).toBe(
      "SELECT DISTINCT genre FROM book WHERE title != 'Moss'",
    );
    for (const question of ['How many genres are there?', 'What is the number of genres?', 'Count the genres'])
      expect((await repairOnLibrary(sql, question)).sql).toBe(sql);
    const all = 'SELECT count(*) FROM book';
    expect((await repairOnLibrary(all, 'What books are there?')).sql).toBe(all);
  });
});
