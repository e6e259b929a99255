import { NodeDatabase } from '../src/database/node/node-database.ts';
import { scoreBird, validEfficiencyScore, type BirdOptions, type BirdVerdict } from '../src/evaluation/bird.ts';
import type { Example } from '../src/evaluation/dataset.ts';
import { UsageError } from './arguments.ts';
import type { Prediction } from './predictions-file.ts';
import { openDataset } from './spider-data.ts';

export interface ScoredBird {
  readonly example: Example;
  readonly verdict: BirdVerdict;
}

/** Scores predictions on BIRD, wherever its databases are. @param bird folder or archive as published */
export async function scoreOnBird(
  bird: string,
  predictions: readonly Prediction[],
  options: BirdOptions & { readonly onScored?: () => void } = {},
): Promise<ScoredBird[]> {
  const dataset = await openDataset(bird);
  if (dataset.kind !== 'bird') throw new UsageError(`${bird} is Spider, not BIRD. Give it with --spider.`);
  const scored: ScoredBird[] = [];
  for (const databaseId of new Set(predictions.map((prediction) => prediction.databaseId))) {
    const bytes = await dataset.readDatabase(databaseId);
    if (bytes === undefined) {
      throw new UsageError(
        `The database ${databaseId} is not in ${bird}. BIRD's databases come in an archive of their own: unpack dev_databases beside dev.json.`,
      );
    }
    const database = new NodeDatabase();
    try {
      const opened = await database.open(bytes);
      if (!opened.ok) throw new UsageError(`The database ${databaseId} cannot be opened. ${opened.error.message} ${opened.error.nextStep}`);
      for (const prediction of predictions.filter((one) => one.databaseId === databaseId)) {
        const example = dataset.examples[prediction.index];
        if (example?.databaseId !== databaseId) {
          throw new UsageError(
            `Prediction ${String(prediction.index)} is for ${databaseId}, but that question is on another database. The file seems to be for another split.`,
          );
        }
        scored.push({ example, verdict: await scoreBird(example.query, prediction.predictedSql, database, options) });
        options.onScored?.();
      }
    } finally {
      await database.close();
    }
  }
  return scored;
}

/** The counts that `evaluate --bird` prints. */
export function birdSummary(scored: readonly ScoredBird[]): object {
  const tally = (some: readonly ScoredBird[]): object => {
    const counted = some.filter(({ verdict }) => verdict.exec !== null);
    return { n: counted.length, exec: counted.filter(({ verdict }) => verdict.exec === 1).length };
  };
  const difficulties = [...new Set(scored.map(({ example }) => example.difficulty ?? 'unknown'))].sort();
  const ves = validEfficiencyScore(scored.filter(({ verdict }) => verdict.exec !== null).map(({ verdict }) => verdict));
  return {
    ...tally(scored),
    by_difficulty: Object.fromEntries(
      difficulties.map((difficulty) => [
        difficulty,
        tally(scored.filter(({ example }) => (example.difficulty ?? 'unknown') === difficulty)),
      ]),
    ),
    could_not_score: scored.filter(({ verdict }) => verdict.exec === null).length,
    ...(ves === null ? {} : { ves: Math.round(100 * ves) / 100 }),
  };
}
