/** What the page and the inference worker say to each other. Plain data only: errors lose their class on the way. */
import type { Result } from '../result.ts';
import type { CatalogueEntry, ModelLibrary } from './model-card.ts';
import type { EngineError, GenerateRequest, Generation, LoadProgress } from './engine.ts';

/** What a successful load tells of itself. */
export interface LoadReport {
  /** `memory`: the browser would not store the model; it has to be downloaded again next time. */
  readonly keptIn: 'cache' | 'memory';
  readonly library: string;
  readonly milliseconds: number;
}

/** The requests, and what each is answered with. */
export interface Calls {
  load: { readonly arguments: { readonly entry: CatalogueEntry; readonly library: ModelLibrary }; readonly answer: LoadReport };
  prime: { readonly arguments: { readonly prefix: string }; readonly answer: undefined };
  generate: { readonly arguments: { readonly request: GenerateRequest }; readonly answer: Generation };
}

export type CallName = keyof Calls;

export type ToWorker =
  | { [Name in CallName]: { readonly type: Name; readonly id: number } & Calls[Name]['arguments'] }[CallName]
  | { readonly type: 'abort'; readonly id: number };

export type FromWorker =
  /** The worker runs, and holds the Web Lock of this name until it dies. */
  | { readonly type: 'alive'; readonly lock: string | null }
  | { readonly type: 'progress'; readonly id: number; readonly progress: LoadProgress }
  | { readonly type: 'text'; readonly id: number; readonly text: string }
  | { readonly type: 'settled'; readonly id: number; readonly result: Result<unknown, EngineError> }
  /** The graphics device is gone: nothing that is pending will ever be answered. */
  | { readonly type: 'lost'; readonly error: EngineError };
