"""Where weights come from: a Hugging Face folder, a hub id, or a .gguf file (through unpack_gguf)."""

import dataclasses
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .decoder_config import DecoderConfig, load_config
from .errors import BuildError
from .safetensors_file import SafetensorsFile

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
HUB_FILES = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "*.safetensors", "model.safetensors.index.json"]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """An unquantized model."""

    config: DecoderConfig
    raw_config: dict  # config.json as it stands, for the token ids in it
    folder: Path  # with config.json, tokenizer.json and so on
    get: Callable[[str], np.ndarray]  # a tensor by its Hugging Face name, float32


def expected_shapes(config: DecoderConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor that a checkpoint of this configuration must have."""
    h, f = config.hidden_size, config.intermediate_size
    q, kv = config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim
    shapes = {"model.embed_tokens.weight": (config.vocab_size, h), "model.norm.weight": (h,)}
    if not config.tie_word_embeddings:
        shapes["lm_head.weight"] = (config.vocab_size, h)
    for i in range(config.num_hidden_layers):
        at = f"model.layers.{i}."
        for name, rows in (("q", q), ("k", kv), ("v", kv)):
            shapes[f"{at}self_attn.{name}_proj.weight"] = (rows, h)
            if config.qkv_bias:
                shapes[f"{at}self_attn.{name}_proj.bias"] = (rows,)
        shapes[f"{at}self_attn.o_proj.weight"] = (h, q)
        shapes[f"{at}mlp.gate_proj.weight"] = (f, h)
        shapes[f"{at}mlp.up_proj.weight"] = (f, h)
        shapes[f"{at}mlp.down_proj.weight"] = (h, f)
        shapes[f"{at}input_layernorm.weight"] = (h,)
        shapes[f"{at}post_attention_layernorm.weight"] = (h,)
    return shapes


def open_folder(folder: Path) -> Checkpoint:
    """A Hugging Face folder: config.json and one or more .safetensors (with model.safetensors.index.json if sharded)."""
    config = load_config(folder / "config.json")
    raw = json.loads((folder / "config.json").read_text("utf-8"))
    index = folder / "model.safetensors.index.json"
    if index.exists():
        try:
            names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        except (KeyError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise BuildError(f"{index} is not an index of shards; download it again.") from error
        for name in names:
            if not (folder / name).exists():
                raise BuildError(f"{folder} lacks the shard {name} that its index names; download it again.")
        paths = [folder / name for name in names]
    else:
        paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise BuildError(f"{folder} has no .safetensors file; give a model in that format (pickled .bin weights are not read) or a .gguf file.")
    where = {name: file for file in map(SafetensorsFile, paths) for name in file.names()}

    def get(name: str) -> np.ndarray:
        return where[name].get(name)

    for name, shape in expected_shapes(config).items():
        if name not in where:
            raise BuildError(f"{folder} has no tensor {name}, which its config.json calls for; check that weights and config belong together.")
        found = tuple(where[name].shape(name))
        if found != shape:
            raise BuildError(f"{folder}: tensor {name} has shape {list(found)}, but config.json calls for {list(shape)}; they do not belong together.")
    return Checkpoint(config, raw, folder, get)


def download(hub_id: str) -> Path:
    """Fetches a model from the Hugging Face hub ("owner/name" or "owner/name@revision") into its cache; returns the folder."""
    from huggingface_hub import snapshot_download

    name, _, revision = hub_id.partition("@")
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=HUB_FILES))
    except Exception as error:  # the hub's client raises a dozen kinds, from three libraries
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BuildError(f"The model {hub_id} could not be fetched from the Hugging Face hub ({reason}); check the name and the network.") from error


def open_checkpoint(weights: str) -> Checkpoint:
    """`weights`: a folder, a .gguf file, or a hub id. A .gguf file is unpacked into a temporary folder that lives as long as the result."""
    path = Path(weights)
    if path.is_dir():
        return open_folder(path)
    if path.is_file():
        if path.suffix != ".gguf":
            raise BuildError(f"{weights} is neither a folder nor a .gguf file; give a Hugging Face model folder, a hub id or a .gguf file.")
        from .gguf_checkpoint import unpack_gguf

        keep = tempfile.TemporaryDirectory(prefix="model-build-")
        folder = Path(keep.name)
        unpack_gguf(path, folder)
        opened = open_folder(folder)

        def get(name: str, _keep=keep) -> np.ndarray:
            return opened.get(name)

        return dataclasses.replace(opened, get=get)
    if path.suffix == ".gguf" or not HUB_ID.fullmatch(weights):
        raise BuildError(f"There is no {weights}; give a Hugging Face model folder, a hub id (owner/name) or a .gguf file.")
    return open_folder(download(weights))
