import type { Database, Schema } from '../../database/database.ts';
import { groupByDatabase, unusableDev, type Dataset, type Example } from '../../evaluation/dataset.ts';
import { foreignKeyMap } from '../../evaluation/foreign-key-map.ts';
import { Scorer, type Verdict } from '../../evaluation/score.ts';
import { failure, success, type Result } from '../../result.ts';
import type { BenchmarkResult, PlannedExample } from '../../storage/benchmark-runs.ts';
import { databaseProblem, type Problem } from '../problem.ts';

/** SQL for a question, wherever it comes from. */
export interface Predicted {
  readonly sql: string;
  readonly modelSql?: string;
  readonly milliseconds?: number;
}

/** A failure ends the run: the model has stopped, say. */
export type Predict = (example: Example, planned: PlannedExample) => Promise<Result<Predicted, Problem>>;

export interface RunOptions {
  readonly newDatabase: () => Database;
  /** Called once a database. */
  readonly predictor: (database: Database, schema: Schema) => Promise<Predict>;
  readonly signal: AbortSignal;
  readonly onResult: (result: BenchmarkResult) => void;
  /** A database whose questions are left undone. */
  readonly onLeftOut: (problem: Problem) => void;
}

/** The predictor of an imported file. */
export const takePrediction: Predict = (_example, { predictedSql = '', milliseconds }) =>
  Promise.resolve(success({ sql: predictedSql, ...(milliseconds === undefined ? {} : { milliseconds }) }));

/**
 * Does a plan, one database after the other: predicts, scores as `npm run evaluate` does, reports each result. Ends when the plan is done, when
 * `signal` is aborted, or, with the reason, when the predictor fails. What was not reported can be given again. Waits for no timer: a hidden page
 * has hardly any.
 */
export async function runBenchmark(dataset: Dataset, plan: readonly PlannedExample[], options: RunOptions): Promise<Result<void, Problem>> {
  const examples = new Map(dataset.examples.map((example) => [example.index, example]));
  const isStopped = (): boolean => options.signal.aborted;
  for (const [databaseId, group] of groupByDatabase(plan)) {
    if (isStopped()) break;
    const database = options.newDatabase();
    // Whatever is asked of it then, a repair's look-ups too, ends at once.
    const close = (): void => void database.close();
    options.signal.addEventListener('abort', close, { once: true });
    try {
      const schema = await openDatabase(dataset, databaseId, database, options.signal);
      if (!schema.ok) {
        if (!isStopped()) options.onLeftOut(schema.error);
        continue;
      }
      const questions = group.flatMap((planned) => {
        const example = examples.get(planned.index);
        return example === undefined ? [] : [{ planned, example }];
      });
      const ended = await runOnDatabase(dataset, questions, database, schema.value, options);
      if (!ended.ok) return ended;
    } finally {
      options.signal.removeEventListener('abort', close);
      await database.close();
    }
  }
  return success(undefined);
}

async function runOnDatabase(
  dataset: Dataset,
  questions: readonly { readonly planned: PlannedExample; readonly example: Example }[],
  database: Database,
  schema: Schema,
  { predictor, signal, onResult }: RunOptions,
): Promise<Result<void, Problem>> {
  const isStopped = (): boolean => signal.aborted;
  const predict = await predictor(database, schema);
  const databaseId = questions[0]?.example.databaseId ?? '';
  const entry = dataset.tables.get(databaseId);
  const scorer = new Scorer(database, schema, entry === undefined ? new Map() : foreignKeyMap(entry), { signal });
  for (const { planned, example } of questions) {
    if (isStopped()) break;
    const predicted = await predict(example, planned);
    if (isStopped()) break;
    if (!predicted.ok) return predicted;
    const verdict = await scorer.score(example.query, predicted.value.sql);
    // A run that was stopped midway says nothing about the question.
    if (isStopped()) break;
    onResult(resultOf(example, predicted.value, hasEmptyTable(dataset, example, schema) ? notScored(verdict) : verdict));
  }
  return success(undefined);
}

async function openDatabase(
  dataset: Dataset,
  databaseId: string,
  database: Database,
  signal: AbortSignal,
): Promise<Result<Schema, Problem>> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await dataset.readDatabase(databaseId);
  } catch (error) {
    return failure({
      message: `The database ${databaseId} could not be read, so its questions are left out.`,
      nextStep: 'Get Spider again, drop it in and press Resume; the other databases are scored.',
      detail: String(error),
    });
  }
  if (bytes === undefined) {
    return failure({
      message: `The database ${databaseId} is not in this copy of Spider, so its questions are left out.`,
      nextStep: `Put it at database/${databaseId}/${databaseId}.sqlite, drop Spider in again and press Resume.`,
    });
  }
  const opened = await database.open(bytes, { signal });
  if (opened.ok) return opened;
  const problem = databaseProblem(opened.error);
  return failure({ ...problem, message: `The database ${databaseId} cannot be opened, so its questions are left out: ${problem.message}` });
}

/** A copy of Spider that is widely had lacks the rows of one table: what is asked of it has no right answer there. */
function hasEmptyTable(dataset: Dataset, example: Example, schema: Schema): boolean {
  if (dataset.kind !== 'spider' || example.databaseId !== 'wta_1' || !unusableDev.has(example.index)) return false;
  return schema.tables.some((table) => table.name.toLowerCase() === 'rankings' && table.rowCount === 0);
}

function notScored(verdict: Verdict): Verdict {
  return {
    ...verdict,
    exec: null,
    failureMode: null,
    error: { code: 'sql', message: 'The table rankings is empty in this copy of Spider.', nextStep: 'Use the published one.' },
  };
}

function resultOf(example: Example, predicted: Predicted, verdict: Verdict): BenchmarkResult {
  const { exec, exactMatch, hardness, failureMode, error } = verdict;
  return {
    index: example.index,
    databaseId: example.databaseId,
    question: example.question,
    goldSql: example.query,
    predictedSql: predicted.sql,
    ...(predicted.modelSql === undefined ? {} : { modelSql: predicted.modelSql }),
    ...(predicted.milliseconds === undefined ? {} : { milliseconds: predicted.milliseconds }),
    exec,
    exactMatch,
    hardness,
    failureMode,
    ...(error === undefined ? {} : { error: error.sqlite ?? error.message }),
  };
}
