/** What a model folder says of itself in `model-card.json`: what it is, how it runs, and the SHA-256 of each of its files. */
import * as v from 'valibot';
import { failure, success, type Result } from '../result.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';
import { needsOf } from './model-needs.ts';
import { sha256 } from './sha256.ts';

const FileName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][\w.-]*$/, 'a plain file name'));
export const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'a SHA-256 in hexadecimal'));
const ModelId = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][\w.-]{0,99}$/, 'a plain model name'));
const LONGEST_ID = 100;
export const ShardName = /^params_shard_\d+\.bin$/;
/** Files are read whole into memory. Our shards have 32 MiB at most by contract; a public model's embedding lies in one of up to 545 MB. */
export const FileBytes = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1024 * 1024 * 1024));
/** Past this, holding a model in memory because the browser will not store it would endanger the page. */
export const MEMORY_MODEL_BYTES = 512 * 1024 * 1024;

const Library = v.object({
  file: FileName,
  computeType: v.picklist(['f32', 'f16']),
  /** `barrier-free`: for software adapters, which pay dearly for workgroup barriers. */
  schedule: v.picklist(['gpu', 'barrier-free']),
});

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const Architecture = v.object({
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count,
  num_key_value_heads: count,
  head_dim: count,
});

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const MeasuredAccuracy = v.object({
  /** Which questions, in words. */
  benchmark: v.string(),
  /** Shares of all questions. */
  executionMatch: share,
  executionMatchWithRepair: v.optional(share),
  questions: count,
});
export type MeasuredAccuracy = v.InferOutput<typeof MeasuredAccuracy>;

/** What is only shown or estimated: a card that words it in another way is still a card. */
function orNull<Schema extends v.GenericSchema>(schema: Schema) {
  return v.optional(v.fallback(v.nullable(schema), null), null);
}

/**
 * How far a model's files are known.
 * - `published`: this page pins the card, the card pins every file.
 * - `linked`: from an address that a person typed; the files are held to the card that was there.
 * - `imported`: from a folder on disk; the files are held to the card that lay beside them.
 * - `hub`: nobody says what the files must be; they are held to what was downloaded first.
 */
const Origin = v.picklist(['published', 'linked', 'imported', 'hub']);
export type Origin = v.InferOutput<typeof Origin>;

/** What the engine reads of a `model-card.json`; the card says more (training data, recipe), which is kept by the build only. */
const ModelCard = v.object({
  id: ModelId,
  title: v.optional(v.string()),
  base: v.optional(v.string(), ''),
  licence: v.string(),
  contextWindow: v.pipe(v.number(), v.integer(), v.minValue(64)),
  promptStyle: v.picklist(['compact', 'create-table']),
  schemaBudget: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  measuredAccuracy: orNull(MeasuredAccuracy),
  architecture: orNull(Architecture),
  quantization: orNull(v.object({ embeddingBits: count })),
  libraries: v.pipe(v.array(Library), v.minLength(1)),
  files: v.record(FileName, v.object({ bytes: FileBytes, sha256: Sha256 })),
});

export type ModelLibrary = v.InferOutput<typeof Library>;

/** Everything that is needed to fetch, verify and run a model. Plain data: it crosses to the worker and is kept in the manifest. */
export interface CatalogueEntry {
  readonly id: string;
  readonly title: string;
  readonly origin: Origin;
  /** The folder's absolute URL, with a slash at the end; of an imported model, one that leads nowhere. */
  readonly url: string;
  /** Where the library is, if not in the folder. */
  readonly libraryUrl: string | null;
  /** What is downloaded for one graphics card, in bytes: the weights and the largest one of the libraries. */
  readonly sizeBytes: number;
  /** Memory of the graphics card that it takes at least, in bytes; null where the card does not say enough. */
  readonly memoryBytes: number | null;
  /** Its largest tensor, in bytes: what one buffer of the graphics card must hold. */
  readonly largestBufferBytes: number | null;
  /** null: not measured. */
  readonly measuredAccuracy: MeasuredAccuracy | null;
  /** The model that this one was trained from. */
  readonly baseModel: string;
  readonly licence: string;
  /** Tokens that prompt and answer may have together. */
  readonly contextWindow: number;
  readonly promptStyle: 'compact' | 'create-table';
  /** Prompt tokens, by `estimateTokens`, that the schema may take before tables are left out; absent: what the context window allows. */
  readonly schemaBudget?: number;
  readonly libraries: readonly ModelLibrary[];
  /** Of a `hub` model, empty until it was downloaded. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
  /** Of the card; of a `hub` model, which has none, of the row in our table. Two entries with the same one are the same model. */
  readonly cardSha256: string;
}

/** One file of a model, as it is asked for. */
export interface ModelFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Checks data that comes back from the cache's manifests as strictly as what comes from the network. Manifests of before the catalogue lack some. */
export const StoredEntry = v.object({
  ...v.omit(ModelCard, ['title', 'base', 'architecture', 'quantization']).entries,
  title: v.string(),
  baseModel: v.string(),
  origin: v.optional(Origin, 'published'),
  url: v.pipe(v.string(), v.url()),
  libraryUrl: v.optional(v.nullable(v.pipe(v.string(), v.url())), null),
  sizeBytes: v.number(),
  memoryBytes: v.optional(v.nullable(v.number()), null),
  largestBufferBytes: v.optional(v.nullable(v.number()), null),
  cardSha256: Sha256,
});

/** Where a card was found, and what is known of it beforehand. */
export interface CardSource {
  /** The folder's URL, with a slash at the end. */
  readonly url: string;
  /** `published` unless said otherwise. */
  readonly origin?: Exclude<Origin, 'hub'>;
  /** The SHA-256 that the card must have; absent where nothing is known. */
  readonly cardSha256?: string;
  readonly title?: string;
}

/**
 * Turns the bytes of a `model-card.json` into an entry. A model that was linked or imported gets an id of its own, so that it cannot
 * take the place of one that this page was published with.
 */
export async function parseModelCard(bytes: Uint8Array<ArrayBuffer>, source: CardSource): Promise<Result<CatalogueEntry, EngineError>> {
  const { url, origin = 'published' } = source;
  const cardSha256 = await sha256(bytes);
  if (source.cardSha256 !== undefined && cardSha256 !== source.cardSha256) {
    return failure(
      engineError('wrong-hash', {
        message: 'The model’s description is not the one that this page was published with, so the model is not used.',
        nextStep: 'Reload the page; if that does not help, tell whoever runs it.',
        detail: `${url}model-card.json has SHA-256 ${cardSha256}, expected ${source.cardSha256}`,
      }),
    );
  }
  const parsed = parseJson(ModelCard, bytes, `${url}model-card.json`);
  if (!parsed.ok) return parsed;
  const { title, base, architecture, quantization, ...card } = parsed.value;
  const missing = missingFiles(card);
  if (missing.length > 0) {
    return failure(unusable(`${url}model-card.json`, `does not list ${missing.join(', ')}`));
  }
  const needs =
    architecture && quantization && needsOf(architecture, quantization.embeddingBits, totalBytes(shardsOf(card)), card.contextWindow);
  return success({
    ...card,
    id: origin === 'published' ? card.id : `${origin}.${card.id}`.slice(0, LONGEST_ID),
    title: source.title ?? title ?? card.id,
    baseModel: base,
    origin,
    url,
    libraryUrl: null,
    sizeBytes: Math.max(...card.libraries.map((library) => totalBytes(requiredFiles(card, library)))),
    memoryBytes: needs?.memoryBytes ?? null,
    largestBufferBytes: needs?.largestBufferBytes ?? null,
    cardSha256,
  });
}

export const CONFIG_FILES = ['mlc-chat-config.json', 'tensor-cache.json', 'tokenizer.json'] as const;

/** The files that a model needs to run with one library: small ones first, so that a wrong folder is noticed early. */
export function requiredFiles(entry: Pick<CatalogueEntry, 'files'>, library: ModelLibrary): readonly ModelFile[] {
  const others = [...CONFIG_FILES, library.file].flatMap((name) => {
    const file = entry.files[name];
    return file ? [{ name, ...file }] : [];
  });
  return [...others, ...shardsOf(entry)];
}

/** The files that a model needs to run with any of its libraries. */
export function storedFiles(entry: Pick<CatalogueEntry, 'files' | 'libraries'>): readonly ModelFile[] {
  const files = entry.libraries.flatMap((library) => requiredFiles(entry, library));
  return [...new Map(files.map((file) => [file.name, file])).values()];
}

/** Where a file of a model is fetched from. */
export function fileUrl(entry: Pick<CatalogueEntry, 'url' | 'libraryUrl' | 'libraries'>, name: string): string {
  const isLibrary = entry.libraries.some((library) => library.file === name);
  return isLibrary && entry.libraryUrl !== null ? entry.libraryUrl : new URL(name, entry.url).href;
}

function shardsOf(entry: Pick<CatalogueEntry, 'files'>): readonly ModelFile[] {
  const shards = Object.entries(entry.files).filter(([name]) => ShardName.test(name));
  shards.sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  return shards.map(([name, file]) => ({ name, ...file }));
}

export function totalBytes(files: readonly { readonly bytes: number }[]): number {
  return files.reduce((sum, file) => sum + file.bytes, 0);
}

function missingFiles(card: Pick<CatalogueEntry, 'files' | 'libraries'>): readonly string[] {
  const wanted = [...CONFIG_FILES, ...card.libraries.map((library) => library.file), 'params_shard_0.bin'];
  return wanted.filter((name) => card.files[name] === undefined);
}

export function parseJson<Schema extends v.GenericSchema>(
  schema: Schema,
  bytes: Uint8Array<ArrayBuffer>,
  url: string,
): Result<v.InferOutput<Schema>, EngineError> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    return failure(unusable(url, error instanceof Error ? error.message : 'is not JSON'));
  }
  const parsed = v.safeParse(schema, json);
  if (parsed.success) return success(parsed.output);
  const [issue] = parsed.issues;
  return failure(unusable(url, `${v.getDotPath(issue) ?? 'document'}: ${issue.message}`));
}

function unusable(url: string, detail: string): EngineError {
  return engineError('wrong-hash', {
    message: 'The list of models, or the description of one, is not in the form that this page reads.',
    nextStep: 'Reload the page; if that does not help, tell whoever runs it.',
    detail: `${url}: ${detail}`,
  });
}
