/** What a model folder says of itself in `model-card.json`: what it is, how it runs, and the SHA-256 of each of its files. */
import * as v from 'valibot';
import { failure, success, type Result } from '../result.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError } from './engine.ts';
import { sha256 } from './sha256.ts';

const FileName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][\w.-]*$/, 'a plain file name'));
export const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'a SHA-256 in hexadecimal'));
const ModelId = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][\w.-]{0,99}$/, 'a plain model name'));
/** Files are read whole into memory; shards are 32 MiB at most by contract, the largest other file is a tokenizer. */
const FileBytes = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(512 * 1024 * 1024));

const Library = v.object({
  file: FileName,
  computeType: v.picklist(['f32', 'f16']),
  /** `barrier-free`: for software adapters, which pay dearly for workgroup barriers. */
  schedule: v.picklist(['gpu', 'barrier-free']),
});

/** What the engine reads of a `model-card.json`; the card says more (training data, recipe, accuracy), which is kept by the build only. */
const ModelCard = v.object({
  id: ModelId,
  title: v.optional(v.string()),
  baseModel: v.optional(v.string(), ''),
  licence: v.string(),
  contextWindow: v.pipe(v.number(), v.integer(), v.minValue(64)),
  promptStyle: v.picklist(['compact', 'create-table']),
  schemaBudget: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  libraries: v.pipe(v.array(Library), v.minLength(1)),
  files: v.record(FileName, v.object({ bytes: FileBytes, sha256: Sha256 })),
});

export type ModelLibrary = v.InferOutput<typeof Library>;

/** Everything that is needed to fetch, verify and run a model. Plain data: it crosses to the worker and is kept in the manifest. */
export interface CatalogueEntry {
  readonly id: string;
  readonly title: string;
  /** The folder's absolute URL, with a slash at the end. */
  readonly url: string;
  /** What is downloaded for one graphics card, in bytes: the weights and the largest one of the libraries. */
  readonly sizeBytes: number;
  /** The model that this one was trained from. */
  readonly baseModel: string;
  readonly licence: string;
  /** Tokens that prompt and answer may have together. */
  readonly contextWindow: number;
  readonly promptStyle: 'compact' | 'create-table';
  /** Prompt tokens, by `estimateTokens`, that the schema may take before tables are left out; absent: what the context window allows. */
  readonly schemaBudget?: number;
  readonly libraries: readonly ModelLibrary[];
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
  readonly cardSha256: string;
}

/** One file of a model, as it is asked for. */
export interface ModelFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Checks data that comes back from the cache's manifests as strictly as what comes from the network. */
export const StoredEntry = v.object({
  ...v.omit(ModelCard, ['title', 'baseModel']).entries,
  title: v.string(),
  baseModel: v.string(),
  url: v.pipe(v.string(), v.url()),
  sizeBytes: v.number(),
  cardSha256: Sha256,
});

/**
 * Turns the bytes of a `model-card.json` into an entry.
 *
 * @param pinned the folder's URL, and the SHA-256 that the card must have
 */
export async function parseModelCard(
  bytes: Uint8Array<ArrayBuffer>,
  pinned: { readonly url: string; readonly cardSha256: string; readonly title?: string },
): Promise<Result<CatalogueEntry, EngineError>> {
  const found = await sha256(bytes);
  if (found !== pinned.cardSha256) {
    return failure(
      engineError('wrong-hash', {
        message: 'The model’s description is not the one that this page was published with, so the model is not used.',
        nextStep: 'Reload the page; if that does not help, tell whoever runs it.',
        detail: `${pinned.url}model-card.json has SHA-256 ${found}, expected ${pinned.cardSha256}`,
      }),
    );
  }
  const parsed = parseJson(ModelCard, bytes, `${pinned.url}model-card.json`);
  if (!parsed.ok) return parsed;
  const { title, ...card } = parsed.value;
  const missing = missingFiles(card);
  if (missing.length > 0) {
    return failure(unusable(`${pinned.url}model-card.json`, `does not list ${missing.join(', ')}`));
  }
  const entry = { ...card, title: pinned.title ?? title ?? card.id, url: pinned.url, cardSha256: pinned.cardSha256, sizeBytes: 0 };
  const sizes = entry.libraries.map((library) => totalBytes(requiredFiles(entry, library)));
  return success({ ...entry, sizeBytes: Math.max(...sizes) });
}

const CONFIG_FILES = ['mlc-chat-config.json', 'tensor-cache.json', 'tokenizer.json'] as const;

/** The files that a model needs to run with one library: small ones first, so that a wrong folder is noticed early. */
export function requiredFiles(entry: Pick<CatalogueEntry, 'files'>, library: ModelLibrary): readonly ModelFile[] {
  const shards = Object.keys(entry.files).filter((name) => /^params_shard_\d+\.bin$/.test(name));
  shards.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return [...CONFIG_FILES, library.file, ...shards].flatMap((name) => {
    const file = entry.files[name];
    return file ? [{ name, ...file }] : [];
  });
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
