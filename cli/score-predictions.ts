import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import type { ExecutionOptions } from '../src/evaluation/execution-match.ts';
import { foreignKeyMap } from '../src/evaluation/foreign-key-map.ts';
import type { SpiderTables } from '../src/evaluation/foreign-key-map.ts';
import { Scorer } from '../src/evaluation/score.ts';
import type { Verdict } from '../src/evaluation/score.ts';
import { UsageError } from './arguments.ts';
import type { Prediction } from './predictions-file.ts';
import { readSpiderDatabase, readSpiderExamples } from './spider-data.ts';

export interface ScoredPrediction extends Prediction {
  readonly question: string;
  readonly goldSql: string;
  readonly verdict: Verdict;
}

export interface ScoredRun {
  /** In the order of the predictions. */
  readonly scored: readonly ScoredPrediction[];
  /** Indices that are not among the usable dev examples. */
  readonly leftOut: readonly number[];
}

const Tables = v.array(
  v.looseObject({
    db_id: v.string(),
    table_names_original: v.array(v.string()),
    column_names_original: v.array(v.tuple([v.number(), v.string()])),
    foreign_keys: v.array(v.tuple([v.number(), v.number()])),
  }),
);

/** The entries of tables.json by database. */
export async function readSpiderTables(spider: string): Promise<Map<string, SpiderTables>> {
  let text: string;
  try {
    text = await readFile(path.join(spider, 'tables.json'), 'utf8');
  } catch (error) {
    throw new UsageError(`${spider} is not a Spider folder: ${error instanceof Error ? error.message : String(error)}`);
  }
  return new Map(v.parse(Tables, JSON.parse(text)).map((entry) => [entry.db_id, entry]));
}

/** Two databases at a time: a database has a thread of its own, and a query that takes long should not hold up the rest. */
const DATABASES_AT_ONCE = 2;

/** Scores predictions on Spider dev. @param spider a folder with dev.json, tables.json and database/ */
export async function scorePredictions(
  spider: string,
  predictions: readonly Prediction[],
  options: ExecutionOptions & { readonly onScored?: () => void } = {},
): Promise<ScoredRun> {
  const examples = new Map((await readExamples(spider)).map((example) => [Number(example.id.replace('dev-', '')), example]));
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
      } finally {
        await database.close();
      }
    }
  };
  await Promise.all(Array.from({ length: DATABASES_AT_ONCE }, work));
  return { scored: results.filter((result) => result !== undefined), leftOut };
}

async function readExamples(spider: string): ReturnType<typeof readSpiderExamples> {
  try {
    return await readSpiderExamples(spider, 'dev');
  } catch (error) {
    throw new UsageError(`${spider} is not a Spider folder: ${error instanceof Error ? error.message : String(error)}`);
  }
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
