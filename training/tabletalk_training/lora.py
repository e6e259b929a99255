"""LoRA (Hu et al. 2021) on the CPU arm: the base stays as it is in the compute type, a low-rank adapter with f32 masters is trained beside it.

`add_lora` puts a LoraLinear in the place of every linear layer of a Decoder. The decoder's q, k, v (and gate, up) are one matrix; the adapter has
factors for each projection of the original model, so that it can be saved under PEFT's names (adapter.py) and means the same there.

Quantization-aware: from a point of the schedule on the forward pass computes with what will be deployed, round(W + scale B A) on the 4-bit grid of
quantize.py (and the 8-bit embedding), made anew after each step from the f32 masters. Gradients go straight through the rounding to A and B.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .adapter import Adapter
from .model import FUSED, Decoder
from .optimizer import MasterAdamW
from .quantize import fake_quantize

LINEARS = ("qkv", "out", "gate_up", "down")


def part_rows(config: dict, own: str) -> list[int]:
    """How many rows each original projection has in the fused matrix `own`."""
    d, ff = config["hidden_size"], config["intermediate_size"]
    size = config.get("head_dim") or d // config["num_attention_heads"]
    heads, kv = config["num_attention_heads"] * size, config["num_key_value_heads"] * size
    return {"qkv": [heads, kv, kv], "out": [d], "gate_up": [ff, ff], "down": [d]}[own]


class StraightThrough(torch.autograd.Function):
    """x @ weight.T with the gradients that A and B would have if weight were W + scale B A, unrounded."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, rows: list[int], scale: float) -> Tensor:
        ctx.save_for_backward(x, weight, a, b)
        ctx.rows, ctx.scale = rows, scale
        return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx, grad: Tensor):
        x, weight, a, b = ctx.saved_tensors
        rank = len(a) // len(ctx.rows)
        inner = (x @ a.T * ctx.scale).split(rank, 1)
        grads, factors = grad.split(ctx.rows, 1), b.split(ctx.rows)
        grad_b = torch.cat([g.T @ h for g, h in zip(grads, inner, strict=True)])
        grad_a = torch.cat([(g @ f).T for g, f in zip(grads, factors, strict=True)]) @ x * ctx.scale
        return grad @ weight, None, None, grad_a, grad_b, None, None


class LoraLinear(nn.Module):
    """A frozen linear layer of `rows` stacked projections, each with its own factors: A [rank, in] and B [its rows, rank], stacked likewise."""

    def __init__(self, base: nn.Linear, rows: list[int], rank: int, alpha: float):
        super().__init__()
        self.base, self.rows, self.scale = base, rows, alpha / rank
        bound = 1 / math.sqrt(base.in_features)  # as PEFT and mlx-lm draw A; B begins at zero, so the first step starts from the base itself
        self.a = nn.Parameter(torch.empty(rank * len(rows), base.in_features, dtype=base.weight.dtype).uniform_(-bound, bound))
        self.b = nn.Parameter(torch.zeros(sum(rows), rank, dtype=base.weight.dtype))
        self.deployed: Tensor | None = None  # [out, in]: the rounded weight, while quantization-aware

    def forward(self, x: Tensor) -> Tensor:
        if self.deployed is not None:
            return StraightThrough.apply(x, self.deployed, self.base.bias, self.a, self.b, self.rows, self.scale)
        inner = F.linear(x, self.a).split(self.b.shape[1], 1)
        # Scaled where the numbers are few: rank columns instead of all the outputs.
        delta = [F.linear(h * self.scale, b) for h, b in zip(inner, self.b.split(self.rows), strict=True)]
        return self.base(x) + (torch.cat(delta, 1) if len(delta) > 1 else delta[0])

    @torch.no_grad()
    def merged(self, a: Tensor, b: Tensor) -> Tensor:
        """The base with the f32 factors `a` and `b` in it, f32 [out, in]."""
        factors = zip(a.split(b.shape[1]), b.split(self.rows), strict=True)
        return self.base.weight.float() + torch.cat([(b @ a) * self.scale for a, b in factors])


def lora_layers(model: Decoder) -> Iterator[tuple[str, LoraLinear]]:
    """Every LoraLinear with the name of its place in the Decoder."""
    for name, module in model.named_modules():
        if isinstance(module, LoraLinear):
            yield name, module


def add_lora(model: Decoder, rank: int, alpha: float) -> Decoder:
    """Freezes `model` and gives each linear layer an adapter, in place. Draws from torch's global random numbers."""
    model.requires_grad_(False)
    for layer in model.layers:
        for own in LINEARS:
            setattr(layer, own, LoraLinear(getattr(layer, own), part_rows(model.config, own), rank, alpha))
    return model


class LoraAdamW(MasterAdamW):
    """MasterAdamW over the factors; what it writes back is, when rounding, the deployed weights of the whole model."""

    def __init__(self, model: Decoder, betas: tuple[float, float], weight_decay: float, clip: float):
        super().__init__(model, betas, weight_decay, clip)
        self.model = model
        self.tables_rounded = False

    @torch.no_grad()
    def write_copies(self, bits: tuple[int, int] | None) -> None:
        super().write_copies(None)
        if bits is None:
            return
        for name, layer in lora_layers(self.model):
            weight = layer.merged(self.master[f"{name}.a"], self.master[f"{name}.b"])
            if layer.deployed is None:
                layer.deployed = torch.empty_like(layer.base.weight)
            fake_quantize(weight, bits[0], out=layer.deployed)
        if not self.tables_rounded:  # embedding and head are not trained: once is enough
            for table in (self.model.embedding, self.model.head):
                if table is not None:
                    fake_quantize(table.float(), bits[1], out=table.data)
            self.tables_rounded = True


def to_adapter(master: dict[str, Tensor], config: dict, rank: int, alpha: float) -> Adapter:
    """The trained factors by their names in the Decoder -> an adapter by the projections' Hugging Face names."""
    factors = {}
    for name, stacked in master.items():
        if name.endswith(".a"):
            _, i, own, _ = name.split(".")
            b_parts = master[f"layers.{i}.{own}.b"].detach().split(part_rows(config, own))
            for part, a, b in zip(FUSED[own], stacked.detach().split(rank), b_parts, strict=True):
                factors[f"model.layers.{i}.{part}"] = (a.float().contiguous(), b.float().contiguous())
    return Adapter(rank, alpha, factors)


@torch.no_grad()
def load_adapter(model: Decoder, adapter: Adapter) -> Decoder:
    """Adds an adapter that fits (adapter.check_fits) to a Decoder, unmerged, in the model's type."""
    add_lora(model, adapter.rank, adapter.alpha)
    for name, layer in lora_layers(model):
        _, i, own = name.split(".")
        factors = [adapter.factors[f"model.layers.{i}.{part}"] for part in FUSED[own]]
        layer.a.copy_(torch.cat([a for a, _ in factors]))
        layer.b.copy_(torch.cat([b for _, b in factors]))
    return model
