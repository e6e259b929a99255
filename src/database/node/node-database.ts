import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import { failure, success, type Result } from '../../result.ts';
import type { Database, DatabaseError, OpenOptions, ResultSet, RunOptions, Schema } from '../database.ts';
import { databaseError } from '../errors.ts';
import type { DatabaseReply } from '../messages.ts';
import { DEFAULT_LIMITS, Processor } from '../processor.ts';
import { SchemaDraft } from '../read-schema.ts';
import { loadSqlite, type InitSqlJs, type SqliteModule } from '../sqlite-module.ts';
import { SupervisedDatabase, type DatabaseThread, type ThreadListener } from '../supervised-database.ts';

const require = createRequire(import.meta.url);

/** The page's database in Node: one thread per open database, ended when a query passes its time. `close` it, a thread holds the process. */
export class NodeDatabase extends SupervisedDatabase {
  constructor() {
    super(startThread);
  }
}

/**
 * The same database without a thread, for preparing data from files that are trusted: the locks and caps hold, but a time limit is
 * looked at between rows only, a query that never gives a row never ends, and `signal` is looked at before a call only.
 */
export class InProcessDatabase implements Database {
  #processor: Processor | undefined;

  async open(bytes: Uint8Array, options: OpenOptions = {}): Promise<Result<Schema, DatabaseError>> {
    await this.close();
    if (options.signal?.aborted) return failure(databaseError('aborted'));
    const opened = await Processor.open(bytes, freshModule);
    if (!opened.ok) return opened;
    this.#processor = opened.value;
    return this.schema(options);
  }

  schema(options: OpenOptions = {}): Promise<Result<Schema, DatabaseError>> {
    if (options.signal?.aborted) return Promise.resolve(failure(databaseError('aborted')));
    if (!this.#processor) return Promise.resolve(failure(databaseError('closed')));
    const draft = new SchemaDraft();
    try {
      for (const event of this.#processor.schemaEvents(new Set())) draft.add(event);
    } catch (error) {
      return Promise.resolve(failure(databaseError('crashed', String(error))));
    }
    return Promise.resolve(success(draft.schema('Its columns were not read.')));
  }

  run(sql: string, options: RunOptions = {}): Promise<Result<ResultSet, DatabaseError>> {
    return Promise.resolve(this.runNow(sql, options));
  }

  /** `run` without a promise. */
  runNow(sql: string, options: RunOptions = {}): Result<ResultSet, DatabaseError> {
    const { rowLimit = DEFAULT_LIMITS.rowLimit, timeoutMs = DEFAULT_LIMITS.timeoutMs, signal } = options;
    if (signal?.aborted) return failure(databaseError('aborted'));
    if (!this.#processor) return failure(databaseError('closed'));
    return this.#processor.run(sql, { ...DEFAULT_LIMITS, rowLimit, timeoutMs });
  }

  close(): Promise<void> {
    this.#processor?.close();
    this.#processor = undefined;
    return Promise.resolve();
  }
}

let compiled: WebAssembly.Module | undefined;

function sqliteWasm(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(require.resolve('sql.js/dist/sql-wasm.wasm')));
  return compiled;
}

/** sql.js keeps its first module for ever; a copy of its own per database keeps databases apart. */
export async function freshModule(): Promise<SqliteModule> {
  const path = require.resolve('sql.js');
  // The compiler caches the source, so a copy costs some 2 ms.
  Reflect.deleteProperty(require.cache, path);
  return loadSqlite(require(path) as InitSqlJs, sqliteWasm());
}

let threadSource: string | undefined;

/** Threads run plain Node, whether TypeScript came here through tsx or Vitest: their code is bundled once a process. */
function bundledThread(): string {
  threadSource ??= buildSync({
    entryPoints: [fileURLToPath(new URL('./sql-thread.ts', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'error',
  }).outputFiles[0]?.text;
  if (threadSource === undefined) throw new Error('bundling the database thread gave nothing');
  return threadSource;
}

function startThread(listener: ThreadListener): Promise<DatabaseThread> {
  const worker = new Worker(bundledThread(), { eval: true, execArgv: [], name: 'sql' });
  let ended = false;
  worker.on('message', (reply: DatabaseReply) => {
    if (!ended) listener.onReply(reply);
  });
  worker.on('error', (error) => {
    if (!ended) listener.onCrash(error.message);
  });
  worker.on('exit', (code) => {
    if (!ended) listener.onCrash(`the thread ended with code ${String(code)}`);
  });
  worker.postMessage({ kind: 'start', wasm: sqliteWasm() });
  return Promise.resolve({
    post: (request) => worker.postMessage(request),
    end() {
      ended = true;
      void worker.terminate();
    },
  });
}
