import wasmUrl from 'sql.js/dist/sql-wasm-browser.wasm?url';
import { startWorker } from '../worker/start-worker.ts';
import type { DatabaseReply } from './messages.ts';
import workerUrl from './sql.worker.ts?worker&url';
import { SupervisedDatabase, type DatabaseThread, type ThreadListener } from './supervised-database.ts';

/** A database of the page: sql.js in a worker of its own, one per database. `close` it when its page goes. */
export class WorkerDatabase extends SupervisedDatabase {
  constructor() {
    super(startThread);
  }
}

let compiling: Promise<WebAssembly.Module> | undefined;

/** Fetched and compiled once a page; workers are handed the compiled module and need no network. A failure is not kept. */
function sqliteWasm(): Promise<WebAssembly.Module> {
  compiling ??= fetch(wasmUrl)
    .then(async (response) => {
      if (!response.ok) throw new Error(`SQLite could not be fetched: ${String(response.status)} for ${wasmUrl}`);
      // Not compileStreaming: it fails on a host that does not send application/wasm.
      return WebAssembly.compile(await response.arrayBuffer());
    })
    .catch((error: unknown) => {
      compiling = undefined;
      throw error;
    });
  return compiling;
}

async function startThread(listener: ThreadListener): Promise<DatabaseThread> {
  const wasm = await sqliteWasm();
  const worker = startWorker(workerUrl, 'sql');
  let ended = false;
  worker.addEventListener('message', (event: MessageEvent<DatabaseReply>) => {
    if (!ended) listener.onReply(event.data);
  });
  worker.addEventListener('error', (event) => {
    if (!ended) listener.onCrash(event.message || 'the worker could not be loaded');
  });
  worker.addEventListener('messageerror', () => {
    if (!ended) listener.onCrash('a message of the worker could not be read');
  });
  worker.postMessage({ kind: 'start', wasm });
  return {
    post: (request) => worker.postMessage(request),
    end() {
      ended = true;
      worker.terminate();
    },
  };
}
