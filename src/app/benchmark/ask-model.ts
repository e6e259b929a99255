import type { Database, Schema } from '../../database/database.ts';
import { failure, success } from '../../result.ts';
import { answer } from '../../text-to-sql/answer.ts';
import { buildSchemaIndex } from '../../text-to-sql/link-schema.ts';
import { buildValueIndex } from '../../text-to-sql/link-values.ts';
import { readColumnValues } from '../../text-to-sql/read-column-values.ts';
import type { Model } from '../model.svelte.ts';
import { answerProblem } from '../problem.ts';
import { SqlDoctor } from '../sql-doctor.ts';
import type { Predict } from './run-benchmark.ts';

export interface AskOptions {
  readonly repair: boolean;
  /** Repair by Spider's habits too. */
  readonly habits: boolean;
  readonly signal: AbortSignal;
  /** The SQL so far, each time it grows. */
  readonly onSql: (question: string, sql: string) => void;
}

/** Asks the loaded model on the way that a question takes on the Ask page. */
export async function modelPredictor(model: Model, database: Database, schema: Schema, options: AskOptions): Promise<Predict> {
  const { signal } = options;
  const values = buildValueIndex(await readColumnValues(database, schema, { signal }));
  const context = { ...model.askSettings, schema: buildSchemaIndex(schema), values };
  const doctor = options.repair ? new SqlDoctor(database, schema) : null;
  return async ({ question }) => {
    options.onSql(question, '');
    const { trace, outcome } = await answer(question, context, model.engine, database, {
      rowLimit: 1,
      signal,
      onSql: (sql) => {
        options.onSql(question, sql);
      },
      ...(doctor === null ? {} : { repair: (sql: string, asked: string) => doctor.repair(sql, asked, options.habits) }),
    });
    // A model that has stopped ends the run; a question that does not fit is an empty answer.
    if (!outcome.ok && outcome.error.stage === 'model' && outcome.error.error.code !== 'prompt-too-long') {
      return failure(answerProblem(outcome.error));
    }
    const { generation } = trace;
    return success({
      sql: trace.sql ?? '',
      ...(doctor === null ? {} : { modelSql: trace.modelSql ?? '' }),
      ...(generation === undefined ? {} : { milliseconds: generation.prefillMs + generation.decodeMs }),
    });
  };
}
