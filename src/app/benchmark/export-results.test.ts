import { expect, it } from 'vitest';
import { benchmarkResult } from '../../../tests/fixtures/benchmark-result.ts';
import { readPredictionLines } from '../../evaluation/predictions.ts';
import { exportResults } from './export-results.ts';

const model = { kind: 'model', id: 'student', cardSha256: '', title: 'Student', repair: true, habits: false } as const;
const results = [
  benchmarkResult({ index: 4, milliseconds: 1234.6, modelSql: 'SELECT count(*) FROM pets' }),
  benchmarkResult({ index: 7, predictedSql: '', exec: 0, exactMatch: null, hardness: null, failureMode: 'empty' }),
  benchmarkResult({ index: 9, exec: null, failureMode: null, error: 'no such table: pet' }),
];

it('writes the fields of predictions JSONL, one object a line', () => {
  const [first, second, third] = exportResults(model, results)
    .split('\n')
    .map((line): unknown => (line === '' ? null : JSON.parse(line)));
  expect(first).toEqual({
    question_id: 'dev-4',
    index: 4,
    db_id: 'pets',
    difficulty: 'easy',
    gold_sql: 'SELECT count(*) FROM pet',
    pred_sql: 'SELECT count(*) FROM pet',
    exec_match: true,
    exact_set_match: true,
    failure_mode: 'ok',
    model_sql: 'SELECT count(*) FROM pets',
    milliseconds: 1235,
    model: 'student',
  });
  expect(second).toMatchObject({ pred_sql: '', exec_match: false, exact_set_match: null, difficulty: null, failure_mode: 'empty' });
  expect(third).toMatchObject({ exec_match: null, failure_mode: null, could_not_score: 'no such table: pet' });
});

it('is read again as the predictions that it came from, with their times', () => {
  const read = readPredictionLines(exportResults({ kind: 'predictions', file: 'a.jsonl' }, results), 'exported');
  expect(
    read.ok && read.value.map(({ index, databaseId, predictedSql, milliseconds }) => [index, databaseId, predictedSql, milliseconds]),
  ).toEqual([
    [4, 'pets', 'SELECT count(*) FROM pet', 1235],
    [7, 'pets', '', undefined],
    [9, 'pets', 'SELECT count(*) FROM pet', undefined],
  ]);
});
