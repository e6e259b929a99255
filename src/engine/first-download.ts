import { failure, success, type Result } from '../result.ts';
import { downloadFile, type DownloadEffects, type ExpectedFile } from './download-file.ts';
import type { EngineError, LoadProgress } from './engine.ts';
import { flawOf, shardsIn } from './hub-files.ts';
import {
  fileKey,
  openCache,
  presentKeys,
  readManifest,
  readVerified,
  storageFull,
  storeFile,
  writeManifest,
  type CacheEffects,
} from './model-cache.ts';
import { CONFIG_FILES, fileUrl, ShardName, totalBytes, type CatalogueEntry, type ModelFile, type ModelLibrary } from './model-card.ts';
import { sha256 } from './sha256.ts';
import { TimeLeft } from './time-left.ts';

export interface FirstDownloadOptions {
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Downloads a model whose hashes nobody has published, and notes the SHA-256 of what came: an entry that is verified from then on like
 * any other. Shards are checked for the length that the hub's `tensor-cache.json` gives; of the other files only the form can be.
 *
 * A download that was interrupted goes on at the file where it stopped. Where all was here before, nothing is fetched. Errors:
 * `network`, `wrong-hash`, `storage-full` (a hub's model is kept or not used: what is not kept cannot be held to anything), `aborted`.
 */
export async function firstDownload(
  effects: DownloadEffects & CacheEffects,
  entry: CatalogueEntry,
  library: ModelLibrary,
  options: FirstDownloadOptions = {},
): Promise<Result<CatalogueEntry, EngineError>> {
  const cache = await openCache(effects);
  if (!cache) return failure(await storageFull(effects, entry.sizeBytes, 'the browser’s storage cannot be opened'));
  const manifest = await readManifest(cache, entry.id);
  const before = manifest?.entry.cardSha256 === entry.cardSha256 ? manifest : undefined;
  if (before?.complete) return success(before.entry);
  const download = new FirstDownload(effects, cache, entry, library, options);
  return download.run(before?.files ?? []);
}

class FirstDownload {
  readonly #effects: DownloadEffects & CacheEffects;
  readonly #cache: Cache;
  readonly #entry: CatalogueEntry;
  readonly #library: ModelLibrary;
  readonly #options: FirstDownloadOptions;
  readonly #timeLeft = new TimeLeft();
  /** Files that are here, with the hashes that they had when they came. */
  readonly #learned = new Map<string, ModelFile>();
  #total: number;

  constructor(
    effects: DownloadEffects & CacheEffects,
    cache: Cache,
    entry: CatalogueEntry,
    library: ModelLibrary,
    options: FirstDownloadOptions,
  ) {
    this.#effects = effects;
    this.#cache = cache;
    this.#entry = entry;
    this.#library = library;
    this.#options = options;
    this.#total = entry.sizeBytes;
  }

  async run(before: readonly ModelFile[]): Promise<Result<CatalogueEntry, EngineError>> {
    const present = await presentKeys(this.#cache).catch(() => new Set<string>());
    for (const file of before) if (present.has(fileKey(file))) this.#learned.set(file.name, file);
    for (const name of [...CONFIG_FILES, this.#library.file]) {
      const here = await this.#fetchOnce({ name });
      if (!here.ok) return here;
    }
    const shards = await this.#shards();
    if (!shards.ok) return shards;
    const others = [...this.#learned.values()].filter((file) => !ShardName.test(file.name));
    this.#total = totalBytes(others) + shards.value.reduce((sum, shard) => sum + shard.bytes, 0);
    for (const shard of shards.value) {
      const here = await this.#fetchOnce(shard);
      if (!here.ok) return here;
    }
    return success(this.#entrySoFar());
  }

  async #shards(): Promise<Result<readonly { readonly name: string; readonly bytes: number }[], EngineError>> {
    const file = this.#learned.get('tensor-cache.json');
    const bytes = file && (await readVerified(this.#cache, file));
    if (!bytes) return failure(await storageFull(this.#effects, this.#total, 'tensor-cache.json could not be read back'));
    return shardsIn(bytes);
  }

  async #fetchOnce(file: ExpectedFile): Promise<Result<void, EngineError>> {
    if (this.#learned.has(file.name)) return success(undefined);
    const done = totalBytes([...this.#learned.values()]);
    const bytes = await downloadFile(fileUrl(this.#entry, file.name), file, this.#effects, {
      onBytes: (count) => this.#report(done + count),
      signal: this.#options.signal,
      inspect: (content) => flawOf(file.name, content),
    });
    if (!bytes.ok) return bytes.error.code === 'network' ? failure(withOtherWay(bytes.error)) : bytes;
    const learned = { name: file.name, bytes: bytes.value.length, sha256: await sha256(bytes.value) };
    try {
      await storeFile(this.#cache, learned, bytes.value);
      this.#learned.set(file.name, learned);
      const files = [...this.#learned.values()];
      await writeManifest(this.#cache, { entry: this.#entrySoFar(), files, complete: false, storedAt: this.#effects.now() });
    } catch (error) {
      return failure(await storageFull(this.#effects, this.#total, error));
    }
    return success(undefined);
  }

  #entrySoFar(): CatalogueEntry {
    const files = Object.fromEntries([...this.#learned].map(([name, { bytes, sha256 }]) => [name, { bytes, sha256 }]));
    return { ...this.#entry, files, sizeBytes: this.#total };
  }

  #report(count: number): void {
    const loadedBytes = Math.min(count, this.#total);
    this.#timeLeft.add(this.#effects.now(), loadedBytes);
    const secondsLeft = this.#timeLeft.secondsLeft(this.#total);
    this.#options.onProgress?.({ phase: 'download', loadedBytes, totalBytes: this.#total, secondsLeft });
  }
}

function withOtherWay(error: EngineError): EngineError {
  return {
    ...error,
    nextStep:
      'Check the connection and try again; files that arrived are kept. Where the hub is blocked, import a model folder from disk instead.',
  };
}
