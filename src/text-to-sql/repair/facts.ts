import type { Database, SqlValue } from '../../database/database.ts';
import type { ColumnValues } from '../link-values.ts';
import { quoteName } from '../sql/print.ts';
import { quoteString } from '../sql-name.ts';
import type { Catalog } from './catalog.ts';
import { fold } from './words.ts';

/** At most so many distinct texts of a column are looked through, and only texts of at most so many characters. */
const MAX_VALUES = 20_000;
const MAX_VALUE_LENGTH = 200;
/** A repair needs to see whether a result holds something, not all of it. */
const ROWS_SEEN = 60;
/** Outcomes kept, oldest out first. */
const MAX_REMEMBERED = 2_000;

export type Outcome =
  | { readonly status: 'rows'; readonly rows: readonly (readonly SqlValue[])[] }
  | { readonly status: 'error'; readonly message: string }
  /** Nothing is known: the time is up or the database does not answer. */
  | { readonly status: 'stopped' };

/** Folded text → the texts stored that fold to it. */
export type FoldedValues = ReadonlyMap<string, readonly string[]>;

/** What a database says about itself, asked once and remembered. Lives as long as the database's content does. */
export class Facts {
  readonly catalog: Catalog;
  readonly #database: Database;
  readonly #outcomes = new Map<string, Outcome>();
  readonly #values = new Map<string, FoldedValues>();
  readonly #unique = new Map<string, boolean>();

  constructor(database: Database, catalog: Catalog, values: readonly ColumnValues[] = []) {
    this.#database = database;
    this.catalog = catalog;
    for (const column of values) this.#values.set(`${column.table.toLowerCase()}\n${column.column.toLowerCase()}`, foldAll(column.values));
  }

  async run(sql: string, timeoutMs: number): Promise<Outcome> {
    const known = this.#outcomes.get(sql);
    if (known !== undefined) return known;
    const result = await this.#database.run(sql, { rowLimit: ROWS_SEEN, timeoutMs });
    const outcome: Outcome = result.ok
      ? { status: 'rows', rows: result.value.rows }
      : result.error.code === 'sql' || result.error.code === 'not-one-statement' || result.error.code === 'not-read-only'
        ? { status: 'error', message: result.error.sqlite ?? result.error.message }
        : { status: 'stopped' };
    if (outcome.status === 'stopped') return outcome;
    if (this.#outcomes.size >= MAX_REMEMBERED) {
      const oldest = this.#outcomes.keys().next();
      if (oldest.done !== true) this.#outcomes.delete(oldest.value);
    }
    this.#outcomes.set(sql, outcome);
    return outcome;
  }

  /** The distinct texts of a column; empty where they could not be read. */
  async values(table: string, column: string, timeoutMs: number): Promise<FoldedValues> {
    const key = `${table}\n${column}`;
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const name = quoteName(this.catalog.columnName(table, column));
    const sql = `SELECT DISTINCT ${name} FROM ${quoteName(this.catalog.tableName(table))} WHERE typeof(${name}) = 'text' AND length(${name}) <= ${String(MAX_VALUE_LENGTH)} LIMIT ${String(MAX_VALUES)}`;
    const result = await this.#database.run(sql, { rowLimit: MAX_VALUES, timeoutMs });
    const texts = result.ok ? result.value.rows.flatMap(([value]) => (typeof value === 'string' ? [value] : [])) : [];
    const folded = foldAll(texts);
    this.#values.set(key, folded);
    return folded;
  }

  /** Whether a column holds a text exactly, by SQLite's own comparison; null where that is not known. */
  async holds(table: string, column: string, value: string, timeoutMs: number): Promise<boolean | null> {
    const known = this.#values.get(`${table}\n${column}`)?.get(fold(value));
    if (known?.includes(value) === true) return true;
    const sql = `SELECT 1 FROM ${quoteName(this.catalog.tableName(table))} WHERE ${quoteName(this.catalog.columnName(table, column))} = ${quoteString(value)} LIMIT 1`;
    const outcome = await this.run(sql, timeoutMs);
    return outcome.status === 'rows' ? outcome.rows.length > 0 : null;
  }

  /** Whether no two rows share the column's value. */
  async unique(table: string, column: string, timeoutMs: number): Promise<boolean> {
    const primary = this.catalog.tables.get(table)?.primary ?? [];
    if (primary.length === 1 && primary[0] === column) return true;
    const key = `${table}\n${column}`;
    const known = this.#unique.get(key);
    if (known !== undefined) return known;
    const name = quoteName(this.catalog.columnName(table, column));
    const outcome = await this.run(`SELECT COUNT(*), COUNT(DISTINCT ${name}) FROM ${quoteName(this.catalog.tableName(table))}`, timeoutMs);
    const row = outcome.status === 'rows' ? outcome.rows[0] : undefined;
    const unique = row !== undefined && row[0] === row[1] && Number(row[0]) > 1;
    this.#unique.set(key, unique);
    return unique;
  }
}

function foldAll(texts: readonly string[]): FoldedValues {
  const folded = new Map<string, string[]>();
  for (const text of texts) {
    const key = fold(text);
    const same = folded.get(key);
    if (same === undefined) folded.set(key, [text]);
    else same.push(text);
  }
  for (const same of folded.values()) same.sort();
  return folded;
}

/** Nothing, only NULLs: a result that says a repair has gone wrong, or that there was something to repair. */
export function isDull(outcome: Outcome): boolean {
  return outcome.status === 'rows' && outcome.rows.every((row) => row.every((value) => value === null));
}
