/**
 * Where models lie in the browser: one Cache, a file under its SHA-256, a manifest under each model's id.
 *
 * A manifest says which files belong to a model; it is marked complete last. Files that no manifest names are swept.
 */
import * as v from 'valibot';
import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';
import { StoredEntry, totalBytes, type CatalogueEntry, type ModelFile } from './model-card.ts';
import { megabytes } from './model-needs.ts';
import { sha256 } from './sha256.ts';

const CACHE_NAME = 'tabletalk-models';
/** Cache keys must be http URLs; `.invalid` never resolves (RFC 2606), so no key can ever be fetched by mistake. */
const KEY_ORIGIN = 'https://tabletalk.invalid';

export interface Manifest {
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

/** The browser's part in storing, replaceable in tests. */
export interface CacheEffects {
  readonly caches: Pick<CacheStorage, 'open'> | undefined;
  readonly locks: Pick<LockManager, 'request'> | undefined;
  readonly now: () => number;
  /** Bytes that the browser says are free; undefined if it does not say. */
  readonly freeBytes: () => Promise<number | undefined>;
}

export function browserCacheEffects(): CacheEffects {
  const scope = globalThis as { caches?: CacheStorage; navigator?: { locks?: LockManager; storage?: StorageManager } };
  return {
    caches: scope.caches,
    locks: scope.navigator?.locks,
    now: () => Date.now(),
    freeBytes: async () => {
      const estimate = await scope.navigator?.storage?.estimate().catch(() => undefined);
      return estimate?.quota === undefined ? undefined : estimate.quota - (estimate.usage ?? 0);
    },
  };
}

/** Private windows and blocked site data make `open` throw: undefined then. */
export async function openCache(effects: Pick<CacheEffects, 'caches'>): Promise<Cache | undefined> {
  try {
    return await effects.caches?.open(CACHE_NAME);
  } catch {
    return undefined;
  }
}

/** Keeps a file under its hash. Rejects with whatever the browser throws when it refuses. */
export async function storeFile(cache: Cache, file: Pick<ModelFile, 'sha256'>, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(bytes.length) };
  await cache.put(fileKey(file), new Response(bytes, { headers }));
}

/** The stored bytes if they are the right ones; what is damaged is deleted. */
export async function readVerified(cache: Cache, file: ModelFile): Promise<Uint8Array<ArrayBuffer> | undefined> {
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

export async function readManifest(cache: Cache, id: string): Promise<Manifest | undefined> {
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

/** Rejects with whatever the browser throws when it refuses. */
export async function writeManifest(cache: Cache, manifest: Omit<Manifest, 'version'>): Promise<void> {
  const files = manifest.files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 }));
  const response = new Response(JSON.stringify({ version: 1, ...manifest, files } satisfies Manifest), {
    headers: { 'content-type': 'application/json' },
  });
  await cache.put(manifestKey(manifest.entry.id), response);
}

export async function readManifests(cache: Cache): Promise<readonly Manifest[]> {
  const prefix = manifestKey('');
  const ids = (await cache.keys())
    .filter(({ url }) => url.startsWith(prefix))
    .map(({ url }) => decodeURIComponent(url.slice(prefix.length)));
  const manifests = await Promise.all(ids.map((id) => readManifest(cache, id)));
  return manifests.filter((manifest) => manifest !== undefined);
}

/** Deletes a model but for the files that another shares; returns the bytes that were freed. */
export async function removeModel(cache: Cache, id: string): Promise<number> {
  const manifest = await readManifest(cache, id);
  await cache.delete(manifestKey(id));
  const swept = await sweep(cache);
  return totalBytes(manifest?.files.filter((file) => swept.has(fileKey(file))) ?? []);
}

/** As `removeModel`, where storage is in trouble already: that deleting fails as well changes nothing for the person. */
export async function removeQuietly(cache: Cache, id: string): Promise<void> {
  await removeModel(cache, id).catch(() => undefined);
}

/** Deletes the files that no manifest names: those of deleted models, and of versions that were replaced. Returns their keys. */
export async function sweep(cache: Cache): Promise<ReadonlySet<string>> {
  const named = new Set((await readManifests(cache)).flatMap((manifest) => manifest.files.map(fileKey)));
  const orphans = (await cache.keys()).map(({ url }) => url).filter((url) => url.startsWith(fileKey({ sha256: '' })) && !named.has(url));
  await Promise.all(orphans.map((url) => cache.delete(url)));
  return new Set(orphans);
}

/** The keys of what is stored. Rejects where storage cannot be listed. */
export async function presentKeys(cache: Cache): Promise<ReadonlySet<string>> {
  return new Set((await cache.keys()).map((request) => request.url));
}

export function fileKey(file: Pick<ModelFile, 'sha256'>): string {
  return `${KEY_ORIGIN}/sha256/${file.sha256}`;
}

/** The Web Lock that whoever changes a model holds. */
export function lockName(id: string): string {
  return `tabletalk-model-${id}`;
}

/** `storage-full` with needed and free sizes. */
export async function storageFull(effects: Pick<CacheEffects, 'freeBytes'>, neededBytes: number, error: unknown): Promise<EngineError> {
  const free = await effects.freeBytes();
  const has = free === undefined ? '' : ` and has ${megabytes(free)} MB`;
  return engineError('storage-full', {
    message: `The model needs ${megabytes(neededBytes)} MB of the browser’s storage; the browser refused${has}.`,
    detail: error,
  });
}

function manifestKey(id: string): string {
  return `${KEY_ORIGIN}/manifest/${encodeURIComponent(id)}`;
}
