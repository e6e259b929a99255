"""A Llama-family decoder (Llama, SmolLM2, Qwen2) in TVM Relax, with the function names that WebLLM calls."""

from tvm import te
from tvm.relax.frontend import nn
from tvm.relax.frontend.nn.llm.kv_cache import PagedKVCache

from .build_options import BuildOptions
from .decoder_config import DecoderConfig
from .kernels.rms_norm import barrier_free_rms_norm, cpu_rms_norm
from .kv_cache import create_kv_cache
from .table import Table


class Norm(nn.Module):
    """RMS norm; the gain is float32 in every library."""

    def __init__(self, config: DecoderConfig, options: BuildOptions):
        super().__init__()
        self.epsilon, self.options = config.rms_norm_eps, options
        self.weight = nn.Parameter((config.hidden_size,), "float32")

    def forward(self, x: nn.Tensor) -> nn.Tensor:
        if self.options.schedule == "gpu":
            gain = self.weight if self.options.dtype == "float32" else self.weight.astype(self.options.dtype)
            return nn.op.rms_norm(x, gain, axes=[-1], epsilon=self.epsilon)
        make = cpu_rms_norm if self.options.schedule == "cpu" else barrier_free_rms_norm
        kernel = make(x.shape[2], self.options.dtype, self.epsilon)
        return nn.op.tensor_ir_op(kernel, "rms_norm", [x, self.weight], nn.Tensor.placeholder(x.shape, x.dtype))


class Attention(nn.Module):
    def __init__(self, config: DecoderConfig, options: BuildOptions):
        super().__init__()
        self.config = config
        width = config.num_attention_heads * config.head_dim
        self.qkv_proj = Table(config.qkv_heads * config.head_dim, config.hidden_size, options, bias=config.qkv_bias)
        self.o_proj = Table(config.hidden_size, width, options)

    def forward(self, x: nn.Tensor, residual: nn.Tensor, cache: PagedKVCache, layer: int) -> nn.Tensor:
        config, n = self.config, x.shape[1]
        qkv = nn.op.reshape(self.qkv_proj(x), (1, n, config.qkv_heads, config.head_dim))
        mixed = cache.attention_with_fused_qkv(layer, qkv, config.num_attention_heads, sm_scale=config.head_dim**-0.5)
        return self.o_proj(nn.op.reshape(mixed, (1, n, config.num_attention_heads * config.head_dim)), residual)


class FeedForward(nn.Module):
    def __init__(self, config: DecoderConfig, options: BuildOptions):
        super().__init__()
        self.gate_up_proj = Table(2 * config.intermediate_size, config.hidden_size, options)
        self.down_proj = Table(config.hidden_size, config.intermediate_size, options)

    def forward(self, x: nn.Tensor, residual: nn.Tensor) -> nn.Tensor:
        gate, up = nn.op.split(self.gate_up_proj(x), 2, axis=-1)
        return self.down_proj(nn.op.silu(gate) * up, residual)


class Layer(nn.Module):
    def __init__(self, config: DecoderConfig, options: BuildOptions):
        super().__init__()
        self.self_attn, self.mlp = Attention(config, options), FeedForward(config, options)
        self.input_layernorm, self.post_attention_layernorm = Norm(config, options), Norm(config, options)

    def forward(self, x: nn.Tensor, cache: PagedKVCache, layer: int) -> nn.Tensor:
        x = self.self_attn(self.input_layernorm(x), x, cache, layer)
        return self.mlp(self.post_attention_layernorm(x), x)


class Trunk(nn.Module):
    def __init__(self, config: DecoderConfig, options: BuildOptions):
        super().__init__()
        self.embed_tokens = Table(config.vocab_size, config.hidden_size, options, options.embedding_bits)
        self.layers = nn.ModuleList([Layer(config, options) for _ in range(config.num_hidden_layers)])
        self.norm = Norm(config, options)

    def forward(self, x: nn.Tensor, cache: PagedKVCache) -> nn.Tensor:
        for index, layer in enumerate(self.layers):
            x = layer(x, cache, index)
        return x


class Decoder(nn.Module):
    """embed, prefill, decode and create_tir_paged_kv_cache, as WebLLM 0.2.86 calls them."""

    def __init__(self, config: DecoderConfig, options: BuildOptions):
        super().__init__()
        self.config, self.options = config, options
        self.model = Trunk(config, options)
        self.lm_head = None if config.tie_word_embeddings else Table(config.vocab_size, config.hidden_size, options, options.embedding_bits)

    def embed(self, input_ids: nn.Tensor):
        return self.model.embed_tokens.lookup(input_ids)

    def _logits(self, x: nn.Tensor) -> nn.Tensor:
        head = self.lm_head or self.model.embed_tokens
        return head(self.model.norm(x), out_dtype="float32")

    def prefill(self, input_embed: nn.Tensor, paged_kv_cache: PagedKVCache):
        def last_row(x):
            return te.compute((1, 1, x.shape[2]), lambda b, m, k: x[b, x.shape[1] - 1, k], name="last_row")

        x = self.model(input_embed, paged_kv_cache)
        return self._logits(nn.op.tensor_expr_op(last_row, "last_row", [x])), paged_kv_cache

    def decode(self, input_embed: nn.Tensor, paged_kv_cache: PagedKVCache):
        return self._logits(self.model(input_embed, paged_kv_cache)), paged_kv_cache

    def create_tir_paged_kv_cache(self, max_batch_size, max_total_seq_len, prefill_chunk_size, page_size, support_sliding_window):
        sizes = (max_batch_size, max_total_seq_len, prefill_chunk_size, page_size, support_sliding_window)
        return create_kv_cache(self.config, self.options, sizes)

    def spec(self) -> nn.spec.ModuleSpec:
        packed = {"$": {"param_mode": "packed", "effect_mode": "none"}}
        cache = nn.spec.Object(object_type=PagedKVCache)
        sizes = ("max_batch_size", "max_total_seq_len", "prefill_chunk_size", "page_size", "support_sliding_window")

        def hidden(n):
            return nn.spec.Tensor([1, n, self.config.hidden_size], self.options.dtype)

        return nn.spec.ModuleSpec.from_raw(
            {
                "embed": {"input_ids": nn.spec.Tensor(["seq_len"], "int32"), **packed},
                "prefill": {"input_embed": hidden("seq_len"), "paged_kv_cache": cache, **packed},
                "decode": {"input_embed": hidden(1), "paged_kv_cache": cache, **packed},
                "create_tir_paged_kv_cache": {**{size: int for size in sizes}, "$": {"param_mode": "none", "effect_mode": "none"}},
            },
            self,
        )
