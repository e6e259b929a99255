import { createStore, promisifyRequest, type UseStore } from 'idb-keyval';
import * as v from 'valibot';
import { failure, success, type Result } from '../result.ts';

/** Where a run's SQL comes from. */
const Source = v.variant('kind', [
  v.object({
    kind: v.literal('model'),
    id: v.string(),
    /** Which version of the model: another one is another run. */
    cardSha256: v.string(),
    title: v.string(),
    repair: v.boolean(),
    habits: v.boolean(),
  }),
  v.object({ kind: v.literal('predictions'), file: v.string() }),
]);

const Planned = v.object({
  /** 0-based place in dev.json. */
  index: v.number(),
  databaseId: v.string(),
  /** Absent where a model is asked. */
  predictedSql: v.exactOptional(v.string()),
  milliseconds: v.exactOptional(v.number()),
});

const Run = v.object({
  id: v.string(),
  /** Milliseconds since 1970. */
  startedAt: v.number(),
  source: Source,
  /** Tells one benchmark from another, so that a run goes on with the questions it began with. */
  dataset: v.string(),
  /** All that the run is to do, in its order. */
  plan: v.array(Planned),
});

const BenchmarkResult = v.object({
  index: v.number(),
  databaseId: v.string(),
  question: v.string(),
  goldSql: v.string(),
  predictedSql: v.string(),
  /** The model's own SQL, where a run repairs it. */
  modelSql: v.exactOptional(v.string()),
  /** Milliseconds from the question to the model's whole SQL. */
  milliseconds: v.exactOptional(v.number()),
  exec: v.nullable(v.picklist([0, 1])),
  exactMatch: v.nullable(v.picklist([0, 1])),
  hardness: v.nullable(v.picklist(['easy', 'medium', 'hard', 'extra'])),
  failureMode: v.nullable(v.picklist(['ok', 'wrong-result', 'execution', 'parse', 'empty'])),
  /** Why the gold query, else the prediction, did not run. */
  error: v.exactOptional(v.string()),
});

export type RunSource = v.InferOutput<typeof Source>;
export type PlannedExample = v.InferOutput<typeof Planned>;
export type BenchmarkRun = v.InferOutput<typeof Run>;
export type BenchmarkResult = v.InferOutput<typeof BenchmarkResult>;

export interface KeptRun {
  readonly run: BenchmarkRun;
  /** How many of the plan have a result. */
  readonly done: number;
}

// A run's results are keys of their own: one that is added rewrites none of those before it.
const runKey = (id: string): string => `run:${id}`;
const resultKey = (id: string, index: number): string => `result:${id}:${String(index)}`;
/** All keys that begin so; `;` comes after `:`. */
const runKeys = (): IDBKeyRange => IDBKeyRange.bound('run:', 'run;', false, true);
const resultKeys = (id: string): IDBKeyRange => IDBKeyRange.bound(`result:${id}:`, `result:${id};`, false, true);

let opened: UseStore | undefined;
/** Apart from the app's other keys: a run has a thousand of them. Opened when first used, since a private window may refuse. */
function store(): UseStore {
  opened ??= createStore('tabletalk-benchmark', 'runs');
  return opened;
}

/** The runs that are kept, newest first. What does not parse, being of another version or damaged, is left out. */
export async function readRuns(): Promise<Result<KeptRun[], string>> {
  return attempt(() =>
    store()('readonly', async (kept) => {
      const stored = await promisifyRequest<unknown[]>(kept.getAll(runKeys()));
      const runs = stored.flatMap((value) => {
        const parsed = v.safeParse(Run, value);
        return parsed.success ? [parsed.output] : [];
      });
      const counts = await Promise.all(runs.map(({ id }) => promisifyRequest(kept.count(resultKeys(id)))));
      return runs.map((run, at) => ({ run, done: counts[at] ?? 0 })).sort((a, b) => b.run.startedAt - a.run.startedAt);
    }),
  );
}

/** The results of a run, in no particular order. */
export async function readResults({ id }: BenchmarkRun): Promise<Result<BenchmarkResult[], string>> {
  return attempt(() =>
    store()('readonly', async (kept) => {
      const stored = await promisifyRequest<unknown[]>(kept.getAll(resultKeys(id)));
      return stored.flatMap((value) => {
        const parsed = v.safeParse(BenchmarkResult, value);
        return parsed.success ? [parsed.output] : [];
      });
    }),
  );
}

/** Adds results to a run, and the run itself where it is not kept yet: all of it or nothing. */
export function saveResults(run: BenchmarkRun, results: readonly BenchmarkResult[]): Promise<Result<void, string>> {
  return attempt(() =>
    store()('readwrite', async (kept) => {
      if ((await promisifyRequest(kept.getKey(runKey(run.id)))) === undefined) kept.put(run, runKey(run.id));
      for (const result of results) kept.put(result, resultKey(run.id, result.index));
      await promisifyRequest(kept.transaction);
    }),
  );
}

/** Deletes a run with its results: all of it or nothing. */
export function deleteRun({ id }: BenchmarkRun): Promise<Result<void, string>> {
  return attempt(() =>
    store()('readwrite', async (kept) => {
      kept.delete(runKey(id));
      kept.delete(resultKeys(id));
      await promisifyRequest(kept.transaction);
    }),
  );
}

/** Fails with the browser's words where storage is refused (a private window) or full. */
async function attempt<Value>(work: () => Promise<Value>): Promise<Result<Value, string>> {
  try {
    return success(await work());
  } catch (error) {
    return failure(String(error));
  }
}
