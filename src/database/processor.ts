import { failure, success, type Result } from '../result.ts';
import { acceptStatement } from './accept-statement.ts';
import { Connection, RESULT_CODE, SqliteFailure } from './connection.ts';
import type { DatabaseError, ResultSet, SqlValue } from './database.ts';
import { databaseError } from './errors.ts';
import { hasMagic, inspectFile, looksEncrypted } from './inspect-file.ts';
import { forbiddenOpcode } from './opcode-lock.ts';
import { readSchema, type SchemaEvent } from './read-schema.ts';
import type { SqliteModule } from './sqlite-module.ts';

export interface Limits {
  /** Rows of a result. */
  readonly rowLimit: number;
  /** Bytes of a result: 8 for a number, the length of a text or BLOB. */
  readonly byteLimit: number;
  /** Bytes of one cell; a longer one is cut, and the result says `truncated`. */
  readonly cellByteLimit: number;
  /** Looked at between rows only; SQLite cannot be interrupted inside a row, which is what ending the worker is for. */
  readonly timeoutMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  rowLimit: 100_000,
  // Some 200 MB as JavaScript strings and again in transit, in the worst case of short cells.
  byteLimit: 64 * 1024 * 1024,
  cellByteLimit: 8 * 1024 * 1024,
  timeoutMs: 10_000,
};

/**
 * Settings of every connection, in this order, each read back. `hard_heap_limit` can only be lowered afterwards (RELIABILITY.md, finding 5);
 * `temp_store` 2 keeps sorting inside that limit instead of in temporary files, which live in JavaScript's memory.
 */
const SETTINGS: readonly (readonly [name: string, value: number])[] = [
  ['trusted_schema', 0],
  ['cell_size_check', 1],
  ['temp_store', 2],
  ['hard_heap_limit', 256 * 1024 * 1024],
  ['query_only', 1],
];

/** One database in one wasm module: the locks, the limits and the reading, without a worker around it. */
export class Processor {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** @param loadModule gives a wasm module that no other database uses */
  static async open(bytes: Uint8Array, loadModule: () => Promise<SqliteModule>): Promise<Result<Processor, DatabaseError>> {
    const objection = inspectFile(bytes);
    if (objection) return failure(objection);
    let connection: Connection | undefined;
    try {
      connection = new Connection(await loadModule(), bytes);
      // The shared lock is kept from the first read on: else each query looks for a journal file first, which costs more than the query.
      connection.readAll('PRAGMA locking_mode=EXCLUSIVE');
      for (const [name, value] of SETTINGS) connection.readAll(`PRAGMA ${name}=${String(value)}`);
      // The first statement that needs the schema parses all of it: a damaged file shows here.
      connection.readOne('SELECT count(*) FROM sqlite_schema');
      const processor = new Processor(connection);
      const settings = processor.settings();
      const wrong = SETTINGS.find(([name, value]) => settings[name] !== value);
      if (wrong) throw new Error(`PRAGMA ${wrong[0]} did not stay at ${String(wrong[1])}`);
      return success(processor);
    } catch (error) {
      closeAfter(error, connection);
      return failure(openingError(error, bytes));
    }
  }

  /** The settings as SQLite gives them back. */
  settings(): Readonly<Record<string, SqlValue>> {
    return Object.fromEntries(SETTINGS.map(([name]) => [name, this.#connection.readOne(`PRAGMA ${name}`)]));
  }

  schemaEvents(done: ReadonlySet<string>): Generator<SchemaEvent, void, undefined> {
    return readSchema(this.#connection, done);
  }

  /** One SELECT, WITH or VALUES statement; see `Database.run`. Takes as long as SQLite takes. */
  run(sql: string, limits: Limits): Result<ResultSet, DatabaseError> {
    const begin = performance.now();
    const accepted = acceptStatement(sql);
    if (!accepted.ok) return accepted;
    try {
      const opcode = forbiddenOpcode(this.#connection, accepted.value);
      if (opcode !== undefined) return failure(databaseError('not-read-only', `opcode ${opcode}`));
      const statement = this.#connection.prepare(accepted.value);
      try {
        if (statement.tail.trim() !== '') return failure(databaseError('not-one-statement'));
        // Preparing can change settings (finding 2): read-only is proven once more before the first step.
        if (this.#connection.readOne('PRAGMA query_only') !== 1) return failure(databaseError('not-read-only', 'query_only is off'));
        const rows: SqlValue[][] = [];
        let bytes = 0;
        let truncated = false;
        const columns = statement.columns();
        while (statement.step()) {
          if (rows.length >= limits.rowLimit || bytes > limits.byteLimit) {
            truncated = true;
            break;
          }
          const row: SqlValue[] = [];
          for (let column = 0; column < columns.length; column++) {
            const value = statement.value(column, limits.cellByteLimit);
            bytes += statement.lastBytes;
            truncated ||= statement.lastBytes > limits.cellByteLimit;
            row.push(value);
          }
          rows.push(row);
          if (rows.length % 256 === 0 && performance.now() - begin > limits.timeoutMs) return failure(databaseError('timeout'));
        }
        return success({ columns, rows, truncated, milliseconds: performance.now() - begin });
      } finally {
        statement.finalize();
      }
    } catch (error) {
      return failure(runningError(error));
    }
  }

  /** The file as it stands now (SQLite's backup, which sets the bytes 18 and 19 to 1): the proof that nothing was written. */
  exportBytes(): Uint8Array {
    return this.#connection.exportBytes();
  }

  close(): void {
    this.#connection.close();
  }
}

/** Gives back what a connection holds; after a trap the module is not to be touched again, and ends with its worker. */
function closeAfter(error: unknown, connection: Connection | undefined): void {
  if (connection && error instanceof SqliteFailure) connection.close();
}

function openingError(error: unknown, bytes: Uint8Array): DatabaseError {
  const words = error instanceof Error ? error.message : String(error);
  if (!(error instanceof SqliteFailure)) return unexpected(error, words);
  switch (error.resultCode & 0xff) {
    case RESULT_CODE.noMemory:
      return databaseError('memory', words, { message: 'The database needs more memory than it may use.' });
    case RESULT_CODE.notADatabase:
      if (looksEncrypted(bytes)) return databaseError('encrypted', words);
      return databaseError(hasMagic(bytes) ? 'corrupt' : 'not-a-database', words);
    default:
      return databaseError('corrupt', words);
  }
}

function runningError(error: unknown): DatabaseError {
  const words = error instanceof Error ? error.message : String(error);
  if (!(error instanceof SqliteFailure)) return unexpected(error, words);
  switch (error.resultCode & 0xff) {
    case RESULT_CODE.noMemory:
    case RESULT_CODE.tooBig:
      return databaseError('memory', words);
    case RESULT_CODE.ioError:
    case RESULT_CODE.corrupt:
    case RESULT_CODE.cannotOpen:
    case RESULT_CODE.notADatabase:
      return databaseError('corrupt', words, { nextStep: 'Other tables may still be readable: try a query that leaves this one out.' });
    default:
      return databaseError('sql', words);
  }
}

/** A RangeError is JavaScript's way to say that a buffer or string cannot be allocated; all else (a wasm trap) ends the worker. */
function unexpected(error: unknown, words: string): DatabaseError {
  return databaseError(error instanceof RangeError ? 'memory' : 'crashed', words);
}
