import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('unknown-table', { timeout: 60_000 }, () => {
  it('takes the nearest table and its name in qualifiers', async () => {
    const result = await repairOnLibrary('SELECT authors.full_name FROM authors');
    expect(result.sql).toBe('SELECT author.full_name FROM author');
    expect(result.changes[0]?.reason).toContain('There is no table “authors”; the nearest name is “author”.');
  });

  it('leaves out a joined table that nothing is like', async () => {
    const result = await repairOnLibrary('SELECT b.title FROM book AS b JOIN zzz AS z ON b.book_id = z.book_id');
    expect(result.sql.trim()).toBe('SELECT b.title FROM book AS b');
  });
});
