import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { benchmarkResult } from '../../../tests/fixtures/benchmark-result.ts';
import { ResultBatches } from './result-batches.ts';

let batches: number[][];
let gathered: ResultBatches;
const add = (index: number): void => {
  gathered.add(benchmarkResult({ index }));
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  batches = [];
  gathered = new ResultBatches((batch) => batches.push(batch.map(({ index }) => index)));
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it('hands on the first at once, and what follows soon together, in order and once', () => {
  for (const index of [0, 1, 2]) add(index);
  expect(batches).toEqual([[0]]);
  vi.advanceTimersByTime(1_000);
  expect(batches).toEqual([[0], [1, 2]]);
  gathered.flush();
  expect(batches).toHaveLength(2);
});

it('does not wait for a timer that is late', () => {
  add(0);
  add(1);
  const now = performance.now();
  vi.spyOn(performance, 'now').mockReturnValue(now + 5_000);
  add(2);
  expect(batches).toEqual([[0], [1, 2]]);
});

it('hands on what is left when it is told to', () => {
  add(0);
  add(1);
  gathered.flush();
  expect(batches).toEqual([[0], [1]]);
  vi.advanceTimersByTime(1_000);
  expect(batches).toHaveLength(2);
});
