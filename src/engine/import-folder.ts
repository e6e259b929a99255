import { failure, success, type Result } from '../result.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';
import {
  browserCacheEffects,
  fileKey,
  lockName,
  openCache,
  presentKeys,
  storageFull,
  storeFile,
  sweep,
  writeManifest,
  type CacheEffects,
} from './model-cache.ts';
import { parseModelCard, storedFiles, totalBytes, type CatalogueEntry, type ModelFile } from './model-card.ts';
import { sha256 } from './sha256.ts';

/** A file of a folder that was chosen or dropped; a `File` is one. */
export interface FolderFile {
  readonly name: string;
  readonly size: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

export interface ImportOptions {
  /** Models that this page knows: a folder with the very card of one is that model, not a stranger. */
  readonly published?: readonly CatalogueEntry[];
  readonly onProgress?: (loadedBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
  readonly effects?: CacheEffects;
}

const CARD = 'model-card.json';

/**
 * Takes a model folder from disk into this browser's storage. Every file must be what the folder's `model-card.json` says; the first
 * that is not is named, and nothing is kept.
 *
 * Errors: `wrong-hash` (no card, a file that is missing, of another length or hash), `storage-full`, `busy` (the model is being
 * loaded), `aborted`.
 */
export async function importFolder(
  files: readonly FolderFile[],
  options: ImportOptions = {},
): Promise<Result<CatalogueEntry, EngineError>> {
  const effects = options.effects ?? browserCacheEffects();
  const entry = await readCard(files, options.published ?? []);
  if (!entry.ok) return entry;
  const run = () => storeFolder(files, entry.value, effects, options);
  if (!effects.locks) return run();
  const lock = { ifAvailable: true };
  return effects.locks.request(lockName(entry.value.id), lock, (held): Promise<Result<CatalogueEntry, EngineError>> => {
    if (held) return run();
    return Promise.resolve(failure(engineError('busy', { message: 'This model is just being loaded, here or in another tab.' })));
  });
}

async function readCard(files: readonly FolderFile[], published: readonly CatalogueEntry[]): Promise<Result<CatalogueEntry, EngineError>> {
  const card = files.find((file) => file.name === CARD);
  if (!card) {
    return failure(
      engineError('wrong-hash', {
        message: `There is no ${CARD} in what was chosen, so it is not a model folder.`,
        nextStep: 'Choose the folder itself, as model-build made it: it holds the card, the configuration and the shards.',
      }),
    );
  }
  const bytes = await readFile(card);
  if (!bytes.ok) return bytes;
  const found = await sha256(bytes.value);
  const known = published.find((entry) => entry.origin === 'published' && entry.cardSha256 === found);
  if (known) return success(known);
  const parsed = await parseModelCard(bytes.value, { url: 'https://imported.invalid/', origin: 'imported' });
  if (parsed.ok) return parsed;
  return failure({
    ...parsed.error,
    message: `The ${CARD} in this folder is not in the form that this page reads.`,
    nextStep: 'Make the folder again with this version’s model-build, or choose another.',
  });
}

async function storeFolder(
  files: readonly FolderFile[],
  entry: CatalogueEntry,
  effects: CacheEffects,
  options: ImportOptions,
): Promise<Result<CatalogueEntry, EngineError>> {
  const expected = storedFiles(entry);
  const total = totalBytes(expected);
  const byName = new Map(files.map((file) => [file.name, file]));
  // What can be said without reading is said before 900 MB are read.
  for (const file of expected) {
    const size = byName.get(file.name)?.size;
    if (size === undefined) return failure(differs(file, 'is missing from the folder'));
    if (size !== file.bytes) return failure(differs(file, `has ${size} bytes, the card says ${file.bytes}`));
  }
  const cache = await openCache(effects);
  if (!cache) return failure(await storageFull(effects, total, 'the browser’s storage cannot be opened'));
  const stored = await storeFiles(cache, expected, byName, effects, options);
  if (!stored.ok) {
    // Without a manifest that names them, the files that came first are swept; an older version of the model keeps its own.
    await sweep(cache).catch(() => undefined);
    return stored;
  }
  try {
    await writeManifest(cache, { entry, files: expected, complete: true, storedAt: effects.now() });
    const present = await presentKeys(cache);
    const gone = expected.find((file) => !present.has(fileKey(file)));
    await sweep(cache);
    if (gone) return failure(await storageFull(effects, total, `${gone.name} was evicted`));
  } catch (error) {
    return failure(await storageFull(effects, total, error));
  }
  return success(entry);
}

async function storeFiles(
  cache: Cache,
  expected: readonly ModelFile[],
  byName: ReadonlyMap<string, FolderFile>,
  effects: CacheEffects,
  { onProgress, signal }: ImportOptions,
): Promise<Result<void, EngineError>> {
  const total = totalBytes(expected);
  let done = 0;
  for (const file of expected) {
    if (signal?.aborted) return failure(engineError('aborted'));
    const source = byName.get(file.name);
    if (!source) return failure(differs(file, 'is missing from the folder'));
    const bytes = await readFile(source);
    if (!bytes.ok) return bytes;
    const found = await sha256(bytes.value);
    if (found !== file.sha256)
      return failure(differs(file, 'is not the file that the card describes', `SHA-256 ${found}, expected ${file.sha256}`));
    try {
      await storeFile(cache, file, bytes.value);
    } catch (error) {
      return failure(await storageFull(effects, total, error));
    }
    done += file.bytes;
    onProgress?.(done, total);
  }
  return success(undefined);
}

async function readFile(file: FolderFile): Promise<Result<Uint8Array<ArrayBuffer>, EngineError>> {
  try {
    return success(new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    return failure(
      engineError('wrong-hash', {
        message: `The file ${file.name} could not be read from the disk.`,
        nextStep: 'If the folder lies on a network or a stick, copy it to this machine and try again.',
        detail: error,
      }),
    );
  }
}

function differs(file: ModelFile, how: string, detail?: string): EngineError {
  return engineError('wrong-hash', {
    message: `${file.name} ${how}, so the folder was not imported.`,
    nextStep: 'Copy or build the folder again; nothing of it was kept.',
    ...(detail === undefined ? {} : { detail }),
  });
}
