/**
 * Imported first by the database's worker: it works on what it is given and never asks a network. The page's policy forbids that as well;
 * this holds where no policy does.
 */
for (const name of [
  'fetch',
  'XMLHttpRequest',
  'WebSocket',
  'WebSocketStream',
  'WebTransport',
  'EventSource',
  'importScripts',
  'indexedDB',
  'caches',
  'Worker',
]) {
  Reflect.deleteProperty(globalThis, name);
  // Some are properties of the prototype; shadowing hides those too.
  if (name in globalThis) Object.defineProperty(globalThis, name, { value: undefined, configurable: false, writable: false });
}

export {};
