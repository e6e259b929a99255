import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { extractSql } from '../src/text-to-sql/extract-sql.ts';
import { UsageError } from './arguments.ts';

const Usage = v.object({ prompt_tokens: v.number(), completion_tokens: v.number() });
const Line = v.object({
  id: v.string(),
  db_id: v.string(),
  mode: v.optional(v.string(), 'direct'),
  sample: v.optional(v.number(), 0),
  text: v.optional(v.string()),
  sql: v.optional(v.string()),
  model: v.optional(v.string(), ''),
  usage: v.optional(Usage, { prompt_tokens: 0, completion_tokens: 0 }),
  cost: v.optional(v.number(), 0),
});

/** One answer to a question of Spider: a teacher's (`text`, its whole reply) or a student's own (`sql`). */
export interface Sample {
  readonly id: string;
  readonly databaseId: string;
  readonly mode: string;
  readonly number: number;
  /** '' where the reply has none. */
  readonly sql: string;
  readonly model: string;
  readonly usage: v.InferOutput<typeof Usage>;
  /** Dollars. */
  readonly cost: number;
}

/** Reads samples as training/tabletalk_training/teacher.py writes them. Throws UsageError naming the line that is none. */
export async function readSamples(file: string): Promise<Sample[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`The samples file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return text.split('\n').flatMap((line, at) => (line.trim() === '' ? [] : [readSample(line, `${file}, line ${String(at + 1)}`)]));
}

function readSample(line: string, where: string): Sample {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new UsageError(`${where} is not JSON. Each line must be one JSON object.`);
  }
  const parsed = v.safeParse(Line, json);
  const sql = parsed.success
    ? (parsed.output.sql ?? (parsed.output.text === undefined ? undefined : extractSql(parsed.output.text)))
    : undefined;
  if (!parsed.success || sql === undefined) {
    throw new UsageError(`${where} is no sample. Expected id, db_id and text (a reply) or sql.`);
  }
  const { id, db_id, mode, sample, model, usage, cost } = parsed.output;
  return { id, databaseId: db_id, mode, number: sample, sql: sql.trim(), model, usage, cost };
}
