import type { BenchmarkResult, RunSource } from '../../storage/benchmark-runs.ts';

/** Results as predictions JSONL (DESIGN.md): one object a line, the same fields as `npm run predict` writes, so `npm run evaluate` reads it. */
export function exportResults(source: RunSource, results: readonly BenchmarkResult[]): string {
  return results.map((result) => `${JSON.stringify(lineOf(source, result))}\n`).join('');
}

function lineOf(source: RunSource, result: BenchmarkResult): Readonly<Record<string, unknown>> {
  return {
    question_id: `dev-${String(result.index)}`,
    index: result.index,
    db_id: result.databaseId,
    difficulty: result.hardness,
    gold_sql: result.goldSql,
    pred_sql: result.predictedSql,
    exec_match: result.exec === null ? null : result.exec === 1,
    exact_set_match: result.exactMatch === null ? null : result.exactMatch === 1,
    failure_mode: result.failureMode,
    ...(result.exec === null ? { could_not_score: result.error } : {}),
    ...(result.modelSql === undefined ? {} : { model_sql: result.modelSql }),
    ...(result.milliseconds === undefined ? {} : { milliseconds: Math.round(result.milliseconds) }),
    ...(source.kind === 'model' ? { model: source.id } : {}),
  };
}
