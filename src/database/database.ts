import type { Result } from '../result.ts';

/** A cell. Integers beyond 2^53 arrive as bigint, BLOBs as bytes; text is decoded as UTF-8 with replacement. */
export type SqlValue = null | number | bigint | string | Uint8Array;

export interface Column {
  readonly name: string;
  /** The declared type as written in CREATE TABLE, '' where there is none. */
  readonly type: string;
  readonly notNull: boolean;
  /** 1-based position in the primary key, 0 where the column is not part of it. */
  readonly primaryKey: number;
}

export interface ForeignKey {
  readonly columns: readonly string[];
  readonly table: string;
  /** Empty where the declaration names none: then the parent's primary key is meant. `schema()` fills it in where that key is known. */
  readonly references: readonly string[];
}

export interface Table {
  readonly name: string;
  readonly kind: 'table' | 'view';
  readonly columns: readonly Column[];
  readonly foreignKeys: readonly ForeignKey[];
  /** null where counting did not end in time or is not possible. */
  readonly rowCount: number | null;
  /** Why the object could not be read (a view that takes too long, say); the other tables stay usable. */
  readonly problem?: string;
}

export interface Schema {
  readonly tables: readonly Table[];
}

export interface ResultSet {
  /** Column names as SQLite gives them: duplicates are kept. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
  /** True where the row or byte cap cut the result. */
  readonly truncated: boolean;
  readonly milliseconds: number;
}

export type DatabaseErrorCode =
  | 'empty-file'
  | 'not-a-database'
  | 'encrypted'
  | 'corrupt'
  | 'too-large'
  | 'not-read-only'
  | 'not-one-statement'
  | 'sql'
  | 'timeout'
  | 'memory'
  | 'aborted'
  | 'crashed'
  | 'closed';

export interface DatabaseError {
  readonly code: DatabaseErrorCode;
  /** A sentence for the person. */
  readonly message: string;
  /** What to do next, a sentence. */
  readonly nextStep: string;
  /** SQLite's own words, where it said something. */
  readonly sqlite?: string;
}

export interface OpenOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface RunOptions {
  /** At most so many rows are returned; `truncated` says when there were more. */
  readonly rowLimit?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * One SQLite database, read-only. The same interface stands before a worker in the page and before a worker thread in Node.
 * A query past its time is stopped by ending the worker and reopening the bytes: the database is open again when `run` returns.
 */
export interface Database {
  open(bytes: Uint8Array, options?: OpenOptions): Promise<Result<Schema, DatabaseError>>;
  schema(options?: OpenOptions): Promise<Result<Schema, DatabaseError>>;
  /** One SELECT, WITH or VALUES statement; anything else is refused by name before SQLite prepares it. */
  run(sql: string, options?: RunOptions): Promise<Result<ResultSet, DatabaseError>>;
  close(): Promise<void>;
}
