import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { benchmarkResult } from '../../../tests/fixtures/benchmark-result.ts';
import { readResults, readRuns, type BenchmarkRun } from '../../storage/benchmark-runs.ts';
import { RunArchive } from './run-archive.svelte.ts';

let named = 0;
const newRun = (): BenchmarkRun => ({
  id: `run-${String(named++)}`,
  startedAt: named,
  source: { kind: 'predictions', file: 'a.jsonl' },
  dataset: '4-abc',
  plan: [0, 1, 2].map((index) => ({ index, databaseId: 'pets', predictedSql: 'SELECT 1' })),
});
const indices = async (archive: RunArchive, run: BenchmarkRun): Promise<number[]> =>
  (await archive.read(run)).map(({ index }) => index).sort((a, b) => a - b);
/** From now on the browser's storage is full. */
const fillStorage = (): void => {
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError');
  });
};

let archive: RunArchive;
beforeEach(() => {
  archive = new RunArchive();
});
afterEach(async () => {
  vi.restoreAllMocks();
  const kept = await readRuns();
  for (const { run } of kept.ok ? kept.value : []) await archive.delete(run);
});

it('keeps runs and their results for the next visit, newest first', async () => {
  const [first, second] = [newRun(), newRun()];
  await archive.add(first, []);
  await archive.add(first, [benchmarkResult({ index: 1 }), benchmarkResult({ index: 2 })]);
  await archive.add(second, []);
  const next = new RunArchive();
  await next.refresh();
  expect(next.kept).toEqual([
    { run: second, done: 0 },
    { run: first, done: 2 },
  ]);
  expect(await indices(next, first)).toEqual([1, 2]);
  expect(await indices(next, second)).toEqual([]);
});

it('deletes a run with its results, no other’s, and brings it back', async () => {
  const [run, other] = [newRun(), newRun()];
  await archive.add(run, [benchmarkResult()]);
  await archive.add(other, [benchmarkResult()]);
  expect(await archive.delete(run)).toBe(true);
  expect(archive.kept.map((kept) => kept.run.id)).toEqual([other.id]);
  expect(await readResults(run)).toEqual({ ok: true, value: [] });
  await archive.restore();
  expect(archive.deleted).toBeNull();
  expect(archive.kept.map((kept) => [kept.run.id, kept.done])).toEqual([
    [other.id, 1],
    [run.id, 1],
  ]);
});

it('holds what the browser refuses to keep, lists it, and keeps it as soon as there is room', async () => {
  const run = newRun();
  await archive.add(run, [benchmarkResult({ index: 0 })]);
  fillStorage();
  await Promise.all([archive.add(run, [benchmarkResult({ index: 1 })]), archive.add(run, [benchmarkResult({ index: 2 })])]);
  await archive.refresh();
  expect(archive.notKept).toBe(true);
  expect(archive.kept).toMatchObject([{ run: { id: run.id }, done: 3 }]);
  expect(await indices(archive, run)).toEqual([0, 1, 2]);
  expect(await indices(new RunArchive(), run)).toEqual([0]);
  vi.restoreAllMocks();
  await archive.add(run, []);
  expect(archive.notKept).toBe(false);
  expect(await indices(new RunArchive(), run)).toEqual([0, 1, 2]);
});
