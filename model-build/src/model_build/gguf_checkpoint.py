"""A .gguf file (llama or qwen2) to a Hugging Face folder: config.json, model.safetensors, tokenizer.json, tokenizer_config.json.

llama.cpp permutes the query and key rows of llama models when it converts them (rotary pairs interleaved instead of split in halves); this
undoes it. qwen2 is stored unpermuted. A file may carry token_embd and output for a model whose two tables were tied: both were quantized from
the same numbers, at different precision, and the finer copy becomes the tied embedding.
"""

import json
from pathlib import Path

import ml_dtypes
import numpy as np
from gguf import GGUFReader, dequantize
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from .checkpoint import expected_shapes
from .decoder_config import ARCHITECTURES, parse_config
from .errors import BuildError
from .safetensors_file import write_safetensors

# Bits a weight, to tell the finer of two copies.
PRECISION = {"F32": 32, "F16": 16, "BF16": 16, "Q8_0": 8, "Q6_K": 6, "Q5_0": 5, "Q5_1": 5, "Q5_K": 5, "Q4_0": 4, "Q4_1": 4, "Q4_K": 4}
TOP = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight"}
PARTS = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}  # fmt: skip
IGNORED = ("rope_freqs.weight",)
# How Qwen2's own tokenizer.json splits text before merging.
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CONTROL, USER_DEFINED, UNUSED = 3, 4, 5  # gguf token types


def _hugging_face_name(name: str) -> str | None:
    if name in TOP:
        return TOP[name]
    pieces = name.split(".")
    if len(pieces) == 4 and pieces[0] == "blk" and pieces[2] in PARTS:
        return f"model.layers.{pieces[1]}.{PARTS[pieces[2]]}.{pieces[3]}"
    return None


def _unpermute(weight: np.ndarray, heads: int) -> np.ndarray:
    rows = weight.shape[0]
    return weight.reshape(heads, rows // heads // 2, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def _tokenizer(meta: dict, path: Path) -> Tokenizer:
    if meta.get("tokenizer.ggml.model") != "gpt2" or "tokenizer.ggml.merges" not in meta:
        raise BuildError(f"{path} has no byte-level BPE tokenizer (it has {meta.get('tokenizer.ggml.model')!r}); use the model's Hugging Face folder.")
    tokens, kinds = meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ")) for merge in meta["tokenizer.ggml.merges"]]
    splitting = meta.get("tokenizer.ggml.pre")
    if splitting == "smollm":
        steps = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
        normalizer = None
    elif splitting == "qwen2":
        steps = [
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
        normalizer = normalizers.NFC()
    else:
        raise BuildError(f"{path} splits text the {splitting!r} way, which is not supported (smollm and qwen2 are); use the model's Hugging Face folder.")
    vocabulary = {token: i for i, (token, kind) in enumerate(zip(tokens, kinds, strict=True)) if kind != UNUSED}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    for i, (token, kind) in enumerate(zip(tokens, kinds, strict=True)):
        if kind == CONTROL:
            tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)])
        elif kind == USER_DEFINED:
            tokenizer.add_tokens([AddedToken(token, normalized=False)])
        if kind in (CONTROL, USER_DEFINED) and tokenizer.token_to_id(token) != i:
            raise BuildError(f"{path}: token {token!r} should have id {i}, it got {tokenizer.token_to_id(token)}; use the model's Hugging Face folder.")
    return tokenizer


def _config(meta: dict, architecture: str, tensors: dict[str, np.ndarray], path: Path, dtype: str) -> dict:
    def field(name: str):
        key = f"{architecture}.{name}"
        if key not in meta:
            raise BuildError(f"{path} has no field {key}; it is not a complete model, download it again.")
        return meta[key]

    heads = field("attention.head_count")
    config = {
        "architectures": [ARCHITECTURES[architecture]],
        "model_type": architecture,
        "hidden_size": field("embedding_length"),
        "intermediate_size": field("feed_forward_length"),
        "num_hidden_layers": field("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": meta.get(f"{architecture}.attention.head_count_kv", heads),
        "max_position_embeddings": field("context_length"),
        "rms_norm_eps": round(field("attention.layer_norm_rms_epsilon"), 8),  # stored as float32: 9.9999e-06
        "rope_theta": meta.get(f"{architecture}.rope.freq_base", 10000.0),
        "vocab_size": tensors["model.embed_tokens.weight"].shape[0],
        "tie_word_embeddings": "lm_head.weight" not in tensors,
        "hidden_act": "silu",
        "torch_dtype": dtype,
    }
    if meta.get(f"{architecture}.rope.scaling.type", "none") != "none":
        config["rope_scaling"] = {"rope_type": meta[f"{architecture}.rope.scaling.type"]}
    for ours, theirs in (("bos_token_id", "bos_token_id"), ("eos_token_id", "eos_token_id"), ("pad_token_id", "padding_token_id")):
        if f"tokenizer.ggml.{theirs}" in meta:
            config[ours] = meta[f"tokenizer.ggml.{theirs}"]
    return config


def unpack_gguf(path: Path, out: Path, dtype: str = "float32") -> None:
    """Writes the folder `out` (made if need be); dtype "float32" or "bfloat16" is what model.safetensors holds."""
    if not path.is_file():
        raise BuildError(f"There is no file {path}.")
    try:
        reader = GGUFReader(path)
        meta = {name: field.contents() for name, field in reader.fields.items()}
    except Exception as error:  # GGUFReader raises whatever numpy does on a bad file
        raise BuildError(f"{path} is not a whole .gguf file ({type(error).__name__}: {error}); download it again.") from error
    architecture = meta.get("general.architecture")
    if architecture not in ARCHITECTURES:
        raise BuildError(f"{path} holds the architecture {architecture!r}, which is not supported; give a model of: {', '.join(ARCHITECTURES)}.")
    tensors: dict[str, np.ndarray] = {}
    precision: dict[str, int] = {}
    for tensor in reader.tensors:
        name = _hugging_face_name(tensor.name)
        if name is None:
            if tensor.name in IGNORED:
                continue
            raise BuildError(f"{path} holds the tensor {tensor.name}, which a {architecture} model does not have; it cannot be built.")
        try:
            values = dequantize(tensor.data, tensor.tensor_type)
        except NotImplementedError as error:
            raise BuildError(f"{path}: tensor {tensor.name} is quantized as {tensor.tensor_type.name}, which cannot be read; use a Q4_K, Q8_0 or F16 file.") from error
        tensors[name] = values.astype(np.float32).reshape(tuple(int(n) for n in reversed(tensor.shape)))
        precision[name] = PRECISION.get(tensor.tensor_type.name, 0)
    if "model.embed_tokens.weight" not in tensors:
        raise BuildError(f"{path} has no token embedding; it is not a complete model, download it again.")
    _join_tied(tensors, precision)
    config = _config(meta, architecture, tensors, path, dtype)
    shape = parse_config(config, str(path))
    for name in tensors:
        if architecture == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = shape.num_attention_heads if name.endswith("q_proj.weight") else shape.num_key_value_heads
            tensors[name] = _unpermute(tensors[name], heads)
    missing = sorted(expected_shapes(shape).keys() - tensors.keys())
    if missing:
        raise BuildError(f"{path} has no tensor {missing[0]}, which its own description calls for; download it again.")
    tokenizer = _tokenizer(meta, path)
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    stored = np.dtype(np.float32) if dtype == "float32" else np.dtype(ml_dtypes.bfloat16)
    write_safetensors(out / "model.safetensors", {name: tensor.astype(stored) for name, tensor in tensors.items()})
    tokenizer.save(str(out / "tokenizer.json"))
    texts = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": config["max_position_embeddings"]}
    if "tokenizer.chat_template" in meta:
        texts["chat_template"] = meta["tokenizer.chat_template"]
    for name in ("bos", "eos", "pad"):
        if f"{name}_token_id" in config:
            texts[f"{name}_token"] = meta["tokenizer.ggml.tokens"][config[f"{name}_token_id"]]
    (out / "tokenizer_config.json").write_text(json.dumps(texts, indent=2) + "\n", "utf-8")


def _join_tied(tensors: dict[str, np.ndarray], precision: dict[str, int]) -> None:
    """Where head and embedding are the same table at two precisions, keeps the finer one as the embedding."""
    head, embedding = tensors.get("lm_head.weight"), tensors["model.embed_tokens.weight"]
    if head is None or head.shape != embedding.shape:
        return
    # Two roundings of one table differ by a few percent; two trained tables are nearly orthogonal.
    cosine = float((head * embedding).sum() / np.sqrt((head * head).sum() * (embedding * embedding).sum()))
    if cosine < 0.99:
        return
    if precision["lm_head.weight"] > precision["model.embed_tokens.weight"]:
        tensors["model.embed_tokens.weight"] = head
    del tensors["lm_head.weight"]
