import { failure, success, type Result } from '../result.ts';
import type { Database, DatabaseError, OpenOptions, ResultSet, RunOptions, Schema } from './database.ts';
import { databaseError } from './errors.ts';
import type { DatabaseReply, DatabaseRequest } from './messages.ts';
import { DEFAULT_LIMITS } from './processor.ts';
import { SchemaDraft } from './read-schema.ts';

/** A worker or thread as the supervisor sees it. */
export interface DatabaseThread {
  post(request: DatabaseRequest): void;
  /** Ends it at once, in the middle of a query too; afterwards it says nothing more. */
  end(): void;
}

export interface ThreadListener {
  onReply(reply: DatabaseReply): void;
  /** The thread died or its code could not be loaded. */
  onCrash(detail: string): void;
}

/** Starts a thread that has been sent `start`. */
export type StartThread = (listener: ThreadListener) => Promise<DatabaseThread>;

/** Opening: sqlite_schema of 10,000 tables parses in well under a second, so these are for slow machines. */
const OPEN_TIMEOUT_MS = 10_000;
/** A worker that has not answered its first message by then will not. Not counted against the caller's limit. */
const START_TIMEOUT_MS = 20_000;
/** What one view may cost; an ordinary one costs less than a millisecond. */
const SCHEMA_STEP_MS = 500;
/** The thread looks at the limit itself between rows; only a query that stays inside one row longer than this has its thread ended. */
const GRACE_MS = 50;

const NOT_READ = 'Its columns were not read: reading the schema took too long.';

type Ending = 'timeout' | 'aborted' | 'closed';
type Outcome<Value> =
  { readonly kind: 'done'; readonly value: Value } | { readonly kind: Ending } | { readonly kind: 'crashed'; readonly detail: string };

/** What the running exchange listens to. */
interface Exchange {
  onReply(reply: DatabaseReply): void;
  end(outcome: Outcome<never>): void;
}

/**
 * A database in a thread of its own that is ended, and started anew with the same bytes, when a query passes its time, is aborted or
 * traps. Calls wait for each other in turn, and each settles: with a result, or with an error out of the closed list.
 */
export class SupervisedDatabase implements Database {
  readonly #startThread: StartThread;
  #thread: DatabaseThread | undefined;
  #bytes: Uint8Array | undefined;
  #exchange: Exchange | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  /** What the turn now ending still has to do once it has answered. */
  #behind: (() => Promise<void>) | undefined;
  /** Counts closings: calls that were waiting when `close` came end with `closed`. */
  #generation = 0;

  constructor(startThread: StartThread) {
    this.#startThread = startThread;
  }

  /** The bytes are kept (not copied) to be opened again: the caller may read but not change or transfer them. */
  open(bytes: Uint8Array, options: OpenOptions = {}): Promise<Result<Schema, DatabaseError>> {
    return this.#inTurn(options.signal, async () => {
      this.#endThread();
      this.#bytes = undefined;
      const deadline = Deadline.in(options.timeoutMs ?? OPEN_TIMEOUT_MS);
      const opened = await this.#reopen(bytes, deadline, options.signal);
      if (!opened.ok) {
        this.#endThread();
        return opened;
      }
      this.#bytes = bytes;
      const schema = await this.#readSchema(bytes, deadline, options.signal);
      if (!schema.ok) {
        this.#endThread();
        this.#bytes = undefined;
      }
      return schema;
    });
  }

  schema(options: OpenOptions = {}): Promise<Result<Schema, DatabaseError>> {
    return this.#inTurn(options.signal, async () => {
      const bytes = this.#bytes;
      if (!bytes) return failure(databaseError('closed'));
      const ready = await this.#ready(bytes);
      if (!ready.ok) return ready;
      return this.#readSchema(bytes, Deadline.in(options.timeoutMs ?? OPEN_TIMEOUT_MS), options.signal);
    });
  }

  run(sql: string, options: RunOptions = {}): Promise<Result<ResultSet, DatabaseError>> {
    const { rowLimit = DEFAULT_LIMITS.rowLimit, timeoutMs = DEFAULT_LIMITS.timeoutMs, signal } = options;
    return this.#inTurn(signal, async () => {
      const bytes = this.#bytes;
      if (!bytes) return failure(databaseError('closed'));
      const ready = await this.#ready(bytes);
      if (!ready.ok) return ready;
      const outcome = await this.#ask<Result<ResultSet, DatabaseError>>(
        { kind: 'run', sql, limits: { ...DEFAULT_LIMITS, rowLimit, timeoutMs } },
        (reply, done) => {
          if (reply.kind === 'ran') done(reply.result);
        },
        Deadline.in(timeoutMs + GRACE_MS),
        signal,
      );
      if (outcome.kind === 'done' && (outcome.value.ok || outcome.value.error.code !== 'crashed')) return outcome.value;
      const error = outcome.kind === 'done' ? outcome.value : failure(endingError(outcome));
      // After a trap the module's memory is not to be trusted, after the other endings the thread is still inside the query.
      this.#restartBehind(bytes);
      return error;
    });
  }

  close(): Promise<void> {
    this.#generation++;
    this.#bytes = undefined;
    const exchange = this.#exchange;
    this.#endThread();
    exchange?.end({ kind: 'closed' });
    return Promise.resolve();
  }

  /** Calls run one after the other; one that is aborted or closed while it waits does not wait for its turn to say so. */
  #inTurn<Value>(
    signal: AbortSignal | undefined,
    task: () => Promise<Result<Value, DatabaseError>>,
  ): Promise<Result<Value, DatabaseError>> {
    const generation = this.#generation;
    return new Promise((resolve) => {
      if (signal?.aborted) {
        resolve(failure(databaseError('aborted')));
        return;
      }
      const onAbort = (): void => resolve(failure(databaseError('aborted')));
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#turn = this.#turn.then(async () => {
        signal?.removeEventListener('abort', onAbort);
        if (signal?.aborted) return;
        if (generation !== this.#generation) {
          resolve(failure(databaseError('closed')));
          return;
        }
        try {
          const result = await task();
          resolve(generation === this.#generation ? result : failure(databaseError('closed')));
        } catch (error) {
          this.#endThread();
          resolve(failure(databaseError('crashed', String(error))));
        }
        const behind = this.#behind;
        this.#behind = undefined;
        try {
          await behind?.();
        } catch {
          // The next call starts a thread itself, and says what stands in the way.
          this.#endThread();
        }
      });
    });
  }

  /** The schema, step by step; a step that takes too long is given up with its thread, and the next thread goes on behind it. */
  async #readSchema(bytes: Uint8Array, deadline: Deadline, signal: AbortSignal | undefined): Promise<Result<Schema, DatabaseError>> {
    const draft = new SchemaDraft();
    for (;;) {
      const outcome = await this.#ask<Result<void, DatabaseError>>(
        { kind: 'schema', done: draft.done },
        (reply, done, allow) => {
          if (reply.kind === 'read') done(reply.result);
          if (reply.kind !== 'schema-event') return;
          draft.add(reply.event);
          if (reply.event.kind === 'begun') allow(SCHEMA_STEP_MS);
        },
        deadline,
        signal,
      );
      if (outcome.kind === 'done') {
        if (outcome.value.ok) return success(draft.schema(NOT_READ));
        if (outcome.value.error.code !== 'crashed') return failure(outcome.value.error);
      }
      if (outcome.kind === 'closed') return failure(databaseError('closed'));
      if (outcome.kind === 'aborted') {
        this.#restartBehind(bytes);
        return failure(databaseError('aborted'));
      }
      const crashed = outcome.kind !== 'timeout';
      if (!draft.listed) {
        this.#restartBehind(bytes);
        return failure(outcome.kind === 'timeout' ? openingTimeout() : databaseError('crashed', detailOf(outcome)));
      }
      // A crash between two steps would repeat itself for ever.
      if (crashed && draft.begun === undefined) {
        this.#restartBehind(bytes);
        return failure(databaseError('crashed', detailOf(outcome)));
      }
      draft.giveUp(crashed ? 'SQLite stopped while reading it.' : `Reading it took longer than ${String(SCHEMA_STEP_MS)} ms.`);
      const reopened = await this.#restart(bytes);
      if (!reopened.ok) return reopened;
      if (deadline.left() <= 0) return success(draft.schema(NOT_READ));
    }
  }

  async #ready(bytes: Uint8Array): Promise<Result<void, DatabaseError>> {
    return this.#thread ? success(undefined) : this.#restart(bytes);
  }

  #restart(bytes: Uint8Array): Promise<Result<void, DatabaseError>> {
    this.#endThread();
    return this.#reopen(bytes, Deadline.in(OPEN_TIMEOUT_MS), undefined);
  }

  /**
   * Ends the thread now and opens the bytes again behind the answer: the caller hears at once, and the next call waits until the
   * database is open, since the restart comes before it in turn.
   */
  #restartBehind(bytes: Uint8Array): void {
    this.#endThread();
    this.#behind = async () => {
      // `open` keeps no bytes where it fails: then there is nothing to be ready for.
      if (this.#bytes === bytes) await this.#ready(bytes);
    };
  }

  /** A new thread with the file open. Aborting is looked at: a large file takes a second to hand over. */
  async #reopen(bytes: Uint8Array, deadline: Deadline, signal: AbortSignal | undefined): Promise<Result<void, DatabaseError>> {
    const generation = this.#generation;
    const starting = this.#startThread({
      onReply: (reply) => {
        if (this.#generation === generation) this.#exchange?.onReply(reply);
      },
      onCrash: (detail) => {
        if (this.#generation === generation) this.#exchange?.end({ kind: 'crashed', detail });
      },
    });
    const thread = await within(starting, START_TIMEOUT_MS);
    if (!thread) {
      void starting.then((late) => late.end());
      return failure(databaseError('crashed', 'the worker did not start'));
    }
    if (this.#generation !== generation) {
      thread.end();
      return failure(databaseError('closed'));
    }
    this.#thread = thread;
    const outcome = await this.#ask<Result<void, DatabaseError>>(
      { kind: 'open', bytes },
      (reply, done) => {
        if (reply.kind === 'opened') done(reply.result);
      },
      deadline,
      signal,
    );
    if (outcome.kind === 'done') {
      if (!outcome.value.ok) this.#endThread();
      return outcome.value;
    }
    this.#endThread();
    return failure(outcome.kind === 'timeout' ? openingTimeout() : endingError(outcome));
  }

  /** One request and what comes back until `done`, the deadline, an abort, a crash or `close`. `allow` sets the time from now. */
  #ask<Value>(
    request: DatabaseRequest,
    onReply: (reply: DatabaseReply, done: (value: Value) => void, allow: (milliseconds: number) => void) => void,
    deadline: Deadline,
    signal: AbortSignal | undefined,
  ): Promise<Outcome<Value>> {
    return new Promise((resolve) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let allowedUntil = Infinity;
      const settle = (outcome: Outcome<Value>): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#exchange = undefined;
        resolve(outcome);
      };
      const onAbort = (): void => settle({ kind: 'aborted' });
      // One timer that looks at the clock when it fires: setting a new one a message would cost more than the message.
      const watch = (): void => {
        const left = Math.min(deadline.left(), allowedUntil - performance.now());
        if (left <= 0) settle({ kind: 'timeout' });
        else timer = setTimeout(watch, Math.min(left, SCHEMA_STEP_MS));
      };
      this.#exchange = {
        onReply: (reply) =>
          onReply(
            reply,
            (value) => settle({ kind: 'done', value }),
            (milliseconds) => {
              allowedUntil = performance.now() + milliseconds;
            },
          ),
        end: settle,
      };
      if (signal?.aborted) {
        onAbort();
        return;
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      watch();
      const thread = this.#thread;
      if (!thread) settle({ kind: 'crashed', detail: 'there is no worker' });
      else thread.post(request);
    });
  }

  #endThread(): void {
    this.#thread?.end();
    this.#thread = undefined;
  }
}

class Deadline {
  readonly #at: number;

  private constructor(at: number) {
    this.#at = at;
  }

  static in(milliseconds: number): Deadline {
    return new Deadline(performance.now() + milliseconds);
  }

  /** Milliseconds, not negative only before it has passed. */
  left(): number {
    return this.#at - performance.now();
  }
}

/** undefined where the promise takes longer. */
async function within<Value>(promise: Promise<Value>, milliseconds: number): Promise<Value | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function openingTimeout(): DatabaseError {
  return databaseError('timeout', undefined, {
    message: 'Opening the database took longer than its time limit and was stopped.',
    nextStep: 'Try again on a faster machine, or delete views that you do not need from a copy of the file.',
  });
}

function endingError(outcome: Outcome<never> | { readonly kind: 'done' }): DatabaseError {
  if (outcome.kind === 'done') return databaseError('crashed');
  return outcome.kind === 'crashed' ? databaseError('crashed', outcome.detail) : databaseError(outcome.kind);
}

function detailOf(outcome: {
  readonly kind: string;
  readonly detail?: string;
  readonly value?: Result<void, DatabaseError>;
}): string | undefined {
  if (outcome.detail !== undefined) return outcome.detail;
  return outcome.value && !outcome.value.ok ? outcome.value.error.sqlite : undefined;
}
