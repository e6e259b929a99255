import type { Result } from '../result.ts';
import type { DatabaseError, ResultSet } from './database.ts';
import type { Limits } from './processor.ts';
import type { SchemaEvent } from './read-schema.ts';

/** What goes to a database's worker. The first message is `start`; the others are answered one by one, in their order. */
export type DatabaseRequest =
  /** The compiled sql-wasm.wasm: compiled once, a new worker is ready some 50 ms sooner, and needs no network. */
  | { readonly kind: 'start'; readonly wasm: WebAssembly.Module }
  | { readonly kind: 'open'; readonly bytes: Uint8Array }
  /** Answered by events, then by `read`. */
  | { readonly kind: 'schema'; readonly done: ReadonlySet<string> }
  | { readonly kind: 'run'; readonly sql: string; readonly limits: Limits };

export type DatabaseReply =
  | { readonly kind: 'opened'; readonly result: Result<void, DatabaseError> }
  | { readonly kind: 'schema-event'; readonly event: SchemaEvent }
  | { readonly kind: 'read'; readonly result: Result<void, DatabaseError> }
  | { readonly kind: 'ran'; readonly result: Result<ResultSet, DatabaseError> };
