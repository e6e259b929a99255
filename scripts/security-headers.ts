/**
 * The one place that says what the page may do. The build writes the policy into index.html (so that a static host without
 * headers has it too), our own server sends it as a header. Workers start from blobs and inherit it: src/worker/start-worker.ts.
 */

/** Hosts that models may be fetched from besides the page's own: TABLETALK_MODEL_HOSTS, a list with blanks between, as at build time. */
export function modelHosts(environment: Readonly<Record<string, string | undefined>> = process.env): readonly string[] {
  const hosts = (environment.TABLETALK_MODEL_HOSTS ?? '').split(/\s+/).filter((host) => host !== '');
  const wrong = hosts.find((host) => !/^https:\/\/(\*\.)?[a-z0-9.-]+(:\d+)?$/i.test(host));
  if (wrong !== undefined) {
    throw new Error(
      `TABLETALK_MODEL_HOSTS names “${wrong}”: write whole origins such as https://models.example.org or https://*.example.org, with blanks between.`,
    );
  }
  return hosts;
}

/** The Content-Security-Policy as one line. frame-ancestors is ignored in a meta element, so only the header has it. */
export function contentSecurityPolicy(hosts: readonly string[], place: 'meta' | 'header'): string {
  const directives = [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self' blob:",
    ["connect-src 'self'", ...hosts].join(' '),
    "img-src 'self' blob: data:",
    "style-src 'self'",
    "font-src 'self'",
    "manifest-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    ...(place === 'header' ? ["frame-ancestors 'none'"] : []),
    "require-trusted-types-for 'script'",
    'trusted-types svelte-trusted-html tabletalk-script-url',
  ];
  return directives.join('; ');
}

/** What our server sends with every answer. */
export function securityHeaders(hosts: readonly string[]): Readonly<Record<string, string>> {
  return {
    'Content-Security-Policy': contentSecurityPolicy(hosts, 'header'),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
  };
}
