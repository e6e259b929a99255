import { failure, success, type Result } from '../result.ts';
import type { ExpectedFile } from './download-file.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';
import { flawOf, shardsIn } from './hub-files.ts';
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
  /** Public models, whose folders have no card: told by the folder's name. */
  readonly hub?: readonly CatalogueEntry[];
  readonly onProgress?: (loadedBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
  readonly effects?: CacheEffects;
}

/** A folder as a person chose it. */
export interface ChosenFolder {
  /** Empty where single files were chosen. */
  readonly name: string;
  readonly files: readonly FolderFile[];
}

const CARD = 'model-card.json';

/**
 * Takes a model folder from disk into this browser's storage. Every file must be what the folder's `model-card.json` says; the first
 * that is not is named, and nothing is kept.
 *
 * A public model's folder, as its hub has it with its library put beside, has no card. As after a download from there, its files are
 * checked for length and form, and held to what they were from then on.
 *
 * Errors: `wrong-hash` (no card, a file that is missing, of another length or hash), `storage-full`, `busy` (the model is being
 * loaded), `aborted`.
 */
export async function importFolder(folder: ChosenFolder, options: ImportOptions = {}): Promise<Result<CatalogueEntry, EngineError>> {
  const effects = options.effects ?? browserCacheEffects();
  const { files } = folder;
  const hub = options.hub?.find(({ id }) => id === folder.name);
  const hasCard = files.some(({ name }) => name === CARD);
  const entry = hub && !hasCard ? await describeHubFolder(files, hub, options.signal) : await readCard(files, options.published ?? []);
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
        message: `There is no ${CARD} in what was chosen, and it does not have the name of a public model, so it is not a model folder.`,
        nextStep: 'Choose the folder itself: one of ours holds its card, one of a public model is named as on its hub.',
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

/** A public model's entry with the hashes that its files on disk have. */
async function describeHubFolder(
  files: readonly FolderFile[],
  hub: CatalogueEntry,
  signal: AbortSignal | undefined,
): Promise<Result<CatalogueEntry, EngineError>> {
  const found: Record<string, { bytes: number; sha256: string }> = {};
  const add = async ({ name, bytes: length }: ExpectedFile): Promise<Result<Uint8Array<ArrayBuffer>, EngineError>> => {
    if (signal?.aborted) return failure(engineError('aborted'));
    const file = files.find((candidate) => candidate.name === name);
    if (!file) return failure(differs(name, 'is missing from the folder', name.endsWith('.wasm') ? hub.libraryUrl : null));
    if (length !== undefined && file.size !== length)
      return failure(differs(name, `has ${file.size} bytes, tensor-cache.json says ${length}`));
    const bytes = await readFile(file);
    if (!bytes.ok) return bytes;
    const flaw = flawOf(name, bytes.value);
    if (flaw !== undefined) return failure(differs(name, `is ${flaw}`));
    found[name] = { bytes: file.size, sha256: await sha256(bytes.value) };
    return bytes;
  };
  for (const name of ['mlc-chat-config.json', 'tokenizer.json', ...hub.libraries.map((library) => library.file)]) {
    const added = await add({ name });
    if (!added.ok) return added;
  }
  const list = await add({ name: 'tensor-cache.json' });
  if (!list.ok) return list;
  const shards = shardsIn(list.value);
  if (!shards.ok) return shards;
  for (const shard of shards.value) {
    const added = await add(shard);
    if (!added.ok) return added;
  }
  return success({ ...hub, files: found, sizeBytes: totalBytes(Object.values(found)) });
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
    if (size === undefined) return failure(differs(file.name, 'is missing from the folder'));
    if (size !== file.bytes) return failure(differs(file.name, `has ${size} bytes, the card says ${file.bytes}`));
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
    if (!source) return failure(differs(file.name, 'is missing from the folder'));
    const bytes = await readFile(source);
    if (!bytes.ok) return bytes;
    const found = await sha256(bytes.value);
    if (found !== file.sha256)
      return failure(differs(file.name, 'is not the file that the card describes', `SHA-256 ${found}, expected ${file.sha256}`));
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

/** @param detail where the file is found, or what it is; null: nothing to add */
function differs(name: string, how: string, detail: string | null = null): EngineError {
  return engineError('wrong-hash', {
    message: `${name} ${how}, so the folder was not imported.`,
    nextStep: 'Copy or build the folder again; nothing of it was kept.',
    ...(detail === null ? {} : { detail }),
  });
}
