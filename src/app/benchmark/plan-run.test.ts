import { describe, expect, it } from 'vitest';
import { benchmarkResult } from '../../../tests/fixtures/benchmark-result.ts';
import { petsDataset } from '../../../tests/fixtures/pets-dataset.ts';
import type { Prediction } from '../../evaluation/predictions.ts';
import type { BenchmarkRun } from '../../storage/benchmark-runs.ts';
import { databaseChoices, inPlanOrder, leftToDo, planPredictions, planQuestions } from './plan-run.ts';

const dataset = await petsDataset();

const prediction = (index: number, databaseId = 'pets', predictedSql = 'SELECT 1'): Prediction => ({
  index,
  databaseId,
  predictedSql,
  line: {},
  sqlField: 'pred_sql',
});
const run: BenchmarkRun = {
  id: 'a',
  startedAt: 0,
  source: { kind: 'predictions', file: 'a.jsonl' },
  dataset: '',
  plan: [3, 0, 1].map((index) => ({ index, databaseId: 'pets' })),
};

describe('the databases to choose from', () => {
  it('come in the order of the questions, each with its number of them and whether its file is there', () => {
    expect(databaseChoices(dataset)).toEqual([
      { id: 'pets', questions: 3, present: true },
      { id: 'cars', questions: 1, present: false },
    ]);
  });
});

describe('the questions for a model', () => {
  it('are those on the chosen databases, in the order of the file', () => {
    expect(planQuestions(dataset, ['pets'], null).map(({ index }) => index)).toEqual([0, 1, 3]);
    expect(planQuestions(dataset, ['cars', 'pets'], null).map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(planQuestions(dataset, [], null)).toEqual([]);
  });

  it('are only the first ones where a limit is set', () => {
    expect(planQuestions(dataset, ['pets'], 2).map(({ index }) => index)).toEqual([0, 1]);
    expect(planQuestions(dataset, ['pets'], 99)).toHaveLength(3);
  });
});

describe('a predictions file', () => {
  it('is planned in its own order, with its SQL; what the benchmark does not have is counted', () => {
    const planned = planPredictions(dataset, [prediction(3), prediction(0, 'pets', ''), prediction(7)], 'a.jsonl');
    expect(planned).toEqual({
      ok: true,
      value: {
        plan: [
          { index: 3, databaseId: 'pets', predictedSql: 'SELECT 1' },
          { index: 0, databaseId: 'pets', predictedSql: '' },
        ],
        unknown: 1,
      },
    });
  });

  it.each([
    ['of another benchmark', [prediction(2, 'pets')], /Prediction 2 of a\.jsonl is for pets, but that question is on cars/],
    ['with a question twice', [prediction(1), prediction(1)], /two predictions for question 1/],
    ['with none of its questions', [prediction(9)], /no prediction for a question of this benchmark/],
    ['that is empty', [], /no prediction for a question of this benchmark/],
  ])('%s is refused', (_what, predictions, words) => {
    const planned = planPredictions(dataset, predictions, 'a.jsonl');
    expect(planned.ok ? '' : planned.error.message).toMatch(words);
    expect(planned.ok ? '' : planned.error.nextStep).not.toBe('');
  });
});

describe('a run that goes on', () => {
  it('does what has no result yet, and shows results in the order of its plan', () => {
    const results = [benchmarkResult({ index: 1 }), benchmarkResult({ index: 3 })];
    expect(leftToDo(run, results)).toEqual([{ index: 0, databaseId: 'pets' }]);
    expect(inPlanOrder(run, results).map(({ index }) => index)).toEqual([3, 1]);
    expect(leftToDo(run, [])).toEqual(run.plan);
  });
});
