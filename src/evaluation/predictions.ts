import * as v from 'valibot';
import { failure, success, type Result } from '../result.ts';

export interface Prediction {
  /** 0-based place in dev.json. */
  readonly index: number;
  readonly databaseId: string;
  readonly predictedSql: string;
  /** What the model writes where a repair follows, if that is something else: it is held to the names of the database less closely then. */
  readonly sqlForRepair?: string;
  /** Milliseconds that the model took, where the line says so. */
  readonly milliseconds?: number;
  /** The whole line, and which of its fields holds the SQL: what a program passes on. */
  readonly line: Readonly<Record<string, unknown>>;
  readonly sqlField: 'pred_sql' | 'predicted_sql';
}

export interface PredictionsError {
  readonly message: string;
  readonly nextStep: string;
}

const Line = v.looseObject({
  index: v.optional(v.number()),
  question_id: v.optional(v.union([v.number(), v.string()])),
  db_id: v.string(),
  pred_sql: v.optional(v.nullable(v.string())),
  predicted_sql: v.optional(v.nullable(v.string())),
  sql_for_repair: v.optional(v.string()),
  prefill_ms: v.optional(v.number()),
  decode_ms: v.optional(v.number()),
  milliseconds: v.optional(v.number()),
});

/**
 * Reads predictions, one JSON object a line: ours (`question_id` as a number or `dev-12`, `pred_sql`; DESIGN.md) or those of published
 * sets (`index`, `predicted_sql`). Fails by naming the line that is neither.
 *
 * @param name of the file, for error messages
 */
export function readPredictionLines(text: string, name: string): Result<Prediction[], PredictionsError> {
  const predictions: Prediction[] = [];
  for (const [at, line] of text
    .replace(/^\uFEFF/u, '')
    .split('\n')
    .entries()) {
    if (line.trim() === '') continue;
    const where = `${name}, line ${String(at + 1)}`;
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      return failure({ message: `${where} is not JSON.`, nextStep: 'Each line must be one JSON object.' });
    }
    const parsed = v.safeParse(Line, json);
    const index = parsed.success ? exampleIndex(parsed.output.index ?? parsed.output.question_id) : null;
    if (!parsed.success || index === null) {
      return failure({
        message: `${where} is no prediction.`,
        nextStep: 'Expected db_id, index (or question_id) and predicted_sql (or pred_sql).',
      });
    }
    const { db_id, pred_sql, predicted_sql, sql_for_repair, prefill_ms, decode_ms } = parsed.output;
    const milliseconds = prefill_ms === undefined || decode_ms === undefined ? parsed.output.milliseconds : prefill_ms + decode_ms;
    predictions.push({
      index,
      databaseId: db_id,
      predictedSql: pred_sql ?? predicted_sql ?? '',
      ...(sql_for_repair === undefined ? {} : { sqlForRepair: sql_for_repair }),
      ...(milliseconds === undefined ? {} : { milliseconds }),
      line: parsed.output,
      sqlField: pred_sql === undefined ? 'predicted_sql' : 'pred_sql',
    });
  }
  return success(predictions);
}

function exampleIndex(id: number | string | undefined): number | null {
  if (id === undefined) return null;
  const text = String(id).replace(/^dev-/u, '');
  return /^\d+$/u.test(text) ? Number(text) : null;
}
