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
  const worker = new Worker(trustedWorkerUrl(url), { type: 'module', name });
  // Revoking at once would race with the fetch of the blob; the module has been fetched when its first message comes.
  worker.addEventListener('message', () => URL.revokeObjectURL(url), { once: true });
  return worker;
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): unknown };
}

let policy: ReturnType<TrustedTypes['createPolicy']> | undefined;

/** `require-trusted-types-for 'script'` makes `new Worker` a sink; our one policy lets through blobs of this origin only. */
function trustedWorkerUrl(url: string): string {
  const trustedTypes = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  if (!trustedTypes) return url;
  policy ??= trustedTypes.createPolicy('tabletalk-script-url', {
    createScriptURL(candidate) {
      if (candidate.startsWith(`blob:${location.origin}/`)) return candidate;
      throw new TypeError('only workers of this page are started');
    },
  });
  return policy.createScriptURL(url) as string;
}
