import { describe, expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

describe('counted-rows', { timeout: 60_000 }, () => {
  it('orders by the rows that the question counts', async () => {
    const result = await repairOnLibrary('SELECT full_name FROM author ORDER BY author_id LIMIT 1', 'Which author wrote the most books?');
    expect(result.sql).toBe(
      'SELECT author.full_name FROM author JOIN book ON author.author_id = book.written_by GROUP BY author.author_id ORDER BY count(*) DESC LIMIT 1',
    );
    expect(rulesOf(result)).toEqual(['counted-rows']);
    expect(
      (await repairOnLibrary('SELECT full_name FROM author ORDER BY author_id LIMIT 1', 'Who has the least number of books?')).sql,
    ).toContain('GROUP BY author.author_id ORDER BY count(*) LIMIT 1');
    const joined = 'SELECT full_name FROM author JOIN book ON author_id = written_by ORDER BY birth_year LIMIT 1';
    expect((await repairOnLibrary(joined, 'Whose full name is it that wrote the fewest books?')).sql).toContain(
      'GROUP BY author.author_id ORDER BY count(*) LIMIT 1',
    );
  });

  it('compares their number with the one that the question gives', async () => {
    expect((await repairOnLibrary('SELECT full_name FROM author WHERE author_id > 1', 'Which authors wrote more than one book?')).sql).toBe(
      'SELECT author.full_name FROM author JOIN book ON author.author_id = book.written_by GROUP BY author.author_id HAVING count(*) > 1',
    );
  });

  it('leaves measures alone that the question names', async () => {
    for (const [sql, question] of [
      ['SELECT title FROM book ORDER BY page_count DESC LIMIT 1', 'Which book has the most pages?'],
      ['SELECT full_name FROM author WHERE birth_year > 1900', 'Which authors of more than one book have a birth year after 1900?'],
      ['SELECT full_name FROM author ORDER BY birth_year DESC LIMIT 1', 'Which author with the most books has the latest year of birth?'],
    ] as const)
      expect((await repairOnLibrary(sql, question)).sql).toBe(sql);
  });
});
