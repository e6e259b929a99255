import { failure, success, type Result } from '../result.ts';
import type { DatabaseError } from './database.ts';
import { databaseError } from './errors.ts';
import type { DatabaseReply, DatabaseRequest } from './messages.ts';
import { Processor } from './processor.ts';
import { loadSqlite, type InitSqlJs } from './sqlite-module.ts';

/** The worker's side, the same in a page's worker and in a Node thread: one processor behind messages. */
export function serveDatabase(initSqlJs: InitSqlJs, reply: (message: DatabaseReply) => void): (request: DatabaseRequest) => Promise<void> {
  let wasm: WebAssembly.Module | undefined;
  let processor: Processor | undefined;

  async function open(bytes: Uint8Array): Promise<Result<void, DatabaseError>> {
    const code = wasm;
    // sql.js keeps one module a realm: a second file in the same worker would be its sibling.
    if (!code || processor) return failure(databaseError('crashed', 'this worker is not new'));
    const opened = await Processor.open(bytes, () => loadSqlite(initSqlJs, code));
    if (!opened.ok) return opened;
    processor = opened.value;
    return success(undefined);
  }

  function readSchema(done: ReadonlySet<string>): Result<void, DatabaseError> {
    if (!processor) return failure(databaseError('closed'));
    try {
      for (const event of processor.schemaEvents(done)) reply({ kind: 'schema-event', event });
      return success(undefined);
    } catch (error) {
      return failure(databaseError('crashed', String(error)));
    }
  }

  return async (request) => {
    switch (request.kind) {
      case 'start':
        wasm = request.wasm;
        break;
      case 'open':
        reply({ kind: 'opened', result: await open(request.bytes) });
        break;
      case 'schema':
        reply({ kind: 'read', result: readSchema(request.done) });
        break;
      case 'run':
        reply({ kind: 'ran', result: processor ? processor.run(request.sql, request.limits) : failure(databaseError('closed')) });
        break;
    }
  };
}
