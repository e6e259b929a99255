import { failure, success, type Result } from '../result.ts';
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

/** A file as far as it is known beforehand: of a hub's files only the shards' lengths are. */
export interface ExpectedFile {
  readonly name: string;
  readonly bytes?: number;
  readonly sha256?: string;
}

export interface DownloadOptions {
  /** Bytes of this file that have arrived; starts again at 0 with each attempt. */
  readonly onBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
  /** Says what is wrong with bytes whose hash is not known; undefined if nothing. */
  readonly inspect?: (bytes: Uint8Array<ArrayBuffer>) => string | undefined;
}

/** Pauses before the second to fourth attempt: long enough for a Wi-Fi hand-over, short enough to watch. */
const BACK_OFF_MS = [500, 2_000, 5_000] as const;

/** No file of unknown length is longer: the largest is a tokenizer of some 12 MB. */
const UNKNOWN_LENGTH_BYTES = 64 * 1024 * 1024;

type Attempt =
  | { readonly kind: 'arrived'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Worth another attempt. */
  | { readonly kind: 'broken'; readonly detail: string }
  /** The server answered, with something that can never be the file; one more attempt past every HTTP cache is enough. */
  | { readonly kind: 'wrong'; readonly detail: string }
  | { readonly kind: 'refused'; readonly detail: string };

/**
 * Fetches one file whole and returns it only if length and SHA-256 are the expected ones, as far as they are known.
 *
 * Tries up to four times with growing pauses; bytes that are wrong rather than missing get one more attempt only. Errors:
 * `network`, `wrong-hash`, `aborted`.
 */
export async function downloadFile(
  url: string,
  file: ExpectedFile,
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

async function tryOnce(url: string, file: ExpectedFile, effects: DownloadEffects, options: DownloadOptions): Promise<Attempt> {
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
    const isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false;
    const bytes = await readBody(response.body, file.bytes, (length) => {
      alive();
      options.onBytes?.(length);
    });
    clearTimeout(stallTimer);
    if (bytes === 'too-long') return { kind: 'wrong', detail: `longer than ${file.bytes ?? UNKNOWN_LENGTH_BYTES} bytes` };
    if (file.bytes !== undefined && bytes.length < file.bytes) {
      // A cut connection without a declared length looks like an end; a page of HTML in the file's place looks the same.
      return { kind: isPage ? 'wrong' : 'broken', detail: `${bytes.length} of ${file.bytes} bytes${isPage ? ', a web page' : ''}` };
    }
    if (file.sha256 !== undefined) {
      const found = await sha256(bytes);
      if (found !== file.sha256) return { kind: 'wrong', detail: `SHA-256 ${found}, expected ${file.sha256}` };
    }
    const flaw = options.inspect?.(bytes);
    // It may as well be the beginning of the right one.
    if (flaw !== undefined) return { kind: isPage ? 'wrong' : 'broken', detail: flaw };
    return { kind: 'arrived', bytes };
  } catch (error) {
    const reason: unknown = stall.signal.aborted ? stall.signal.reason : error;
    return { kind: 'broken', detail: reason instanceof Error ? reason.message : String(reason) };
  } finally {
    clearTimeout(stallTimer);
  }
}

/** All bytes of a stream, which may be fewer than expected. Ends the stream where there are more. */
async function readBody(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  expected: number | undefined,
  onLength: (length: number) => void,
): Promise<Uint8Array<ArrayBuffer> | 'too-long'> {
  // Allocated once where the length is known: a shard held twice would be a lot.
  const whole = expected === undefined ? undefined : new Uint8Array(expected);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const reader = stream.getReader();
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (length + value.length > (expected ?? UNKNOWN_LENGTH_BYTES)) {
      void reader.cancel().catch(() => undefined);
      return 'too-long';
    }
    if (whole) whole.set(value, length);
    else pieces.push(value);
    length += value.length;
    onLength(length);
  }
  return whole?.subarray(0, length) ?? new Uint8Array(await new Blob(pieces).arrayBuffer());
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
