import { describe, expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

describe('varying-group', { timeout: 60_000 }, () => {
  it('makes the groups by what is shown', async () => {
    const sql = 'SELECT genre FROM book GROUP BY written_by ORDER BY count(*) DESC LIMIT 1';
    expect((await repairOnLibrary(sql, 'Which genre has most authors?')).sql).toBe(sql.replace('BY written_by', 'BY genre'));
  });

  it.each([
    ['SELECT genre FROM book GROUP BY book_id HAVING count(*) > 0', 'Which genres are there?'],
    ['SELECT title FROM book GROUP BY genre ORDER BY count(*) DESC LIMIT 1', 'For each genre, which title is there most?'],
  ])('leaves alone: %s', async (sql, question) => {
    expect(rulesOf(await repairOnLibrary(sql, question))).not.toContain('varying-group');
  });
});
