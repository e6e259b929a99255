import { HARDNESS_LEVELS } from './hardness.ts';
import type { Hardness } from './hardness.ts';
import { FAILURE_MODES } from './score.ts';
import type { FailureMode, Verdict } from './score.ts';

export interface Tally {
  /** Predictions that could be scored. */
  readonly n: number;
  /** How many match by execution. */
  readonly exec: number;
  /** How many match by exact set match. */
  readonly exactMatch: number;
}

export interface Summary extends Tally {
  readonly byHardness: Readonly<Record<Hardness, Tally>>;
  readonly failureModes: Readonly<Record<FailureMode, number>>;
  /** Predictions whose gold query fails or runs out of time: in no other count. */
  readonly couldNotScore: number;
}

export type ScoredVerdict = Pick<Verdict, 'exec' | 'exactMatch' | 'hardness' | 'failureMode'>;

/** Counts verdicts. A prediction that could not be scored is counted apart, neither right nor wrong. */
export function summarize(verdicts: readonly ScoredVerdict[]): Summary {
  const scored = verdicts.filter((verdict) => verdict.exec !== null);
  const byHardness = Object.fromEntries(
    HARDNESS_LEVELS.map((level) => [level, tally(scored.filter((verdict) => verdict.hardness === level))]),
  );
  const failureModes = Object.fromEntries(
    FAILURE_MODES.map((mode) => [mode, scored.filter((verdict) => verdict.failureMode === mode).length]),
  );
  return {
    ...tally(scored),
    byHardness: byHardness as Record<Hardness, Tally>,
    failureModes: failureModes as Record<FailureMode, number>,
    couldNotScore: verdicts.length - scored.length,
  };
}

function tally(verdicts: readonly ScoredVerdict[]): Tally {
  return {
    n: verdicts.length,
    exec: verdicts.filter((verdict) => verdict.exec === 1).length,
    exactMatch: verdicts.filter((verdict) => verdict.exactMatch === 1).length,
  };
}
