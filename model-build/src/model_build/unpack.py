"""A built model folder back to a Hugging Face folder: so that a student that was committed as 4-bit shards can be trained further.

The weights are exactly those of the deployed grid, as float32; `build` makes the same shards of them again.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .folder import ModelFolder, read_shards
from .quantization import QuantizedTable, dequantize
from .safetensors_file import write_safetensors


def unpacked_tensors(folder: ModelFolder) -> Iterator[tuple[str, np.ndarray]]:
    """Yields (Hugging Face name, float32 array) of every weight; the inverse of convert.convert up to rounding."""
    c, parameters = folder.config, read_shards(folder.path)
    q, kv = c.num_attention_heads * c.head_dim, c.num_key_value_heads * c.head_dim

    def table(name: str, bits: int = 4) -> np.ndarray:
        return dequantize(QuantizedTable(np.array(parameters[f"{name}.words"]), np.array(parameters[f"{name}.scales"]), bits))

    def split(at: str, joined: np.ndarray, parts: list[tuple[str, int]], kind: str) -> Iterator[tuple[str, np.ndarray]]:
        start = 0
        for name, rows in parts:
            yield f"{at}{name}.{kind}", joined[start : start + rows]
            start += rows

    yield "model.embed_tokens.weight", table("model.embed_tokens", folder.embedding_bits)
    for i in range(c.num_hidden_layers):
        at = f"model.layers.{i}."
        attention = [("self_attn.q_proj", q), ("self_attn.k_proj", kv), ("self_attn.v_proj", kv)]
        yield from split(at, table(f"{at}self_attn.qkv_proj"), attention, "weight")
        if c.qkv_bias:
            yield from split(at, np.array(parameters[f"{at}self_attn.qkv_proj.bias"]), attention, "bias")
        yield f"{at}self_attn.o_proj.weight", table(f"{at}self_attn.o_proj")
        gate_up = [("mlp.gate_proj", c.intermediate_size), ("mlp.up_proj", c.intermediate_size)]
        yield from split(at, table(f"{at}mlp.gate_up_proj"), gate_up, "weight")
        yield f"{at}mlp.down_proj.weight", table(f"{at}mlp.down_proj")
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield f"{at}{norm}.weight", np.array(parameters[f"{at}{norm}.weight"])
    yield "model.norm.weight", np.array(parameters["model.norm.weight"])
    if not c.tie_word_embeddings:
        yield "lm_head.weight", table("lm_head", folder.embedding_bits)


def unpack_folder(folder: ModelFolder, out: Path) -> None:
    """Writes the Hugging Face folder `out` (made if need be): config.json, model.safetensors (float32), the tokenizer."""
    architecture = {k: v for k, v in folder.card["architecture"].items() if k != "qkv_bias"}
    class_name = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}[architecture["model_type"]]
    config = {
        **architecture, "architectures": [class_name], "hidden_act": "silu", "torch_dtype": "float32",
        "max_position_embeddings": folder.card["contextWindow"], "eos_token_id": folder.card["stopTokens"][0],
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    write_safetensors(out / "model.safetensors", dict(unpacked_tensors(folder)))
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if (folder.path / name).exists():
            shutil.copy(folder.path / name, out)
