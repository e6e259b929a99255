import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';

/**
 * The hosts among `urls` that a page may not fetch from.
 *
 * @param policy the Content-Security-Policy that governs the page; undefined where there is none, and everything may be fetched
 * @param page the page's own address
 */
export function blockedHosts(urls: readonly string[], policy: string | undefined, page: string): readonly string[] {
  if (policy === undefined) return [];
  const directives = policy.split(';').map((directive) => directive.trim().split(/\s+/));
  const sources = (directives.find(([name]) => name === 'connect-src') ?? directives.find(([name]) => name === 'default-src'))?.slice(1);
  if (!sources) return [];
  const blocked = urls.map((url) => new URL(url)).filter((url) => !sources.some((source) => allows(source, url, page)));
  return [...new Set(blocked.map((url) => url.host))];
}

/** The sources that `scripts/security-headers.ts` writes: 'self' and whole origins, whose host may begin with `*.`. */
function allows(source: string, url: URL, page: string): boolean {
  if (source === "'self'") return url.origin === new URL(page).origin;
  const [, scheme, wildcard, host] = /^(https?:)\/\/(\*\.)?([^/]+)$/i.exec(source) ?? [];
  if (scheme === undefined || host === undefined || url.protocol !== scheme.toLowerCase()) return false;
  return wildcard === undefined ? url.host === host.toLowerCase() : url.host.endsWith(`.${host.toLowerCase()}`);
}

/** Why a model cannot be fetched from such hosts, and what can be done. */
export function hostNotAllowed(hosts: readonly string[]): EngineError {
  return engineError('network', {
    message: `This copy of Tabletalk may not fetch from ${hosts.join(' or ')}: it only talks to hosts that were chosen when it was built.`,
    nextStep: 'Import the model’s folder from disk, or ask whoever runs this page to allow the host (TABLETALK_MODEL_HOSTS).',
  });
}
