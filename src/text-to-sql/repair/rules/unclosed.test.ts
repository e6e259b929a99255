import { expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

it('closes brackets at the end', async () => {
  const result = await repairOnLibrary(
    "SELECT title, '(' FROM book WHERE written_by IN (SELECT author_id FROM author WHERE birth_year > (1930 + 5;",
  );
  expect(result.sql).toBe("SELECT title, '(' FROM book WHERE written_by IN (SELECT author_id FROM author WHERE birth_year > (1930 + 5))");
  expect(rulesOf(result)).toEqual(['unclosed']);
});

it('goes on to other faults, and takes back what does not lead anywhere', async () => {
  expect((await repairOnLibrary('SELECT upper(booktitle FROM book')).changes).toEqual([]);
  expect((await repairOnLibrary('SELECT title FROM book WHERE written_by IN (SELECT authorid FROM author')).sql).toBe(
    'SELECT title FROM book WHERE written_by IN (SELECT author_id FROM author)',
  );
});
