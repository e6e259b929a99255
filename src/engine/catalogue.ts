/**
 * Which models there are. `models/index.json` beside the page names the folders and pins the SHA-256 of each folder's
 * `model-card.json`; the card pins every other file. So whoever can change a model's files, but not the page, cannot change
 * what runs.
 */
import * as v from 'valibot';
import { failure, success, type Result } from '../result.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';
import { parseJson, parseModelCard, Sha256, type CardSource, type CatalogueEntry } from './model-card.ts';
import { listCachedModels } from './model-store.ts';

export type { CatalogueEntry } from './model-card.ts';

const Index = v.object({
  version: v.literal(1),
  models: v.array(
    v.object({
      /** Relative to index.json, or absolute. */
      folder: v.pipe(v.string(), v.minLength(1)),
      cardSha256: Sha256,
      title: v.optional(v.string()),
    }),
  ),
});

export interface CatalogueOptions {
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal;
  /** What to offer when the catalogue cannot be read, as without a network: by default the models in the cache. */
  readonly cached?: () => Promise<readonly CatalogueEntry[]>;
  /** Told of each folder that had to be left out, so that one host that is down does not hide the other models. */
  readonly onLeftOut?: (folder: string, error: EngineError) => void;
}

/**
 * Reads the catalogue.
 *
 * @param baseUrl the absolute URL of the folder that holds `models/`, that is, of the app
 * @returns the models in the index's order, those left out whose card cannot be had. Where the index or all of them cannot be read, as without
 *   a network, those in the cache. Errors: `network`, `wrong-hash` (a card that is not the pinned one, or that says nothing usable), `aborted`
 */
export async function loadCatalogue(
  baseUrl: string,
  options: CatalogueOptions = {},
): Promise<Result<readonly CatalogueEntry[], EngineError>> {
  const read = await readCatalogue(new URL('models/index.json', baseUrl).href, options);
  if (read.ok || read.error.code === 'aborted') return read;
  const cached = await (options.cached ?? storedModels)();
  return cached.length > 0 ? success(cached) : read;
}

async function readCatalogue(indexUrl: string, options: CatalogueOptions): Promise<Result<readonly CatalogueEntry[], EngineError>> {
  const bytes = await fetchSmall(indexUrl, options);
  if (!bytes.ok) return bytes;
  const index = parseJson(Index, bytes.value, indexUrl);
  if (!index.ok) return index;
  const entries: CatalogueEntry[] = [];
  let first: EngineError | undefined;
  for (const { folder, cardSha256, title } of index.value.models) {
    const url = new URL(folder.endsWith('/') ? folder : `${folder}/`, indexUrl).href;
    const entry = await readCard({ url, cardSha256, ...(title === undefined ? {} : { title }) }, options);
    if (entry.ok) {
      entries.push(entry.value);
      continue;
    }
    if (entry.error.code === 'aborted') return entry;
    first ??= entry.error;
    options.onLeftOut?.(folder, entry.error);
  }
  return entries.length === 0 && first ? failure(first) : success(entries);
}

/**
 * Reads the card of a model folder at an address that a person typed. Errors: `network` (also an address that is none, or a host that
 * sends no CORS headers), `wrong-hash` (no card that this page reads), `aborted`.
 *
 * @param address the folder's or its card's, absolute
 */
export async function readLinkedModel(
  address: string,
  options: Pick<CatalogueOptions, 'fetch' | 'signal'> = {},
): Promise<Result<CatalogueEntry, EngineError>> {
  const url = folderUrl(address);
  if (url === undefined) {
    return failure(
      engineError('network', {
        message: 'That is not the address of a model folder.',
        nextStep: 'Write the whole address, such as https://example.org/models/some-model/.',
      }),
    );
  }
  const read = await readCard({ url, origin: 'linked' }, options);
  if (read.ok || read.error.code !== 'network') return read;
  return failure({
    ...read.error,
    message: `No model card could be read from ${url}.`,
    nextStep: 'Check the address and the connection. The host must send CORS headers (Access-Control-Allow-Origin).',
  });
}

/** The folder that an address means, with a slash at the end; undefined if it is none. */
export function folderUrl(address: string): string | undefined {
  if (!URL.canParse(address.trim())) return undefined;
  const url = new URL(address.trim());
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined;
  url.hash = url.search = '';
  url.pathname = url.pathname.replace(/model-card\.json$/, '').replace(/\/?$/, '/');
  return url.href;
}

async function readCard(source: CardSource, options: CatalogueOptions): Promise<Result<CatalogueEntry, EngineError>> {
  const card = await fetchSmall(new URL('model-card.json', source.url).href, options);
  return card.ok ? parseModelCard(card.value, source) : card;
}

async function storedModels(): Promise<readonly CatalogueEntry[]> {
  return (await listCachedModels()).filter((model) => model.complete).map((model) => model.entry);
}

async function fetchSmall(url: string, options: CatalogueOptions): Promise<Result<Uint8Array<ArrayBuffer>, EngineError>> {
  try {
    const response = await (options.fetch ?? fetch)(url, options.signal ? { signal: options.signal } : {});
    if (!response.ok) {
      return failure(
        engineError('network', { message: 'The list of models could not be read.', detail: `${url}: status ${response.status}` }),
      );
    }
    return success(new Uint8Array(await response.arrayBuffer()));
  } catch (error) {
    if (options.signal?.aborted) return failure(engineError('aborted'));
    return failure(engineError('network', { message: 'The list of models could not be read.', detail: error }));
  }
}
