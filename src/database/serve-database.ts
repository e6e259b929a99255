import { failure, success } from '../result.ts';
import { databaseError } from './errors.ts';
import type { DatabaseReply, DatabaseRequest } from './messages.ts';
import { Processor } from './processor.ts';
import { loadSqlite, type InitSqlJs } from './sqlite-module.ts';

/** The worker's side, the same in a page's worker and in a Node thread: one processor behind messages. */
export function serveDatabase(initSqlJs: InitSqlJs, reply: (message: DatabaseReply) => void): (request: DatabaseRequest) => Promise<void> {
  let wasm: WebAssembly.Module | undefined;
  let processor: Processor | undefined;
  return async (request) => {
    switch (request.kind) {
      case 'start':
        wasm = request.wasm;
        return;
      case 'open': {
        const code = wasm;
        // sql.js keeps one module a realm: a second file in the same worker would be its sibling.
        if (!code || processor) {
          reply({ kind: 'opened', result: failure(databaseError('crashed', 'this worker is not new')) });
          return;
        }
        const opened = await Processor.open(request.bytes, () => loadSqlite(initSqlJs, code));
        if (opened.ok) processor = opened.value;
        reply({ kind: 'opened', result: opened.ok ? success(undefined) : opened });
        return;
      }
      case 'schema':
        if (!processor) {
          reply({ kind: 'read', result: failure(databaseError('closed')) });
          return;
        }
        try {
          for (const event of processor.schemaEvents(request.done)) reply({ kind: 'schema-event', event });
        } catch (error) {
          reply({ kind: 'read', result: failure(databaseError('crashed', String(error))) });
          return;
        }
        {
          reply({ kind: 'read', result: success(undefined) });
          return;
        }
      case 'run': {
        reply({ kind: 'ran', result: processor ? processor.run(request.sql, request.limits) : failure(databaseError('closed')) });
        return;
      }
    }
  };
}
