import type { Hardness } from '../../evaluation/hardness.ts';
import type { FailureMode } from '../../evaluation/score.ts';
import type { BenchmarkResult } from '../../storage/benchmark-runs.ts';

/** Which results are listed; `all` leaves a side open. */
export interface ExampleFilter {
  /** `wrong` is every failure mode but `ok`. */
  readonly verdict: 'all' | 'wrong' | 'could-not-score' | FailureMode;
  readonly hardness: 'all' | Hardness;
  readonly database: string;
}

export const everyExample: ExampleFilter = { verdict: 'all', hardness: 'all', database: 'all' };

export function filterExamples(results: readonly BenchmarkResult[], { verdict, hardness, database }: ExampleFilter): BenchmarkResult[] {
  return results.filter(
    (result) =>
      (verdict === 'all' || (verdict === 'wrong' ? result.exec === 0 : (result.failureMode ?? 'could-not-score') === verdict)) &&
      (hardness === 'all' || result.hardness === hardness) &&
      (database === 'all' || result.databaseId === database),
  );
}
