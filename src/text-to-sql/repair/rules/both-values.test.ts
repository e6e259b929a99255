import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('both-values', { timeout: 60_000 }, () => {
  it('makes “both” an INTERSECT, as a habit only', async () => {
    const sql = "SELECT written_by FROM book WHERE genre = 'Novel' OR genre = 'Poetry'";
    const result = await repairOnLibrary(sql, 'Who wrote both a novel and poetry?');
    expect(result.sql).toBe(
      "SELECT written_by FROM book WHERE genre = 'Novel' INTERSECT SELECT written_by FROM book WHERE genre = 'Poetry'",
    );
    expect((await repairOnLibrary(sql, 'Who wrote both a novel and poetry?', { habits: false })).sql).toBe(sql);
  });
});
