import { describe, expect, it } from 'vitest';
import { openSample, repairOnLibrary, rulesOf } from '../node/library-database.ts';
import { repair } from '../repair.ts';

describe('repeated-rows', { timeout: 60_000 }, () => {
  it('adds a row once, however many rows belong to it', async () => {
    const result = await repairOnLibrary(
      'SELECT avg(b.page_count) FROM book AS b JOIN loan AS l ON l.book_id = b.book_id',
      'What is the average page count of books that have a loan?',
    );
    expect(result.sql).toBe('SELECT avg(b.page_count) FROM book AS b WHERE b.book_id IN (SELECT l.book_id FROM loan AS l)');
    expect(rulesOf(result)).toEqual(['repeated-rows']);
    const whole = await repairOnLibrary(
      "SELECT sum(book.page_count), genre FROM loan JOIN book ON loan.book_id = book.book_id WHERE loan.day > '2024-02' AND page_count > 1 GROUP BY genre",
      'The sum of page counts of books with a loan after February 2024, for each genre?',
    );
    expect(whole.sql).toBe(
      "SELECT sum(book.page_count), genre FROM book WHERE page_count > 1 AND book.book_id IN (SELECT loan.book_id FROM loan WHERE loan.day > '2024-02') GROUP BY genre",
    );
  });

  it('takes no figure of an inner query for one of its own', async () => {
    const sql =
      'SELECT book.title FROM book JOIN loan ON loan.book_id = book.book_id WHERE book.page_count > (SELECT avg(page_count) FROM book)';
    expect((await repairOnLibrary(sql, 'For each loan of a book longer than the average, the title')).sql).toBe(sql);
  });

  it('does not multiply two tables that only say which rows are meant', async () => {
    const sql =
      'SELECT branch.branch_name FROM branch JOIN member ON member.branch_id = branch.branch_id JOIN loan ON loan.member_id = member.member_id';
    expect((await repairOnLibrary(sql, 'Branches of members with a loan')).sql).toBe(sql);
    const { database, facts } = await openSample(`
      CREATE TABLE pupil (id INTEGER PRIMARY KEY, name TEXT);
      CREATE TABLE friend (pupil_id INTEGER REFERENCES pupil (id), friend_name TEXT);
      CREATE TABLE prize (pupil_id INTEGER REFERENCES pupil (id), prize_name TEXT);
      INSERT INTO pupil VALUES (1, 'Ann'), (2, 'Bo');
      INSERT INTO friend VALUES (1, 'Cy'), (1, 'Di'), (2, 'Ed');
      INSERT INTO prize VALUES (1, 'Red'), (1, 'Blue');`);
    const both = 'SELECT pupil.name FROM pupil JOIN friend ON friend.pupil_id = pupil.id JOIN prize ON prize.pupil_id = pupil.id';
    const question = 'Names of pupils who have friends and a prize';
    expect((await repair(both, database, question, { facts })).sql).toBe(
      'SELECT pupil.name FROM pupil WHERE pupil.id IN (SELECT friend.pupil_id FROM friend) AND pupil.id IN (SELECT prize.pupil_id FROM prize)',
    );
    const shown = both.replace('pupil.name', 'pupil.name, prize.prize_name');
    expect((await repair(shown, database, question, { facts })).sql).toBe(shown);
    await database.close();
  });

  it.each([
    'SELECT avg(b.page_count), l.day FROM book AS b JOIN loan AS l ON l.book_id = b.book_id GROUP BY l.day',
    'SELECT count(*) FROM book AS b JOIN loan AS l ON l.book_id = b.book_id',
    'SELECT max(b.page_count) FROM book AS b JOIN loan AS l ON l.book_id = b.book_id',
    'SELECT avg(b.page_count) FROM book AS b JOIN loan AS l ON l.book_id = b.book_id AND l.member_id = 100',
    'SELECT avg(b.page_count) FROM book AS b JOIN loan AS l ON l.book_id = b.book_id WHERE b.title = l.day',
    'SELECT avg(b.page_count) FROM book AS b LEFT JOIN loan AS l ON l.book_id = b.book_id',
  ])('leaves alone what counts rows, shows them or needs them: %s', async (sql) => {
    expect(rulesOf(await repairOnLibrary(sql, 'Books, loans and days'))).not.toContain('repeated-rows');
  });
});
