import { describe, expect, it } from 'vitest';
import { openSample, repairOnLibrary, rulesOf } from '../node/library-database.ts';
import { repair } from '../repair.ts';

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

  it('knows a table that the question names only inside a longer name', async () => {
    const { database, facts } = await openSample(`
      CREATE TABLE piece_kind (piece_kind_code TEXT PRIMARY KEY, piece_kind_text TEXT);
      CREATE TABLE piece (piece_id INTEGER PRIMARY KEY, piece_kind_code TEXT REFERENCES piece_kind (piece_kind_code));
      INSERT INTO piece_kind VALUES ('a', 'Alpha'), ('b', 'Beta');
      INSERT INTO piece VALUES (1, 'a'), (2, 'a'), (3, 'b');`);
    const sql = 'SELECT k.piece_kind_text FROM piece_kind AS k JOIN piece AS p ON k.piece_kind_code = p.piece_kind_code';
    expect((await repair(sql, database, 'What are the piece kind texts?', { facts })).sql.trim()).toBe(
      'SELECT k.piece_kind_text FROM piece_kind AS k',
    );
    expect((await repair(sql, database, 'What are the piece kind texts of pieces that we have?', { facts })).sql).toBe(sql);
    await database.close();
  });
});
