"""Moves a student's weights off the grid without changing what it computes, to measure roundings on it.

    python -m tabletalk_training.rescale STUDENT --out OUT

A student that was trained from rounded weights stays near their grid for long, and rounding it brings back the weights that it started from: that
says nothing about rounding (reports/quantization.md has the figures). Here every input of every matrix is divided by a random factor, and what makes
that input (the norm before it, v's rows, up's rows) is multiplied by it: the same function, with weights that lie on no grid.
"""

import argparse
import sys
from pathlib import Path

import torch
from torch import Tensor

from .calibrate import write
from .model import Decoder, load

# Standard deviation of the factors' logarithm. The norms' own weights differ by more from channel to channel.
SPREAD = 0.2


@torch.no_grad()
def rescale(model: Decoder, seed: int) -> None:
    """In place."""
    generator = torch.Generator().manual_seed(seed)

    def factors(count: int) -> Tensor:
        return torch.randn(count, generator=generator).mul_(SPREAD).exp_()

    for layer in model.layers:
        for norm, matrix in ((layer.norm_attention, layer.qkv), (layer.norm_mlp, layer.gate_up)):
            f = factors(len(norm.weight))
            norm.weight *= f
            matrix.weight /= f
        # Each value head feeds all query heads of its group.
        kv, group = layer.kv_heads, layer.heads // layer.kv_heads
        f = factors(kv * layer.head_size)
        for parameter in layer.qkv.parameters():
            parameter[-len(f) :] *= f.view(-1, *[1] * (parameter.dim() - 1))
        layer.out.weight /= f.view(kv, 1, -1).expand(-1, group, -1).flatten()
        f = factors(layer.down.in_features)
        layer.gate_up.weight[len(f) :] *= f[:, None]
        layer.down.weight /= f


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("student", type=Path)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--seed", type=int, default=0)
    a = arguments.parse_args()
    if a.out.exists():
        sys.exit(f"{a.out} is there already: choose another --out or remove it.")
    model = load(a.student)
    rescale(model, a.seed)
    a.out.mkdir(parents=True)
    write(model, a.student, a.out, {"method": "rescaled", "seed": a.seed})


if __name__ == "__main__":
    main()
