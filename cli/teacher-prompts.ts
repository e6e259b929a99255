import type { Schema } from '../src/database/database.ts';
import type { LinkedValue } from '../src/text-to-sql/link-values.ts';
import type { SampleRows } from '../src/text-to-sql/prompt.ts';
import { teacherMessages } from '../src/text-to-sql/teacher-prompt.ts';
import type { SpiderExample } from './spider-data.ts';

/** A line of `teacher.jsonl`, which training/tabletalk_training/teacher.py asks a teacher: one question with the messages of both modes. */
export function teacherLine(
  { id, databaseId, question }: SpiderExample,
  database: { readonly schema: Schema; readonly sampleRows: SampleRows },
  values: readonly LinkedValue[],
): string {
  const input = { schema: database.schema, sampleRows: database.sampleRows, question, values };
  const messages = { direct: teacherMessages('direct', input), reasoning: teacherMessages('reasoning', input) };
  return `${JSON.stringify({ id, db_id: databaseId, question, messages })}\n`;
}
