"""The paged KV cache: TVM's runtime object with the kernels we choose for it (batch of one, no sliding window, rotary before caching)."""

import tvm
from tvm import relax
from tvm.relax.frontend.nn.llm._page_kernels import _kv_cache_transpose_append
from tvm.relax.frontend.nn.llm.kv_cache import (
    PagedKVCache,
    RopeMode,
    TIRPagedKVCache,
    _attention_decode,
    _attention_prefill,
    _attention_prefill_ragged,
)
from tvm.relax.frontend.nn.llm.position_embedding import llama_rope_with_position_map
from tvm.target import Target

from .build_options import BuildOptions
from .decoder_config import DecoderConfig
from .kernels import attention

MULTI_HEAD = 0  # AttnKind.MHA
NOT_BUILT = "tabletalk.not_built"  # runtime.cc: throws. Stands where a kernel could only be reached by forking or tree decoding.


class WebGpuKvCache(PagedKVCache):
    """Only what WebLLM calls is compiled: the browser compiles every kernel of a library at load."""

    def __init__(self, config: DecoderConfig, options: BuildOptions, sizes: tuple):
        heads, shared, width, dtype = config.num_attention_heads, config.num_key_value_heads, config.head_dim, options.dtype
        builder, target = relax.BlockBuilder.current(), Target.current()
        if options.schedule == "gpu":
            ragged = _attention_prefill_ragged(shared, heads, width, width, dtype, {}, target)
            paged = _attention_prefill(shared, heads, width, dtype, False, {}, target)
            decode = _attention_decode(shared, heads, width, dtype, False, {}, target)
        else:
            ragged = attention.prefill_ragged(heads, shared, width, dtype)
            paged = attention.prefill_paged(heads, shared, width, dtype)
            decode = attention.decode_paged(heads, shared, width, dtype)
        rotary = llama_rope_with_position_map(int(config.rope_theta), 1.0, width, heads, shared, dtype, {}, width)

        def own(function, name):
            return relax.Tuple([tvm.ir.StringImm("tirx"), builder.add_func(function, name)])

        none, not_built = relax.Tuple([]), relax.ExternFunc(NOT_BUILT)
        arguments = [
            relax.ShapeExpr([*sizes]),
            relax.ShapeExpr([0, config.num_hidden_layers]),
            *(relax.prim_value(value) for value in (heads, shared, width, width)),
            relax.ShapeExpr([MULTI_HEAD] * config.num_hidden_layers),
            relax.prim_value(False),  # no disaggregation
            *(relax.prim_value(value) for value in (int(RopeMode.NORMAL), 1, int(config.rope_theta))),
            relax.prim_value(0),  # no rope_ext_factors
            relax.op.zeros((), dtype),
            builder.add_func(_kv_cache_transpose_append(shared, width, dtype), "kv_cache_append"),
            relax.prim_value(0),  # no MLA append
            own(ragged, "attention_prefill_ragged"),
            own(paged, "attention_prefill_paged"),
            own(decode, "attention_decode_paged"),
            *[none] * 5,  # sliding window (2), tree mask (2), MLA
            relax.Tuple([builder.add_func(attention.merge_partial(heads, width, dtype), "attention_merge")]),
            builder.add_func(rotary, "split_rotary"),
            not_built,  # copy a page (fork)
            not_built,  # read the cache back (debugging)
            not_built,  # compact after tree decoding
        ]
        call = relax.call_pure_packed("vm.builtin.paged_attention_kv_cache_create", *arguments, ty_args=relax.AnyType())
        super().__init__(_expr=call, _name="paged_kv_cache")


def create_kv_cache(config: DecoderConfig, options: BuildOptions, sizes: tuple) -> PagedKVCache:
    """`sizes`: batch, context, chunk, page, sliding window, as symbolic integers."""
    if options.schedule != "cpu":
        return WebGpuKvCache(config, options, sizes)
    batch, context, chunk, page, window = sizes
    return TIRPagedKVCache(
        attn_kind="mha",
        max_batch_size=batch,
        max_total_seq_len=context,
        prefill_chunk_size=chunk,
        page_size=page,
        support_sliding_window=window,
        layer_partition=relax.ShapeExpr([0, config.num_hidden_layers]),
        num_hidden_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        num_key_value_heads=config.num_key_value_heads,
        qk_head_dim=config.head_dim,
        v_head_dim=config.head_dim,
        mla_original_qk_head_dim=0,
        mla_original_v_head_dim=0,
        rope_mode=RopeMode.NORMAL,
        rope_scale=1,
        rope_theta=int(config.rope_theta),
        rope_scaling={},
        rope_ext_factors=relax.prim_value(0),
        rotary_dim=config.head_dim,
        enable_disaggregation=False,
        dtype=options.dtype,
        target=Target.current(),
    )
