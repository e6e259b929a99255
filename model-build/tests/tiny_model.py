"""Small random checkpoints, on disk as Hugging Face folders."""

import json
from pathlib import Path

import numpy as np

from model_build.checkpoint import expected_shapes
from model_build.decoder_config import parse_config
from model_build.safetensors_file import write_safetensors

# 96 = three groups of 32: an odd count, whose last scale has a word to itself.
LLAMA = dict(
    model_type="llama", hidden_size=96, intermediate_size=160, num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
    head_dim=16, vocab_size=512, rms_norm_eps=1e-5, rope_theta=100000.0, tie_word_embeddings=True, hidden_act="silu", eos_token_id=2,
    bos_token_id=1,
)  # fmt: skip
QWEN2 = LLAMA | dict(model_type="qwen2", hidden_size=64, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=False, rope_theta=1e6)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def random_tensors(raw: dict, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    out = {}
    for name, shape in expected_shapes(parse_config(raw, "tiny")).items():
        if name.endswith("norm.weight"):
            out[name] = 1 + 0.1 * rng.standard_normal(shape)
        elif name.endswith("bias"):
            out[name] = 0.3 * rng.standard_normal(shape)
        else:
            out[name] = rng.standard_normal(shape) * shape[1] ** -0.5
        out[name] = out[name].astype(np.float32)
    return out


def byte_tokenizer(size: int) -> dict:
    """A byte-level tokenizer.json without merges, padded to `size` entries."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    letters = {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(others)}
    vocabulary = {text: i for i, text in enumerate(SPECIAL)}
    for byte in range(256):
        vocabulary[letters[byte]] = len(vocabulary)
    while len(vocabulary) < size:
        vocabulary[f"[{len(vocabulary)}]"] = len(vocabulary)
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = [
        {"id": i, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        for i, text in enumerate(SPECIAL)
    ]
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
             "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocabulary, "merges": []}  # fmt: skip
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None, "pre_tokenizer": level,
            "post_processor": None, "decoder": level, "model": model}  # fmt: skip


def write_checkpoint(folder: Path, raw: dict, seed: int = 1) -> dict[str, np.ndarray]:
    """Writes config.json, model.safetensors and tokenizer files; returns the tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = random_tensors(raw, seed)
    (folder / "config.json").write_text(json.dumps(raw))
    write_safetensors(folder / "model.safetensors", tensors)
    (folder / "tokenizer.json").write_text(json.dumps(byte_tokenizer(raw["vocab_size"])))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|im_end|>"}))
    return tensors
