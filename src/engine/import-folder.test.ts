import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { importFolder, type FolderFile, type ImportOptions } from './import-folder.ts';
import { parseModelCard, type CatalogueEntry } from './model-card.ts';
import { ModelStore } from './model-store.ts';
import { MemoryCacheStorage } from './node/memory-cache-storage.ts';
import { ModelServer } from './node/model-server.ts';

// Never listens: it only writes the card.
const folder = new ModelServer();
for (const [name, length] of [
  ['mlc-chat-config.json', 300],
  ['tensor-cache.json', 900],
  ['tokenizer.json', 5000],
  ['m.wasm', 20_000],
  ['params_shard_0.bin', 40_000],
  ['params_shard_1.bin', 40_000],
] as const) {
  folder.files.set(name, new Uint8Array(length).fill(name.length + length));
}
const total = 106_200;
let caches: MemoryCacheStorage;
beforeEach(() => {
  caches = new MemoryCacheStorage();
});

type Changes = Readonly<Record<string, Uint8Array<ArrayBuffer> | undefined>>;

function files(changes: Changes = {}): FolderFile[] {
  const all: Changes = { ...Object.fromEntries(folder.files), 'model-card.json': folder.card(), ...changes };
  return Object.entries(all).flatMap(([name, bytes]) =>
    bytes ? [{ name, size: bytes.length, arrayBuffer: () => Promise.resolve(bytes.slice().buffer) }] : [],
  );
}

function effects() {
  return { caches, locks: undefined, now: () => 0, freeBytes: () => Promise.resolve(5_000_000) };
}

function imported(chosen: readonly FolderFile[], options: ImportOptions = {}) {
  return importFolder({ name: 'm', files: chosen }, { effects: effects(), ...options });
}

function store(): ModelStore {
  const fetch = () => Promise.reject(new TypeError('an imported model fetches nothing'));
  return new ModelStore({ ...effects(), fetch, wait: () => Promise.resolve(), stallMs: 1000 });
}

describe('importFolder', () => {
  it('keeps a whole folder, marked as imported, and it loads without a network', async () => {
    const progress: number[] = [];
    const entry = await imported(files(), { onProgress: (loaded) => progress.push(loaded) });
    if (!entry.ok) throw new Error(entry.error.message);
    expect(entry.value).toMatchObject({ id: 'imported.m', origin: 'imported' });
    expect(progress.at(-1)).toBe(total);
    expect(await store().list()).toMatchObject([{ id: 'imported.m', bytes: total, complete: true, entry: { origin: 'imported' } }]);
    const [library] = entry.value.libraries;
    if (!library) throw new Error('no library');
    const prepared = await store().prepare(entry.value, library);
    expect(prepared.ok && (await prepared.value.read('params_shard_1.bin')).ok).toBe(true);
    expect(await store().remove('imported.m')).toEqual({ ok: true, value: { freedBytes: total } });
    expect(caches.usedBytes).toBe(0);
  });

  const flipped = new Uint8Array(40_000).fill(7);
  it.each<[string, string, Uint8Array<ArrayBuffer> | undefined, RegExp]>([
    ['is damaged', 'params_shard_1.bin', flipped, /^params_shard_1\.bin is not the file that the card describes/],
    ['was cut short', 'params_shard_1.bin', flipped.slice(1), /^params_shard_1\.bin has 39999 bytes, the card says 40000/],
    ['is missing', 'm.wasm', undefined, /^m\.wasm is missing/],
    ['lies in place of the card', 'model-card.json', flipped, /model-card\.json in this folder is not in the form/],
  ])('refuses a folder in which a file %s, by its name, and keeps nothing', async (_how, name, bytes, words) => {
    const refused = await imported(files({ [name]: bytes }));
    expect(refused).toMatchObject({ ok: false, error: { code: 'wrong-hash' } });
    if (!refused.ok) expect(refused.error.message).toMatch(words);
    expect(caches.urls).toEqual([]);
  });

  it('keeps the older version when a newer one is refused', async () => {
    await imported(files());
    expect((await imported(files({ 'params_shard_1.bin': flipped }))).ok).toBe(false);
    expect(await store().list()).toMatchObject([{ id: 'imported.m', complete: true, bytes: total }]);
  });

  it('says so if there is no card at all', async () => {
    const refused = await imported(files({ 'model-card.json': undefined }));
    if (!refused.ok) expect(refused.error.message).toContain('no model-card.json');
    expect(refused.ok).toBe(false);
  });

  it('knows a folder that this page was published with, and does not mark it', async () => {
    const card = folder.card();
    const cardSha256 = createHash('sha256').update(card).digest('hex');
    const known = await parseModelCard(card, { url: 'https://example.org/models/m/', cardSha256 });
    if (!known.ok) throw new Error(known.error.message);
    expect(await imported(files(), { published: [known.value] })).toEqual(known);
  });

  it('says needed and free room where the browser refuses, and leaves no fragment', async () => {
    caches.quota = 50_000;
    const refused = await imported(files());
    expect(refused).toMatchObject({ ok: false, error: { code: 'storage-full' } });
    if (!refused.ok) expect(refused.error.message).toMatch(/1 MB.*5 MB/);
    expect(caches.urls).toEqual([]);
  });

  it('names a file that rots later, and asks for the folder', async () => {
    const entry = await imported(files());
    if (!entry.ok) throw new Error(entry.error.message);
    caches.damage(entry.value.files['params_shard_0.bin']?.sha256 ?? 'none', () => new Uint8Array());
    const [library] = entry.value.libraries;
    if (!library) throw new Error('no library');
    const prepared = await store().prepare(entry.value, library);
    if (!prepared.ok)
      expect(`${prepared.error.message} ${prepared.error.nextStep}`).toMatch(/params_shard_0\.bin.*Import its folder again/);
    expect(prepared.ok).toBe(false);
  });

  it('does not touch a model that another tab is loading', async () => {
    const request = (_name: string, _options: unknown, callback: (lock: null) => Promise<unknown>) => callback(null);
    const locks = { request } as unknown as LockManager;
    expect(await imported(files(), { effects: { ...effects(), locks } })).toMatchObject({ ok: false, error: { code: 'busy' } });
  });

  describe('a public model’s folder, which has no card', () => {
    const json = (value: unknown) => new Uint8Array(Buffer.from(JSON.stringify(value)));
    const hubFiles: Changes = {
      'model-card.json': undefined,
      'mlc-chat-config.json': json({}),
      'tokenizer.json': json({}),
      'tensor-cache.json': json({ records: [0, 1].map((shard) => ({ dataPath: `params_shard_${shard}.bin`, nbytes: 40_000 })) }),
      'm.wasm': Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0]),
    };

    async function importHub(changes: Changes = {}, name = 'm') {
      const parsed = await parseModelCard(folder.card(), { url: 'https://hub.invalid/m/' });
      if (!parsed.ok) throw new Error(parsed.error.message);
      const hub: CatalogueEntry = { ...parsed.value, origin: 'hub', files: {}, libraryUrl: 'https://hub.invalid/libraries/m.wasm' };
      return importFolder({ name, files: files({ ...hubFiles, ...changes }) }, { effects: effects(), hub: [hub] });
    }

    it('is told by its name, kept by the hashes that it had, and loads without a network', async () => {
      const entry = await importHub();
      if (!entry.ok) throw new Error(entry.error.message);
      expect(entry.value).toMatchObject({ id: 'm', origin: 'hub' });
      const [library] = entry.value.libraries;
      if (!library) throw new Error('no library');
      const prepared = await store().prepare({ ...entry.value, files: {} }, library);
      expect(prepared.ok && prepared.value.files.length).toBe(6);
      expect((await importHub({}, 'another')).ok).toBe(false);
    });

    it.each<[string, Changes, RegExp]>([
      ['its library', { 'm.wasm': undefined }, /^m\.wasm is missing/],
      ['a shard', { 'params_shard_1.bin': flipped.slice(9) }, /^params_shard_1\.bin has 39991 bytes, tensor-cache\.json says 40000/],
      ['the end of a file', { 'tokenizer.json': json({}).slice(0, 1) }, /^tokenizer\.json is not whole JSON/],
      ['its list', { 'tensor-cache.json': json({ records: [] }) }, /tensor-cache\.json\) cannot be read/],
    ])('is refused by name without %s', async (_what, changes, words) => {
      const refused = await importHub(changes);
      expect(refused.ok ? '' : refused.error.message).toMatch(words);
      expect(caches.urls).toEqual([]);
    });
  });
});
