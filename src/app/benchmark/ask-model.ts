import type { Database, Schema } from '../../database/database.ts';
import { failure, success } from '../../result.ts';
import type { RunSource } from '../../storage/benchmark-runs.ts';
import { answer } from '../../text-to-sql/answer.ts';
import { buildSchemaIndex } from '../../text-to-sql/link-schema.ts';
import { buildValueIndex } from '../../text-to-sql/link-values.ts';
import { readColumnValues } from '../../text-to-sql/read-column-values.ts';
import { sampleRowsFor } from '../../text-to-sql/read-sample-rows.ts';
import type { Model } from '../model.svelte.ts';
import { answerProblem, type Problem } from '../problem.ts';
import { SqlDoctor } from '../sql-doctor.ts';
import type { Predict } from './run-benchmark.ts';

type ModelSource = Extract<RunSource, { kind: 'model' }>;

/** Has the model of a run loaded; null when it is ready or `signal` was aborted, else why it is not to be had. */
export async function readyModel(model: Model, { id, cardSha256 }: ModelSource, signal: AbortSignal): Promise<Problem | null> {
  const isStopped = (): boolean => signal.aborted;
  const stopped = new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
  });
  if (model.status === 'checking') await Promise.race([model.settled(), stopped]);
  const wanted = model.choices.find((choice) => choice.cardSha256 === cardSha256);
  if (!wanted) {
    return {
      message: `The model that began this run (${id}) is not here, at least not in the same version.`,
      nextStep: 'Put it back and press Resume, or begin another run.',
    };
  }
  if (isStopped()) return null;
  await model.choose(wanted);
  await Promise.race([model.loadIfCached().then(() => model.settled()), stopped]);
  if (isStopped() || model.status === 'ready') return null;
  return (
    model.problem ?? {
      message: 'This run needs the language model, which is not loaded.',
      nextStep: 'Download it above, then press Resume.',
    }
  );
}

export interface AskOptions extends Pick<ModelSource, 'repair' | 'habits'> {
  readonly signal: AbortSignal;
  /** The SQL so far, each time it grows. */
  readonly onSql: (question: string, sql: string) => void;
}

/** Asks the loaded model on the way that a question takes on the Ask page. */
export async function askModel(model: Model, database: Database, schema: Schema, options: AskOptions): Promise<Predict> {
  const { signal } = options;
  const values = buildValueIndex(await readColumnValues(database, schema, { signal }));
  const settings = model.askSettings;
  const sampleRows = await sampleRowsFor(settings.style, database, schema, { signal });
  const context = { ...settings, schema: buildSchemaIndex(schema), values, sampleRows };
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
