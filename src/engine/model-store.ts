/**
 * Downloads, verifies and keeps models.
 *
 * Every file lies in one Cache under its SHA-256, so a new version of a model fetches only what changed, and the address from
 * which a model came does not matter. A manifest for each model says which files belong to it; it is marked complete last.
 * What is read is verified each time (5 ms a MB), and what is missing or damaged is fetched anew.
 */
import * as v from 'valibot';
import { failure, success, type Result } from '../result.ts';
import { requiredFiles, StoredEntry, totalBytes, type CatalogueEntry, type ModelFile, type ModelLibrary } from './model-card.ts';
import { downloadFile, wait, type DownloadEffects } from './download-file.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError, LoadProgress } from './engine.ts';
import { sha256 } from './sha256.ts';
import { TimeLeft } from './time-left.ts';

const CACHE_NAME = 'tabletalk-models';
/** Cache keys must be http URLs; `.invalid` never resolves (RFC 2606), so no key can ever be fetched by mistake. */
const KEY_ORIGIN = 'https://tabletalk.invalid';

/**
 * Up to this size a model is read and verified whole before WebLLM starts (0.6 s), so that damage is healed before anything is
 * uploaded; a larger one is verified file by file as WebLLM asks for it.
 */
const SMALL_MODEL_BYTES = 128 * 1024 * 1024;
/** Past this, holding a model in memory would endanger the page. */
const MEMORY_MODEL_BYTES = 512 * 1024 * 1024;

interface Manifest {
  readonly version: 1;
  readonly entry: CatalogueEntry;
  readonly files: readonly ModelFile[];
  readonly complete: boolean;
  /** Milliseconds since 1970. */
  readonly storedAt: number;
}

const StoredManifest = v.object({
  version: v.literal(1),
  entry: StoredEntry,
  files: v.array(v.object({ name: v.string(), bytes: v.number(), sha256: v.string() })),
  complete: v.boolean(),
  storedAt: v.number(),
});

/** A model, or the part of one that has arrived, in this browser's storage. */
export interface CachedModel {
  readonly id: string;
  readonly title: string;
  /** What it takes on disk. */
  readonly bytes: number;
  /** False for a download that was interrupted: loading the model goes on with it. */
  readonly complete: boolean;
  readonly storedAt: Date;
  readonly entry: CatalogueEntry;
}

/** The verified files of a model that is about to be loaded. */
export interface ModelFiles {
  /** `memory`: the browser refused to store the model; it runs this once and will be downloaded again next time. */
  readonly keptIn: 'cache' | 'memory';
  readonly files: readonly ModelFile[];
  /** The bytes of a file, verified. A file held in memory is handed out once. */
  read(name: string): Promise<Result<Uint8Array<ArrayBuffer>, EngineError>>;
}

/** The browser's part in it, replaceable in tests. */
export interface StoreEffects extends DownloadEffects {
  readonly caches: Pick<CacheStorage, 'open'> | undefined;
  readonly locks: Pick<LockManager, 'request'> | undefined;
  readonly now: () => number;
  /** Bytes that the browser says are free; undefined if it does not say. */
  readonly freeBytes: () => Promise<number | undefined>;
}

export interface PrepareOptions {
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

export class ModelStore {
  readonly #effects: StoreEffects;

  constructor(effects: StoreEffects = browserEffects()) {
    this.#effects = effects;
  }

  /**
   * Makes sure that every file that `library` needs is here and right: downloads what is missing, verifies, heals.
   *
   * Two tabs that want the same model do not download it twice: the second waits. Errors: `network`, `wrong-hash`,
   * `storage-full` (a model too large to run from memory instead), `aborted`.
   */
  async prepare(entry: CatalogueEntry, library: ModelLibrary, options: PrepareOptions = {}): Promise<Result<ModelFiles, EngineError>> {
    const { locks } = this.#effects;
    const run = () => new Preparation(this.#effects, entry, requiredFiles(entry, library), options).run();
    if (!locks) return run();
    try {
      // await: the type of LockManager.request nests the promise.
      return await locks.request(lockName(entry.id), options.signal ? { signal: options.signal } : {}, run);
    } catch (error) {
      if (options.signal?.aborted) return failure(engineError('aborted'));
      return failure(engineError('storage-full', { message: 'The browser’s storage did not answer.', detail: error }));
    }
  }

  /** The models in storage, complete or not, newest first. Empty if the browser refuses storage. */
  async list(): Promise<readonly CachedModel[]> {
    const cache = await openCache(this.#effects);
    if (!cache) return [];
    const present = new Set((await cache.keys()).map((request) => request.url));
    const models = (await readManifests(cache)).map((manifest) => ({
      id: manifest.entry.id,
      title: manifest.entry.title,
      bytes: totalBytes(manifest.files.filter((file) => present.has(fileKey(file)))),
      complete: manifest.complete && manifest.files.every((file) => present.has(fileKey(file))),
      storedAt: new Date(manifest.storedAt),
      entry: manifest.entry,
    }));
    return models.sort((a, b) => b.storedAt.getTime() - a.storedAt.getTime());
  }

  /**
   * Deletes a model's files, but for those that another model shares.
   *
   * @returns the bytes that were freed; `busy` while a tab is downloading it
   */
  async remove(id: string): Promise<Result<{ readonly freedBytes: number }, EngineError>> {
    const { locks } = this.#effects;
    const cache = await openCache(this.#effects);
    if (!cache) return success({ freedBytes: 0 });
    const run = async () => success({ freedBytes: await removeModel(cache, id) });
    try {
      if (!locks) return await run();
      return await locks.request(lockName(id), { ifAvailable: true }, (lock): Promise<Result<{ freedBytes: number }, EngineError>> => {
        if (lock) return run();
        return Promise.resolve(failure(engineError('busy', { message: 'This model is just being loaded, here or in another tab.' })));
      });
    } catch (error) {
      return failure(
        engineError('storage-full', {
          message: 'The browser would not delete the model.',
          nextStep: 'Try again, or clear this site’s data in the browser’s settings.',
          detail: error,
        }),
      );
    }
  }
}

/** One run of `prepare`: what it knows changes as it goes. */
class Preparation {
  readonly #effects: StoreEffects;
  readonly #entry: CatalogueEntry;
  readonly #files: readonly ModelFile[];
  readonly #options: PrepareOptions;
  readonly #timeLeft = new TimeLeft();
  readonly #held = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #total: number;
  /** Undefined once the browser has refused to store something. */
  #cache: Cache | undefined;

  constructor(effects: StoreEffects, entry: CatalogueEntry, files: readonly ModelFile[], options: PrepareOptions) {
    this.#effects = effects;
    this.#entry = entry;
    this.#files = files;
    this.#options = options;
    this.#total = totalBytes(files);
  }

  async run(): Promise<Result<ModelFiles, EngineError>> {
    this.#cache = await openCache(this.#effects);
    const manifest = this.#cache && (await readManifest(this.#cache, this.#entry.id));
    const downloaded = await this.#downloadMissing();
    if (!downloaded.ok) return downloaded;
    if (this.#cache && this.#total <= SMALL_MODEL_BYTES) {
      const verified = await this.#verifyAndHold();
      if (!verified.ok) return verified;
    }
    const known = manifest?.complete === true && manifest.entry.cardSha256 === this.#entry.cardSha256;
    await this.#writeManifest({ complete: true, storedAt: known ? manifest.storedAt : this.#effects.now() });
    await this.#sweepReplaced(manifest);
    return success({
      keptIn: this.#cache ? 'cache' : 'memory',
      files: this.#files,
      read: (name) => this.#read(name),
    });
  }

  /** A new version of the model, or another library, leaves files of the old one behind. */
  async #sweepReplaced(old: Manifest | undefined): Promise<void> {
    const wanted = new Set(this.#files.map(fileKey));
    if (!this.#cache || !old || old.files.every((file) => wanted.has(fileKey(file)))) return;
    // Left-over files take room and do no other harm; the next sweep takes them.
    await sweep(this.#cache).catch(() => undefined);
  }

  async #downloadMissing(): Promise<Result<void, EngineError>> {
    const present = await this.#presentKeys();
    const missing = this.#files.filter((file) => !present.has(fileKey(file)));
    if (missing.length === 0) return success(undefined);
    await this.#writeManifest({ complete: false, storedAt: this.#effects.now() });
    let done = this.#total - totalBytes(missing);
    this.#report('download', done);
    for (const file of missing) {
      const bytes = await this.#download(file, (count) => this.#report('download', done + count));
      if (!bytes.ok) return bytes;
      const kept = await this.#keep(file, bytes.value);
      if (!kept.ok) return kept;
      done += file.bytes;
      this.#report('download', done);
    }
    return success(undefined);
  }

  #download(file: ModelFile, onBytes: (bytes: number) => void): Promise<Result<Uint8Array<ArrayBuffer>, EngineError>> {
    const { signal } = this.#options;
    return downloadFile(new URL(file.name, this.#entry.url).href, file, this.#effects, { onBytes, signal });
  }

  async #presentKeys(): Promise<ReadonlySet<string>> {
    try {
      return new Set((await this.#cache?.keys())?.map((request) => request.url));
    } catch {
      // Storage that cannot be listed cannot be trusted with a download either.
      this.#cache = undefined;
      return new Set();
    }
  }

  /** Stores a file; if the browser refuses, goes over to running from memory, or says what is missing. */
  async #keep(file: ModelFile, bytes: Uint8Array<ArrayBuffer>): Promise<Result<void, EngineError>> {
    const cache = this.#cache;
    if (!cache) {
      this.#held.set(file.name, bytes);
      return success(undefined);
    }
    try {
      const headers = { 'content-type': 'application/octet-stream', 'content-length': String(bytes.length) };
      await cache.put(fileKey(file), new Response(bytes, { headers }));
      return success(undefined);
    } catch (error) {
      // Near the limit browsers throw all kinds of errors, not only QuotaExceededError, so the kind is not looked at.
      if (this.#total > MEMORY_MODEL_BYTES) {
        await removeQuietly(cache, this.#entry.id);
        return failure(await this.#storageFull(error));
      }
      await this.#moveToMemory(cache);
      this.#held.set(file.name, bytes);
      return success(undefined);
    }
  }

  async #storageFull(error: unknown): Promise<EngineError> {
    const free = await this.#effects.freeBytes();
    const has = free === undefined ? '' : ` and has ${megabytes(free)} MB`;
    return engineError('storage-full', {
      message: `The model needs ${megabytes(this.#total)} MB of the browser’s storage; the browser refused${has}.`,
      detail: error,
    });
  }

  /** Takes what is already stored into memory and leaves no fragment behind. */
  async #moveToMemory(cache: Cache): Promise<void> {
    for (const file of this.#files) {
      const bytes = await readVerified(cache, file);
      if (bytes) this.#held.set(file.name, bytes);
    }
    await removeQuietly(cache, this.#entry.id);
    this.#cache = undefined;
  }

  /** Reads every stored file into memory and compares its SHA-256; damaged ones are fetched again. */
  async #verifyAndHold(): Promise<Result<void, EngineError>> {
    let done = 0;
    this.#report('verify', 0);
    for (const file of this.#files) {
      if (this.#options.signal?.aborted) return failure(engineError('aborted'));
      if (!this.#held.has(file.name)) {
        const bytes = await this.#readOrHeal(file);
        if (!bytes.ok) return bytes;
        this.#held.set(file.name, bytes.value);
      }
      done += file.bytes;
      this.#report('verify', done);
    }
    return success(undefined);
  }

  async #read(name: string): Promise<Result<Uint8Array<ArrayBuffer>, EngineError>> {
    const held = this.#held.get(name);
    if (held) {
      if (this.#cache) this.#held.delete(name);
      return success(held);
    }
    const file = this.#files.find((candidate) => candidate.name === name);
    if (!file) return failure(engineError('crashed', { message: `The model asked for a file that it does not have: ${name}.` }));
    return this.#readOrHeal(file);
  }

  async #readOrHeal(file: ModelFile): Promise<Result<Uint8Array<ArrayBuffer>, EngineError>> {
    const stored = this.#cache && (await readVerified(this.#cache, file));
    if (stored) return success(stored);
    const fresh = await this.#download(file, () => undefined);
    if (fresh.ok) {
      const kept = await this.#keep(file, fresh.value);
      return kept.ok ? fresh : kept;
    }
    if (fresh.error.code !== 'network') return fresh;
    return failure(
      engineError('network', {
        message: `The file ${file.name} of the model kept in this browser is damaged or gone, and it could not be downloaded again.`,
        nextStep: 'Connect to the network and load the model again; only this file is fetched.',
        ...(fresh.error.detail === undefined ? {} : { detail: fresh.error.detail }),
      }),
    );
  }

  async #writeManifest(state: { readonly complete: boolean; readonly storedAt: number }): Promise<void> {
    if (!this.#cache) return;
    const files = this.#files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 }));
    const manifest: Manifest = { version: 1, entry: this.#entry, files, ...state };
    const response = new Response(JSON.stringify(manifest), { headers: { 'content-type': 'application/json' } });
    // Without its manifest a model still loads: its files are found by their hashes. It is only missing from the list.
    await this.#cache.put(manifestKey(this.#entry.id), response).catch(() => undefined);
  }

  #report(phase: 'download' | 'verify', loadedBytes: number): void {
    if (phase === 'download') this.#timeLeft.add(this.#effects.now(), loadedBytes);
    const secondsLeft = phase === 'download' ? this.#timeLeft.secondsLeft(this.#total) : null;
    this.#options.onProgress?.({ phase, loadedBytes, totalBytes: this.#total, secondsLeft });
  }
}

/** The models kept in this browser, with what they take on disk. */
export function listCachedModels(): Promise<readonly CachedModel[]> {
  return new ModelStore().list();
}

/** Deletes a model from this browser. A model that is loaded just now keeps running until the page is closed. */
export function deleteModel(id: string): Promise<Result<{ readonly freedBytes: number }, EngineError>> {
  return new ModelStore().remove(id);
}

function browserEffects(): StoreEffects {
  const scope = globalThis as { caches?: CacheStorage; navigator?: { locks?: LockManager; storage?: StorageManager } };
  return {
    caches: scope.caches,
    locks: scope.navigator?.locks,
    // Called as a method of the global object: browsers refuse a detached fetch.
    fetch: (input, init) => globalThis.fetch(input, init),
    wait,
    stallMs: 30_000,
    now: () => Date.now(),
    freeBytes: async () => {
      const estimate = await scope.navigator?.storage?.estimate().catch(() => undefined);
      return estimate?.quota === undefined ? undefined : estimate.quota - (estimate.usage ?? 0);
    },
  };
}

/** Private windows and blocked site data make `open` throw; the model then runs from memory. */
async function openCache(effects: StoreEffects): Promise<Cache | undefined> {
  try {
    return await effects.caches?.open(CACHE_NAME);
  } catch {
    return undefined;
  }
}

async function readVerified(cache: Cache, file: ModelFile): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const response = await cache.match(fileKey(file));
    if (!response) return undefined;
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length === file.bytes && (await sha256(bytes)) === file.sha256) return bytes;
    await cache.delete(fileKey(file));
  } catch {
    // A disk error reads like a damaged entry: the caller fetches the file again.
  }
  return undefined;
}

async function readManifest(cache: Cache, id: string): Promise<Manifest | undefined> {
  try {
    const response = await cache.match(manifestKey(id));
    if (!response) return undefined;
    const parsed = v.safeParse(StoredManifest, await response.json());
    return parsed.success ? parsed.output : undefined;
  } catch {
    // A manifest that cannot be read counts as none: the files are found by their hashes, and it is written anew.
    return undefined;
  }
}

async function readManifests(cache: Cache): Promise<readonly Manifest[]> {
  const prefix = manifestKey('');
  const ids = (await cache.keys())
    .filter(({ url }) => url.startsWith(prefix))
    .map(({ url }) => decodeURIComponent(url.slice(prefix.length)));
  const manifests = await Promise.all(ids.map((id) => readManifest(cache, id)));
  return manifests.filter((manifest) => manifest !== undefined);
}

async function removeModel(cache: Cache, id: string): Promise<number> {
  const manifest = await readManifest(cache, id);
  await cache.delete(manifestKey(id));
  const swept = await sweep(cache);
  return totalBytes(manifest?.files.filter((file) => swept.has(fileKey(file))) ?? []);
}

/** Deletes the files that no manifest names: those of deleted models, and of versions that were replaced. Returns their keys. */
async function sweep(cache: Cache): Promise<ReadonlySet<string>> {
  const named = new Set((await readManifests(cache)).flatMap((manifest) => manifest.files.map(fileKey)));
  const orphans = (await cache.keys()).map(({ url }) => url).filter((url) => url.startsWith(fileKey({ sha256: '' })) && !named.has(url));
  await Promise.all(orphans.map((url) => cache.delete(url)));
  return new Set(orphans);
}

async function removeQuietly(cache: Cache, id: string): Promise<void> {
  // Storage is in trouble already; that deleting fails as well changes nothing for the person.
  await removeModel(cache, id).catch(() => undefined);
}

function fileKey(file: Pick<ModelFile, 'sha256'>): string {
  return `${KEY_ORIGIN}/sha256/${file.sha256}`;
}

function manifestKey(id: string): string {
  return `${KEY_ORIGIN}/manifest/${encodeURIComponent(id)}`;
}

function lockName(id: string): string {
  return `tabletalk-model-${id}`;
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1e6);
}
