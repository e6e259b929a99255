/**
 * The public models of WebLLM 0.2.86's own list that write SQL: Qwen2.5-Coder Instruct, 0.5B to 7B, untrained for Spider and asked with
 * CREATE TABLE. A small table of ours, since the list itself lies in a library of 6 MB; a test holds it to the library.
 */
import type { CatalogueEntry } from './model-card.ts';
import type { Architecture } from './model-needs.ts';
import { sha256 } from './sha256.ts';

/** By the models' `config.json`; `tied`: the output layer is the embedding. */
interface HubModel {
  readonly parameters: '0.5B' | '1.5B' | '3B' | '7B';
  readonly architecture: Architecture & { readonly num_attention_heads: number; readonly tied: boolean };
  readonly licence: string;
  readonly librarySeries: string;
  /** Megabytes of graphics memory by quantization, as WebLLM's list has them. */
  readonly memory: Readonly<Partial<Record<Quantization, number>>>;
}

/** MLC's names. q4: 4-bit weights in groups of 32 that share a scale of the compute type; q0: not quantized. */
type Quantization = 'q4f16_1' | 'q4f32_1' | 'q0f16' | 'q0f32';

const qwen = 'Apache-2.0';
/** The 3B alone is not Apache-2.0. */
const research = 'Qwen Research (not for commercial use)';

const MODELS: readonly HubModel[] = [
  {
    parameters: '0.5B',
    architecture: shape(151936, 896, 4864, 24, 14, 2, 64),
    licence: qwen,
    librarySeries: 'Qwen2',
    memory: { q4f16_1: 944.62, q4f32_1: 1060.2, q0f16: 1624.12, q0f32: 2654.75 },
  },
  {
    parameters: '1.5B',
    architecture: shape(151936, 1536, 8960, 28, 12, 2, 128),
    licence: qwen,
    librarySeries: 'Qwen2',
    memory: { q4f16_1: 1629.75, q4f32_1: 1888.97 },
  },
  {
    parameters: '3B',
    architecture: shape(151936, 2048, 11008, 36, 16, 2, 128),
    licence: research,
    librarySeries: 'Qwen2.5',
    memory: { q4f16_1: 2504.76, q4f32_1: 2893.64 },
  },
  {
    parameters: '7B',
    architecture: { ...shape(152064, 3584, 18944, 28, 28, 4, 128), tied: false },
    licence: qwen,
    librarySeries: 'Qwen2',
    memory: { q4f16_1: 5106.67, q4f32_1: 5900.09 },
  },
];

/** Bytes a weight, scale included; bytes of what is never quantized (norms, biases). */
const BYTES: Readonly<Record<Quantization, readonly [quantized: number, other: number]>> = {
  q4f16_1: [0.5 + 2 / 32, 2],
  q4f32_1: [0.5 + 4 / 32, 4],
  q0f16: [2, 2],
  q0f32: [4, 4],
};

const WORDS: Readonly<Record<Quantization, string>> = {
  q4f16_1: '4 bits, 16-bit arithmetic',
  q4f32_1: '4 bits, 32-bit arithmetic',
  q0f16: 'not quantized, 16 bits',
  q0f32: 'not quantized, 32 bits',
};

const LIBRARIES = 'https://raw.githubusercontent.com/mlc-ai/binary-mlc-llm-libs/main/web-llm-models/v0_2_86/base/';
/** Tokenizer, configuration and library: about 7 + 5 MB, which the table need not know better. */
const OTHER_FILES_BYTES = 12_000_000;
/** As WebLLM's list overrides it; the libraries could do more, at the price of memory. */
const CONTEXT_WINDOW = 4096;

/** The table as catalogue entries, smallest first. Needs a secure context, as WebGPU does. */
export async function hubEntries(): Promise<readonly CatalogueEntry[]> {
  const rows = MODELS.flatMap((model) => (Object.keys(model.memory) as Quantization[]).map((quantization) => ({ model, quantization })));
  return Promise.all(rows.map(({ model, quantization }) => entryOf(model, quantization)));
}

async function entryOf(model: HubModel, quantization: Quantization): Promise<CatalogueEntry> {
  const { parameters, architecture, licence, librarySeries } = model;
  const id = `Qwen2.5-Coder-${parameters}-Instruct-${quantization}-MLC`;
  const file = `${librarySeries}-${parameters}-Instruct-${quantization}_cs1k-webgpu.wasm`;
  const row = {
    id,
    title: `Qwen2.5-Coder ${parameters} Instruct (${WORDS[quantization]})`,
    origin: 'hub' as const,
    url: `https://huggingface.co/mlc-ai/${id}/resolve/main/`,
    libraryUrl: LIBRARIES + file,
    sizeBytes: weightBytes(model, quantization) + OTHER_FILES_BYTES,
    memoryBytes: (model.memory[quantization] ?? 0) * 1e6,
    largestBufferBytes: architecture.vocab_size * architecture.hidden_size * (quantization.startsWith('q4') ? 0.5 : BYTES[quantization][0]),
    measuredAccuracy: null,
    baseModel: `Qwen2.5-Coder-${parameters}-Instruct`,
    licence,
    contextWindow: CONTEXT_WINDOW,
    promptStyle: 'create-table' as const,
    libraries: [{ file, computeType: quantization.includes('f16') ? ('f16' as const) : ('f32' as const), schedule: 'gpu' as const }],
    files: {},
  };
  return { ...row, cardSha256: await sha256(new TextEncoder().encode(`${row.url} ${row.libraryUrl}`)) };
}

/** Bytes of all shards. */
function weightBytes({ architecture }: HubModel, quantization: Quantization): number {
  const { hidden_size: hidden, num_hidden_layers: layers, head_dim, num_attention_heads: heads } = architecture;
  const attention = (heads + 2 * architecture.num_key_value_heads) * head_dim;
  const embeddings = architecture.vocab_size * hidden * (architecture.tied ? 1 : 2);
  const layer = hidden * attention + heads * head_dim * hidden + 3 * hidden * architecture.intermediate_size;
  const normsAndBiases = layers * (2 * hidden + attention) + hidden;
  const [quantized, other] = BYTES[quantization];
  return (embeddings + layers * layer) * quantized + normsAndBiases * other;
}

function shape(
  vocab_size: number,
  hidden_size: number,
  intermediate_size: number,
  num_hidden_layers: number,
  num_attention_heads: number,
  num_key_value_heads: number,
  head_dim: number,
): HubModel['architecture'] {
  return {
    vocab_size,
    hidden_size,
    intermediate_size,
    num_hidden_layers,
    num_attention_heads,
    num_key_value_heads,
    head_dim,
    tied: true,
  };
}
