import type { Database, DatabaseError, ResultSet, Schema } from '../database/database.ts';
import { failure, success } from '../result.ts';
import type { Result } from '../result.ts';
import { rowsSortAlike, typedRows, typesCouldDecide, withTypes } from './integer-or-real.ts';
import { removeDistinct } from './remove-distinct.ts';
import { resultsEqual } from './results-equal.ts';
import type { Row } from './results-equal.ts';
import { refusedBySqlite340 } from './sqlite-3-40.ts';
import type { TableLookup } from '../text-to-sql/sql/scopes.ts';

export interface ExecutionOptions {
  /** Keep DISTINCT instead of taking it out of both queries, as the official evaluator does by default. */
  readonly keepDistinct?: boolean;
  /**
   * `3.40` (the default): what that version refuses has failed, as in published verdicts, see sqlite-3-40.ts. `installed`: what the SQLite
   * here runs, has run; for grading people, who see it run.
   */
  readonly sqlite?: '3.40' | 'installed';
  /**
   * How long one query may run. The official evaluator names 60 s, but never stops a query that does not end; a prediction past the
   * time is wrong here, a gold query past it makes the example impossible to score.
   */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export type ExecutionVerdict =
  | { readonly kind: 'match' }
  | { readonly kind: 'mismatch' }
  /** The prediction did not run. */
  | { readonly kind: 'failed'; readonly error: DatabaseError }
  /** The gold query did not run, or the run was stopped: neither right nor wrong. */
  | { readonly kind: 'could-not-score'; readonly error: DatabaseError };

/** 30 s: the slowest gold query of Spider dev takes 0.1 s, and a busy machine should not turn right into wrong. */
const TIMEOUT_MS = 30_000;
/** More rows than any gold query of Spider gives; a gold result beyond is not compared. */
const GOLD_ROW_LIMIT = 1_000_000;

/**
 * Execution match on one database (Zhong et al., EMNLP 2020; `eval_exec_match` of taoyds/test-suite-sql-eval without value plugging):
 * both queries are run and their results compared, see `resultsEqual`. Order matters where the gold query contains "order by".
 * Gold results are kept for the life of the object, so score a database's predictions with one.
 */
export class ExecutionMatch {
  readonly #database: Database;
  readonly #tables: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #options: ExecutionOptions;
  readonly #goldResults = new Map<string, Promise<Result<readonly Row[], DatabaseError>>>();

  /**
   * @param database open
   * @param schema of that database
   */
  constructor(database: Database, schema: Schema, options: ExecutionOptions = {}) {
    this.#database = database;
    this.#tables = new Map(
      schema.tables.map((table) => [table.name.toLowerCase(), new Set(table.columns.map((column) => column.name.toLowerCase()))]),
    );
    this.#options = options;
  }

  /** @param predicted as the evaluator gets it, see `predictionLine` */
  async match(gold: string, predicted: string): Promise<ExecutionVerdict> {
    const goldSql = this.#prepare(gold);
    const predictedSql = this.#prepare(predicted);
    const goldRows = await this.#goldRows(goldSql);
    if (!goldRows.ok) return { kind: 'could-not-score', error: goldRows.error };
    const lookup: TableLookup = (table) => this.#tables.get(table) ?? null;
    const refused = this.#options.sqlite === 'installed' ? null : refusedBySqlite340(predictedSql, lookup);
    if (refused !== null) return { kind: 'failed', error: refusedBy(refused) };
    // One row more than gold tells that the results differ; a cross join of millions of rows need not be carried over.
    const predictedRows = await this.#rows(predictedSql, goldRows.value.length + 1);
    if (!predictedRows.ok)
      return { kind: predictedRows.error.code === 'aborted' ? 'could-not-score' : 'failed', error: predictedRows.error };
    if (predictedRows.value.truncated) return { kind: 'mismatch' };

    const ordered = goldSql.toLowerCase().includes('order by');
    if (!resultsEqual(goldRows.value, predictedRows.value.rows, ordered)) return { kind: 'mismatch' };
    const sortAlike = await this.#sortAlike(goldSql, goldRows.value, predictedSql, predictedRows.value.rows, ordered);
    return { kind: sortAlike ? 'match' : 'mismatch' };
  }

  #prepare(sql: string): string {
    const mended = sql.replaceAll('> =', '>=').replaceAll('< =', '<=').replaceAll('! =', '!=');
    const kept = this.#options.keepDistinct === true ? mended : removeDistinct(mended);
    return kept.replace(/YEAR\s*\(\s*CURDATE\s*\(\s*\)\s*\)\s*/giu, '2020');
  }

  #goldRows(sql: string): Promise<Result<readonly Row[], DatabaseError>> {
    let rows = this.#goldResults.get(sql);
    if (rows === undefined) {
      rows = this.#rows(sql, GOLD_ROW_LIMIT).then((result) => {
        if (!result.ok) {
          // Stopped by the caller, not by the query: the next one may try again.
          if (result.error.code === 'aborted') this.#goldResults.delete(sql);
          return result;
        }
        if (!result.value.truncated) return success(result.value.rows);
        return failure<DatabaseError>({
          code: 'memory',
          message: 'The gold query gives more rows than can be compared.',
          nextStep: 'Leave this example out: it counts as neither right nor wrong.',
        });
      });
      this.#goldResults.set(sql, rows);
    }
    return rows;
  }

  #rows(sql: string, rowLimit: number): Promise<Result<ResultSet, DatabaseError>> {
    const bare = withoutTextAndComments(sql);
    // Python's sqlite3 gives no rows for a text without a statement, and refuses a parameter that has no value; SQLite alone takes it for NULL.
    if (/^[\s;]*$/u.test(bare)) return Promise.resolve(success({ columns: [], rows: [], truncated: false, milliseconds: 0 }));
    if (/\?|[:@$][\p{L}\p{N}_]/u.test(bare)) return Promise.resolve(failure(UNBOUND_PARAMETER));
    const { timeoutMs = TIMEOUT_MS, signal } = this.#options;
    return this.#database.run(sql, { rowLimit, timeoutMs, ...(signal === undefined ? {} : { signal }) });
  }

  /** See integer-or-real.ts. Types that cannot be had (the query does not run as a part of another) decide nothing. */
  async #sortAlike(
    goldSql: string,
    goldRows: readonly Row[],
    predictedSql: string,
    predictedRows: readonly Row[],
    ordered: boolean,
  ): Promise<boolean> {
    const width = goldRows[0]?.length ?? 0;
    if (width < 2 || !typesCouldDecide(goldRows)) return true;
    const gold = await this.#rows(withTypes(goldSql, width), goldRows.length + 1);
    const predicted = await this.#rows(withTypes(predictedSql, width), predictedRows.length + 1);
    if (!gold.ok || !predicted.ok) return true;
    const goldCells = typedRows(gold.value.rows);
    const predictedCells = typedRows(predicted.value.rows);
    const values = (rows: typeof goldCells): Row[] => rows.map((row) => row.map((cell) => cell.value));
    if (!resultsEqual(goldRows, values(goldCells), ordered) || !resultsEqual(predictedRows, values(predictedCells), ordered)) return true;
    return rowsSortAlike(goldCells, predictedCells, ordered);
  }
}

const UNBOUND_PARAMETER: DatabaseError = {
  code: 'sql',
  message: 'The query has a parameter without a value.',
  nextStep: 'Write the value into the query.',
};

function refusedBy(sqlite: string): DatabaseError {
  return {
    code: 'sql',
    message: 'This query needs a newer SQLite than the one that published scores were made with (3.40).',
    nextStep: 'Write it without what has come since.',
    sqlite,
  };
}

function withoutTextAndComments(sql: string): string {
  return sql.replace(/'(?:''|[^'])*'|"(?:""|[^"])*"|`(?:``|[^`])*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/gu, (found) =>
    found.startsWith('--') || found.startsWith('/*') ? ' ' : "''",
  );
}

/**
 * A prediction as the official evaluator reads it from its file: one line, up to the first tab, with the text `value`, a place holder of
 * models that predict no values, replaced by `1` wherever it stands, in names and literals too.
 */
export function predictionLine(predicted: string): string {
  const line = predicted.trim().replaceAll('\n', ' ').replaceAll('\r', ' ');
  return (line.split('\t')[0] ?? '').replaceAll('value', '1');
}
