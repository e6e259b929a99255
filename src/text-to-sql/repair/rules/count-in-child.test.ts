import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('count-in-child', { timeout: 60_000 }, () => {
  it('counts the rows that refer to the group, not the group itself', async () => {
    const result = await repairOnLibrary(
      'SELECT full_name, COUNT(*) FROM author GROUP BY author_id',
      'How many books did each author write? Show name and number of books.',
    );
    expect(result.sql).toBe(
      'SELECT author.full_name, COUNT(*) FROM author JOIN book ON author.author_id = book.written_by GROUP BY author.author_id',
    );
  });
});
