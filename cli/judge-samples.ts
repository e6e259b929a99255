import type { Database } from '../src/database/database.ts';
import { cellKey, resultsEqual, type Row } from '../src/evaluation/results-equal.ts';
import { failure, success, type Result } from '../src/result.ts';

export const JUDGEMENTS = ['right', 'other-column-order', 'wrong-rows', 'does-not-run', 'timeout', 'no-sql', 'could-not-score'] as const;
/**
 * What became of a sample: `right` its rows are gold's; `other-column-order` they are but for the order of the columns, which execution match lets
 * pass and which a student should not learn; `could-not-score` the gold query did not run.
 */
export type Judgement = (typeof JUDGEMENTS)[number];

export interface Judged {
  readonly judgement: Judgement;
  /** The same for two queries exactly when they return the same rows in the same order; null where there are none to compare. */
  readonly result: string | null;
}

export interface GoldRows {
  readonly rows: readonly Row[];
  /** Row order counts where the gold query orders, as for the official evaluator. */
  readonly ordered: boolean;
}

/** More rows than any query of Spider's train should give; a gold result beyond is not compared. */
const MOST_ROWS = 100_000;

/** The rows of a gold query; fails with the reason, in SQLite's words where it has some. */
export async function goldRows(database: Database, query: string, timeoutMs: number): Promise<Result<GoldRows, string>> {
  const gold = await database.run(query, { rowLimit: MOST_ROWS, timeoutMs });
  if (!gold.ok) return failure(gold.error.sqlite ?? gold.error.message);
  if (gold.value.truncated) return failure(`The gold query gives more than ${String(MOST_ROWS)} rows.`);
  return success({ rows: gold.value.rows, ordered: query.toLowerCase().includes('order by') });
}

/**
 * Runs a sample and compares its rows with gold's as multisets, or as lists where the gold query orders. Stricter than execution match, which takes
 * DISTINCT out of both queries and tries every order of the columns: what is learnt from should be right as it stands.
 */
export async function judge(database: Database, sql: string, gold: GoldRows, timeoutMs: number): Promise<Judged> {
  if (sql === '') return { judgement: 'no-sql', result: null };
  // One row more than gold tells that the results differ; a cross join of millions of rows need not be carried over.
  const ran = await database.run(sql, { rowLimit: gold.rows.length + 1, timeoutMs });
  if (!ran.ok) return { judgement: ran.error.code === 'timeout' ? 'timeout' : 'does-not-run', result: null };
  const { rows, truncated } = ran.value;
  const keys = rows.map(rowKey);
  const result = JSON.stringify([...keys, ...(truncated ? ['…'] : [])]);
  if (truncated) return { judgement: 'wrong-rows', result };
  const goldKeys = gold.rows.map(rowKey);
  const same = gold.ordered ? sameList(goldKeys, keys) : sameList([...goldKeys].sort(), [...keys].sort());
  if (same) return { judgement: 'right', result };
  return { judgement: resultsEqual(gold.rows, rows, gold.ordered) ? 'other-column-order' : 'wrong-rows', result };
}

function rowKey(row: Row): string {
  return JSON.stringify(row.map(cellKey));
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, index) => key === b[index]);
}
