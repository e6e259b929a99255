/** A row that others have published, to stand beside ours. */
export interface PublishedRow {
  readonly name: string;
  /** Share right by execution match. */
  readonly exec: number;
  /** Download in bytes, null where none is given. */
  readonly bytes: number | null;
}

/** distill-sql's headline table (public repository, reports/results.md and README): all 1,034 questions of Spider dev, the official evaluator. */
export const PUBLISHED_ROWS: readonly PublishedRow[] = [
  { name: 'distill-sql 0.5B', exec: 0.6, bytes: null },
  { name: 'distill-sql 1.5B, 4 bits', exec: 0.625, bytes: 847_000_000 },
  { name: 'distill-sql 7B', exec: 0.75, bytes: null },
  { name: 'GPT-4o mini, the teacher', exec: 0.801, bytes: null },
];
