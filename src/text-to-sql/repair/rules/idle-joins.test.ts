import { describe, expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

describe('idle-joins', { timeout: 60_000 }, () => {
  it('leaves out a join that nothing uses and nobody named', async () => {
    const result = await repairOnLibrary(
      'SELECT b.title FROM book AS b JOIN author AS a ON b.written_by = a.author_id',
      'List the titles of all books.',
    );
    expect(result.sql.trim()).toBe('SELECT b.title FROM book AS b');
    expect(rulesOf(result)).toEqual(['idle-joins']);
  });

  it('keeps a join that the question names', async () => {
    const sql = 'SELECT b.title FROM book AS b JOIN loan AS l ON b.book_id = l.book_id';
    expect((await repairOnLibrary(sql, 'Titles of books with a loan')).sql).toBe(sql);
  });

  it('keeps one that the question names by another form of the word', async () => {
    const sql = 'SELECT m.first_name FROM member AS m JOIN loan AS l ON m.member_id = l.member_id';
    expect((await repairOnLibrary(sql, 'Whom have we loaned something?')).sql).toBe(sql);
    expect((await repairOnLibrary(sql, 'Who is there?')).sql).not.toContain('loan');
  });
});
