import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('wrong-join', { timeout: 60_000 }, () => {
  it('joins on the declared key', async () => {
    const result = await repairOnLibrary(
      'SELECT a.full_name, b.title FROM author AS a JOIN book AS b ON a.author_id = b.book_id',
      'titles and authors of books',
    );
    expect(result.sql).toBe('SELECT a.full_name, b.title FROM author AS a JOIN book AS b ON b.written_by = a.author_id');
  });

  it('puts in the table that links two others', async () => {
    const result = await repairOnLibrary(
      'SELECT m.first_name, b.title FROM member AS m JOIN book AS b ON m.member_id = b.book_id',
      'members and books',
    );
    expect(result.sql).toBe(
      'SELECT m.first_name, b.title FROM member AS m JOIN loan ON m.member_id = loan.member_id JOIN book AS b ON loan.book_id = b.book_id',
    );
  });

  it('joins on the key where a column is compared with itself', async () => {
    const result = await repairOnLibrary(
      'SELECT full_name, title FROM author JOIN book ON book.book_id = book.book_id',
      'titles and their authors',
    );
    expect(result.sql).toBe('SELECT full_name, title FROM author JOIN book ON book.written_by = author.author_id');
  });

  it('compares the key in IN', async () => {
    const result = await repairOnLibrary('SELECT full_name FROM author WHERE author_id IN (SELECT book_id FROM book)', 'authors of books');
    expect(result.sql).toBe('SELECT full_name FROM author WHERE author_id IN (SELECT written_by FROM book)');
  });

  it('leaves joins that follow a key or share a name', async () => {
    const sql = 'SELECT b.title FROM book AS b JOIN loan AS l ON b.book_id = l.book_id';
    expect((await repairOnLibrary(sql, 'titles of books on loan')).sql).toBe(sql);
  });
});
