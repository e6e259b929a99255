/**
 * The few private members of WebLLM 0.2.86's pipeline that prefix reuse needs. One place, checked when a model is loaded, so that
 * another version of WebLLM fails here with a sentence instead of somewhere with a riddle.
 */
import type { MLCEngine } from '@mlc-ai/web-llm';

interface Disposable {
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
  /** Feeds tokens without sampling; queues GPU work without waiting for it. The logits are the caller's to dispose of. */
  forwardKnownTokens(ids: number[], isPrefill: boolean): Promise<Disposable | undefined>;
  /** Feeds tokens and samples the next one by the chat config's temperature. */
  forwardTokensAndSample(ids: number[], isPrefill: boolean): Promise<number>;
  /** Empties the KV cache. */
  resetChat(): void;
  /** Resolves when the GPU has done what was queued. */
  sync(): Promise<void>;
}

const METHODS = ['forwardKnownTokens', 'forwardTokensAndSample', 'resetChat', 'sync'] as const;

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
