"""An unquantized checkpoint to the parameters of our libraries."""

from collections.abc import Iterator

import numpy as np

from .checkpoint import Checkpoint
from .quantization import quantize


def convert(checkpoint: Checkpoint, embedding_bits: int, rounding: str = "search") -> Iterator[tuple[str, np.ndarray]]:
    """Yields (parameter name, array) for every parameter of decoder.Decoder. Weights and scales are uint32, norms and biases float32."""
    config, get = checkpoint.config, checkpoint.get

    def table(ours: str, theirs: list[str], bits: int = 4):
        joined = np.concatenate([get(f"{name}.weight") for name in theirs])
        quantized = quantize(joined, bits, rounding)
        yield f"{ours}.words", quantized.words
        yield f"{ours}.scales", quantized.scales

    yield from table("model.embed_tokens", ["model.embed_tokens"], embedding_bits)
    for i in range(config.num_hidden_layers):
        at = f"model.layers.{i}."
        qkv = [f"{at}self_attn.{name}_proj" for name in "qkv"]
        yield from table(f"{at}self_attn.qkv_proj", qkv)
        if config.qkv_bias:
            yield f"{at}self_attn.qkv_proj.bias", np.concatenate([get(f"{name}.bias") for name in qkv])
        yield from table(f"{at}self_attn.o_proj", [f"{at}self_attn.o_proj"])
        yield from table(f"{at}mlp.gate_up_proj", [f"{at}mlp.gate_proj", f"{at}mlp.up_proj"])
        yield from table(f"{at}mlp.down_proj", [f"{at}mlp.down_proj"])
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield f"{at}{norm}.weight", get(f"{at}{norm}.weight")
    yield "model.norm.weight", get("model.norm.weight")
    if not config.tie_word_embeddings:
        yield from table("lm_head", ["lm_head"], embedding_bits)
