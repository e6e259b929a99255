/**
 * Downloads, verifies and keeps models.
 *
 * Every file lies in one Cache under its SHA-256 (`model-cache.ts`), so a new version of a model fetches only what changed, and the
 * address from which a model came does not matter. What is read is verified each time (5 ms a MB), and what is missing or damaged is
 * fetched anew.
 */
import { failure, success, type Result } from '../result.ts';
import { downloadFile, wait, type DownloadEffects } from './download-file.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError, LoadProgress } from './engine.ts';
import { firstDownload } from './first-download.ts';
import {
  browserCacheEffects,
  fileKey,
  lockName,
  openCache,
  presentKeys,
  readManifest,
  readManifests,
  readVerified,
  removeModel,
  removeQuietly,
  storageFull,
  storeFile,
  sweep,
  writeManifest,
  type CacheEffects,
  type Manifest,
} from './model-cache.ts';
import {
  fileUrl,
  MEMORY_MODEL_BYTES,
  requiredFiles,
  storedFiles,
  totalBytes,
  type CatalogueEntry,
  type ModelFile,
  type ModelLibrary,
} from './model-card.ts';
import { TimeLeft } from './time-left.ts';

/**
 * Up to this size a model is read and verified whole before WebLLM starts (0.6 s), so that damage is healed before anything is
 * uploaded; a larger one is verified file by file as WebLLM asks for it.
 */
const SMALL_MODEL_BYTES = 128 * 1024 * 1024;

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
export type StoreEffects = DownloadEffects & CacheEffects;

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
    const run = async (): Promise<Result<ModelFiles, EngineError>> => {
      // A hub says nothing of hashes: what comes first is what is held to later.
      const known = entry.origin === 'hub' ? await firstDownload(this.#effects, entry, library, options) : success(entry);
      if (!known.ok) return known;
      return new Preparation(this.#effects, known.value, requiredFiles(known.value, library), options).run();
    };
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
    const present = await presentKeys(cache);
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
    const wanted = new Set((this.#entry.origin === 'imported' ? storedFiles(this.#entry) : this.#files).map(fileKey));
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

  async #download(file: ModelFile, onBytes: (bytes: number) => void): Promise<Result<Uint8Array<ArrayBuffer>, EngineError>> {
    const { origin, title } = this.#entry;
    if (origin === 'imported') {
      return failure(
        engineError('wrong-hash', {
          message: `The file ${file.name} of “${title}” is damaged or gone, and an imported model cannot be downloaded.`,
          nextStep: 'Import its folder again.',
        }),
      );
    }
    const { signal } = this.#options;
    const fetched = await downloadFile(fileUrl(this.#entry, file.name), file, this.#effects, { onBytes, signal });
    if (fetched.ok || origin !== 'hub' || fetched.error.code !== 'wrong-hash') return fetched;
    return failure(
      engineError('wrong-hash', {
        message: `The hub now has another ${file.name} than the one that this browser downloaded first, so it is not used.`,
        nextStep: 'Delete the model and download it whole if you trust the new version.',
        ...(fetched.error.detail === undefined ? {} : { detail: fetched.error.detail }),
      }),
    );
  }

  async #presentKeys(): Promise<ReadonlySet<string>> {
    try {
      return this.#cache ? await presentKeys(this.#cache) : new Set();
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
      await storeFile(cache, file, bytes);
      return success(undefined);
    } catch (error) {
      // Near the limit browsers throw all kinds of errors, not only QuotaExceededError, so the kind is not looked at.
      if (this.#total > MEMORY_MODEL_BYTES) {
        await removeQuietly(cache, this.#entry.id);
        return failure(await storageFull(this.#effects, this.#total, error));
      }
      await this.#moveToMemory(cache);
      this.#held.set(file.name, bytes);
      return success(undefined);
    }
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
    // What was imported cannot be fetched for another graphics card later: all of it stays.
    const files = this.#entry.origin === 'imported' ? storedFiles(this.#entry) : this.#files;
    // Without its manifest a model still loads: its files are found by their hashes. It is only missing from the list.
    await writeManifest(this.#cache, { entry: this.#entry, files, ...state }).catch(() => undefined);
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
  return {
    ...browserCacheEffects(),
    // Called as a method of the global object: browsers refuse a detached fetch.
    fetch: (input, init) => globalThis.fetch(input, init),
    wait,
    stallMs: 30_000,
  };
}
