import * as v from 'valibot';
import { failure, success, type Result } from '../result.ts';
import { Constraint, MOST_TRIES, type Candidate } from '../text-to-sql/decoding/constraint.ts';
import { engineError } from './engine-errors.ts';
import type { EngineError, GenerateRequest, Generation, LoadProgress } from './engine.ts';
import type { LoadReport } from './messages.ts';
import type { CatalogueEntry, ModelLibrary } from './model-card.ts';
import { totalBytes } from './model-card.ts';
import { MODEL_URL, ModelFileError, modelFilesAsCache } from './model-files-as-cache.ts';
import { ModelStore, type ModelFiles } from './model-store.ts';
import { TimeLeft } from './time-left.ts';
import { watchDevices } from './watch-device.ts';
import { pipelineOf, popTokens, readLogits, type Pipeline } from './webllm-pipeline.ts';

/**
 * Tokens of a prompt that are fed between two looks at the abort signal, by the library's schedule. A software adapter reads about 15 a
 * second when nothing else runs; a graphics card reads hundreds, and would lose time waiting for small pieces.
 */
const PIECE_TOKENS = { 'barrier-free': 16, gpu: 128 } as const;
/** Room that must be left for an answer, or the question is not worth asking. */
const LEAST_ANSWER_TOKENS = 32;

/** What the engine itself reads of `mlc-chat-config.json`; WebLLM reads the rest. */
const ChatConfig = v.object({
  context_window_size: v.pipe(v.number(), v.integer(), v.minValue(1)),
  conv_template: v.object({ stop_token_ids: v.array(v.number()) }),
});

export interface InferenceLoadOptions {
  readonly onProgress: (progress: LoadProgress) => void;
  readonly signal: AbortSignal;
}

export interface InferenceGenerateOptions {
  readonly onText: (text: string) => void;
  readonly signal: AbortSignal;
}

/** A model that is loaded, and what its KV cache holds. */
interface Loaded {
  readonly pipeline: Pipeline;
  readonly contextWindow: number;
  readonly stopTokens: ReadonlySet<number>;
  readonly pieceTokens: number;
  /** The tokens that the KV cache holds, in order. */
  fed: number[];
}

/**
 * WebLLM, driven token by token. Lives in the inference worker and loads one model in its life; everything it says is plain data.
 *
 * Prefix reuse: before a prompt is fed, the KV cache is cut back to the longest beginning that it shares with the prompt. So a
 * schema that was primed, or that the last question used, costs nothing again.
 */
export class Inference {
  readonly #onLost: (error: EngineError) => void;
  readonly #store: ModelStore;
  #loaded: Loaded | undefined;

  /** @param onLost told when the graphics device is gone, at any time */
  constructor(onLost: (error: EngineError) => void, store = new ModelStore()) {
    this.#onLost = onLost;
    this.#store = store;
  }

  /** Downloads what is missing, verifies, uploads to the device and compiles. Errors: the model store's, and `crashed`. */
  async load(entry: CatalogueEntry, library: ModelLibrary, options: InferenceLoadOptions): Promise<Result<LoadReport, EngineError>> {
    const started = performance.now();
    const files = await this.#store.prepare(entry, library, options);
    if (!files.ok) return files;
    const config = await readChatConfig(files.value);
    if (!config.ok) return config;
    try {
      watchDevices(this.#onLost);
      const contextWindow = Math.min(entry.contextWindow, config.value.context_window_size);
      const pipeline = await startWebLlm(files.value, library, contextWindow, options.onProgress);
      this.#loaded = {
        pipeline,
        contextWindow,
        stopTokens: new Set(config.value.conv_template.stop_token_ids),
        pieceTokens: PIECE_TOKENS[library.schedule],
        fed: [],
      };
    } catch (error) {
      if (error instanceof ModelFileError) return failure(error.failure);
      return failure(engineError('crashed', { message: 'The model could not be started on this graphics card.', detail: error }));
    }
    closeNetwork();
    const total = totalBytes(files.value.files);
    options.onProgress({ phase: 'ready', loadedBytes: total, totalBytes: total, secondsLeft: 0 });
    return success({ keptIn: files.value.keptIn, library: library.file, milliseconds: performance.now() - started });
  }

  /** Feeds the beginning of a prompt. Errors: `not-loaded`, `prompt-too-long`, `aborted` (what was fed stays). */
  async prime(prefix: string, signal: AbortSignal): Promise<Result<void, EngineError>> {
    const model = this.#loaded;
    if (!model) return failure(engineError('not-loaded'));
    const ids = tokenize(model, prefix);
    const tooLong = checkLength(model, ids.length);
    if (tooLong) return failure(tooLong);
    keepShared(model, ids, ids.length);
    return (await feed(model, ids.slice(model.fed.length), signal)) ? success(undefined) : failure(engineError('aborted'));
  }

  /** Answers a prompt by greedy decoding. Errors: `not-loaded`, `prompt-too-long`, `aborted`. */
  async generate(request: GenerateRequest, options: InferenceGenerateOptions): Promise<Result<Generation, EngineError>> {
    const model = this.#loaded;
    if (!model) return failure(engineError('not-loaded'));
    const prefix = tokenize(model, request.prompt.prefix);
    const prompt = [...prefix, ...tokenize(model, request.prompt.suffix)];
    const tooLong =
      prompt.length === 0
        ? engineError('prompt-too-long', { message: 'There is no question to answer.' })
        : checkLength(model, prompt.length);
    if (tooLong) return failure(tooLong);

    const started = performance.now();
    // The last token is always fed again: its logits are what the first answer token comes from.
    const reusedTokens = keepShared(model, prompt, prompt.length - 1);
    const rest = prompt.slice(reusedTokens);
    const lastPiece = rest.length % model.pieceTokens || model.pieceTokens;
    if (!(await feed(model, rest.slice(0, -lastPiece), options.signal))) return failure(engineError('aborted'));
    let logits = await feedForLogits(model, rest.slice(-lastPiece), true);
    const prefilled = performance.now();

    const answer: number[] = [];
    const longest = Math.min(request.maxTokens, model.contextWindow - prompt.length);
    let text = '';
    let finish: Generation['finish'] = 'length';
    const held = request.names && new Constraint(request.names, { strict: request.strict });
    let constraint = held;
    let steeredTokens = 0;
    while (answer.length < longest) {
      if (options.signal.aborted) return failure(engineError('aborted'));
      const chosen = choose(model, logits, answer, constraint);
      if (!chosen.fits) constraint = undefined;
      if (chosen.isSteered) steeredTokens += 1;
      if (model.stopTokens.has(chosen.token)) {
        finish = 'stop';
        break;
      }
      answer.push(chosen.token);
      text = announceText(model, answer, text, options.onText);
      if (answer.length < longest) logits = await feedForLogits(model, [chosen.token], false);
    }
    if (options.signal.aborted) return failure(engineError('aborted'));
    return success({
      text: decode(model, answer),
      finish,
      prefixTokens: prefix.length,
      reusedTokens,
      promptTokens: prompt.length,
      completionTokens: answer.length,
      steeredTokens,
      overruledTokens: held?.overruled ?? 0,
      prefillMs: prefilled - started,
      decodeMs: performance.now() - prefilled,
    });
  }
}

async function readChatConfig(files: ModelFiles): Promise<Result<v.InferOutput<typeof ChatConfig>, EngineError>> {
  const bytes = await files.read('mlc-chat-config.json');
  if (!bytes.ok) return bytes;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes.value));
  } catch (error) {
    return failure(engineError('wrong-hash', { message: 'The model’s configuration cannot be read.', detail: error }));
  }
  const parsed = v.safeParse(ChatConfig, json);
  if (parsed.success) return success(parsed.output);
  return failure(engineError('wrong-hash', { message: 'The model’s configuration cannot be read.', detail: parsed.issues[0].message }));
}

/** Starts WebLLM on the verified files. Throws what WebLLM throws, and ModelFileError. */
async function startWebLlm(
  files: ModelFiles,
  library: ModelLibrary,
  contextWindow: number,
  onProgress: (progress: LoadProgress) => void,
): Promise<Pipeline> {
  const total = totalBytes(files.files);
  let uploaded = 0;
  const names = files.files.map((file) => file.name);
  const cache = modelFilesAsCache(names, async (name) => {
    const bytes = await files.read(name);
    uploaded += bytes.ok ? bytes.value.length : 0;
    onProgress({ phase: 'upload', loadedBytes: Math.min(uploaded, total), totalBytes: total, secondsLeft: null });
    return bytes;
  });
  // `caches` is an accessor of the global scope's prototype: an own property hides it for WebLLM.
  Object.defineProperty(globalThis, 'caches', { value: cache, configurable: true });

  // Imported this late because the pipeline is 6 MB, and because the device must be watched before WebLLM sees it.
  const { MLCEngine } = await import('@mlc-ai/web-llm');
  const timeLeft = new TimeLeft();
  const engine = new MLCEngine({
    logLevel: 'WARN',
    initProgressCallback: ({ progress, text }) => {
      if (!text.startsWith('Loading GPU shader modules')) return;
      const loadedBytes = Math.round(progress * total);
      timeLeft.add(performance.now(), loadedBytes);
      onProgress({ phase: 'compile', loadedBytes, totalBytes: total, secondsLeft: timeLeft.secondsLeft(total) });
    },
    appConfig: {
      model_list: [
        {
          model: MODEL_URL,
          model_id: 'model',
          model_lib: MODEL_URL + library.file,
          overrides: {
            // A public model would reserve a KV cache for 32,768 tokens.
            context_window_size: contextWindow,
          },
          ...(library.computeType === 'f16' ? { required_features: ['shader-f16'] } : {}),
        },
      ],
    },
  });
  await engine.reload('model');
  return pipelineOf(engine);
}

/** All that inference needs is loaded: from now on no library in this worker can send or keep anything. */
function closeNetwork(): void {
  for (const name of [
    'fetch',
    'XMLHttpRequest',
    'WebSocket',
    'EventSource',
    'WebTransport',
    'importScripts',
    'BroadcastChannel',
    'caches',
  ]) {
    if (name in globalThis) Object.defineProperty(globalThis, name, { value: undefined, configurable: true });
  }
}

function tokenize(model: Loaded, text: string): number[] {
  // The tokenizer of an empty string is not asked: some add a token of their own.
  return text === '' ? [] : Array.from(model.pipeline.tokenizer.encode(text));
}

function decode(model: Loaded, ids: readonly number[]): string {
  return ids.length === 0 ? '' : model.pipeline.tokenizer.decode(Int32Array.from(ids));
}

/** Tells the text so far, unless its end is half a character: bytes of one that are still to come decode to U+FFFD. */
function announceText(model: Loaded, answer: readonly number[], before: string, onText: (text: string) => void): string {
  const text = decode(model, answer);
  if (text === before || text.endsWith('\uFFFD')) return before;
  onText(text);
  return text;
}

function checkLength(model: Loaded, promptTokens: number): EngineError | undefined {
  if (promptTokens + LEAST_ANSWER_TOKENS <= model.contextWindow) return undefined;
  return engineError('prompt-too-long', { detail: `${promptTokens} tokens, the model reads ${model.contextWindow} with its answer` });
}

/** Cuts the KV cache back to what it shares with `prompt`, at most `limit` tokens; returns how many those are. */
function keepShared(model: Loaded, prompt: readonly number[], limit: number): number {
  const { fed } = model;
  let shared = 0;
  while (shared < Math.min(limit, fed.length) && fed[shared] === prompt[shared]) shared++;
  popTokens(model.pipeline, fed.length - shared);
  model.fed = fed.slice(0, shared);
  return shared;
}

/** Feeds tokens piece by piece; false if the signal aborted in between. */
async function feed(model: Loaded, ids: readonly number[], signal: AbortSignal): Promise<boolean> {
  const { pipeline, pieceTokens } = model;
  for (let start = 0; start < ids.length; start += pieceTokens) {
    if (signal.aborted) return false;
    const piece = ids.slice(start, start + pieceTokens);
    const logits = await pipeline.forwardKnownTokens(piece, true);
    model.fed.push(...piece);
    logits?.dispose();
    // Work is only queued until here: without waiting, an abort would find all of it on its way.
    await pipeline.sync();
  }
  return !signal.aborted;
}

/** Feeds tokens and brings the logits after the last one to the CPU, float32 [vocabulary]. WebLLM's own sampling would sort all of them on the GPU. */
async function feedForLogits(model: Loaded, ids: readonly number[], isPrefill: boolean): Promise<Float32Array> {
  const { pipeline } = model;
  const onGpu = await pipeline.forwardKnownTokens([...ids], isPrefill);
  model.fed.push(...ids);
  if (!onGpu) throw new TypeError('no token was fed');
  return readLogits(pipeline, onGpu);
}

interface Choice {
  readonly token: number;
  /** Whether it was not the likeliest one. */
  readonly isSteered: boolean;
  /** False where none of the likeliest ones fits: the answer has left what the constraint knows. */
  readonly fits: boolean;
}

/** The likeliest token that may follow; of equal ones the one with the lower id. */
function choose(model: Loaded, logits: Float32Array, answer: readonly number[], constraint: Constraint | undefined): Choice {
  const likeliest = argmax(logits);
  if (!constraint) return { token: likeliest, isSteered: false, fits: true };
  const before = decode(model, answer);
  const choice = constraint.next(before);
  const tried = [likeliest];
  let chosen = choice.offer(candidate(model, logits, answer, likeliest));
  // Mostly the likeliest may follow: only otherwise are the logits copied, to strike out what was tried.
  const remaining = chosen === undefined ? logits.slice() : logits;
  while (chosen === undefined && tried.length < MOST_TRIES) {
    remaining[tried.at(-1) ?? likeliest] = -Infinity;
    const token = argmax(remaining);
    tried.push(token);
    chosen = choice.offer(candidate(model, logits, answer, token));
  }
  const token = tried[chosen ?? choice.settle() ?? -1] ?? likeliestOf(logits, completionTokens(model, constraint, before));
  return token === undefined ? { token: likeliest, isSteered: false, fits: false } : { token, isSteered: token !== likeliest, fits: true };
}

function candidate(model: Loaded, logits: Float32Array, answer: readonly number[], token: number): Candidate {
  return { text: model.stopTokens.has(token) ? null : decode(model, [...answer, token]), logit: logits[token] ?? 0 };
}

/** Tokens that begin the rest of a name, as the tokenizer would. */
function completionTokens(model: Loaded, constraint: Constraint, before: string): number[] {
  return constraint.completions(before).flatMap((end) => tokenize(model, end).slice(0, 1));
}

function likeliestOf(logits: Float32Array, tokens: readonly number[]): number | undefined {
  return tokens.toSorted((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0))[0];
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let at = 1; at < values.length; at++) if ((values[at] ?? 0) > (values[best] ?? 0)) best = at;
  return best;
}
