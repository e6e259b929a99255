import type { Dataset } from '../../evaluation/dataset.ts';
import type { Prediction } from '../../evaluation/predictions.ts';
import { failure, success, type Result } from '../../result.ts';
import type { BenchmarkResult, BenchmarkRun, PlannedExample } from '../../storage/benchmark-runs.ts';
import type { Problem } from '../problem.ts';

/** One of a benchmark's databases, as it is chosen. */
export interface DatabaseChoice {
  readonly id: string;
  readonly questions: number;
  /** Whether its file is there. */
  readonly present: boolean;
}

/** The databases that are asked about, in the order of the questions. */
export function databaseChoices({ examples, databaseIds }: Dataset): DatabaseChoice[] {
  const counts = new Map<string, number>();
  for (const { databaseId } of examples) counts.set(databaseId, (counts.get(databaseId) ?? 0) + 1);
  return [...counts].map(([id, questions]) => ({ id, questions, present: databaseIds.has(id) }));
}

/** The questions to ask a model: those on the chosen databases, in the order of the file. @param limit null for all */
export function planQuestions({ examples }: Dataset, databaseIds: readonly string[], limit: number | null): PlannedExample[] {
  const chosen = new Set(databaseIds);
  return examples
    .filter(({ databaseId }) => chosen.has(databaseId))
    .slice(0, limit ?? undefined)
    .map(({ index, databaseId }) => ({ index, databaseId }));
}

export interface PredictionsPlan {
  readonly plan: PlannedExample[];
  /** How many predictions are for questions that the benchmark does not have. */
  readonly unknown: number;
}

/**
 * Plans the scoring of a predictions file. Fails where it seems to be of another benchmark, has a question twice or none at all.
 *
 * @param name of the file
 */
export function planPredictions(dataset: Dataset, predictions: readonly Prediction[], name: string): Result<PredictionsPlan, Problem> {
  const examples = new Map(dataset.examples.map((example) => [example.index, example]));
  const plan = new Map<number, PlannedExample>();
  let unknown = 0;
  for (const { index, databaseId, predictedSql, milliseconds } of predictions) {
    const example = examples.get(index);
    if (example === undefined) {
      unknown += 1;
      continue;
    }
    if (example.databaseId !== databaseId) {
      return failure({
        message: `Prediction ${String(index)} of ${name} is for ${databaseId}, but that question is on ${example.databaseId}.`,
        nextStep: 'The file seems to be for another split or another benchmark; choose the one that was made for this dev.json.',
      });
    }
    if (plan.has(index)) {
      return failure({
        message: `${name} has two predictions for question ${String(index)}.`,
        nextStep: 'Leave one for each question, then choose the file again.',
      });
    }
    plan.set(index, { index, databaseId, predictedSql, ...(milliseconds === undefined ? {} : { milliseconds }) });
  }
  if (plan.size === 0) {
    return failure({
      message: `${name} has no prediction for a question of this benchmark.`,
      nextStep: 'Choose a file made for this dev.json, one JSON object a line.',
    });
  }
  return success({ plan: [...plan.values()], unknown });
}

/** What of a run's plan has no result yet. */
export function leftToDo({ plan }: BenchmarkRun, results: readonly BenchmarkResult[]): PlannedExample[] {
  const done = new Set(results.map(({ index }) => index));
  return plan.filter(({ index }) => !done.has(index));
}

/** Results in the order of the plan: they come database by database. */
export function inPlanOrder({ plan }: BenchmarkRun, results: readonly BenchmarkResult[]): BenchmarkResult[] {
  const order = new Map(plan.map(({ index }, at) => [index, at]));
  return [...results].sort((a, b) => (order.get(a.index) ?? 0) - (order.get(b.index) ?? 0));
}
