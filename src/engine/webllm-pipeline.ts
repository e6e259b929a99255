/**
 * The few private members of WebLLM 0.2.86's pipeline that prefix reuse and constrained decoding need. One place, checked when a model is loaded, so that
 * another version of WebLLM fails here with a sentence instead of somewhere with a riddle.
 */
import type { MLCEngine } from '@mlc-ai/web-llm';

interface Logits {
  dispose(): void;
}

/** WebLLM's `LLMChatPipeline`, as far as we use it. */
export interface Pipeline {
  readonly tokenizer: { encode(text: string): Int32Array; decode(ids: Int32Array): string };
  readonly tvm: {
    beginScope(): void;
    endScope(): void;
    getGlobalFunc(name: string): (...values: unknown[]) => unknown;
    scalar(value: number, dtype: string): unknown;
  };
  readonly kvCache: unknown;
  filledKVCacheLength: number;
  /** Feeds tokens without sampling; queues GPU work without waiting for it. The logits (after the last token) are the caller's to dispose of. */
  forwardKnownTokens(ids: number[], isPrefill: boolean): Promise<Logits | undefined>;
  /** Queues the copy to the CPU into an array that the pipeline keeps: to be read after `sync`. */
  updateLogitsOnCPU(logits: Logits): { toArray(): Float32Array };
  /** Empties the KV cache. */
  resetChat(): void;
  /** Resolves when the GPU has done what was queued. */
  sync(): Promise<void>;
}

const METHODS = ['forwardKnownTokens', 'updateLogitsOnCPU', 'resetChat', 'sync'] as const;

/** The pipeline of the only model that is loaded. Throws if this WebLLM is built differently. */
export function pipelineOf(engine: MLCEngine): Pipeline {
  const pipelines = (engine as unknown as { loadedModelIdToPipeline?: ReadonlyMap<string, unknown> }).loadedModelIdToPipeline;
  const [pipeline] = pipelines?.values() ?? [];
  if (!isPipeline(pipeline)) throw new TypeError('this version of WebLLM has another pipeline than 0.2.86');
  return pipeline;
}

function isPipeline(value: unknown): value is Pipeline {
  if (typeof value !== 'object' || value === null) return false;
  const members = value as Record<string, unknown>;
  return (
    METHODS.every((name) => typeof members[name] === 'function') &&
    typeof members.filledKVCacheLength === 'number' &&
    ['tokenizer', 'tvm', 'kvCache'].every((name) => typeof members[name] === 'object' && members[name] !== null)
  );
}

/** Copies logits to the CPU and lets them go on the GPU: float32 [vocabulary]. */
export async function readLogits(pipeline: Pipeline, logits: Logits): Promise<Float32Array> {
  const { tvm } = pipeline;
  tvm.beginScope();
  const copied = pipeline.updateLogitsOnCPU(logits);
  tvm.endScope();
  logits.dispose();
  await pipeline.sync();
  return copied.toArray();
}

/** Takes the last `count` tokens out of the KV cache. */
export function popTokens(pipeline: Pipeline, count: number): void {
  if (count === 0) return;
  if (count === pipeline.filledKVCacheLength) {
    pipeline.resetChat();
    return;
  }
  const { tvm } = pipeline;
  tvm.beginScope();
  const pop = tvm.getGlobalFunc('vm.builtin.kv_state_popn');
  pop(pipeline.kvCache, tvm.scalar(0, 'int64'), tvm.scalar(count, 'int32'));
  tvm.endScope();
  pipeline.filledKVCacheLength -= count;
}
