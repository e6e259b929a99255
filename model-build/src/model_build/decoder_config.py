"""What we need to know about a model: its shape (config.json) and how it is to be built."""

import dataclasses
import json
from pathlib import Path

from .errors import BuildError

ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}
GROUP = 32  # weights that share one scale


@dataclasses.dataclass(frozen=True)
class DecoderConfig:
    """Shape of a Llama-family decoder, as in a Hugging Face config.json."""

    model_type: str
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int
    rms_norm_eps: float
    rope_theta: float
    tie_word_embeddings: bool
    qkv_bias: bool

    @property
    def qkv_heads(self) -> int:
        """Heads of the fused query, key and value projection."""
        return self.num_attention_heads + 2 * self.num_key_value_heads

    def parameter_count(self) -> int:
        """Weights of the model; a tied embedding counts once."""
        attention = self.hidden_size * self.head_dim * (self.qkv_heads + self.num_attention_heads)
        bias = self.qkv_heads * self.head_dim if self.qkv_bias else 0
        layer = attention + bias + 3 * self.hidden_size * self.intermediate_size + 2 * self.hidden_size
        tables = self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)
        return self.num_hidden_layers * layer + tables + self.hidden_size


def parse_config(raw: dict, where: str) -> DecoderConfig:
    """A config.json as parsed JSON; `where` names it in errors. Raises BuildError for what we cannot build faithfully."""
    model_type = raw.get("model_type")
    if model_type not in ARCHITECTURES:
        raise BuildError(f"{where} describes the architecture {model_type!r}, which is not supported; give a model of: {', '.join(ARCHITECTURES)}.")
    rope = raw.get("rope_parameters") or {}
    if raw.get("rope_scaling") or rope.get("rope_type", "default") != "default":
        raise BuildError(f"{where} asks for scaled rotary embeddings (rope_scaling), which are not supported; use a model without them.")
    if raw.get("hidden_act", "silu") != "silu":
        raise BuildError(f"{where} asks for the activation {raw['hidden_act']!r}; only silu is supported.")
    if raw.get("use_sliding_window") or raw.get("mlp_bias"):
        raise BuildError(f"{where} asks for a sliding window or biases in the MLP, which are not supported; use a model without them.")
    if model_type == "llama" and raw.get("attention_bias"):
        raise BuildError(f"{where} asks for biases on all attention projections, which are not supported for llama; use a model without them.")
    try:
        heads = int(raw["num_attention_heads"])
        config = DecoderConfig(
            model_type=model_type,
            hidden_size=int(raw["hidden_size"]),
            intermediate_size=int(raw["intermediate_size"]),
            num_hidden_layers=int(raw["num_hidden_layers"]),
            num_attention_heads=heads,
            num_key_value_heads=int(raw.get("num_key_value_heads") or heads),
            head_dim=int(raw.get("head_dim") or raw["hidden_size"] // heads),
            vocab_size=int(raw["vocab_size"]),
            rms_norm_eps=float(raw["rms_norm_eps"]),
            rope_theta=float(raw.get("rope_theta") or rope.get("rope_theta") or 1e4),
            tie_word_embeddings=bool(raw.get("tie_word_embeddings", False)),
            qkv_bias=model_type == "qwen2",
        )
    except KeyError as missing:
        raise BuildError(f"{where} has no field {missing}; check that it is the model's own config.json.") from missing
    except (TypeError, ValueError) as wrong:
        raise BuildError(f"{where} has a field that is not a number ({wrong}); check that it is the model's own config.json.") from wrong
    widths = {"hidden_size": config.hidden_size, "intermediate_size": config.intermediate_size, "attention width": heads * config.head_dim}
    for name, width in widths.items():
        if width <= 0 or width % GROUP:
            raise BuildError(f"{where}: {name} is {width}, which is not a multiple of the quantization group of {GROUP}; such a model cannot be built.")
    if config.num_attention_heads % config.num_key_value_heads:
        raise BuildError(f"{where}: {heads} attention heads cannot share {config.num_key_value_heads} key-value heads evenly.")
    if config.head_dim % 8:
        raise BuildError(f"{where}: a head has {config.head_dim} dimensions; only multiples of 8 are supported.")
    if config.vocab_size % 8:
        raise BuildError(f"{where}: the vocabulary has {config.vocab_size} entries; only multiples of 8 are supported, pad the embedding with zero rows.")
    if config.rope_theta != int(config.rope_theta):
        raise BuildError(f"{where}: rope_theta is {config.rope_theta}; only whole numbers are supported.")
    return config


def load_config(path: Path) -> DecoderConfig:
    """Reads a config.json."""
    try:
        raw = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise BuildError(f"There is no {path.name} in {path.parent}; give a Hugging Face model folder, a hub id or a .gguf file.") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BuildError(f"{path} is not JSON ({error}); download it again.") from error
    if not isinstance(raw, dict):
        raise BuildError(f"{path} is not a JSON object; download it again.")
    return parse_config(raw, str(path))
