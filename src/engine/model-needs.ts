/** The shape of a Llama or Qwen2 decoder, by the names of its `config.json`. */
export interface Architecture {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
}

/** What a model takes of a graphics card, in bytes. */
export interface ModelNeeds {
  /** Its weights, and the KV cache of a full context in 32 bits. What a forward pass holds in between comes on top. */
  readonly memoryBytes: number;
  /** The largest tensor: it must lie in one buffer. */
  readonly largestBufferBytes: number;
}

/**
 * The needs of a folder that `model-build` made: 4-bit projections, an embedding of `embeddingBits`.
 *
 * @param weightBytes all shards together
 * @param contextWindow in tokens
 */
export function needsOf(architecture: Architecture, embeddingBits: number, weightBytes: number, contextWindow: number): ModelNeeds {
  const { vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_key_value_heads, head_dim } = architecture;
  const keysAndValues = 2 * num_hidden_layers * num_key_value_heads * head_dim * contextWindow * 4;
  return {
    memoryBytes: weightBytes + keysAndValues,
    // Gate and up projection lie in one tensor, half a byte a weight each.
    largestBufferBytes: Math.max((vocab_size * hidden_size * embeddingBits) / 8, intermediate_size * hidden_size),
  };
}

/** Whole megabytes, rounded up, for a sentence. */
export function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1e6);
}
