import { failure, success, type Result } from '../result.ts';
import type { ModelFile } from './model-card.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';
import { sha256 } from './sha256.ts';

/** What a download needs of its surroundings. */
export interface DownloadEffects {
  readonly fetch: typeof fetch;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  readonly wait: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
  /** A connection that brings nothing for so long counts as broken. */
  readonly stallMs: number;
}

export interface DownloadOptions {
  /** Bytes of this file that have arrived; starts again at 0 with each attempt. */
  readonly onBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Pauses before the second to fourth attempt: long enough for a Wi-Fi hand-over, short enough to watch. */
const BACK_OFF_MS = [500, 2_000, 5_000] as const;

type Attempt =
  | { readonly kind: 'arrived'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Worth another attempt. */
  | { readonly kind: 'broken'; readonly detail: string }
  /** The server answered, with something that can never be the file; one more attempt past every HTTP cache is enough. */
  | { readonly kind: 'wrong'; readonly detail: string }
  | { readonly kind: 'refused'; readonly detail: string };

/**
 * Fetches one file whole and returns it only if length and SHA-256 are the expected ones.
 *
 * Tries up to four times with growing pauses; bytes that are wrong rather than missing get one more attempt only. Errors:
 * `network`, `wrong-hash`, `aborted`.
 */
export async function downloadFile(
  url: string,
  file: ModelFile,
  effects: DownloadEffects,
  options: DownloadOptions = {},
): Promise<Result<Uint8Array<ArrayBuffer>, EngineError>> {
  let wrongAnswers = 0;
  for (let attempt = 0; ; attempt++) {
    options.onBytes?.(0);
    const outcome = await tryOnce(url, file, effects, options);
    if (options.signal?.aborted) return failure(engineError('aborted'));
    if (outcome.kind === 'arrived') return success(outcome.bytes);
    const last = `${file.name}: ${outcome.detail}`;
    if (outcome.kind === 'wrong' && ++wrongAnswers === 2) return failure(engineError('wrong-hash', { detail: last }));
    const pause = outcome.kind === 'refused' ? undefined : BACK_OFF_MS[attempt];
    if (pause === undefined) {
      return failure(
        outcome.kind === 'wrong'
          ? engineError('wrong-hash', { detail: last })
          : engineError('network', { message: `The model’s file ${file.name} could not be downloaded.`, detail: last }),
      );
    }
    await effects.wait(pause, options.signal);
    if (options.signal?.aborted) return failure(engineError('aborted'));
  }
}

async function tryOnce(url: string, file: ModelFile, effects: DownloadEffects, options: DownloadOptions): Promise<Attempt> {
  const stall = new AbortController();
  let stallTimer: ReturnType<typeof setTimeout> | undefined;
  const alive = () => {
    clearTimeout(stallTimer);
    stallTimer = setTimeout(() => stall.abort(new Error(`nothing came for ${effects.stallMs} ms`)), effects.stallMs);
  };
  const signal = options.signal ? AbortSignal.any([stall.signal, options.signal]) : stall.signal;
  try {
    alive();
    // Our own cache keeps the file: a second copy in the HTTP cache would double the room it takes, and might be the broken one.
    const response = await effects.fetch(url, { signal, cache: 'no-store' });
    if (!response.ok) {
      void response.body?.cancel().catch(() => undefined);
      const transient = response.status === 408 || response.status === 429 || response.status >= 500;
      return { kind: transient ? 'broken' : 'refused', detail: `status ${response.status}` };
    }
    if (!response.body) return { kind: 'broken', detail: 'an answer without a body' };
    const bytes = new Uint8Array(file.bytes);
    let length = 0;
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      alive();
      if (length + value.length > file.bytes) {
        void reader.cancel().catch(() => undefined);
        return { kind: 'wrong', detail: `longer than ${file.bytes} bytes` };
      }
      bytes.set(value, length);
      length += value.length;
      options.onBytes?.(length);
    }
    clearTimeout(stallTimer);
    if (length < file.bytes) {
      // A cut connection without a declared length looks like an end; a page of HTML in the file's place looks the same.
      const html = response.headers.get('content-type')?.startsWith('text/html') ?? false;
      return { kind: html ? 'wrong' : 'broken', detail: `${length} of ${file.bytes} bytes${html ? ', a web page' : ''}` };
    }
    const found = await sha256(bytes);
    if (found !== file.sha256) return { kind: 'wrong', detail: `SHA-256 ${found}, expected ${file.sha256}` };
    return { kind: 'arrived', bytes };
  } catch (error) {
    const reason: unknown = stall.signal.aborted ? stall.signal.reason : error;
    return { kind: 'broken', detail: reason instanceof Error ? reason.message : String(reason) };
  } finally {
    clearTimeout(stallTimer);
  }
}

/** `setTimeout` as a promise that an abort ends early. */
export function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    if (signal?.aborted) finish();
    else signal?.addEventListener('abort', finish, { once: true });
  });
}
