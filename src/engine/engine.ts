import type { Result } from '../result.ts';
import type { Names } from '../text-to-sql/decoding/names.ts';

export type EngineErrorCode =
  | 'no-webgpu'
  | 'no-adapter'
  | 'device-limits'
  | 'device-lost'
  | 'out-of-memory'
  | 'network'
  | 'wrong-hash'
  | 'storage-full'
  | 'not-loaded'
  | 'prompt-too-long'
  | 'busy'
  | 'aborted'
  | 'crashed';

export interface EngineError {
  readonly code: EngineErrorCode;
  /** A sentence for the person. */
  readonly message: string;
  /** What to do next, a sentence. */
  readonly nextStep: string;
  /** The library's own words, for a report. */
  readonly detail?: string;
}

export interface LoadProgress {
  readonly phase: 'download' | 'verify' | 'upload' | 'compile' | 'ready';
  /** Of the phase: bytes fetched, verified or uploaded; in `compile` the share of the shaders that is done, scaled to `totalBytes`. */
  readonly loadedBytes: number;
  readonly totalBytes: number;
  /** null until there is enough to go by. */
  readonly secondsLeft: number | null;
}

/** A prompt in two parts: `prefix` (the schema) is the same for every question on a database, its KV cache is kept; `suffix` holds the question. */
export interface Prompt {
  readonly prefix: string;
  readonly suffix: string;
}

export interface GenerateRequest {
  readonly prompt: Prompt;
  readonly maxTokens: number;
  /** Holds the answer to one query on these names (`text-to-sql/decoding/`); without them the model writes what it likes. */
  readonly names?: Names;
  /** With `names`, for an answer that no repair will put right: each stands where SQLite finds it, whatever the model would rather write. */
  readonly strict?: boolean;
}

export interface Generation {
  readonly text: string;
  readonly finish: 'stop' | 'length';
  readonly prefixTokens: number;
  /** How many of the prompt's tokens were already in the KV cache. */
  readonly reusedTokens: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** How many tokens of the answer were not the model's first choice: `names` forbade that. */
  readonly steeredTokens: number;
  /** Of a `strict` answer, how many tokens would have been others without that; 0: the answer is the same. */
  readonly overruledTokens: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
}

export interface LoadOptions {
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

export interface GenerateOptions {
  /** Called with the whole text so far, each time it grows. */
  readonly onText?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** A language model in its own worker. Greedy decoding, deterministic. Nothing throws: a crash or a lost device settles everything pending with an error and leaves the engine loadable again. */
export interface Engine<Model> {
  load(model: Model, options?: LoadOptions): Promise<Result<void, EngineError>>;
  /** Feeds a schema's tokens ahead of the question, while the person types. */
  prime(prefix: string, options?: { readonly signal?: AbortSignal }): Promise<Result<void, EngineError>>;
  generate(request: GenerateRequest, options?: GenerateOptions): Promise<Result<Generation, EngineError>>;
  unload(): Promise<void>;
}
