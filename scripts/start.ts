/** `npm start`: builds the app where it is not built or older than its source, serves it on this machine and prints the address. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'vite';
import { modelHosts, securityHeaders } from './security-headers.ts';
import { serve } from './serve.ts';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');

/** The time of the newest file under the paths, in milliseconds since 1970. */
function newest(...paths: readonly string[]): number {
  const times = paths.map((path) => {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats) return 0;
    if (!stats.isDirectory()) return stats.mtimeMs;
    return Math.max(stats.mtimeMs, newest(...readdirSync(path).map((name) => join(path, name))));
  });
  return Math.max(0, ...times);
}

const sources = ['src', 'public', 'index.html', 'vite.config.ts', 'svelte.config.js', 'package-lock.json', 'scripts/security-headers.ts'];
const built = join(dist, 'index.html');
if (!existsSync(built) || statSync(built).mtimeMs < newest(...sources.map((path) => join(root, path)))) {
  console.log('Building the app (some 20 seconds) …');
  await build({ root, logLevel: 'warn' });
}

const wanted = Number(process.env.PORT ?? 4173);
const options = { root: dist, headers: securityHeaders(modelHosts()) };
const serving = await serve({ ...options, port: wanted }).catch((error: unknown) => {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
  console.log(`Port ${wanted} is taken; using a free one. Set PORT to choose.`);
  return serve({ ...options, port: 0 });
});
console.log(`\n  Tabletalk is ready:  ${serving.url}\n\n  Open it in Chrome, Edge or Safari. Ctrl-C stops the server.\n`);
