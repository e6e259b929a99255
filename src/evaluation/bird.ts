import type { Database } from '../database/database.ts';
import { cellKey, type Row } from './results-equal.ts';

export interface BirdVerdict {
  /** null where the gold query did not run: neither right nor wrong. */
  readonly exec: 0 | 1 | null;
  /** The gold query's time over the prediction's, outliers left out; 0 for a wrong answer, absent where it was not measured. */
  readonly timeRatio?: number;
}

export interface BirdOptions {
  /** How long one query may run; BIRD allows 30 s. */
  readonly timeoutMs?: number;
  /** How often both queries of a right answer are timed; 0: not at all. BIRD does it 100 times. */
  readonly timings?: number;
  readonly signal?: AbortSignal;
}

const ROW_LIMIT = 1_000_000;

/**
 * BIRD's verdict on one prediction (Li et al., NeurIPS 2023; `evaluation.py` and `evaluation_ves.py` of the published benchmark): right where the two results are
 * equal as sets of rows. Unlike Spider's, the order of columns counts, and neither the order nor the number of rows does.
 *
 * @param database open
 */
export async function scoreBird(
  gold: string,
  predicted: string,
  database: Pick<Database, 'run'>,
  options: BirdOptions = {},
): Promise<BirdVerdict> {
  const { timeoutMs = 30_000, timings = 0, signal } = options;
  const limits = { rowLimit: ROW_LIMIT, timeoutMs, ...(signal === undefined ? {} : { signal }) };
  const expected = await database.run(gold, limits);
  if (!expected.ok || expected.value.truncated) return { exec: null };
  const found = await database.run(predicted, limits);
  const right = found.ok && !found.value.truncated && sameSet(expected.value.rows, found.value.rows);
  if (timings === 0) return { exec: right ? 1 : 0 };
  if (!right) return { exec: 0, timeRatio: 0 };
  const ratios: number[] = [];
  for (let time = 0; time < timings; time += 1) {
    const [own, golds] = [await database.run(predicted, limits), await database.run(gold, limits)];
    // Below the clock's resolution both took the same.
    if (own.ok && golds.ok) ratios.push(Math.max(golds.value.milliseconds, CLOCK_MS) / Math.max(own.value.milliseconds, CLOCK_MS));
  }
  return { exec: 1, timeRatio: meanWithoutOutliers(ratios) };
}

const CLOCK_MS = 0.005;

function sameSet(a: readonly Row[], b: readonly Row[]): boolean {
  const keys = (rows: readonly Row[]): Set<string> => new Set(rows.map((row) => JSON.stringify(row.map(cellKey))));
  const [first, second] = [keys(a), keys(b)];
  return first.size === second.size && [...first].every((key) => second.has(key));
}

/** Values three standard deviations and more from the mean are left out (`clean_abnormal`). */
export function meanWithoutOutliers(values: readonly number[]): number {
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  if (values.length === 0) return 0;
  const middle = mean(values);
  const deviation = Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
  const kept = values.filter((value) => Math.abs(value - middle) < 3 * deviation);
  return kept.length === 0 ? middle : mean(kept);
}

/** Valid efficiency score, in per cent: the mean over all questions of the root of the time ratio, 0 for a wrong answer (`compute_ves`). */
export function validEfficiencyScore(verdicts: readonly BirdVerdict[]): number | null {
  const measured = verdicts.flatMap(({ timeRatio }) => (timeRatio === undefined ? [] : [timeRatio]));
  return measured.length === 0 ? null : (100 * measured.reduce((sum, ratio) => sum + Math.sqrt(ratio), 0)) / measured.length;
}
