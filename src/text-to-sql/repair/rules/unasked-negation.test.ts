import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('unasked-negation', { timeout: 60_000 }, () => {
  it('takes out a NOT IN that the question does not ask for', async () => {
    const sql = 'SELECT full_name FROM author WHERE author_id NOT IN (SELECT written_by FROM book)';
    expect((await repairOnLibrary(sql, 'Which authors wrote a book?')).sql).toBe(
      'SELECT full_name FROM author WHERE author_id IN (SELECT written_by FROM book)',
    );
    expect((await repairOnLibrary(sql, 'Which authors wrote no book?')).sql).toBe(sql);
  });

  it('knows NOT in front', async () => {
    const sql = 'SELECT full_name FROM author WHERE NOT author_id IN (SELECT written_by FROM book)';
    expect((await repairOnLibrary(sql, 'Which authors wrote a book?')).sql).toBe(
      'SELECT full_name FROM author WHERE author_id IN (SELECT written_by FROM book)',
    );
  });
});
