import { describe, expect, it } from 'vitest';
import { openSample, repairOnLibrary, rulesOf } from '../node/library-database.ts';
import { repair } from '../repair.ts';

describe('names', { timeout: 60_000 }, () => {
  it('finds the alias that has the column', async () => {
    const result = await repairOnLibrary('SELECT b.full_name FROM book AS b JOIN author AS a ON b.written_by = a.author_id');
    expect(result.sql).toBe('SELECT a.full_name FROM book AS b JOIN author AS a ON b.written_by = a.author_id');
    expect(result.changes[0]?.reason).toContain('“book” has no column “full_name”; “author” has it.');
  });

  it('joins a table that FROM lacks along the keys', async () => {
    const result = await repairOnLibrary("SELECT title FROM book WHERE full_name = 'Ada Moreau'");
    expect(result.sql).toBe(
      "SELECT book.title FROM book JOIN author ON book.written_by = author.author_id WHERE author.full_name = 'Ada Moreau'",
    );
    expect(rulesOf(result)).toEqual(['names']);
  });

  it('joins through the table in between', async () => {
    const result = await repairOnLibrary("SELECT m.first_name FROM member AS m WHERE m.title = 'Salt'");
    expect(result.sql).toContain('JOIN loan ON m.member_id = loan.member_id JOIN book ON loan.book_id = book.book_id');
  });

  it('joins what a subquery selects from the query around it by mistake', async () => {
    const result = await repairOnLibrary(
      "SELECT first_name FROM member WHERE member_id IN (SELECT member_id FROM book WHERE title = 'Salt')",
    );
    expect(result.sql).toContain("IN (SELECT loan.member_id FROM book JOIN loan ON book.book_id = loan.book_id WHERE book.title = 'Salt')");
    expect(rulesOf(result)).toEqual(['names']);
    const meant = 'SELECT first_name FROM member WHERE EXISTS (SELECT member.member_id FROM loan WHERE loan.member_id = member.member_id)';
    expect((await repairOnLibrary(meant)).sql).toBe(meant);
  });

  it('takes the nearest name', async () => {
    expect((await repairOnLibrary('SELECT pagecount FROM book')).sql).toBe('SELECT page_count FROM book');
    expect((await repairOnLibrary('SELECT title FROM books')).sql).toBe('SELECT title FROM book');
  });

  it('declares a table whose alias was forgotten', async () => {
    const result = await repairOnLibrary('SELECT b.title, a.full_name FROM book AS b');
    expect(result.sql).toBe('SELECT b.title, author.full_name FROM book AS b JOIN author ON b.written_by = author.author_id');
  });

  it('puts a join condition on the key where it named a column that is not there', async () => {
    const result = await repairOnLibrary('SELECT b.title, a.full_name FROM book AS b JOIN author AS a ON b.author_id = a.author_id');
    expect(result.sql).toBe('SELECT b.title, a.full_name FROM book AS b JOIN author AS a ON b.written_by = a.author_id');
  });

  it('uses the table that has every column', async () => {
    expect((await repairOnLibrary('SELECT first_name, expires FROM member')).sql).toBe('SELECT first_name, expires FROM reader_card');
  });

  it('knows words that were cut short, and adds a FROM that was forgotten', async () => {
    expect((await repairOnLibrary('SELECT home_coun FROM author')).sql).toBe('SELECT home_country FROM author');
    expect((await repairOnLibrary('SELECT COUNT(DISTINCT full_name)')).sql).toBe('SELECT COUNT(DISTINCT full_name) FROM author');
    expect((await repairOnLibrary('SELECT city', 'Which cities have branches?')).sql).toBe('SELECT city FROM branch');
  });

  it('takes a word of the question without quotes for a text', async () => {
    const result = await repairOnLibrary('SELECT last_name FROM member WHERE first_name = Eva', 'What is the last name of Eva?');
    expect(result.sql).toBe("SELECT last_name FROM member WHERE first_name = 'Eva'");
  });

  it('follows a key that is called like the column', async () => {
    const { database, facts } = await openSample(`
      CREATE TABLE course (course_id INTEGER PRIMARY KEY, course TEXT);
      CREATE TABLE lesson (course_id INTEGER REFERENCES course (course_id), hour INTEGER);
      INSERT INTO course VALUES (1, 'Drawing'), (2, 'Music');
      INSERT INTO lesson VALUES (1, 9), (2, 10);`);
    const result = await repair('SELECT l.course, l.hour FROM lesson AS l', database, '', { facts, budgetMs: 30_000 });
    expect(result.sql).toBe('SELECT course.course, l.hour FROM lesson AS l JOIN course ON l.course_id = course.course_id');
  });

  it('takes the table that has all columns for one of several that lacks them', async () => {
    const result = await repairOnLibrary(
      'SELECT a.full_name, b.title, b.page_count FROM author AS a JOIN reader_card AS b ON a.author_id = b.written_by',
    );
    expect(result.sql).toBe('SELECT a.full_name, b.title, b.page_count FROM author AS a JOIN book AS b ON a.author_id = b.written_by');
  });

  it('does not order or group a subquery by a column of the query around it', async () => {
    const result = await repairOnLibrary(
      'SELECT full_name FROM author WHERE author_id = (SELECT written_by FROM book ORDER BY birth_year LIMIT 1)',
    );
    expect(result.sql).toContain('FROM book JOIN author ON book.written_by = author.author_id ORDER BY author.birth_year LIMIT 1)');
  });

  it('leaves what it cannot read or mend as it was', async () => {
    for (const sql of ['SELECT xqzt FROM book', 'SELEKT title FROM book', 'SELECT title FROM', '', 'DELETE FROM book']) {
      const result = await repairOnLibrary(sql);
      expect(result.sql).toBe(sql);
      expect(result.changes).toEqual([]);
    }
  });

  it('works inside subqueries, WITH and set operations', async () => {
    const within = await repairOnLibrary('SELECT full_name FROM author WHERE author_id IN (SELECT writtenby FROM book)');
    expect(within.sql).toBe('SELECT full_name FROM author WHERE author_id IN (SELECT written_by FROM book)');
    const cte = await repairOnLibrary('WITH long AS (SELECT booktitle FROM book WHERE page_count > 100) SELECT * FROM long');
    expect(cte.sql).toBe('WITH long AS (SELECT title FROM book WHERE page_count > 100) SELECT * FROM long');
    const union = await repairOnLibrary('SELECT city FROM branch UNION SELECT citty FROM member');
    expect(union.sql).toBe('SELECT city FROM branch UNION SELECT city FROM member');
  });
});
