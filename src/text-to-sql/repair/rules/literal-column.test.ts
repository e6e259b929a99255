import { describe, expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

describe('literal-column', { timeout: 60_000 }, () => {
  it('moves the test to the column that holds the text', async () => {
    const result = await repairOnLibrary("SELECT page_count FROM book WHERE title = 'Poetry'");
    expect(result.sql).toBe("SELECT page_count FROM book WHERE genre = 'Poetry'");
    expect(rulesOf(result)).toEqual(['literal-column']);
  });

  it('follows a key to the table that holds the text', async () => {
    const result = await repairOnLibrary("SELECT title FROM book WHERE written_by = 'Ada Moreau'");
    expect(result.sql).toBe("SELECT title FROM book WHERE written_by IN (SELECT author_id FROM author WHERE full_name IN ('Ada Moreau'))");
  });
});
