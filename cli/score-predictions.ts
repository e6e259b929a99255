import path from 'node:path';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import { ExecutionMatch, predictionLine } from '../src/evaluation/execution-match.ts';
import type { ExecutionOptions } from '../src/evaluation/execution-match.ts';
import { foreignKeyMap } from '../src/evaluation/foreign-key-map.ts';
import { Scorer } from '../src/evaluation/score.ts';
import type { Verdict } from '../src/evaluation/score.ts';
import { UsageError } from './arguments.ts';
import type { Prediction } from './predictions-file.ts';
import { readSpiderDatabase, readSpiderExamples, readSpiderTables } from './spider-data.ts';
import { readSuite } from './suites.ts';
import type { Suite } from './suites.ts';

export interface ScoredPrediction extends Prediction {
  readonly question: string;
  readonly goldSql: string;
  readonly verdict: Verdict;
  /** Right on every database of the test suite as well; null where it has none or the example could not be scored, absent without suites. */
  readonly testSuite?: 0 | 1 | null;
}

export interface ScoredRun {
  /** In the order of the predictions. */
  readonly scored: readonly ScoredPrediction[];
  /** Indices that are not among the usable dev examples. */
  readonly leftOut: readonly number[];
}

/** Two databases at a time: a database has a thread of its own, and a query that takes long should not hold up the rest. */
const DATABASES_AT_ONCE = 2;

/** Scores predictions on Spider dev. @param spider a folder with dev.json, tables.json and database/ */
export async function scorePredictions(
  spider: string,
  predictions: readonly Prediction[],
  options: ExecutionOptions & { readonly onScored?: () => void; readonly suites?: string } = {},
): Promise<ScoredRun> {
  const examples = new Map((await readSpiderExamples(spider, 'dev')).map((example) => [Number(example.id.replace('dev-', '')), example]));
  const tables = await readSpiderTables(spider);

  const leftOut: number[] = [];
  const byDatabase = new Map<string, { prediction: Prediction; place: number; question: string; goldSql: string }[]>();
  for (const [place, prediction] of predictions.entries()) {
    const example = examples.get(prediction.index);
    if (example === undefined) {
      leftOut.push(prediction.index);
      continue;
    }
    if (example.databaseId !== prediction.databaseId) {
      throw new UsageError(
        `Prediction ${String(prediction.index)} is for ${prediction.databaseId}, but that question of dev.json is on ${example.databaseId}. The file seems to be for another split.`,
      );
    }
    const group = byDatabase.get(example.databaseId) ?? [];
    byDatabase.set(example.databaseId, [...group, { prediction, place, question: example.question, goldSql: example.query }]);
  }

  const results: (ScoredPrediction | undefined)[] = predictions.map(() => undefined);
  // The largest groups first, so that both threads end at about the same time.
  const queue = [...byDatabase].sort((a, b) => b[1].length - a[1].length);
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [databaseId, group] = next;
      const database = new NodeDatabase();
      try {
        const entry = tables.get(databaseId);
        const scorer = await openScorer(database, spider, databaseId, entry === undefined ? new Map() : foreignKeyMap(entry), options);
        for (const { prediction, place, question, goldSql } of group) {
          const verdict = await scorer.score(goldSql, prediction.predictedSql);
          results[place] = { ...prediction, question, goldSql, verdict };
          options.onScored?.();
        }
        if (options.suites !== undefined) {
          const suite = await readSuite(options.suites, databaseId);
          const right = group.map(({ place }) => results[place]).filter((result) => result?.verdict.exec === 1);
          const failed =
            suite === undefined
              ? new Set()
              : await failedOnSuite(
                  suite,
                  right.flatMap((result) => result ?? []),
                  options,
                );
          for (const { place } of group) {
            const result = results[place];
            if (result === undefined) continue;
            const { exec } = result.verdict;
            results[place] = {
              ...result,
              testSuite: suite === undefined || exec === null ? null : exec === 1 && !failed.has(result) ? 1 : 0,
            };
          }
        }
      } finally {
        await database.close();
      }
    }
  };
  await Promise.all(Array.from({ length: DATABASES_AT_ONCE }, work));
  return { scored: results.filter((result) => result !== undefined), leftOut };
}

/** Those of the right predictions that some database of the suite tells from gold (Zhong, Yu and Klein, EMNLP 2020). */
async function failedOnSuite(suite: Suite, right: readonly ScoredPrediction[], options: ExecutionOptions): Promise<Set<ScoredPrediction>> {
  const failed = new Set<ScoredPrediction>();
  const database = new NodeDatabase();
  try {
    for (const file of suite.files) {
      const left = right.filter((result) => !failed.has(result) && suite.counts(file, result.goldSql));
      if (left.length === 0) continue;
      const opened = await database.open(await suite.read(file));
      if (!opened.ok)
        throw new UsageError(`The suite's database ${file} cannot be opened. ${opened.error.message} Make or get the suites again.`);
      const match = new ExecutionMatch(database, opened.value, options);
      for (const result of left) {
        const { kind } = await match.match(result.goldSql, predictionLine(result.predictedSql));
        if (kind === 'mismatch' || kind === 'failed') failed.add(result);
      }
    }
  } finally {
    await database.close();
  }
  return failed;
}

async function openScorer(
  database: NodeDatabase,
  spider: string,
  databaseId: string,
  foreignKeys: ReadonlyMap<string, string>,
  options: ExecutionOptions,
): Promise<Scorer> {
  const bytes = await readSpiderDatabase(spider, databaseId);
  if (bytes === undefined)
    throw new UsageError(
      `The database ${databaseId} is not in ${path.join(spider, 'database')}. Get Spider whole, or leave its questions out.`,
    );
  const opened = await database.open(bytes);
  if (!opened.ok) throw new UsageError(`The database ${databaseId} cannot be opened. ${opened.error.message} ${opened.error.nextStep}`);
  return new Scorer(database, opened.value, foreignKeys, options);
}
