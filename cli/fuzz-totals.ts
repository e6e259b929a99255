/** What `npm run fuzz-repair` counted: mutations, those that the repair changed, and its faults. */
export interface FuzzTotals {
  done: number;
  changed: number;
  threw: number;
  /** Beyond ten seconds. */
  slow: number;
  /** What was changed does not run, or was changed without a reason. */
  wrong: number;
  slowestMs: number;
}

/** The file that a run of the fuzz writes, and goes on from. */
export interface FuzzState {
  readonly count: number;
  readonly seed: number;
  readonly databases: Record<string, FuzzTotals>;
}

export function emptyTotals(): FuzzTotals {
  return { done: 0, changed: 0, threw: 0, slow: 0, wrong: 0, slowestMs: 0 };
}

export function addTotals(to: FuzzTotals, one: FuzzTotals): void {
  for (const key of ['done', 'changed', 'threw', 'slow', 'wrong'] as const) to[key] += one[key];
  to.slowestMs = Math.max(to.slowestMs, one.slowestMs);
}

export function fuzzTotals(state: FuzzState): FuzzTotals {
  const sum = emptyTotals();
  for (const one of Object.values(state.databases)) addTotals(sum, one);
  return sum;
}

export function isClean(totals: FuzzTotals): boolean {
  return totals.threw + totals.slow + totals.wrong === 0;
}
