import { readFile } from 'node:fs/promises';

/** One line of a predictions file: ours (`question_id`, `pred_sql`) or the published form (`index`, `predicted_sql`). */
export interface PredictionLine {
  /** `dev-12`. */
  readonly id: string;
  readonly sql: string;
  /** Everything that stood in the line. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Which field held the SQL. */
  readonly sqlField: 'predicted_sql' | 'pred_sql';
}

/** Reads predictions, one JSON object a line; an empty answer may be null or missing. Throws with the line's number where one cannot be read. */
export async function readPredictions(file: string): Promise<PredictionLine[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.flatMap((line, number) => (line.trim() === '' ? [] : [readLine(line, `${file}, line ${String(number + 1)}`)]));
}

function readLine(line: string, where: string): PredictionLine {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch (error) {
    throw new Error(`${where} is not JSON: ${String(error)}`, { cause: error });
  }
  const { index, question_id: questionId } = fields;
  const id = typeof questionId === 'string' ? questionId : typeof index === 'number' ? `dev-${String(index)}` : undefined;
  if (id === undefined) throw new Error(`${where}: “index” (a number) or “question_id” (a string) is expected`);
  const sqlField = 'pred_sql' in fields ? 'pred_sql' : 'predicted_sql';
  const sql = fields[sqlField] ?? '';
  if (typeof sql !== 'string') throw new Error(`${where}: “${sqlField}” is not a string`);
  return { id, sql, fields, sqlField };
}
