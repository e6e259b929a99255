/**
 * Which models there are. `models/index.json` beside the page names the folders and pins the SHA-256 of each folder's
 * `model-card.json`; the card pins every other file. So whoever can change a model's files, but not the page, cannot change
 * what runs.
 */
import * as v from 'valibot';
import { failure, success, type Result } from '../result.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';
import { parseJson, parseModelCard, Sha256, type CatalogueEntry } from './model-card.ts';
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
}

/**
 * Reads the catalogue.
 *
 * @param baseUrl the absolute URL of the folder that holds `models/`, that is, of the app
 * @returns the models in the index's order. Where it cannot be read, as without a network, those in the cache. Errors: `network`, `wrong-hash`
 *   (a card that is not the pinned one, or that says nothing usable), `aborted`
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
  for (const { folder, cardSha256, title } of index.value.models) {
    const url = new URL(folder.endsWith('/') ? folder : `${folder}/`, indexUrl).href;
    const card = await fetchSmall(new URL('model-card.json', url).href, options);
    if (!card.ok) return card;
    const entry = await parseModelCard(card.value, { url, cardSha256, ...(title === undefined ? {} : { title }) });
    if (!entry.ok) return entry;
    entries.push(entry.value);
  }
  return success(entries);
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
