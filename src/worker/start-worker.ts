import { trustedScriptUrl } from './script-url.ts';

/**
 * Starts a module worker that is governed by the page's own Content-Security-Policy.
 *
 * A worker fetched from a network URL takes its policy from its own response headers, which a static host may not send
 * (Chromium f7c475b); a worker started from a blob inherits the policy of its creator. So the worker starts as a blob that
 * imports the real module.
 */
export function startWorker(moduleUrl: string, name: string): Worker {
  const absolute = new URL(moduleUrl, location.href).href;
  const source = new Blob([`import ${JSON.stringify(absolute)};`], { type: 'text/javascript' });
  const url = URL.createObjectURL(source);
  const worker = new Worker(trustedScriptUrl(url), { type: 'module', name });
  // Revoking at once would race with the fetch of the blob; the module has been fetched when its first message comes.
  worker.addEventListener('message', () => URL.revokeObjectURL(url), { once: true });
  return worker;
}
