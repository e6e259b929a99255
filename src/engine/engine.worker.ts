/** The inference worker: wires messages to an Inference, nothing else. */
import { failure, type Result } from '../result.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';
import { Inference } from './inference.ts';
import type { FromWorker, ToWorker } from './messages.ts';

const scope = self as unknown as DedicatedWorkerGlobalScope;
const post = (message: FromWorker) => scope.postMessage(message);
const inference = new Inference((error) => post({ type: 'lost', error }));
const aborts = new Map<number, AbortController>();

scope.addEventListener('message', (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  if (message.type === 'abort') {
    aborts.get(message.id)?.abort();
    return;
  }
  const { id } = message;
  const controller = new AbortController();
  aborts.set(id, controller);
  void run(message, controller.signal)
    .catch((error: unknown) => failure(engineError('crashed', { detail: error })))
    .then((result) => {
      aborts.delete(id);
      post({ type: 'settled', id, result });
    });
});

function run(message: Exclude<ToWorker, { type: 'abort' }>, signal: AbortSignal): Promise<Result<unknown, EngineError>> {
  const { id } = message;
  switch (message.type) {
    case 'load':
      return inference.load(message.entry, message.library, { signal, onProgress: (progress) => post({ type: 'progress', id, progress }) });
    case 'prime':
      return inference.prime(message.prefix, signal);
    case 'generate':
      return inference.generate(message.request, { signal, onText: (text) => post({ type: 'text', id, text }) });
  }
}

/** Holds a lock for as long as the worker lives: its end is the page's sign that the worker is gone. */
function announce(): void {
  const { locks } = scope.navigator;
  const lock = `tabletalk-worker-${crypto.randomUUID()}`;
  locks
    .request(lock, () => {
      post({ type: 'alive', lock });
      return new Promise<never>(() => undefined);
    })
    // Without locks the worker runs all the same; its silent death would go unnoticed until the person presses stop.
    .catch(() => post({ type: 'alive', lock: null }));
}

announce();
