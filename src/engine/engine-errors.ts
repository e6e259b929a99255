import type { EngineError, EngineErrorCode } from './engine.ts';

/** What each code says to a person when the place that noticed the trouble knows nothing better. */
const SENTENCES: Record<EngineErrorCode, readonly [message: string, nextStep: string]> = {
  'no-webgpu': [
    'This browser has no WebGPU, which the language model needs.',
    'Open this page in a current Chrome or Edge (113 or later), Safari 26 or Firefox 141 on Windows. Databases and the SQL editor work here as well.',
  ],
  'no-adapter': [
    'The browser has WebGPU but found no graphics card that it may use.',
    'Switch hardware acceleration on in the browser’s settings and restart the browser. Databases and the SQL editor work without it.',
  ],
  'device-limits': ['The graphics card is too small for this model.', 'Choose a smaller model, or write SQL yourself.'],
  'device-lost': ['The graphics card stopped working for this page.', 'Load the model again; if it happens again, restart the browser.'],
  'out-of-memory': [
    'The graphics card has not enough free memory for this model.',
    'Close other tabs and load again, or choose a smaller model.',
  ],
  network: ['The model could not be downloaded.', 'Check the connection and try again; files that arrived are kept.'],
  'wrong-hash': [
    'A file of the model is not the one that was published, so it is not used.',
    'Try again later, or tell whoever runs this page.',
  ],
  'storage-full': ['The browser has not enough room to keep the model.', 'Delete another model or free some disk space, then try again.'],
  'not-loaded': ['No model is loaded.', 'Load a model first.'],
  'prompt-too-long': [
    'The question and the part of the database that goes with it are longer than the model can read.',
    'Choose fewer tables, or ask a shorter question.',
  ],
  busy: ['The model is still at work on something else.', 'Wait for it, or stop it first.'],
  aborted: ['Stopped.', 'Ask again whenever you like.'],
  crashed: ['The language model stopped unexpectedly.', 'Ask again: the model is loaded anew. If it happens again, reload the page.'],
};

/** Makes an error as data; `said` replaces the standard sentences where the caller knows more. */
export function engineError(
  code: EngineErrorCode,
  said: { readonly message?: string; readonly nextStep?: string; readonly detail?: unknown } = {},
): EngineError {
  const [message, nextStep] = SENTENCES[code];
  const error = { code, message: said.message ?? message, nextStep: said.nextStep ?? nextStep };
  return said.detail === undefined ? error : { ...error, detail: describe(said.detail) };
}

/** The library's own words, for a report: never the only thing that a person is told. */
function describe(detail: unknown): string {
  if (detail instanceof Error) return `${detail.name}: ${detail.message}`;
  if (typeof detail === 'string') return detail;
  // undefined for a function or a symbol, whatever its type says
  const json = JSON.stringify(detail) as string | undefined;
  return json ?? typeof detail;
}
