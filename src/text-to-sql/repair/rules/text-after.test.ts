import { expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

it('leaves out what stands behind the statement', async () => {
  for (const rest of ['; SELECT city FROM branch', ';.030 sec', '). That is all', '; }']) {
    const result = await repairOnLibrary(`SELECT title FROM book LIMIT 1${rest}`);
    expect(result.sql).toBe('SELECT title FROM book LIMIT 1');
    expect(rulesOf(result)).toEqual(['text-after']);
  }
});

it('leaves a last semicolon', async () => {
  expect((await repairOnLibrary('SELECT title FROM book;')).changes).toEqual([]);
  expect((await repairOnLibrary('SELECT titel FROM book;')).sql).toBe('SELECT title FROM book;');
});
