import { expect, it } from 'vitest';
import { benchmarkResult } from '../../../tests/fixtures/benchmark-result.ts';
import { everyExample, filterExamples, type ExampleFilter } from './filter-examples.ts';

const results = [
  benchmarkResult({ index: 0 }),
  benchmarkResult({ index: 1, exec: 0, failureMode: 'wrong-result', hardness: 'hard' }),
  benchmarkResult({ index: 2, exec: 0, failureMode: 'empty', databaseId: 'cars' }),
  benchmarkResult({ index: 3, exec: null, failureMode: null, hardness: null }),
];

it.each<[Partial<ExampleFilter>, number[]]>([
  [{}, [0, 1, 2, 3]],
  [{ verdict: 'ok' }, [0]],
  [{ verdict: 'wrong' }, [1, 2]],
  [{ verdict: 'empty' }, [2]],
  [{ verdict: 'could-not-score' }, [3]],
  [{ hardness: 'easy' }, [0, 2]],
  [{ database: 'cars' }, [2]],
  [{ verdict: 'wrong', hardness: 'easy', database: 'pets' }, []],
])('lists what fits %o', (filter, expected) => {
  expect(filterExamples(results, { ...everyExample, ...filter }).map(({ index }) => index)).toEqual(expected);
});
