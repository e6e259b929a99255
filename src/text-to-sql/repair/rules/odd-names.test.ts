import { expect, it } from 'vitest';
import { openSample } from '../node/library-database.ts';
import { repair } from '../repair.ts';
import { quoteOddNames } from './odd-names.ts';

const sample = openSample(`
  CREATE TABLE "tv show" (id INTEGER PRIMARY KEY, "Home Town" TEXT, "rating_(millions)" REAL, "18_49_share" REAL, "order" TEXT);
  INSERT INTO "tv show" VALUES (1, 'Home Town', 3.5, 0.2, 'a'), (2, 'Lyon', 4.5, 0.4, 'b');
`);
const mend = async (sql: string) => {
  const { database, facts } = await sample;
  return repair(sql, database, '', { facts, timeoutMs: 10_000, budgetMs: 30_000 });
};

it('quotes names that no parser takes without, wherever they stand', async () => {
  expect((await mend('SELECT Home Town FROM tv show AS t')).sql).toBe('SELECT "Home Town" FROM "tv show" AS t');
  expect((await mend('SELECT T1.rating_(millions) FROM "tv show" AS T1 WHERE T1.18_49_share > 0.3')).sql).toBe(
    'SELECT T1."rating_(millions)" FROM "tv show" AS T1 WHERE T1."18_49_share" > 0.3',
  );
});

it('says so, once', async () => {
  const { changes } = await mend('SELECT rating_(millions) FROM "tv show"');
  expect(changes.map((change) => change.rule)).toEqual(['odd-names']);
});

it('leaves strings, comments, quoted names and longer words alone', async () => {
  const { facts } = await sample;
  for (const sql of [`SELECT 'Home Town', "Home Town", [Home Town] FROM "tv show" -- Home Town`, 'SELECT home townes, athome town FROM x'])
    expect(quoteOddNames(sql, facts.catalog)).toBe(sql);
});
