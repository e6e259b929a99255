import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { wait } from './download-file.ts';
import type { LoadProgress } from './engine.ts';
import type { CatalogueEntry, ModelLibrary } from './model-card.ts';
import { ModelStore, type ModelFiles, type StoreEffects } from './model-store.ts';
import { MemoryCacheStorage } from './node/memory-cache-storage.ts';
import { ModelServer, type Fault } from './node/model-server.ts';

const SHARD_BYTES = 40_000;
const server = new ModelServer();
let entry: CatalogueEntry;
let library: ModelLibrary;
let caches: MemoryCacheStorage;
let pauses: number[];
let now: number;

beforeAll(async () => {
  const pattern = (length: number, seed: number) => Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 17) % 251);
  server.files.set('mlc-chat-config.json', pattern(300, 1));
  server.files.set('tensor-cache.json', pattern(900, 2));
  server.files.set('tokenizer.json', pattern(5_000, 3));
  server.files.set('m.wasm', pattern(20_000, 4));
  for (let shard = 0; shard < 3; shard++) server.files.set(`params_shard_${shard}.bin`, pattern(SHARD_BYTES, 5 + shard));
  await server.listen();
  entry = await server.entry();
  const [first] = entry.libraries;
  if (!first) throw new Error('no library');
  library = first;
});
afterAll(() => server.close());

beforeEach(() => {
  server.mend();
  caches = new MemoryCacheStorage();
  pauses = [];
  now = Date.UTC(2026, 0, 1);
});

function store(changes: Partial<StoreEffects> = {}): ModelStore {
  return new ModelStore({
    caches,
    locks: undefined,
    fetch: (input, init) => fetch(input, init),
    wait: (milliseconds) => {
      pauses.push(milliseconds);
      return Promise.resolve();
    },
    // Long enough that a busy machine does not look like a stalled one.
    stallMs: 1000,
    now: () => now,
    freeBytes: () => Promise.resolve(12_000_000),
    ...changes,
  });
}

async function prepared(changes: Partial<StoreEffects> = {}): Promise<ModelFiles> {
  const result = await store(changes).prepare(entry, library);
  if (!result.ok) throw new Error(`${result.error.message} ${result.error.detail ?? ''}`);
  return result.value;
}

async function expectWhole(files: ModelFiles): Promise<void> {
  for (const { name } of files.files) {
    const read = await files.read(name);
    expect(read.ok && Buffer.from(read.value).equals(Buffer.from(server.files.get(name) ?? []))).toBe(true);
  }
}

describe('a first load', () => {
  it('fetches every file once, keeps it, and tells the bytes as they come', async () => {
    const progress: LoadProgress[] = [];
    const files = await store().prepare(entry, library, { onProgress: (step) => progress.push(step) });
    if (!files.ok) throw new Error(files.error.message);
    expect(files.value.keptIn).toBe('cache');
    await expectWhole(files.value);
    expect(server.requests).toEqual(files.value.files.map((file) => file.name));
    const download = progress.filter((step) => step.phase === 'download').map((step) => step.loadedBytes);
    expect(download.at(0)).toBe(0);
    expect(download.at(-1)).toBe(entry.sizeBytes);
    expect(download).toEqual([...download].sort((a, b) => a - b));
    expect(progress.every((step) => step.totalBytes === entry.sizeBytes)).toBe(true);
  });

  it('leaves a model that loads with the server gone', async () => {
    await prepared();
    server.requests.length = 0;
    await expectWhole(await prepared({ fetch: () => Promise.reject(new TypeError('Failed to fetch')) }));
    expect(server.requests).toEqual([]);
  });

  it('lists what it keeps, and deleting gives all of it back', async () => {
    await prepared();
    expect(await store().list()).toMatchObject([{ id: 'm', bytes: entry.sizeBytes, complete: true, storedAt: new Date(now) }]);
    expect(await store().remove('m')).toEqual({ ok: true, value: { freedBytes: entry.sizeBytes } });
    expect(caches.usedBytes).toBe(0);
    expect(await store().list()).toEqual([]);
  });

  it('keeps files that another model shares', async () => {
    await prepared();
    const twin = { ...(await server.entry('twin')), url: entry.url };
    expect((await store().prepare(twin, library)).ok).toBe(true);
    expect(server.requests).toHaveLength(7);
    expect(await store().remove('m')).toEqual({ ok: true, value: { freedBytes: 0 } });
    expect(await store().remove('twin')).toEqual({ ok: true, value: { freedBytes: entry.sizeBytes } });
  });
});

describe('a network that fails for a while', () => {
  const passing: [string, Fault][] = [
    ...[0, 0.01, 0.5, 0.99].map((share): [string, Fault] => [`a connection cut at ${share}`, { kind: 'cut', share }]),
    ...[0, 0.5, 0.99].map((share): [string, Fault] => [`a silent end at ${share}`, { kind: 'short', share }]),
    ...[0, 0.5].map((share): [string, Fault] => [`a stall at ${share}`, { kind: 'stall', share }]),
    ['an overloaded server', { kind: 'status', status: 503 }],
    ['too many requests', { kind: 'status', status: 429 }],
  ];
  it.each(passing)('tries again after %s', async (_name, fault) => {
    server.breakFile('params_shard_1.bin', fault, 2);
    await expectWhole(await prepared());
    expect(server.requests.filter((name) => name === 'params_shard_1.bin')).toHaveLength(3);
    expect(server.requests.filter((name) => name === 'params_shard_0.bin')).toHaveLength(1);
    expect(pauses).toEqual([500, 2000]);
  });

  it('gives up after three more attempts, keeps what came, and goes on there next time', async () => {
    server.breakFile('params_shard_1.bin', { kind: 'cut', share: 0.5 });
    expect(await store().prepare(entry, library)).toMatchObject({ ok: false, error: { code: 'network' } });
    expect(server.requests.filter((name) => name === 'params_shard_1.bin')).toHaveLength(4);
    expect(await store().list()).toMatchObject([{ id: 'm', bytes: entry.sizeBytes - 2 * SHARD_BYTES, complete: false }]);
    server.mend();
    await expectWhole(await prepared());
    expect(server.requests).toEqual(['params_shard_1.bin', 'params_shard_2.bin']);
  });

  it('does not insist on a file that the server does not have', async () => {
    server.breakFile('params_shard_0.bin', { kind: 'status', status: 404 });
    expect(await store().prepare(entry, library)).toMatchObject({
      ok: false,
      error: { code: 'network', detail: 'params_shard_0.bin: status 404' },
    });
    expect(pauses).toEqual([]);
  });

  it('stops at once when told to, in a stalled download too', async () => {
    server.breakFile('params_shard_0.bin', { kind: 'stall', share: 0.5 });
    const controller = new AbortController();
    const started = performance.now();
    const loading = store({ stallMs: 60_000 }).prepare(entry, library, { signal: controller.signal });
    await wait(100, undefined);
    controller.abort();
    expect(await loading).toMatchObject({ ok: false, error: { code: 'aborted' } });
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('stops in the pause before another attempt', async () => {
    server.breakFile('params_shard_0.bin', { kind: 'status', status: 503 });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    const started = performance.now();
    expect(
      await store({ wait: (milliseconds, signal) => wait(20 * milliseconds, signal) }).prepare(entry, library, {
        signal: controller.signal,
      }),
    ).toMatchObject({
      ok: false,
      error: { code: 'aborted' },
    });
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('a server that sends something else', () => {
  const wrong: [string, Fault][] = [
    ['a log-in page', { kind: 'html' }],
    ['one flipped bit', { kind: 'flipped' }],
    ['more than the file', { kind: 'longer' }],
  ];
  const kinds = ['mlc-chat-config.json', 'tensor-cache.json', 'tokenizer.json', 'm.wasm', 'params_shard_2.bin'];
  it.each(wrong.flatMap(([name, fault]) => kinds.map((file): [string, string, Fault] => [name, file, fault])))(
    'refuses %s for %s and stores nothing of it',
    async (_name, file, fault) => {
      server.breakFile(file, fault);
      expect(await store().prepare(entry, library)).toMatchObject({ ok: false, error: { code: 'wrong-hash' } });
      expect(server.requests.filter((name) => name === file)).toHaveLength(2);
      expect(caches.urls).not.toContain(`https://tabletalk.invalid/sha256/${entry.files[file]?.sha256}`);
      server.mend();
      await expectWhole(await prepared());
    },
  );

  it.each<[string, Fault]>([
    ['compressed', { kind: 'gzip' }],
    ['from another address', { kind: 'redirect' }],
  ])('accepts the right file when it comes %s', async (_name, fault) => {
    server.breakFile('params_shard_0.bin', fault);
    await expectWhole(await prepared());
  });
});

describe('storage that rots', () => {
  const rot: [string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>][] = [
    ['flipped', (bytes) => bytes.map((byte, index) => (index === 5 ? byte ^ 1 : byte))],
    ['cut short', (bytes) => bytes.slice(0, -1)],
    ['emptied', () => new Uint8Array()],
    ['replaced by a page', () => new Uint8Array(Buffer.from('<html>'))],
  ];
  const kinds = ['mlc-chat-config.json', 'tokenizer.json', 'm.wasm', 'params_shard_1.bin'];
  it.each(rot.flatMap(([name, change]) => kinds.map((file) => [file, name, change] as const)))(
    'heals a %s that was %s',
    async (file, _name, change) => {
      await prepared();
      server.requests.length = 0;
      expect(caches.damage(entry.files[file]?.sha256 ?? 'none', change)).toBe(1);
      await expectWhole(await prepared());
      expect(server.requests).toEqual([file]);
    },
  );

  it('offline, says which file is damaged and what to do', async () => {
    await prepared();
    caches.damage(entry.files['params_shard_1.bin']?.sha256 ?? 'none', () => new Uint8Array());
    const result = await store({ fetch: () => Promise.reject(new TypeError('Failed to fetch')) }).prepare(entry, library);
    expect(result).toMatchObject({ ok: false, error: { code: 'network' } });
    if (!result.ok) {
      expect(result.error.message).toContain('params_shard_1.bin');
      expect(result.error.nextStep).toContain('Connect');
    }
  });

  it('does without its manifest', async () => {
    await prepared();
    expect(caches.damage('/manifest/m', () => new Uint8Array(Buffer.from('{"version": 7}')))).toBe(1);
    server.requests.length = 0;
    await expectWhole(await prepared());
    expect(server.requests).toEqual([]);
    expect(await store().list()).toMatchObject([{ id: 'm', complete: true }]);
  });

  it('drops the files of a version that was replaced', async () => {
    await prepared();
    const shard = server.files.get('params_shard_2.bin') ?? new Uint8Array();
    server.files.set(
      'params_shard_2.bin',
      shard.map((byte) => byte ^ 3),
    );
    try {
      const newer = await server.entry();
      server.requests.length = 0;
      expect((await store().prepare(newer, library)).ok).toBe(true);
      expect(server.requests).toEqual(['params_shard_2.bin']);
      expect(caches.urls.some((url) => url.endsWith(entry.files['params_shard_2.bin']?.sha256 ?? 'none'))).toBe(false);
    } finally {
      server.files.set('params_shard_2.bin', shard);
    }
  });
});

describe('storage that refuses', () => {
  it.each([0, 0.1, 0.5, 0.99])('runs from memory and leaves nothing behind when the quota ends at %d of the model', async (share) => {
    caches.quota = entry.sizeBytes * share;
    const files = await prepared();
    expect(files.keptIn).toBe('memory');
    await expectWhole(files);
    expect(caches.urls).toEqual([]);
    expect(new Set(server.requests).size).toBe(server.requests.length);
  });

  it.each([
    ['there is no Cache API', { caches: undefined }],
    ['it cannot be opened', {}],
  ])('runs from memory where %s', async (_name, changes) => {
    caches.refusal = new DOMException('The operation is insecure.', 'SecurityError');
    const files = await prepared(changes);
    expect(files.keptIn).toBe('memory');
    await expectWhole(files);
    expect(await store(changes).list()).toEqual([]);
    expect(await store(changes).remove('m')).toEqual({ ok: true, value: { freedBytes: 0 } });
  });

  it('says needed and free sizes for a model that is too large for memory', async () => {
    caches.quota = 30_000;
    const huge = { ...entry, files: { ...entry.files, 'params_shard_9.bin': { bytes: 600 * 1024 * 1024, sha256: 'c'.repeat(64) } } };
    const result = await store().prepare(huge, library);
    expect(result).toMatchObject({ ok: false, error: { code: 'storage-full' } });
    if (!result.ok) expect(result.error.message).toMatch(/630 MB.*12 MB/);
    expect(caches.urls).toEqual([]);
  });
});

describe('two tabs', () => {
  it('download once: the second waits for the first', async () => {
    // Web Locks as browsers grant them: one holder, the others in line.
    let last: Promise<unknown> = Promise.resolve();
    const request = (_name: string, _options: unknown, callback: () => Promise<unknown>) => {
      const run = last.then(callback);
      last = run;
      return run;
    };
    const locks = { request } as unknown as LockManager;
    const [first, second] = await Promise.all([prepared({ locks }), prepared({ locks })]);
    await expectWhole(first);
    await expectWhole(second);
    expect(server.requests).toHaveLength(7);
  });

  it('do not delete a model that one of them is loading', async () => {
    const request = (_name: string, _options: unknown, callback: (lock: null) => Promise<unknown>) => callback(null);
    expect(await store({ locks: { request } as unknown as LockManager }).remove('m')).toMatchObject({ ok: false, error: { code: 'busy' } });
  });
});
