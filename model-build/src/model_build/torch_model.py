"""The same decoder in PyTorch, from torch.nn.functional's own parts: the reference for the compiled one. Needs the dependency group torch."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from .checkpoint import expected_shapes
from .decoder_config import DecoderConfig


class TorchModel:
    """float32 on the CPU; `get` gives a tensor by its Hugging Face name."""

    def __init__(self, config: DecoderConfig, get: Callable[[str], np.ndarray]):
        self.config = config
        self._weights = {name: torch.from_numpy(np.ascontiguousarray(get(name))) for name in expected_shapes(config)}

    @torch.inference_mode()
    def logits(self, tokens: Sequence[int]) -> np.ndarray:
        """float32 [n, vocabulary]: after every token."""
        c, w, n = self.config, self._weights, len(tokens)
        inverse = 1.0 / c.rope_theta ** (torch.arange(0, c.head_dim, 2, dtype=torch.float64) / c.head_dim)
        angle = torch.outer(torch.arange(n, dtype=torch.float64), inverse)
        cos, sin = (torch.cat([f(angle)] * 2, -1).float() for f in (torch.cos, torch.sin))

        def norm(x, name):
            return F.rms_norm(x, (c.hidden_size,), w[name], c.rms_norm_eps)

        def rotate(v):
            half = c.head_dim // 2
            return v * cos + torch.cat([-v[..., half:], v[..., :half]], -1) * sin

        x = F.embedding(torch.tensor(list(tokens)), w["model.embed_tokens.weight"])
        for i in range(c.num_hidden_layers):
            at = f"model.layers.{i}."
            h = norm(x, f"{at}input_layernorm.weight")
            q, k, v = (
                F.linear(h, w[f"{at}self_attn.{p}_proj.weight"], w.get(f"{at}self_attn.{p}_proj.bias")).view(n, -1, c.head_dim).transpose(0, 1)
                for p in "qkv"
            )
            mixed = F.scaled_dot_product_attention(rotate(q)[None], rotate(k)[None], v[None], is_causal=True, enable_gqa=True)[0]
            x = x + F.linear(mixed.transpose(0, 1).reshape(n, -1), w[f"{at}self_attn.o_proj.weight"])
            h = norm(x, f"{at}post_attention_layernorm.weight")
            gate, up = (F.linear(h, w[f"{at}mlp.{p}_proj.weight"]) for p in ("gate", "up"))
            x = x + F.linear(F.silu(gate) * up, w[f"{at}mlp.down_proj.weight"])
        head = w["model.embed_tokens.weight" if c.tie_word_embeddings else "lm_head.weight"]
        return F.linear(norm(x, "model.norm.weight"), head).numpy()
