import { expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

it('compares with the smallest or largest value', async () => {
  const result = await repairOnLibrary(
    "SELECT title FROM book WHERE page_count > ALL (SELECT page_count FROM book WHERE genre = 'Poetry')",
  );
  expect(result.sql).toBe("SELECT title FROM book WHERE page_count > (SELECT MAX(page_count) FROM book WHERE genre = 'Poetry')");
  expect(rulesOf(result)).toEqual(['quantified']);
  expect((await repairOnLibrary('SELECT title FROM book WHERE page_count > ANY (SELECT page_count FROM book)')).sql).toContain('MIN(');
  expect((await repairOnLibrary('SELECT title FROM book WHERE page_count < SOME (SELECT page_count FROM book)')).sql).toContain('MAX(');
});

it('looks at groups as they come out', async () => {
  const sql = 'SELECT genre FROM book GROUP BY genre HAVING COUNT(*) >= ALL (SELECT COUNT(*) FROM book GROUP BY genre)';
  expect((await repairOnLibrary(sql)).sql).toBe(
    'SELECT genre FROM book GROUP BY genre HAVING COUNT(*) >= (SELECT MAX(each_value) FROM (SELECT COUNT(*) AS each_value FROM book GROUP BY genre))',
  );
});

it('knows = ANY and <> ALL', async () => {
  expect((await repairOnLibrary('SELECT title FROM book WHERE written_by = ANY (SELECT author_id FROM author)')).sql).toBe(
    'SELECT title FROM book WHERE written_by IN (SELECT author_id FROM author)',
  );
  expect(
    (await repairOnLibrary('SELECT full_name FROM author WHERE author_id <> ALL (SELECT written_by FROM book)', 'Who wrote no book?')).sql,
  ).toBe('SELECT full_name FROM author WHERE author_id NOT IN (SELECT written_by FROM book)');
});
