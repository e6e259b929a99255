import type { SqlValue } from './database.ts';
import type { SqlJsDatabase, SqliteModule } from './sqlite-module.ts';

/** A result code other than ROW, DONE or OK, with SQLite's own words. */
export class SqliteFailure extends Error {
  readonly resultCode: number;

  constructor(resultCode: number, message: string) {
    super(message);
    this.name = 'SqliteFailure';
    this.resultCode = resultCode;
  }
}

/** Result codes of sqlite.org/rescode.html that are told apart. */
export const RESULT_CODE = {
  ok: 0,
  noMemory: 7,
  ioError: 10,
  corrupt: 11,
  cannotOpen: 14,
  tooBig: 18,
  notADatabase: 26,
  row: 100,
  done: 101,
} as const;

const TYPE = { integer: 1, float: 2, text: 3, blob: 4 } as const;

/** Short ASCII texts, most cells there are, are put together here: calling the decoder costs more than its work. */
const SHORT_TEXT = 24;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** One open database file in its own wasm module. Everything here is synchronous and may take as long as SQLite takes. */
export class Connection {
  readonly #module: SqliteModule;
  readonly #file: SqlJsDatabase;
  /** Two pointers for sqlite3_prepare_v2 to write to: statement and tail. */
  readonly #out: number;
  #bytes = new Uint8Array(0);
  #words = new Int32Array(0);

  constructor(module: SqliteModule, bytes: Uint8Array) {
    this.#module = module;
    this.#file = new module.sqlJs.Database(bytes);
    this.#out = module.sqlJs._malloc(8);
    if (typeof this.#file.db !== 'number' || this.#file.db === 0 || this.#out === 0)
      throw new SqliteFailure(RESULT_CODE.noMemory, 'out of memory');
  }

  /** Compiles one statement. @throws SqliteFailure */
  prepare(sql: string): Statement {
    const { sqlJs } = this.#module;
    // A UTF-16 unit takes at most three bytes in UTF-8.
    const pointer = sqlJs._malloc(sql.length * 3 + 1);
    if (pointer === 0) throw new SqliteFailure(RESULT_CODE.noMemory, 'out of memory');
    try {
      const bytes = this.bytes();
      const { written } = encoder.encodeInto(sql, bytes.subarray(pointer, pointer + sql.length * 3));
      bytes[pointer + written] = 0;
      this.words().fill(0, this.#out >> 2, (this.#out >> 2) + 2);
      const code = sqlJs._sqlite3_prepare_v2(this.#file.db, pointer, -1, this.#out, this.#out + 4);
      const words = this.words();
      const statement = words[this.#out >> 2] ?? 0;
      if (code !== RESULT_CODE.ok) throw this.failure(code);
      if (statement === 0) throw new SqliteFailure(1, 'there is no statement');
      const tail = words[(this.#out >> 2) + 1] ?? 0;
      return new Statement(this, this.#module, statement, this.text(tail, pointer + written - tail));
    } finally {
      sqlJs._free(pointer);
    }
  }

  /** Every row of a statement of our own; not for statements from outside. @throws SqliteFailure */
  readAll(sql: string): SqlValue[][] {
    const statement = this.prepare(sql);
    try {
      const rows: SqlValue[][] = [];
      while (statement.step()) rows.push(statement.row());
      return rows;
    } finally {
      statement.finalize();
    }
  }

  /** The first column of the first row, null where there is none. @throws SqliteFailure */
  readOne(sql: string): SqlValue {
    return this.readAll(sql)[0]?.[0] ?? null;
  }

  failure(resultCode: number): SqliteFailure {
    return new SqliteFailure(resultCode, this.cString(this.#module.sqlJs._sqlite3_errmsg(this.#file.db)));
  }

  cString(pointer: number): string {
    return pointer === 0 ? '' : this.text(pointer, this.bytes().indexOf(0, pointer) - pointer);
  }

  text(pointer: number, length: number): string {
    const bytes = this.bytes();
    if (length <= SHORT_TEXT) {
      let text = '';
      let position = pointer;
      for (const end = pointer + length; position < end; position++) {
        const byte = bytes[position] ?? 0x80;
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (position === pointer + length) return text;
    }
    return decoder.decode(bytes.subarray(pointer, pointer + length));
  }

  /** The wasm memory; growing replaces its buffer. */
  bytes(): Uint8Array {
    if (this.#bytes.buffer !== this.#module.memory.buffer) this.#bytes = new Uint8Array(this.#module.memory.buffer);
    return this.#bytes;
  }

  words(): Int32Array {
    if (this.#words.buffer !== this.#module.memory.buffer) this.#words = new Int32Array(this.#module.memory.buffer);
    return this.#words;
  }

  /** The file as it stands now, page by page: the proof that nothing was written. SQLite's backup sets the bytes 18 and 19 to 1. */
  exportBytes(): Uint8Array {
    return this.#file.export();
  }

  close(): void {
    this.#module.sqlJs._free(this.#out);
    this.#file.close();
  }
}

/** A prepared statement; `finalize` it in a `finally`, a statement left open counts against the module's memory. */
export class Statement {
  /** What SQLite did not read: a further statement, or nothing. */
  readonly tail: string;
  /** The size of the cell read last: 8 for a number, the length of a text (in UTF-8) or BLOB. */
  lastBytes = 0;
  readonly #connection: Connection;
  readonly #module: SqliteModule;
  readonly #pointer: number;
  readonly #count: number;

  constructor(connection: Connection, module: SqliteModule, pointer: number, tail: string) {
    this.#connection = connection;
    this.#module = module;
    this.#pointer = pointer;
    this.tail = tail;
    this.#count = module.sqlJs._sqlite3_column_count(pointer);
  }

  columns(): string[] {
    return Array.from({ length: this.#count }, (_, column) =>
      this.#connection.cString(this.#module.sqlJs._sqlite3_column_name(this.#pointer, column)),
    );
  }

  /** @returns whether there is a row @throws SqliteFailure */
  step(): boolean {
    const code = this.#module.sqlJs._sqlite3_step(this.#pointer);
    if (code === RESULT_CODE.row) return true;
    if (code === RESULT_CODE.done) return false;
    throw this.#connection.failure(code);
  }

  row(): SqlValue[] {
    const row: SqlValue[] = [];
    for (let column = 0; column < this.#count; column++) row.push(this.value(column));
    return row;
  }

  /** @param byteLimit a longer text or BLOB is cut there; `lastBytes` has its whole length */
  value(column: number, byteLimit = Infinity): SqlValue {
    const { sqlJs } = this.#module;
    const pointer = this.#pointer;
    this.lastBytes = 8;
    switch (sqlJs._sqlite3_column_type(pointer, column)) {
      case TYPE.integer: {
        const number = sqlJs._sqlite3_column_double(pointer, column);
        if (Number.isSafeInteger(number)) return number;
        // The double is rounded; the digits are exact.
        return BigInt(this.#text(column, byteLimit));
      }
      case TYPE.float:
        return sqlJs._sqlite3_column_double(pointer, column);
      case TYPE.text:
        return this.#text(column, byteLimit);
      case TYPE.blob: {
        const start = sqlJs._sqlite3_column_blob(pointer, column);
        this.lastBytes = sqlJs._sqlite3_column_bytes(pointer, column);
        return this.#connection.bytes().slice(start, start + Math.min(this.lastBytes, byteLimit));
      }
      default:
        return null;
    }
  }

  finalize(): void {
    this.#module.sqlJs._sqlite3_finalize(this.#pointer);
  }

  #text(column: number, byteLimit: number): string {
    // sqlite3_column_text first: it may convert from UTF-16, and only then is the length right.
    const start = this.#module.sqlJs._sqlite3_column_text(this.#pointer, column);
    if (start === 0) throw new SqliteFailure(RESULT_CODE.noMemory, 'out of memory');
    this.lastBytes = this.#module.sqlJs._sqlite3_column_bytes(this.#pointer, column);
    return this.#connection.text(start, Math.min(this.lastBytes, byteLimit));
  }
}
