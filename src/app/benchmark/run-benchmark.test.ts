import { afterEach, expect, it, vi } from 'vitest';
import { petsDataset } from '../../../tests/fixtures/pets-dataset.ts';
import { NodeDatabase } from '../../database/node/node-database.ts';
import { failure, success } from '../../result.ts';
import type { BenchmarkResult, PlannedExample } from '../../storage/benchmark-runs.ts';
import type { Problem } from '../problem.ts';
import { runBenchmark, takePrediction, type Predict } from './run-benchmark.ts';

const dataset = await petsDataset();
const plan: PlannedExample[] = [
  { index: 0, databaseId: 'pets', predictedSql: 'SELECT count(name) FROM pet', milliseconds: 12 },
  { index: 2, databaseId: 'cars', predictedSql: 'SELECT count(*) FROM car' },
  { index: 1, databaseId: 'pets', predictedSql: 'SELECT nickname FROM pet' },
  { index: 3, databaseId: 'pets', predictedSql: '' },
];

function run(predict: Predict, stopping = new AbortController(), planned = plan) {
  const results: BenchmarkResult[] = [];
  const leftOut: Problem[] = [];
  const ended = runBenchmark(dataset, planned, {
    newDatabase: () => new NodeDatabase(),
    predictor: () => Promise.resolve(predict),
    signal: stopping.signal,
    onResult: (result) => results.push(result),
    onLeftOut: (problem) => leftOut.push(problem),
  });
  return { ended, results, leftOut };
}

afterEach(() => {
  vi.useRealTimers();
});

it('scores database by database, and leaves out, with a sentence, the one that is not there', async () => {
  const { ended, results, leftOut } = run(takePrediction);
  expect(await ended).toEqual(success(undefined));
  expect(results.map(({ index, exec, failureMode }) => [index, exec, failureMode])).toEqual([
    [0, 1, 'ok'],
    [1, 0, 'execution'],
    [3, 0, 'empty'],
  ]);
  expect(results[0]).toMatchObject({ question: 'How many pets are there?', milliseconds: 12, hardness: 'easy' });
  expect(results[1]?.error).toContain('nickname');
  expect(leftOut.map(({ message }) => message)).toEqual([expect.stringContaining('cars is not in this copy')]);
});

it('goes on while no timer fires, as in a hidden page', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const { ended, results } = run(takePrediction);
  await ended;
  expect(results).toHaveLength(3);
});

it('stops in the middle of a question, says nothing about it, and starts no other', async () => {
  const stopping = new AbortController();
  let asked = 0;
  const { ended, results } = run(() => {
    asked += 1;
    if (asked === 2) stopping.abort();
    return Promise.resolve(success({ sql: 'SELECT count(*) FROM pet' }));
  }, stopping);
  expect(await ended).toEqual(success(undefined));
  expect(results.map(({ index }) => index)).toEqual([0]);
  expect(asked).toBe(2);
});

it('stops a query that does not end at once', async () => {
  const stopping = new AbortController();
  const endless = 'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
  let abortedAt = 0;
  const { ended, results } = run(() => {
    setTimeout(() => {
      abortedAt = performance.now();
      stopping.abort();
    }, 300);
    return Promise.resolve(success({ sql: endless }));
  }, stopping);
  await ended;
  expect(abortedAt).toBeGreaterThan(0);
  expect(performance.now() - abortedAt).toBeLessThan(2_000);
  expect(results).toEqual([]);
});

it('ends with the reason when the model stops, and keeps what was done', async () => {
  const problem = { message: 'The model stopped.', nextStep: 'Load it again.' };
  let asked = 0;
  const { ended, results } = run(() => Promise.resolve(asked++ === 0 ? success({ sql: 'SELECT 1' }) : failure(problem)));
  expect(await ended).toEqual(failure(problem));
  expect(results).toHaveLength(1);
});
