import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Schema } from '../database/database.ts';
import { InProcessDatabase } from '../database/node/node-database.ts';
import { ExecutionMatch, predictionLine } from './execution-match.ts';
import type { ExecutionOptions } from './execution-match.ts';
import { removeDistinct } from './remove-distinct.ts';
import { Scorer } from './score.ts';
import { refusedBySqlite340 } from './sqlite-3-40.ts';

const database = new InProcessDatabase();
let schema: Schema;

beforeAll(async () => {
  const opened = await database.open(await readFile(path.resolve('../shared/spider/database/singer/singer.sqlite')));
  if (!opened.ok) throw new Error(opened.error.message);
  schema = opened.value;
});
afterAll(() => database.close());

async function verdict(gold: string, predicted: string, options: ExecutionOptions = {}): Promise<string> {
  return (await new ExecutionMatch(database, schema, options).match(gold, predicted)).kind;
}

describe('execution match', () => {
  it.each([
    ['itself', 'SELECT name FROM singer', 'SELECT name FROM singer', 'match'],
    ['columns permuted', 'SELECT name, citizenship FROM singer', 'SELECT citizenship, name FROM singer', 'match'],
    ['a column too many', 'SELECT name FROM singer', 'SELECT name, citizenship FROM singer', 'mismatch'],
    [
      'another order, where gold asks for one',
      'SELECT name FROM singer ORDER BY name',
      'SELECT name FROM singer ORDER BY name DESC',
      'mismatch',
    ],
    ['an order that gold does not ask for', 'SELECT name FROM singer', 'SELECT name FROM singer ORDER BY name DESC', 'match'],
    ['order asked for with two spaces, which is not seen', 'SELECT name FROM singer ORDER  BY name', 'SELECT name FROM singer', 'match'],
    ['an operator torn apart', 'SELECT name FROM singer WHERE singer_id >= 3', 'SELECT name FROM singer WHERE singer_id > = 3', 'match'],
    ['a second statement, dropped with DISTINCT', 'SELECT name FROM singer', 'SELECT name FROM singer; SELECT 1', 'match'],
    ['1.0 for 1', 'SELECT count(*) FROM singer', 'SELECT 8.0', 'match'],
    ['text for a number', 'SELECT count(*) FROM singer', "SELECT '8'", 'mismatch'],
    ['an unknown column', 'SELECT name FROM singer', 'SELECT unknown FROM singer', 'failed'],
    ['no SELECT', 'SELECT name FROM singer WHERE 1 = 0', 'DELETE FROM singer', 'failed'],
    [
      'an unbound parameter, NULL for SQLite alone',
      'SELECT name FROM singer WHERE name = NULL',
      'SELECT name FROM singer WHERE name = ?',
      'failed',
    ],
    ['a comment alone, no rows for Python', 'SELECT name FROM singer WHERE 1 = 0', '-- nothing', 'match'],
    ['broken gold', 'SELECT unknown FROM singer', 'SELECT name FROM singer', 'could-not-score'],
    ['(10.0, 100) for (10, 100)', 'SELECT 10, 100', 'SELECT 10.0, 100', 'mismatch'],
    ['(10.0, 20) for (10, 20)', 'SELECT 10, 20', 'SELECT 10.0, 20', 'match'],
    [
      'an outer column in the order of a subquery, an error in SQLite 3.40',
      'SELECT 1',
      'SELECT 1 WHERE EXISTS (SELECT 1 FROM singer WHERE singer_id = (SELECT singer_id FROM song ORDER BY net_worth_millions LIMIT 1))',
      'failed',
    ],
  ])('%s', async (_, gold, predicted, expected) => {
    expect(await verdict(gold, predicted)).toBe(expected);
  });

  it('removes DISTINCT from both, or keeps it', async () => {
    const gold = 'SELECT DISTINCT citizenship FROM singer';
    const predicted = 'SELECT citizenship FROM singer';
    expect(await verdict(gold, predicted)).toBe('match');
    expect(await verdict(gold, predicted, { keepDistinct: true })).toBe('mismatch');
    expect(await verdict(predicted, `${predicted}; SELECT 1`, { keepDistinct: true })).toBe('failed');
  });

  it('counts what only a newer SQLite runs as run where people are graded', async () => {
    expect(await verdict("SELECT 'ab'", "SELECT concat('a', 'b')")).toBe('failed');
    expect(await verdict("SELECT 'ab'", "SELECT concat('a', 'b')", { sqlite: 'installed' })).toBe('match');
  });
});

describe('failure modes', () => {
  it.each([
    ['SELECT name FROM singer', 'ok'],
    ['SELECT citizenship FROM singer', 'wrong-result'],
    ['SELECT unknown FROM singer', 'execution'],
    ['SELECT name FORM singer', 'parse'],
    ['I cannot tell', 'parse'],
    ['   ', 'empty'],
  ])('%s: %s', async (predicted, mode) => {
    const { failureMode } = await new Scorer(database, schema, new Map()).score('SELECT name FROM singer', predicted);
    expect(failureMode).toBe(mode);
  });

  it('leave out what cannot be scored', async () => {
    const scored = await new Scorer(database, schema, new Map()).score('SELECT name FROM nowhere', 'SELECT name FROM singer');
    expect(scored).toMatchObject({ exec: null, failureMode: null, exactMatch: null, hardness: null });
    expect(scored.error?.sqlite).toContain('nowhere');
  });
});

describe('a prediction as the official evaluator reads it', () => {
  it.each([
    ['SELECT a\nFROM b', 'SELECT a FROM b'],
    ['SELECT a -- all of it\nFROM b', 'SELECT a -- all of it FROM b'],
    ['SELECT a\tFROM b', 'SELECT a'],
    ["SELECT value, Value FROM valued WHERE a = 'my value'", "SELECT 1, Value FROM 1d WHERE a = 'my 1'"],
  ])('%j', (predicted, line) => {
    expect(predictionLine(predicted)).toBe(line);
  });
});

describe('removing DISTINCT', () => {
  it.each([
    ['SELECT DISTINCT a, count(distinct b) FROM c', 'SELECT  a, count( b) FROM c'],
    ['SELECT DISTINCT(a) FROM c', 'SELECT (a) FROM c'],
    [
      `SELECT 'distinct', "distinct", \`distinct\`, [distinct] /* distinct */ FROM c`,
      `SELECT 'distinct', "distinct", \`distinct\`, [distinct] /* distinct */ FROM c`,
    ],
    ['SELECT a_distinct, distinct_b FROM c', 'SELECT a_distinct, distinct_b FROM c'],
    ["SELECT 'a;b' FROM c; SELECT 2", "SELECT 'a;b' FROM c;"],
    ['SELECT (1; 2)', 'SELECT (1; 2)'],
  ])('%s', (sql, expected) => {
    expect(removeDistinct(sql)).toBe(expected);
  });
});

/** Each was run on SQLite 3.40.1: an error there where true. */
describe('what SQLite 3.40 refuses', () => {
  const columns: Record<string, ReadonlySet<string>> = { a: new Set(['x', 'y']), b: new Set(['z', 'w']) };
  const refused = (sql: string): boolean => refusedBySqlite340(sql, (table) => columns[table] ?? null) !== null;

  it.each([
    ['select (select z from b order by y limit 1) from a', true],
    ['select (select z from b order by a.y limit 1) from a', true],
    ['select (select count(*) from b group by y) from a', true],
    ['select (select z as q from b order by q+y limit 1) from a', true],
    ['select (select z from b order by (select y) limit 1) from a', true],
    ['select * from a where x in (select z from b order by y)', true],
    ['select (select y from b order by y limit 1) from a', true],
    ['select (select z from b order by "y" limit 1) from a', false],
    ['select (select count(*) from b group by z having y>1) from a', false],
    ['select (select y as k from b order by k limit 1) from a', false],
    ['select (select max(z) over (order by y) from b) from a', false],
    ['select x from a order by y', false],
    ['select group_concat(x order by y) from a', true],
    ['select group_concat(x) from a', false],
    ['select 1_000', true],
    ['select iif(1, 2)', true],
    ['select iif(1, 2, 3)', false],
    ["select string_agg(x, ',') from a", true],
    ["select x || 'concat(' from a", false],
  ])('%s: %s', (sql, expected) => {
    expect(refused(sql)).toBe(expected);
  });
});
