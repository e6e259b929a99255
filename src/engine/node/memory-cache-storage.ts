/** The Cache API as far as the model store uses it, in memory, with the faults that browsers have: quota, refusal, rotten entries. */

interface Entry {
  bytes: Uint8Array<ArrayBuffer>;
  readonly headers: Headers;
}

export class MemoryCacheStorage {
  /** Bytes that all entries may have together; a put past it fails as browsers fail. */
  quota = Infinity;
  /** Set to make `open` throw, as private windows do. */
  refusal: Error | undefined;
  readonly #caches = new Map<string, Map<string, Entry>>();

  open(name: string): Promise<Cache> {
    if (this.refusal) return Promise.reject(this.refusal);
    const entries = this.#caches.get(name) ?? new Map<string, Entry>();
    this.#caches.set(name, entries);
    return Promise.resolve(this.#cache(entries) as Cache);
  }

  get usedBytes(): number {
    return this.#all().reduce((sum, [, entry]) => sum + entry.bytes.length, 0);
  }

  get urls(): readonly string[] {
    return this.#all().map(([url]) => url);
  }

  /** Changes what is stored under every URL that ends so; returns how many there were. */
  damage(ending: string, change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>): number {
    const hit = this.#all().filter(([url]) => url.endsWith(ending));
    for (const [, entry] of hit) entry.bytes = change(entry.bytes);
    return hit.length;
  }

  #all(): [string, Entry][] {
    return [...this.#caches.values()].flatMap((entries) => [...entries]);
  }

  #cache(entries: Map<string, Entry>): Pick<Cache, 'match' | 'put' | 'delete' | 'keys'> {
    const urlOf = (request: RequestInfo | URL) => (request instanceof Request ? request.url : new URL(request).href);
    return {
      match: (request) => {
        const entry = entries.get(urlOf(request));
        return Promise.resolve(entry && new Response(entry.bytes, { headers: entry.headers }));
      },
      put: async (request, response) => {
        const url = urlOf(request);
        const bytes = new Uint8Array(await response.arrayBuffer());
        const before = entries.get(url)?.bytes.length ?? 0;
        if (this.usedBytes - before + bytes.length > this.quota) throw new DOMException('Quota exceeded.', 'QuotaExceededError');
        entries.set(url, { bytes, headers: response.headers });
      },
      delete: (request) => Promise.resolve(entries.delete(urlOf(request))),
      keys: () => Promise.resolve([...entries.keys()].map((url) => new Request(url))),
    };
  }
}
