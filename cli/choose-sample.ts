import { asOneLine } from './training-examples.ts';
import type { Judged } from './judge-samples.ts';
import type { Sample } from './samples-file.ts';

export type JudgedSample = Sample & Judged;

/** The sample that a question is taught with. */
export interface Chosen {
  readonly sample: JudgedSample;
  /** How many samples are right, and how many of them return the very rows of this one, in their order. */
  readonly right: number;
  readonly agree: number;
}

/**
 * Of the right samples those whose result (rows in their order) most of them have, then the shortest, then the first; undefined where none is right.
 */
export function chooseSample(samples: readonly JudgedSample[]): Chosen | undefined {
  const right = samples.filter((sample) => sample.judgement === 'right');
  const agreeing = (sample: JudgedSample): number => right.filter((other) => other.result === sample.result).length;
  const length = (sample: JudgedSample): number => asOneLine(sample.sql).length;
  const [best] = [...right].sort((a, b) => agreeing(b) - agreeing(a) || length(a) - length(b));
  return best && { sample: best, right: right.length, agree: agreeing(best) };
}

/** How far the samples of one question agree with each other, right or wrong: the share of the largest group with one result. */
export function agreement(samples: readonly JudgedSample[]): number {
  const groups = new Map<string, number>();
  for (const [at, { result }] of samples.entries()) {
    // A sample without a result agrees with none.
    const key = result ?? `none ${String(at)}`;
    groups.set(key, (groups.get(key) ?? 0) + 1);
  }
  return Math.max(0, ...groups.values()) / samples.length;
}
