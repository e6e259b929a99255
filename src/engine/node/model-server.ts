/** A static host for one model folder over real HTTP, with the faults that hosts and networks have. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { parseModelCard, type CatalogueEntry } from '../model-card.ts';

export type Fault =
  /** Promises the whole file and closes the connection after this share of it. */
  | { readonly kind: 'cut'; readonly share: number }
  /** Sends this share without a declared length and ends properly. */
  | { readonly kind: 'short'; readonly share: number }
  | { readonly kind: 'stall'; readonly share: number }
  | { readonly kind: 'html' }
  | { readonly kind: 'flipped' }
  | { readonly kind: 'longer' }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'gzip' }
  | { readonly kind: 'redirect' };

export class ModelServer {
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();
  /** Requests in order, by file name. */
  readonly requests: string[] = [];
  readonly #faults = new Map<string, { readonly fault: Fault; times: number }>();
  #server: Server | undefined;
  readonly #prefix = '/some/folder/models/m/';

  /** The next `times` requests for this file go wrong. */
  breakFile(name: string, fault: Fault, times = Infinity): void {
    this.#faults.set(name, { fault, times });
  }

  mend(): void {
    this.#faults.clear();
    this.requests.length = 0;
  }

  async listen(): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    const { port } = this.#server?.address() as AddressInfo;
    return `http://127.0.0.1:${port}${this.#prefix}`;
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** A card for the files that the folder holds. */
  card(id = 'm'): Uint8Array<ArrayBuffer> {
    const files = Object.fromEntries([...this.files].map(([name, bytes]) => [name, { bytes: bytes.length, sha256: hash(bytes) }]));
    const libraries = [{ file: 'm.wasm', computeType: 'f32', schedule: 'gpu' }];
    const card = { id, licence: 'Apache-2.0', contextWindow: 1024, promptStyle: 'compact', libraries, files };
    return new Uint8Array(Buffer.from(JSON.stringify(card)));
  }

  /** The folder as the app reads it. */
  async entry(id = 'm'): Promise<CatalogueEntry> {
    const bytes = this.card(id);
    const parsed = await parseModelCard(bytes, { url: this.url, cardSha256: hash(bytes) });
    if (!parsed.ok) throw new Error(parsed.error.detail);
    return parsed.value;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const name = (request.url ?? '').slice(this.#prefix.length);
    if (name.startsWith('moved/')) {
      response.end(this.files.get(name.slice('moved/'.length)));
      return;
    }
    this.requests.push(name);
    const bytes = this.files.get(name);
    if (!bytes) {
      response.writeHead(404).end('not here');
      return;
    }
    const broken = this.#faults.get(name);
    if (!broken || broken.times <= 0) {
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
      return;
    }
    broken.times--;
    answerWrongly(broken.fault, name, bytes, response);
  }
}

function answerWrongly(fault: Fault, name: string, bytes: Uint8Array<ArrayBuffer>, response: ServerResponse): void {
  switch (fault.kind) {
    case 'cut':
      response.writeHead(200, { 'content-length': bytes.length });
      // The headers and the part must have left before the connection is torn down.
      response.write(bytes.subarray(0, Math.floor(bytes.length * fault.share)), () => setTimeout(() => response.destroy(), 20));
      return;
    case 'short':
      response.writeHead(200).end(bytes.subarray(0, Math.floor(bytes.length * fault.share)));
      return;
    case 'stall':
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, Math.floor(bytes.length * fault.share)));
      return;
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>Please log in to the Wi-Fi');
      return;
    case 'flipped': {
      const flipped = Uint8Array.from(bytes);
      flipped[flipped.length >> 1] = (flipped[flipped.length >> 1] ?? 0) ^ 1;
      response.writeHead(200).end(flipped);
      return;
    }
    case 'longer':
      response.writeHead(200).end(Buffer.concat([bytes, Buffer.from('more')]));
      return;
    case 'status':
      response.writeHead(fault.status).end('no');
      return;
    case 'gzip':
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(bytes));
      return;
    case 'redirect':
      response.writeHead(302, { location: `moved/${name}` }).end();
  }
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
