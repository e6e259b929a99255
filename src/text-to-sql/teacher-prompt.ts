import { defuse, questionText, tableTexts, type PromptInput } from './prompt.ts';

/**
 * How a teacher is asked (distill-sql, `data/prompts.py`: 60 % direct, 40 % reasoning):
 * - `direct`: the SQL alone.
 * - `reasoning`: some sentences of plan first, which finds more of the harder queries and costs three times the answer's tokens.
 */
export const TEACHER_MODES = ['direct', 'reasoning'] as const;
export type TeacherMode = (typeof TEACHER_MODES)[number];

/** A message as every OpenAI-compatible endpoint takes it. */
export interface ChatMessage {
  readonly role: 'system' | 'user';
  readonly content: string;
}

const role = 'You write one SQLite query that answers a question about the database below. Use only its tables and columns.';

const tasks: Readonly<Record<TeacherMode, string>> = {
  direct: 'Answer with the query alone, in a ```sql block.',
  reasoning:
    'First say in two to four sentences which tables and columns the question needs, and which joins, conditions and aggregates. ' +
    'Then write the query in a ```sql block.',
};

/**
 * The messages for a general instruct model: the database as CREATE TABLE with sample rows, then the question and how to answer. The system message
 * depends on the schema alone and is the same in both modes, so that an endpoint that keeps prefixes computes (and bills) it once a database.
 */
export function teacherMessages(mode: TeacherMode, input: PromptInput): ChatMessage[] {
  const tables = tableTexts('create-table', input.schema, input.sampleRows);
  return [
    { role: 'system', content: [role, ...tables.map(defuse)].join('\n\n') },
    { role: 'user', content: `${questionText('create-table', input)}\n\n${tasks[mode]}` },
  ];
}
