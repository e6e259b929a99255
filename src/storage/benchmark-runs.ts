import { createStore, del, entries, getMany, set, setMany, type UseStore } from 'idb-keyval';
import * as v from 'valibot';
import { failure, success, type Result } from '../result.ts';

/** Where a run's SQL comes from. */
const Source = v.variant('kind', [
  v.object({ kind: v.literal('model'), id: v.string(), title: v.string(), repair: v.boolean(), habits: v.boolean() }),
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

const runKey = (id: string): string => `run:${id}`;
const resultKey = (id: string, index: number): string => `result:${id}:${String(index)}`;
const countKey = (id: string): string => `done:${id}`;

let opened: UseStore | undefined;
/** Apart from the app's other keys: a run has a thousand of them. Opened when first used, since a private window may refuse. */
function store(): UseStore {
  opened ??= createStore('tabletalk-benchmark', 'runs');
  return opened;
}

/** The runs that are kept, newest first. What does not parse, being of another version or damaged, is left out. */
export async function readRuns(): Promise<Result<KeptRun[], string>> {
  return attempt(async () => {
    const all = await entries<string, unknown>(store());
    const done = new Map(all.filter(([key]) => key.startsWith('done:')));
    const kept = all.flatMap(([key, value]) => {
      const parsed = key.startsWith('run:') ? v.safeParse(Run, value) : null;
      if (!parsed?.success) return [];
      const count = done.get(countKey(parsed.output.id));
      return [{ run: parsed.output, done: typeof count === 'number' ? count : 0 }];
    });
    return kept.sort((a, b) => b.run.startedAt - a.run.startedAt);
  });
}

/** The results of a run, in the order of its plan. */
export async function readResults(run: BenchmarkRun): Promise<Result<BenchmarkResult[], string>> {
  return attempt(async () => {
    const stored = await getMany<unknown>(
      run.plan.map(({ index }) => resultKey(run.id, index)),
      store(),
    );
    return stored.flatMap((value) => {
      const parsed = v.safeParse(BenchmarkResult, value);
      return parsed.success ? [parsed.output] : [];
    });
  });
}

export function saveRun(run: BenchmarkRun): Promise<Result<void, string>> {
  return attempt(() => set(runKey(run.id), run, store()));
}

/** @param done how many results the run has with these */
export function saveResults(run: BenchmarkRun, results: readonly BenchmarkResult[], done: number): Promise<Result<void, string>> {
  const added = results.map((result): [string, unknown] => [resultKey(run.id, result.index), result]);
  return attempt(() => setMany([...added, [countKey(run.id), done]], store()));
}

export function deleteRun(run: BenchmarkRun): Promise<Result<void, string>> {
  return attempt(async () => {
    await del(runKey(run.id), store());
    await Promise.all([countKey(run.id), ...run.plan.map(({ index }) => resultKey(run.id, index))].map((key) => del(key, store())));
  });
}

/** Fails with the browser's words where storage is refused (a private window) or full. */
async function attempt<Value>(work: () => Promise<Value>): Promise<Result<Value, string>> {
  try {
    return success(await work());
  } catch (error) {
    return failure(String(error));
  }
}
