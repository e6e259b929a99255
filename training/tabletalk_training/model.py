"""A Llama or Qwen2 decoder in plain torch, written for training on a CPU.

Everything is flat: tokens are one list [N], hidden states [N, d]. Which token may see which is not the decoder's business: each layer
hands its queries, keys and values to an `attend` function (packing.py for training, decoding.py for generation), so padding exists only
where attention needs it and never in the matrix products, where the time goes.

q, k and v are one matrix, gate and up another: two larger products instead of five small ones. Hugging Face names appear only in `load` and
`to_hugging_face`.
"""

import json
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .weights import Weights

# attend(layer index, q [N, heads, head size], k, v [N, kv heads, head size]) -> [N, heads, head size]
Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]

FUSED = {
    "qkv": ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    "out": ["self_attn.o_proj"],
    "gate_up": ["mlp.gate_proj", "mlp.up_proj"],
    "down": ["mlp.down_proj"],
    "norm_attention": ["input_layernorm"],
    "norm_mlp": ["post_attention_layernorm"],
}


class Norm(nn.Module):
    """RMS norm with a learned weight."""

    def __init__(self, size: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding, halves convention: x [N, heads, head size], cos and sin [N, 1, head size / 2]."""
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Layer(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        d, ff = config["hidden_size"], config["intermediate_size"]
        self.heads, self.kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self.head_size = config.get("head_dim") or d // self.heads
        bias = config["model_type"] == "qwen2"
        self.norm_attention, self.norm_mlp = Norm(d, config["rms_norm_eps"]), Norm(d, config["rms_norm_eps"])
        self.qkv = nn.Linear(d, (self.heads + 2 * self.kv_heads) * self.head_size, bias=bias)
        self.out = nn.Linear(self.heads * self.head_size, d, bias=False)
        self.gate_up = nn.Linear(d, 2 * ff, bias=False)
        self.down = nn.Linear(ff, d, bias=False)

    def forward(self, x: Tensor, index: int, cos: Tensor, sin: Tensor, attend: Attend) -> Tensor:
        n = len(x)
        heads = self.qkv(self.norm_attention(x)).view(n, -1, self.head_size)
        rotated = rotate(heads[:, : self.heads + self.kv_heads], cos, sin)
        q, k, v = rotated[:, : self.heads], rotated[:, self.heads :], heads[:, self.heads + self.kv_heads :]
        x = x + self.out(attend(index, q, k, v).reshape(n, -1))
        gate, up = self.gate_up(self.norm_mlp(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Decoder(nn.Module):
    """The student. `config` is a Hugging Face config.json; the head is the embedding where the config ties them."""

    def __init__(self, config: dict):
        super().__init__()
        if config["model_type"] not in ("llama", "qwen2"):
            raise ValueError(f"This trainer knows llama and qwen2, not {config['model_type']}: choose another base model.")
        self.config = config
        self.embedding = nn.Parameter(torch.zeros(config["vocab_size"], config["hidden_size"]))
        self.head = None if config.get("tie_word_embeddings", False) else nn.Parameter(torch.zeros_like(self.embedding))
        self.layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.norm = Norm(config["hidden_size"], config["rms_norm_eps"])
        size = self.layers[0].head_size
        self.frequencies = 1.0 / config["rope_theta"] ** (torch.arange(0, size, 2).float() / size)

    def hidden(self, ids: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """Final hidden states [N, d] of the tokens `ids` [N] at `positions` [N]."""
        angle = (positions.float()[:, None] * self.frequencies)[:, None]
        x = F.embedding(ids, self.embedding)
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        for i, layer in enumerate(self.layers):
            x = layer(x, i, cos, sin, attend)
        return self.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits [N, vocabulary] in f32 for the hidden states that need them."""
        return F.linear(hidden, self.embedding if self.head is None else self.head).float()


def is_linear(name: str) -> bool:
    """Whether a parameter of Decoder is a matrix of a layer (quantized to 4 bits when deployed)."""
    return name.startswith("layers.") and name.endswith(".weight") and ".norm_" not in name


def load(folder: Path, dtype: torch.dtype = torch.float32) -> Decoder:
    """Reads a Hugging Face folder (config.json, model.safetensors or its parts)."""
    config = json.loads((folder / "config.json").read_text())
    default = torch.get_default_dtype()
    torch.set_default_dtype(dtype)  # a large base is never in memory in f32
    try:
        model = Decoder(config)
    finally:
        torch.set_default_dtype(default)
    weights = Weights(folder)
    with torch.no_grad():
        model.embedding.copy_(weights.get("model.embed_tokens.weight"))
        if model.head is not None:
            model.head.copy_(weights.get("lm_head.weight"))
        model.norm.weight.copy_(weights.get("model.norm.weight"))
        for i, layer in enumerate(model.layers):
            for own, parts in FUSED.items():
                for kind, parameter in getattr(layer, own).named_parameters():
                    parameter.copy_(torch.cat([weights.get(f"model.layers.{i}.{part}.{kind}") for part in parts]))
    return model.to(dtype)


def to_hugging_face(parameters: dict[str, Tensor], config: dict) -> dict[str, Tensor]:
    """Parameters of Decoder by name -> tensors by their Hugging Face names."""
    heads, kv = config["num_attention_heads"], config["num_key_value_heads"]
    size = config.get("head_dim") or config["hidden_size"] // heads
    rows = {"qkv": [heads * size, kv * size, kv * size], "gate_up": [config["intermediate_size"]] * 2}
    out = {"model.embed_tokens.weight": parameters["embedding"], "model.norm.weight": parameters["norm.weight"]}
    if "head" in parameters:
        out["lm_head.weight"] = parameters["head"]
    for name, tensor in parameters.items():
        if name.startswith("layers."):
            _, i, own, kind = name.split(".")
            parts = tensor.split(rows[own]) if own in rows else [tensor]
            for part, piece in zip(FUSED[own], parts, strict=True):
                out[f"model.layers.{i}.{part}.{kind}"] = piece.contiguous()
    return out
