/**
 * Feeds WebLLM from our verified files.
 *
 * WebLLM 0.2.86 fetches what it does not find in its caches and checks neither length nor hash of weights. In our worker it
 * finds this in place of the Cache API: all it can ever read are the files that the model store has verified, and nothing it
 * asks for reaches the network.
 */
import type { Result } from '../result.ts';
import type { EngineError } from './engine.ts';

/** WebLLM takes a URL with `/resolve/<x>/` as it is; `.invalid` never resolves (RFC 2606), and is not "localhost", which it would not cache. */
export const MODEL_URL = 'https://model.invalid/resolve/main/';

/** What of CacheStorage and Cache WebLLM calls. */
interface CacheLike {
  match(request: RequestInfo | URL): Promise<Response | undefined>;
  add(request: RequestInfo | URL): Promise<void>;
  keys(): Promise<readonly Request[]>;
}

/**
 * @param names the files that exist
 * @param read a file's verified bytes
 * @param onRead called with each name as it is asked for
 */
export function modelFilesAsCache(
  names: readonly string[],
  read: (name: string) => Promise<Result<Uint8Array<ArrayBuffer>, EngineError>>,
): { open(scope: string): Promise<CacheLike> } {
  const cache: CacheLike = {
    async match(request) {
      const url = request instanceof Request ? request.url : String(request);
      const name = url.slice(MODEL_URL.length);
      if (!url.startsWith(MODEL_URL) || !names.includes(name)) return undefined;
      const bytes = await read(name);
      if (!bytes.ok) throw new ModelFileError(bytes.error);
      return new Response(bytes.value);
    },
    add(request) {
      const url = request instanceof Request ? request.url : String(request);
      return Promise.reject(new TypeError(`not a file of the model: ${url}`));
    },
    keys: () => Promise.resolve(names.map((name) => new Request(MODEL_URL + name))),
  };
  return { open: () => Promise.resolve(cache) };
}

/** Carries our own error through WebLLM's code. */
export class ModelFileError extends Error {
  readonly failure: EngineError;

  constructor(error: EngineError) {
    super(error.message);
    this.failure = error;
  }
}
