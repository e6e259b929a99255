import { describe, expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

describe('named-column', { timeout: 60_000 }, () => {
  it('shows the column that the question names instead of one of which it says nothing', async () => {
    const result = await repairOnLibrary('SELECT count(*), title FROM book GROUP BY title', 'How many books are there of each genre?');
    expect(result.sql).toBe('SELECT count(*), genre FROM book GROUP BY genre');
    expect(rulesOf(result)).toEqual(['named-column']);
    expect((await repairOnLibrary('SELECT avg(written_by) FROM book', 'What is the average page count?')).sql).toBe(
      'SELECT avg(page_count) FROM book',
    );
  });

  it('orders by it where the question asks for its extreme', async () => {
    expect(
      (await repairOnLibrary('SELECT title FROM book ORDER BY written_by LIMIT 1', 'Which title has the lowest page count?')).sql,
    ).toBe('SELECT title FROM book ORDER BY page_count LIMIT 1');
  });

  it('joins the table of one that a number is compared with', async () => {
    expect(
      (
        await repairOnLibrary(
          'SELECT full_name FROM author WHERE birth_year > 200',
          'What is the full name of those with more than 200 page count?',
        )
      ).sql,
    ).toBe('SELECT author.full_name FROM author JOIN book ON author.author_id = book.written_by WHERE book.page_count > 200');
  });

  it('leaves columns alone that the question means in other words, or that are only compared', async () => {
    for (const [sql, question] of [
      ['SELECT title FROM book', 'What are the titles of books of every genre?'],
      ['SELECT page_count, title FROM book', 'How long is each book of the genre?'],
      ['SELECT full_name FROM author WHERE birth_year < 1950', 'Whose full name and home country are known of those before 1950?'],
      ["SELECT first_name FROM member WHERE last_name = 'Stone'", 'In which city is the first name of Stone common?'],
      ['SELECT author_id FROM author EXCEPT SELECT written_by FROM book', 'Which authors have no genre?'],
      // Not a number to be averaged.
      ['SELECT avg(page_count) FROM book', 'What is the average by genre?'],
    ] as const)
      expect((await repairOnLibrary(sql, question)).sql).toBe(sql);
  });
});
