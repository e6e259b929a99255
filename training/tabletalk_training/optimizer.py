"""AdamW on f32 master weights; the model computes with a copy of them (bf16 where the CPU has bf16 units, or rounded to the deployed grid)."""

import math

import torch
from torch import Tensor, nn

from .model import is_linear
from .quantize import fake_quantize


def learning_rate(peak: float, final: float, warmup: int, step: int, progress: float) -> float:
    """Linear warm-up over `warmup` steps, then cosine from peak to peak * final as progress goes from 0 to 1. `step` counts from 0."""
    cosine = final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return peak * min(1.0, (step + 1) / warmup) * cosine


class MasterAdamW:
    """Holds the f32 weights, collects the model's gradients in f32, steps, and writes the model's copy."""

    def __init__(self, model: nn.Module, betas: tuple[float, float], weight_decay: float, clip: float):
        self.copies = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.master = {name: nn.Parameter(p.detach().float().clone()) for name, p in self.copies.items()}
        self.clip = clip
        for name, p in self.copies.items():
            if p.dtype != torch.float32:
                # bf16 gradients of several packs would lose their small parts if they were added up in bf16.
                self.master[name].grad = torch.zeros_like(self.master[name])
                p.register_post_accumulate_grad_hook(lambda p, w=self.master[name]: self.collect(p, w))
        matrices = [w for w in self.master.values() if w.dim() == 2]
        vectors = [w for w in self.master.values() if w.dim() == 1]
        groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
        self.adam = torch.optim.AdamW(groups, lr=0.0, betas=betas, fused=True)

    @staticmethod
    def collect(p: Tensor, w: Tensor) -> None:
        w.grad.add_(p.grad)
        p.grad = None

    def step(self, rate: float, scale: float, bits: tuple[int, int] | None) -> float:
        """One update with the summed gradients times `scale`. Returns the gradient's norm before clipping.

        `bits` (for matrices of layers, for the embedding) rounds the model's copy to the deployed grid; None leaves it plain.
        """
        for name, p in self.copies.items():
            if p.dtype == torch.float32:
                self.master[name].grad = p.grad
        grads = [w.grad for w in self.master.values() if w.grad is not None]
        torch._foreach_mul_(grads, scale)
        norm = torch.nn.utils.clip_grad_norm_(list(self.master.values()), self.clip)
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.step()
        torch._foreach_zero_(grads)
        self.write_copies(bits)
        return float(norm)

    @torch.no_grad()
    def write_copies(self, bits: tuple[int, int] | None) -> None:
        for name, p in self.copies.items():
            rounding = deployed_bits(name, bits)
            if rounding:
                fake_quantize(self.master[name], rounding, out=p.data)
            else:
                p.copy_(self.master[name])


class WeightAverage:
    """The mean of the master weights after each of some steps (Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima")."""

    def __init__(self, master: dict[str, nn.Parameter], count: int = 0, mean: dict[str, Tensor] | None = None):
        self.master, self.count = master, count
        self.mean = {name: torch.zeros_like(w.data) for name, w in master.items()} if mean is None else {n: w.clone() for n, w in mean.items()}

    @torch.no_grad()
    def add(self) -> None:
        self.count += 1
        torch._foreach_lerp_(list(self.mean.values()), list(self.master.values()), 1 / self.count)


def deployed_bits(name: str, bits: tuple[int, int] | None) -> int | None:
    """The bits of the parameter `name` of a Decoder, None where it stays a float."""
    if bits is None:
        return None
    return bits[0] if is_linear(name) else bits[1] if name in ("embedding", "head") else None
