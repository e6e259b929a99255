/**
 * sql.js seen from below. Its own Statement class reads texts of up to 16 bytes with a decoder that turns invalid UTF-8 into other
 * characters, drops a byte order mark from longer ones and rounds 64-bit integers, so cells are read from the wasm memory here.
 */

type Pointer = number;

/** The part of the Emscripten module that is used; all of it is exported by sql.js 1.16 under these names. */
interface SqlJsModule {
  readonly Database: new (bytes: Uint8Array) => SqlJsDatabase;
  _malloc(bytes: number): Pointer;
  _free(pointer: Pointer): void;
  _sqlite3_prepare_v2(database: Pointer, sql: Pointer, bytes: number, statement: Pointer, tail: Pointer): number;
  _sqlite3_step(statement: Pointer): number;
  _sqlite3_finalize(statement: Pointer): number;
  _sqlite3_errmsg(database: Pointer): Pointer;
  _sqlite3_column_count(statement: Pointer): number;
  _sqlite3_column_name(statement: Pointer, column: number): Pointer;
  _sqlite3_column_type(statement: Pointer, column: number): number;
  _sqlite3_column_double(statement: Pointer, column: number): number;
  _sqlite3_column_text(statement: Pointer, column: number): Pointer;
  _sqlite3_column_blob(statement: Pointer, column: number): Pointer;
  _sqlite3_column_bytes(statement: Pointer, column: number): number;
}

export interface SqlJsDatabase {
  readonly db: Pointer;
  export(): Uint8Array;
  close(): void;
}

interface SqlJsOptions {
  readonly useOldExtensionFunctions: boolean;
  instantiateWasm(imports: WebAssembly.Imports, receive: (instance: WebAssembly.Instance) => void): WebAssembly.Exports;
}

/** What `import initSqlJs from 'sql.js'` gives, by the part used here. It keeps its first module for ever, one a realm. */
export type InitSqlJs = (options: SqlJsOptions) => Promise<unknown>;

export interface SqliteModule {
  readonly sqlJs: SqlJsModule;
  readonly memory: WebAssembly.Memory;
}

/**
 * @param initSqlJs a fresh copy of sql.js: there must be one wasm module per database, since `ATTACH` reads a sibling file of the same
 *   module (RELIABILITY.md, finding 4)
 * @param wasm sql-wasm.wasm, compiled
 */
export async function loadSqlite(initSqlJs: InitSqlJs, wasm: WebAssembly.Module): Promise<SqliteModule> {
  let memory: WebAssembly.Memory | undefined;
  const sqlJs = await initSqlJs({
    // The old extension functions overflow 32 bits: replicate('x', 4294967297) corrupts the heap (finding 1).
    useOldExtensionFunctions: false,
    instantiateWasm(imports, receive) {
      const instance = new WebAssembly.Instance(wasm, imports);
      memory = Object.values(instance.exports).find((value) => value instanceof WebAssembly.Memory);
      receive(instance);
      return instance.exports;
    },
  });
  if (!memory || !isSqlJsModule(sqlJs)) throw new Error('this build of sql.js does not export what is needed');
  return { sqlJs, memory };
}

const NEEDED = [
  'Database',
  '_malloc',
  '_free',
  '_sqlite3_prepare_v2',
  '_sqlite3_step',
  '_sqlite3_finalize',
  '_sqlite3_errmsg',
  '_sqlite3_column_count',
  '_sqlite3_column_name',
  '_sqlite3_column_type',
  '_sqlite3_column_double',
  '_sqlite3_column_text',
  '_sqlite3_column_blob',
  '_sqlite3_column_bytes',
] as const satisfies readonly (keyof SqlJsModule)[];

function isSqlJsModule(value: unknown): value is SqlJsModule {
  return (
    typeof value === 'object' && value !== null && NEEDED.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
  );
}
