import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('unknown-table', { timeout: 60_000 }, () => {
  it('takes the nearest table and its name in qualifiers', async () => {
    const result = await repairOnLibrary('SELECT authors.full_name FROM authors');
    expect(result.sql).toBe('SELECT author.full_name FROM author');
    expect(result.changes[0]?.reason).toContain('There is no table “authors”; the nearest name is “author”.');
  });

  it('takes the table that has the columns, the one that is asked about of several', async () => {
    const result = await repairOnLibrary("SELECT full_name FROM people WHERE home_country = 'France'");
    expect(result.sql).toBe("SELECT full_name FROM author WHERE home_country = 'France'");
    expect(result.changes[0]?.reason).toContain('There is no table “people”; “author” has the columns that are asked of it.');
    expect((await repairOnLibrary('SELECT p.first_name FROM people AS p', 'Who is a member?')).sql).toBe(
      'SELECT p.first_name FROM member AS p',
    );
    expect((await repairOnLibrary('SELECT p.first_name FROM people AS p', 'Who?')).changes).toEqual([]);
  });

  it('leaves out a joined table that nothing is like', async () => {
    const result = await repairOnLibrary('SELECT b.title FROM book AS b JOIN zzz AS z ON b.book_id = z.book_id');
    expect(result.sql.trim()).toBe('SELECT b.title FROM book AS b');
  });
});
