import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The JavaScript that a built page fetches before anything is asked of it: its script, and all that this imports statically. */
export function initialScripts(dist: string): readonly string[] {
  const html = readFileSync(join(dist, 'index.html'), 'utf8');
  const found = new Set<string>();
  const follow = (path: string): void => {
    if (found.has(path)) return;
    found.add(path);
    const code = readFileSync(path, 'utf8');
    for (const [, name = ''] of code.matchAll(/(?:^|[;\n}])(?:import|export)(?:[^;"'`()]*?from)?["']\.\/([^"']+)["']/g)) {
      follow(join(dist, 'assets', name));
    }
  };
  for (const [, name = ''] of html.matchAll(/<(?:script[^>]*\bsrc|link rel="modulepreload"[^>]*\bhref)="\.\/([^"]+\.js)"/g)) {
    follow(join(dist, name));
  }
  return [...found];
}
