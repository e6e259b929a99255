import { describe, expect, it } from 'vitest';
import { UsageError } from './arguments.ts';
import { parsePredictions } from './predictions-file.ts';

describe('a predictions file', () => {
  it('is read in our form and in the published one', () => {
    const lines = [
      { index: 3, db_id: 'pets', predicted_sql: 'SELECT 1', exec: 1 },
      { question_id: 'dev-4', db_id: 'pets', pred_sql: 'SELECT 2', prefill_ms: 10, decode_ms: 5 },
      { question_id: 5, db_id: 'pets', pred_sql: null },
      { question_id: 6, db_id: 'pets', pred_sql: 'SELECT 3', sql_for_repair: 'SELECT 4' },
    ];
    expect(parsePredictions(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n\n`, 'file')).toEqual([
      { index: 3, databaseId: 'pets', predictedSql: 'SELECT 1', line: lines[0], sqlField: 'predicted_sql' },
      { index: 4, databaseId: 'pets', predictedSql: 'SELECT 2', milliseconds: 15, line: lines[1], sqlField: 'pred_sql' },
      { index: 5, databaseId: 'pets', predictedSql: '', line: lines[2], sqlField: 'pred_sql' },
      { index: 6, databaseId: 'pets', predictedSql: 'SELECT 3', sqlForRepair: 'SELECT 4', line: lines[3], sqlField: 'pred_sql' },
    ]);
  });

  it.each(['not json', '[]', '{"index": 1}', '{"db_id": "pets"}', '{"db_id": "pets", "question_id": "train-1"}'])(
    'names the line that is none: %s',
    (line) => {
      expect(() => parsePredictions(`{"index": 0, "db_id": "pets"}\n${line}`, 'some.jsonl')).toThrow(UsageError);
      expect(() => parsePredictions(`{"index": 0, "db_id": "pets"}\n${line}`, 'some.jsonl')).toThrow(/some\.jsonl, line 2/u);
    },
  );
});
