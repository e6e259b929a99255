import type { Database, DatabaseError, ResultSet } from '../database/database.ts';
import type { Engine, EngineError, Generation, Prompt } from '../engine/engine.ts';
import { failure, type Result } from '../result.ts';
import { namesOf } from './decoding/names.ts';
import { extractSql } from './extract-sql.ts';
import { linkSchema, type LinkSchemaOptions, type SchemaIndex } from './link-schema.ts';
import { linkValues, type LinkedValue, type ValueIndex } from './link-values.ts';
import type { RepairChange, RepairResult } from './repair/repair.ts';
import { buildPrompt, promptPrefix, type PromptStyle, type SampleRows } from './prompt.ts';

/** Everything about a database that questions share; made once when it is opened. */
export interface AskContext {
  readonly schema: SchemaIndex;
  readonly values: ValueIndex;
  readonly style: PromptStyle;
  /** Prompt tokens that the schema may take. */
  readonly schemaBudget?: number;
  /** For the style that shows rows. */
  readonly sampleRows?: SampleRows | undefined;
}

/** The prefix to prime an engine with before a question is known; undefined where each question gets its own part of a large schema. */
export function sharedPrefix(context: AskContext): string | undefined {
  const linked = linkSchema('', context.schema, schemaOptions(context));
  return linked.complete ? promptPrefix(context.style, linked.schema, context.sampleRows) : undefined;
}

/** What happened on the way, as plain data: the app shows it ("how I got this"), the terminal writes it. */
export interface Trace {
  readonly question: string;
  /** Tables the model was shown. */
  readonly tables: readonly string[];
  readonly values: readonly LinkedValue[];
  readonly prompt: Prompt;
  /** The model's own words, and what of the costs it took. */
  readonly generation?: Generation;
  /** The SQL as the model wrote it. */
  readonly modelSql?: string;
  /** What was put right in it, each with its reason; empty where nothing was, or where repair is off. */
  readonly repairs?: readonly RepairChange[];
  /** The SQL that ran. */
  readonly sql?: string;
}

export type AnswerError =
  | { readonly stage: 'model'; readonly error: EngineError }
  | { readonly stage: 'no-sql'; readonly message: string; readonly nextStep: string }
  | { readonly stage: 'database'; readonly error: DatabaseError };

export interface Answer {
  readonly trace: Trace;
  readonly outcome: Result<ResultSet, AnswerError>;
}

export type AnswerPhase = 'linking' | 'writing' | 'checking' | 'running';

export interface AnswerOptions {
  /** What the person or a benchmark adds about the data (BIRD's "evidence"). */
  readonly evidence?: string;
  /** New tokens at most. The longest gold query of Spider dev has some 150 tokens of SmolLM2. */
  readonly maxTokens?: number;
  readonly rowLimit?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Puts right what the database itself can (`repair/repair.ts`, loaded apart from the page); without it the model's SQL runs as it is. */
  readonly repair?: (sql: string, question: string) => Promise<RepairResult>;
  readonly onPhase?: (phase: AnswerPhase) => void;
  /** False: the model writes what it likes, even names that are not there. Only students of the `compact` style are ever held to the schema. */
  readonly constrained?: boolean;
  /**
   * Whether its names stand where SQLite finds them, whatever the model would rather write (default: where there is no repair). A model that may write
   * a column of a table that it has not named yet says more: repair finds the table.
   */
  readonly strict?: boolean;
  /** Called with the SQL so far, each time it grows. */
  readonly onSql?: (sql: string) => void;
}

/**
 * The way of a question: link values and schema, build the prompt, generate, take the SQL out of the answer, repair it, run it. Never throws; what failed
 * is in `outcome`, how far it came in `trace`.
 */
export async function answer(
  question: string,
  context: AskContext,
  engine: Pick<Engine<never>, 'generate'>,
  database: Pick<Database, 'run'>,
  options: AnswerOptions = {},
): Promise<Answer> {
  const { evidence, maxTokens = 200, rowLimit = 100_000, timeoutMs = 10_000, constrained = true, signal, onPhase, onSql } = options;
  const { repair, strict = repair === undefined } = options;
  const abort = signal ? { signal } : {};

  onPhase?.('linking');
  // Evidence names cells and columns as a question does.
  const asking = evidence === undefined || evidence === '' ? question : `${question} ${evidence}`;
  const values = linkValues(asking, context.values, context.schema.schema);
  const { schema } = linkSchema(asking, context.schema, { ...schemaOptions(context), values });
  const prompt = buildPrompt(context.style, {
    schema,
    question,
    values,
    ...(evidence === undefined ? {} : { evidence }),
    ...(context.sampleRows ? { sampleRows: context.sampleRows } : {}),
  });
  const asked: Trace = { question, tables: schema.tables.map((table) => table.name), values, prompt };

  onPhase?.('writing');
  const generated = await engine.generate(
    { prompt, maxTokens, ...(constrained && context.style === 'compact' ? { names: namesOf(schema), strict } : {}) },
    {
      ...abort,
      ...(onSql
        ? {
            onText: (text: string) => {
              onSql(extractSql(text));
            },
          }
        : {}),
    },
  );
  if (!generated.ok) return { trace: asked, outcome: failure({ stage: 'model', error: generated.error }) };
  const modelSql = extractSql(generated.value.text);
  const written: Trace = { ...asked, generation: generated.value, modelSql, repairs: [], sql: modelSql };
  if (modelSql === '') {
    return {
      trace: written,
      outcome: failure({
        stage: 'no-sql',
        message: 'The model wrote no SQL for this question.',
        nextStep: 'Ask it in other words, naming what the tables hold, or write the SQL yourself.',
      }),
    };
  }

  if (repair) onPhase?.('checking');
  const { sql, changes } = repair ? await repair(modelSql, question) : { sql: modelSql, changes: [] };
  onPhase?.('running');
  const limits = { rowLimit, timeoutMs, ...abort };
  const result = await database.run(sql, limits);
  if (result.ok) return { trace: { ...written, repairs: changes, sql }, outcome: result };
  if (sql === modelSql || result.error.code === 'aborted') return { trace: written, outcome: databaseFailure(result.error) };
  // The error to show is the one of the model's own SQL: nobody wrote the repaired one.
  const own = await database.run(modelSql, limits);
  return { trace: written, outcome: own.ok ? own : databaseFailure(own.error) };
}

function databaseFailure(error: DatabaseError): Result<never, AnswerError> {
  return failure({ stage: 'database', error });
}

function schemaOptions(context: AskContext): LinkSchemaOptions {
  return { style: context.style, ...(context.schemaBudget === undefined ? {} : { budget: context.schemaBudget }) };
}
