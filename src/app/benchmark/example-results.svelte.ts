import type { ResultSet } from '../../database/database.ts';
import { WorkerDatabase } from '../../database/worker-database.ts';
import type { Dataset } from '../../evaluation/dataset.ts';
import { failure, success, type Result } from '../../result.ts';
import type { BenchmarkResult } from '../../storage/benchmark-runs.ts';
import { databaseProblem, type Problem } from '../problem.ts';

export type Outcome = Result<ResultSet, Problem>;

/** Enough to see what differs. */
const rowLimit = 1_000;
const timeoutMs = 15_000;

/** The rows of an example's two queries, run when it is opened. The database stays open for the next example on it, until `close`. */
export class ExampleResults {
  gold = $state.raw<Outcome | null>(null);
  predicted = $state.raw<Outcome | null>(null);
  #database: { readonly id: string; readonly opened: Promise<Result<WorkerDatabase, Problem>> } | null = null;
  #running = new AbortController();

  /** Runs both queries as they are written; shows neither without a dataset. What was running before is stopped. */
  async run(dataset: Dataset | null, { databaseId, goldSql, predictedSql }: BenchmarkResult): Promise<void> {
    this.#running.abort();
    const running = new AbortController();
    this.#running = running;
    const isOver = (): boolean => running.signal.aborted;
    this.gold = null;
    this.predicted = null;
    if (dataset === null) return;
    const database = await this.#open(dataset, databaseId);
    if (isOver()) return;
    if (!database.ok) {
      this.gold = database;
      this.predicted = database;
      return;
    }
    const gold = await runOn(database.value, goldSql, running.signal);
    if (isOver()) return;
    this.gold = gold;
    if (predictedSql.trim() === '') return;
    const predicted = await runOn(database.value, predictedSql, running.signal);
    if (!isOver()) this.predicted = predicted;
  }

  async close(): Promise<void> {
    this.#running.abort();
    await this.#closeDatabase();
  }

  async #open(dataset: Dataset, id: string): Promise<Result<WorkerDatabase, Problem>> {
    if (this.#database?.id === id) return this.#database.opened;
    const closing = this.#closeDatabase();
    const opened = closing.then(() => openDatabase(dataset, id));
    this.#database = { id, opened };
    return opened;
  }

  async #closeDatabase(): Promise<void> {
    const before = this.#database;
    this.#database = null;
    const opened = await before?.opened;
    if (opened?.ok) await opened.value.close();
  }
}

async function openDatabase(dataset: Dataset, id: string): Promise<Result<WorkerDatabase, Problem>> {
  const database = new WorkerDatabase();
  try {
    const bytes = await dataset.readDatabase(id);
    if (bytes === undefined) {
      return failure({ message: `The database ${id} is not in this copy of Spider.`, nextStep: 'Drop in a whole copy to see the rows.' });
    }
    const opened = await database.open(bytes);
    if (opened.ok) return success(database);
    await database.close();
    return failure(databaseProblem(opened.error));
  } catch (error) {
    return failure({ message: `The database ${id} could not be read.`, nextStep: 'Drop in Spider again.', detail: String(error) });
  }
}

async function runOn(database: WorkerDatabase, sql: string, signal: AbortSignal): Promise<Outcome> {
  const ran = await database.run(sql, { rowLimit, timeoutMs, signal });
  return ran.ok ? ran : failure(databaseProblem(ran.error));
}
