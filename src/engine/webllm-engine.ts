import { failure, success, type Result } from '../result.ts';
import { startWorker } from '../worker/start-worker.ts';
import type { CatalogueEntry } from './model-card.ts';
import { detectSupport } from './device-support.ts';
import { engineError } from './engine-errors.ts';
import type { Engine, EngineError, GenerateOptions, GenerateRequest, Generation, LoadOptions } from './engine.ts';
import workerUrl from './engine.worker.ts?worker&url';
import type { CallName, Calls, LoadReport } from './messages.ts';
import { selectLibrary } from './select-library.ts';
import { WorkerSession, type CallHandlers } from './worker-session.ts';

export interface WebLlmEngineOptions {
  /** Starts the inference worker. */
  readonly startWorker?: () => Worker;
  readonly detectSupport?: typeof detectSupport;
  /**
   * How long a worker may go on after an abort before it is ended, in milliseconds. The person is told "stopped" at once; this
   * is only about whether the model has to be loaded again. Software adapters need one to six seconds for a piece of a prompt.
   */
  readonly abortGraceMs?: number;
  /** Called when the worker or the graphics device is lost, also while nothing is asked of it. */
  readonly onLost?: (error: EngineError) => void;
}

/** Less than a reload takes on the adapters that are slow enough to need it (20 to 60 s). */
const ABORT_GRACE_MS = 15_000;

/**
 * WebLLM in our own worker, as an Engine.
 *
 * - One request at a time: a second `generate` is `busy`. A `prime` that is still running gives way to whatever comes next; what
 *   it has fed so far stays in the KV cache.
 * - After an abort that took too long, a crash or a lost device the worker is gone; the next request loads the model again by
 *   itself (from the cache), and so does `load`.
 * - `load` ends the worker of the model before.
 */
export class WebLlmEngine implements Engine<CatalogueEntry> {
  readonly #options: Required<Omit<WebLlmEngineOptions, 'onLost'>> & Pick<WebLlmEngineOptions, 'onLost'>;
  #model: CatalogueEntry | undefined;
  #session: WorkerSession | undefined;
  #loading: Promise<Result<WorkerSession, EngineError>> | undefined;
  #stopLoading: AbortController | undefined;
  #generating = false;
  #priming: AbortController | undefined;
  #report: LoadReport | undefined;

  constructor(options: WebLlmEngineOptions = {}) {
    this.#options = {
      startWorker: () => startWorker(workerUrl, 'inference'),
      detectSupport,
      abortGraceMs: ABORT_GRACE_MS,
      ...options,
    };
  }

  /** What the last load that worked says of itself: where the model is kept, which library runs. */
  get lastLoad(): LoadReport | undefined {
    return this.#report;
  }

  /** True while a model is loaded and its worker lives. */
  get loaded(): boolean {
    return this.#session !== undefined;
  }

  async load(model: CatalogueEntry, options: LoadOptions = {}): Promise<Result<void, EngineError>> {
    if (options.signal?.aborted) return failure(engineError('aborted'));
    if (this.#loading) return failure(engineError('busy', { message: 'A model is already being loaded.' }));
    if (this.#session && this.#model?.cardSha256 === model.cardSha256) {
      options.onProgress?.({ phase: 'ready', loadedBytes: model.sizeBytes, totalBytes: model.sizeBytes, secondsLeft: 0 });
      return success(undefined);
    }
    this.#endSession(engineError('aborted', { message: 'Stopped: another model is being loaded.' }));
    const loaded = await this.#load(model, options);
    return loaded.ok ? success(undefined) : loaded;
  }

  async prime(prefix: string, options: { readonly signal?: AbortSignal } = {}): Promise<Result<void, EngineError>> {
    if (this.#generating) return failure(engineError('busy'));
    this.#priming?.abort();
    const priming = new AbortController();
    this.#priming = priming;
    const signal = options.signal ? AbortSignal.any([priming.signal, options.signal]) : priming.signal;
    try {
      return await this.#call('prime', { prefix }, signal, {});
    } finally {
      if (this.#priming === priming) this.#priming = undefined;
    }
  }

  async generate(request: GenerateRequest, options: GenerateOptions = {}): Promise<Result<Generation, EngineError>> {
    if (this.#generating) return failure(engineError('busy'));
    this.#generating = true;
    this.#priming?.abort();
    try {
      return await this.#call('generate', { request }, options.signal, { onText: options.onText });
    } finally {
      this.#generating = false;
    }
  }

  unload(): Promise<void> {
    this.#model = undefined;
    this.#stopLoading?.abort();
    this.#endSession(engineError('aborted', { message: 'Stopped: the model was unloaded.' }));
    return Promise.resolve();
  }

  /** One request to a worker that is loaded for it if need be; answered at once when the signal aborts. */
  async #call<Name extends CallName>(
    name: Name,
    args: Calls[Name]['arguments'],
    signal: AbortSignal | undefined,
    handlers: CallHandlers,
  ): Promise<Result<Calls[Name]['answer'], EngineError>> {
    const ready = await orAborted(this.#readySession(signal), signal);
    if (!ready.ok) return ready;
    const session = ready.value;
    const call = session.call(name, args, handlers);
    const result = await orAborted(call.result, signal);
    if (signal?.aborted && !session.ended) {
      session.abort(call.id);
      void this.#endUnlessIdle(session);
    }
    return result;
  }

  /** The worker with the model loaded, and done with what it was told to give up. */
  async #readySession(signal: AbortSignal | undefined): Promise<Result<WorkerSession, EngineError>> {
    await this.#session?.idle();
    if (signal?.aborted) return failure(engineError('aborted'));
    if (this.#session) return success(this.#session);
    if (this.#loading) return this.#loading;
    if (!this.#model) return failure(engineError('not-loaded'));
    return this.#load(this.#model, signal ? { signal } : {});
  }

  #load(model: CatalogueEntry, options: LoadOptions): Promise<Result<WorkerSession, EngineError>> {
    this.#model = model;
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    const loading = this.#startSession(model, { ...options, signal }).finally(() => {
      if (this.#loading === loading) this.#loading = undefined;
    });
    this.#loading = loading;
    this.#stopLoading = stop;
    return loading;
  }

  async #startSession(
    model: CatalogueEntry,
    options: LoadOptions & { readonly signal: AbortSignal },
  ): Promise<Result<WorkerSession, EngineError>> {
    const support = await orAborted(this.#options.detectSupport(), options.signal);
    if (!support.ok) return support;
    const library = selectLibrary(support.value.adapter, model.libraries);
    if (!library.ok) return library;
    const session = new WorkerSession(this.#options.startWorker(), (error) => {
      if (this.#session !== session) return;
      this.#session = undefined;
      if (error.code !== 'aborted') this.#options.onLost?.(error);
    });
    const endOnAbort = () => session.end(engineError('aborted'));
    options.signal.addEventListener('abort', endOnAbort, { once: true });
    const call = session.call('load', { entry: model, library: library.value }, { onProgress: options.onProgress });
    const result = await call.result;
    options.signal.removeEventListener('abort', endOnAbort);
    if (result.ok && this.#model === model) {
      this.#session = session;
      this.#report = result.value;
      return success(session);
    }
    session.end(engineError('aborted'));
    return result.ok ? failure(engineError('aborted')) : result;
  }

  /** Gives an aborted worker its grace; a worker that goes on after it is ended, and the next request starts a new one. */
  async #endUnlessIdle(session: WorkerSession): Promise<void> {
    const grace = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), this.#options.abortGraceMs));
    if ((await Promise.race([session.idle(), grace])) === 'late') session.end(engineError('aborted'));
  }

  #endSession(error: EngineError): void {
    const session = this.#session;
    this.#session = undefined;
    session?.end(error);
  }
}

/** The result, or `aborted` as soon as the signal says so, however long the result may take. */
function orAborted<Value>(
  result: Promise<Result<Value, EngineError>>,
  signal: AbortSignal | undefined,
): Promise<Result<Value, EngineError>> {
  if (!signal) return result;
  return new Promise((resolve, reject) => {
    const abort = () => resolve(failure(engineError('aborted')));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
