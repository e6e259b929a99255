import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Prediction } from './predictions-file.ts';
import { scorePredictions } from './score-predictions.ts';
import { readSuite } from './suites.ts';

const run = promisify(execFile);
const spider = path.resolve('../shared/spider');
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'suites-'));
}, 10_000);
afterAll(() => rm(folder, { recursive: true }));

const makeSuites = async (out: string): Promise<{ neighbours: number; kill_rate: number; databases: number }> => {
  const args = ['tsx', 'cli/make-suites.ts', '--spider', spider, '--out', out, '--db', 'concert_singer', '--candidates', '25'];
  const { stdout } = await run('npx', args);
  return JSON.parse(stdout) as Awaited<ReturnType<typeof makeSuites>>;
};

test('fuzzed databases tell a query that is right by luck from one that is right', { timeout: 120_000 }, async () => {
  const made = await makeSuites(folder);
  expect(made.neighbours).toBeGreaterThan(300);
  expect(made.kill_rate).toBeGreaterThan(0.95);
  const files = (await readdir(path.join(folder, 'concert_singer'))).filter((name) => name.endsWith('.sqlite'));
  expect(files).toHaveLength(made.databases);

  // dev-17: "What is the average and the maximum capacity of all stadiums?"; on the one real database the second is right as well.
  const predictions = [
    'SELECT avg(capacity), max(capacity) FROM stadium',
    'SELECT avg(capacity), max(capacity) FROM stadium WHERE capacity > 1000',
  ].map((predictedSql): Prediction => ({ index: 17, databaseId: 'concert_singer', predictedSql, line: {}, sqlField: 'predicted_sql' }));
  const { scored } = await scorePredictions(spider, predictions, { suites: folder });
  expect(scored.map(({ verdict }) => verdict.exec)).toEqual([1, 1]);
  expect(scored.map(({ testSuite }) => testSuite)).toEqual([1, 0]);
  const elsewhere = await scorePredictions(spider, predictions.slice(0, 1), { suites: path.join(folder, 'nothing') });
  expect(elsewhere.scored[0]?.testSuite).toBeNull();
});

test('without a manifest, as in the official suites, every database counts', async () => {
  const suite = await readSuite(spider, 'concert_singer');
  expect(suite?.files).toEqual(['concert_singer.sqlite']);
  expect(suite?.counts('concert_singer.sqlite', 'SELECT 1')).toBe(true);
  expect(await readSuite(spider, 'no_such_database')).toBeUndefined();
});
