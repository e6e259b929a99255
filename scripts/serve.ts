import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, resolve, sep } from 'node:path';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.sqlite': 'application/vnd.sqlite3',
  '.txt': 'text/plain; charset=utf-8',
};

export interface ServeOptions {
  /** The folder that is served. */
  readonly root: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** The path that the folder appears under, with a slash at both ends; '/' by default. */
  readonly basePath?: string;
  /** Sent with every answer; none stands for a plain static host. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Called with the path of every request. */
  readonly onRequest?: (path: string) => void;
}

export interface Serving {
  /** The address of the page, with a slash at the end. */
  readonly url: string;
  /** Ends the server and every open connection. */
  close(): Promise<void>;
}

/**
 * Serves a folder on 127.0.0.1, as a static host would: no listing, no fallback page, GET and HEAD only.
 * @throws Error where the port is taken or not allowed.
 */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { port, basePath = '/' } = options;
  const server = createServer((request, response) => respond(options, request, response));
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(port, '127.0.0.1', done);
  });
  const address = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${address.port}${basePath}`, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}

function respond(options: ServeOptions, request: IncomingMessage, response: ServerResponse): void {
  const { basePath = '/', headers = {}, onRequest } = options;
  const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
  onRequest?.(pathname);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  // A new build must be seen at the next visit; the names under assets/ carry their content's hash.
  response.setHeader('Cache-Control', pathname.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    refuse(response, 405);
    return;
  }
  const file = pathname.startsWith(basePath) ? findFile(options.root, pathname.slice(basePath.length)) : undefined;
  if (!file) {
    refuse(response, 404);
    return;
  }
  const etag = `"${file.size.toString(36)}-${Math.trunc(file.modified).toString(36)}"`;
  response.setHeader('ETag', etag);
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304).end();
    return;
  }
  response.writeHead(200, { 'Content-Type': types[extname(file.path)] ?? 'application/octet-stream', 'Content-Length': file.size });
  if (request.method === 'HEAD') response.end();
  else createReadStream(file.path).pipe(response);
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(status === 404 ? 'not found' : 'not allowed');
}

function findFile(root: string, path: string): { path: string; size: number; modified: number } | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return undefined; // A malformed address names no file.
  }
  const folder = resolve(root);
  const wanted = normalize(join(folder, decoded === '' || decoded.endsWith('/') ? `${decoded}index.html` : decoded));
  if (!wanted.startsWith(folder + sep)) return undefined;
  const stats = statSync(wanted, { throwIfNoEntry: false });
  return stats?.isFile() ? { path: wanted, size: stats.size, modified: stats.mtimeMs } : undefined;
}
