import { failure, type Result } from '../result.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError, LoadProgress } from './engine.ts';
import type { CallName, Calls, FromWorker, ToWorker } from './messages.ts';

interface Pending {
  readonly settle: (result: Result<never, EngineError>) => void;
  readonly onProgress: ((progress: LoadProgress) => void) | undefined;
  readonly onText: ((text: string) => void) | undefined;
}

export interface CallHandlers {
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  readonly onText?: ((text: string) => void) | undefined;
}

/** One life of the inference worker: calls go in, and whatever happens to the worker, each call is answered. */
export class WorkerSession {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #watch = new AbortController();
  readonly #onEnd: (error: EngineError) => void;
  #idleWaiters: (() => void)[] = [];
  #nextId = 1;
  #ended: EngineError | undefined;

  /** @param onEnd called once, when the worker is gone, with the reason */
  constructor(worker: Worker, onEnd: (error: EngineError) => void) {
    this.#worker = worker;
    this.#onEnd = onEnd;
    worker.addEventListener('message', (event: MessageEvent<FromWorker>) => this.#receive(event.data));
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.end(engineError('crashed', { detail: event.message || 'the worker could not be started' }));
    });
    worker.addEventListener('messageerror', () => this.end(engineError('crashed', { detail: 'a message could not be read' })));
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Sends a request. `result` always settles: with the answer, or with why the worker is gone. */
  call<Name extends CallName>(
    name: Name,
    args: Calls[Name]['arguments'],
    handlers: CallHandlers = {},
  ): { readonly id: number; readonly result: Promise<Result<Calls[Name]['answer'], EngineError>> } {
    const id = this.#nextId++;
    const result = new Promise<Result<Calls[Name]['answer'], EngineError>>((resolve) => {
      if (this.#ended) {
        resolve(failure(this.#ended));
        return;
      }
      this.#pending.set(id, { settle: resolve, onProgress: handlers.onProgress, onText: handlers.onText });
      this.#send({ type: name, id, ...args } as ToWorker);
    });
    return { id, result };
  }

  /** Asks the worker to give up a request; the request is answered when it has. */
  abort(id: number): void {
    if (this.#pending.has(id)) this.#send({ type: 'abort', id });
  }

  /** Resolves when no request is being worked on. */
  idle(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Ends the worker; everything pending is answered with `error`. */
  end(error: EngineError): void {
    if (this.#ended) return;
    this.#ended = error;
    this.#watch.abort();
    this.#worker.terminate();
    for (const pending of this.#pending.values()) pending.settle(failure(error));
    this.#pending.clear();
    this.#wakeIdle();
    this.#onEnd(error);
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'alive':
        if (message.lock !== null) void this.#watchLock(message.lock);
        return;
      case 'progress':
        this.#pending.get(message.id)?.onProgress?.(message.progress);
        return;
      case 'text':
        this.#pending.get(message.id)?.onText?.(message.text);
        return;
      case 'settled': {
        const pending = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        pending?.settle(message.result as Result<never, EngineError>);
        if (this.#pending.size === 0) this.#wakeIdle();
        return;
      }
      case 'lost':
        this.end(message.error);
    }
  }

  #wakeIdle(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }

  /**
   * A worker that is ended from outside, closes itself or runs out of memory fires no event. But it gives up its Web Lock, and
   * the page, next in line for it, notices at once.
   */
  async #watchLock(name: string): Promise<void> {
    try {
      await navigator.locks.request(name, { signal: this.#watch.signal }, () => {
        this.end(engineError('crashed', { detail: 'the worker ended without a word' }));
      });
    } catch {
      // Our own abort when the session ends; nothing to watch any more.
    }
  }
}
