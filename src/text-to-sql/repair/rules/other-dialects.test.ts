import { expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

it('puts parts of a date in SQLite’s words', async () => {
  const result = await repairOnLibrary('SELECT COUNT(*) FROM loan WHERE YEAR(day) = 2024 AND MONTH(day) IN (1, 2)');
  expect(result.sql).toBe(
    "SELECT COUNT(*) FROM loan WHERE CAST(strftime('%Y', day) AS INTEGER) = 2024 AND CAST(strftime('%m', day) AS INTEGER) IN (1, 2)",
  );
  expect(rulesOf(result)).toEqual(['other-dialects']);
  expect(result.changes[0]?.reason).toBe("SQLite has no YEAR and no MONTH; it was put in SQLite's words.");
});

it('knows differences of dates and other names of functions', async () => {
  expect((await repairOnLibrary("SELECT DATEDIFF('2024-03-01', day) FROM loan")).sql).toBe(
    "SELECT CAST(julianday('2024-03-01') - julianday(day) AS INTEGER) FROM loan",
  );
  expect((await repairOnLibrary('SELECT UCASE(title) FROM book')).sql).toBe('SELECT upper(title) FROM book');
  expect((await repairOnLibrary('SELECT MEAN(page_count) FROM book')).sql).toBe('SELECT avg(page_count) FROM book');
});

it('mends a wrong name on the way', async () => {
  expect((await repairOnLibrary('SELECT UCASE(booktitle) FROM book')).sql).toBe('SELECT upper(title) FROM book');
});

it('leaves a function that it does not know', async () => {
  expect((await repairOnLibrary('SELECT soundslike(title) FROM book')).changes).toEqual([]);
});
