import type { BenchmarkResult, RunSource } from '../../storage/benchmark-runs.ts';

/** `62.5%`, `–` of nothing. */
export function percent(share: number, total: number): string {
  return total === 0 ? '–' : `${((100 * share) / total).toFixed(1)}%`;
}

/** What a run is called. */
export function sourceTitle(source: RunSource): string {
  if (source.kind === 'predictions') return source.file;
  if (!source.repair) return `${source.title}, alone`;
  return `${source.title}, with repair${source.habits ? ' and Spider’s habits' : ''}`;
}

/** What the exported file of a run is called. */
export function exportName(source: RunSource): string {
  return `${sourceTitle(source)
    .replace(/\.jsonl$/i, '')
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')}-verdicts.jsonl`;
}

export const failureWords = {
  ok: 'Right',
  'wrong-result': 'Ran, wrong result',
  execution: 'SQLite refused it',
  parse: 'Is not SQL',
  empty: 'No SQL',
} as const;

export function verdictWords({ failureMode }: Pick<BenchmarkResult, 'failureMode'>): string {
  return failureMode === null ? 'Could not score' : failureWords[failureMode];
}
