import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LoadProgress } from './engine.ts';
import type { CatalogueEntry, ModelLibrary } from './model-card.ts';
import { ModelStore, type StoreEffects } from './model-store.ts';
import { MemoryCacheStorage } from './node/memory-cache-storage.ts';
import { ModelServer, type Fault } from './node/model-server.ts';

const SHARD_BYTES = 40_000;
const server = new ModelServer();
const library: ModelLibrary = { file: 'm.wasm', computeType: 'f16', schedule: 'gpu' };
let hub: CatalogueEntry;
let caches: MemoryCacheStorage;

beforeAll(async () => {
  const json = (value: unknown) => new Uint8Array(Buffer.from(JSON.stringify(value)));
  const shards = [0, 1, 2].map((shard) => ({ dataPath: `params_shard_${shard}.bin`, nbytes: SHARD_BYTES, records: [] }));
  server.files.set('mlc-chat-config.json', json({ context_window_size: 32768 }));
  server.files.set('tensor-cache.json', json({ metadata: {}, records: shards }));
  server.files.set('tokenizer.json', json({ model: { vocab: 'x'.repeat(3000) } }));
  // A module of nothing but a custom section, so that its beginning is no module.
  server.files.set('m.wasm', Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 0, 100, 1, 120, ...Array<number>(98).fill(7)]));
  for (const [index, { dataPath }] of shards.entries()) server.files.set(dataPath, new Uint8Array(SHARD_BYTES).fill(index + 1));
  await server.listen();
  hub = {
    ...(await server.entry('hub')),
    origin: 'hub',
    files: {},
    libraryUrl: `${server.url}m.wasm`,
    cardSha256: 'a'.repeat(64),
    libraries: [library],
  };
});
afterAll(() => server.close());
beforeEach(() => {
  server.mend();
  caches = new MemoryCacheStorage();
});

function store(changes: Partial<StoreEffects> = {}): ModelStore {
  return new ModelStore({
    caches,
    locks: undefined,
    fetch: (input, init) => fetch(input, init),
    wait: () => Promise.resolve(),
    stallMs: 1000,
    now: () => 0,
    freeBytes: () => Promise.resolve(12_000_000),
    ...changes,
  });
}

async function load(entry = hub, changes: Partial<StoreEffects> = {}): Promise<string> {
  const prepared = await store(changes).prepare(entry, library);
  if (!prepared.ok) return prepared.error.code;
  for (const { name } of prepared.value.files) {
    const read = await prepared.value.read(name);
    if (!read.ok || !Buffer.from(read.value).equals(Buffer.from(server.files.get(name) ?? []))) return `wrong ${name}`;
  }
  return 'whole';
}

describe('a model whose hashes nobody published', () => {
  it('is downloaded by the hub’s list of shards, and held to what came from then on', async () => {
    const progress: LoadProgress[] = [];
    const prepared = await store().prepare(hub, library, { onProgress: (step) => progress.push(step) });
    expect(prepared.ok && prepared.value.keptIn).toBe('cache');
    expect(server.requests).toEqual([
      ...['mlc-chat-config.json', 'tensor-cache.json', 'tokenizer.json', 'm.wasm'],
      ...['params_shard_0.bin', 'params_shard_1.bin', 'params_shard_2.bin'],
    ]);
    expect(progress.at(-1)?.loadedBytes).toBe(progress.at(-1)?.totalBytes);
    server.requests.length = 0;
    expect(await load()).toBe('whole');
    expect(server.requests).toEqual([]);
    const [kept] = await store().list();
    expect(kept).toMatchObject({ id: 'hub', complete: true, entry: { origin: 'hub', cardSha256: hub.cardSha256 } });
    expect(Object.keys(kept?.entry.files ?? {})).toHaveLength(7);
  });

  it.each<[string, Fault]>([
    ['a cut connection', { kind: 'cut', share: 0.5 }],
    ['a silent end', { kind: 'short', share: 0.5 }],
    ['an overloaded server', { kind: 'status', status: 503 }],
  ])('survives %s in any file', async (_name, fault) => {
    for (const name of server.files.keys()) server.breakFile(name, fault, 2);
    expect(await load()).toBe('whole');
  });

  it('goes on at the shard where it stopped', async () => {
    server.breakFile('params_shard_1.bin', { kind: 'cut', share: 0.9 });
    expect(await load()).toBe('network');
    expect(await store().list()).toMatchObject([{ id: 'hub', complete: false }]);
    server.mend();
    expect(await load()).toBe('whole');
    expect(server.requests).toEqual(['params_shard_1.bin', 'params_shard_2.bin']);
  });

  it.each(['mlc-chat-config.json', 'tensor-cache.json', 'tokenizer.json', 'm.wasm', 'params_shard_2.bin'])(
    'keeps nothing of a log-in page in the place of %s',
    async (name) => {
      server.breakFile(name, { kind: 'html' });
      expect(await load()).toBe('wrong-hash');
      server.mend();
      expect(await load()).toBe('whole');
    },
  );

  it('heals what rotted, if the hub still has the same', async () => {
    expect(await load()).toBe('whole');
    const [kept] = await store().list();
    server.requests.length = 0;
    caches.damage(kept?.entry.files['params_shard_1.bin']?.sha256 ?? 'none', (bytes) => bytes.slice(1));
    expect(await load()).toBe('whole');
    expect(server.requests).toEqual(['params_shard_1.bin']);
  });

  it('refuses another file of the same name later, and says what to do', async () => {
    expect(await load()).toBe('whole');
    const [kept] = await store().list();
    caches.damage(kept?.entry.files['params_shard_1.bin']?.sha256 ?? 'none', () => new Uint8Array());
    server.breakFile('params_shard_1.bin', { kind: 'flipped' });
    const refused = await store().prepare(hub, library);
    expect(refused).toMatchObject({ ok: false, error: { code: 'wrong-hash' } });
    if (!refused.ok) expect(`${refused.error.message} ${refused.error.nextStep}`).toMatch(/params_shard_1\.bin.*Delete the model/);
  });

  it('is not used where the browser stores nothing', async () => {
    expect(await load(hub, { caches: undefined })).toBe('storage-full');
    caches.quota = 60_000;
    expect(await load()).toBe('storage-full');
  });

  it('says so, and names the other way, where the hub cannot be reached', async () => {
    const blocked = await store({ fetch: () => Promise.reject(new TypeError('Failed to fetch')) }).prepare(hub, library);
    expect(blocked).toMatchObject({ ok: false, error: { code: 'network' } });
    if (!blocked.ok) expect(blocked.error.nextStep).toContain('import a model folder');
  });
});
