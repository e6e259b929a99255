interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): unknown };
}

let policy: ReturnType<TrustedTypes['createPolicy']> | undefined;

/** Where the built service worker lies: beside the page. */
export function serviceWorkerUrl(): string {
  return new URL('./offline.sw.js', document.baseURI).href;
}

/**
 * Passes an address through the page's one policy for scripts: `require-trusted-types-for 'script'` makes `new Worker` and the
 * registration of a service worker sinks. Lets through blobs of this origin and the service worker beside the page.
 * @throws TypeError for any other address
 */
export function trustedScriptUrl(url: string): string {
  const trustedTypes = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  if (!trustedTypes) return url;
  policy ??= trustedTypes.createPolicy('tabletalk-script-url', {
    createScriptURL(candidate) {
      const blobs = `blob:${location.origin}/`;
      if (candidate.startsWith(blobs) || candidate === serviceWorkerUrl()) return candidate;
      throw new TypeError('only scripts of this page are started');
    },
  });
  return policy.createScriptURL(url) as string;
}
