"""The deployed number format, as rounding: what a weight becomes when model-build stores it and the browser reads it back.

Training ends with these values in the forward pass (straight-through: gradients go to the unrounded weights), so what is saved lies on the grid and
model-build's quantizer reproduces it without error.

- Matrices of the layers: groups of 32 along the input; weight = (code - 7) * scale, code 0..15, scale a signed bf16 number. With m the group's largest weight
  by magnitude, with its sign, the scale is m/8 or -m/7, whichever has the smaller squared error: the range -7..8 is lopsided, and the sign of the scale
  chooses which side gets the 16th step.
- Embedding: groups of 32, weight = code * scale, code -127..127, scale bf16. Four bits visibly hurt a 135M student here.
"""

import torch
from torch import Tensor

GROUP = 32
# Elements at a time: small enough for the passes over a block to stay in the processor's cache.
BLOCK = 1 << 18


def round_scale(scale: Tensor) -> Tensor:
    """To bf16 and back; zero becomes one (the group is all zero then, and so are its codes)."""
    scale = scale.to(torch.bfloat16).float()
    return torch.where(scale == 0, 1.0, scale)


def four_bits_block(groups: Tensor) -> Tensor:
    """[groups, 32] f32 -> the same on the 4-bit grid."""
    high, low = groups.amax(1, keepdim=True), groups.amin(1, keepdim=True)
    largest = torch.where(high >= -low, high, low)
    best, least = None, None
    for divisor in (8.0, -7.0):
        scale = round_scale(largest / divisor)
        rounded = (groups / scale).round_().clamp_(-7, 8).mul_(scale)
        error = (rounded - groups).square_().sum(1, keepdim=True)
        if best is None or least is None:
            best, least = rounded, error
        else:
            best = torch.where(error < least, rounded, best)
    return best


def eight_bits_block(groups: Tensor) -> Tensor:
    """[groups, 32] f32 -> the same on the 8-bit grid."""
    scale = round_scale(groups.abs().amax(1, keepdim=True) / 127)
    return (groups / scale).round_().clamp_(-127, 127).mul_(scale)


def fake_quantize(weight: Tensor, bits: int, out: Tensor | None = None) -> Tensor:
    """A matrix [out, in] (in a multiple of 32) -> its values on the grid of `bits` (4 or 8), into `out` if given (which may be bf16)."""
    if weight.shape[-1] % GROUP:
        raise ValueError(f"A matrix with {weight.shape[-1]} inputs has no whole groups of {GROUP}: it cannot be quantized.")
    block = {4: four_bits_block, 8: eight_bits_block}[bits]
    if out is None:
        out = torch.empty_like(weight)
    source, target = weight.reshape(-1, GROUP), out.view(-1, GROUP)
    for a, b in zip(source.split(BLOCK // GROUP), target.split(BLOCK // GROUP), strict=True):
        b.copy_(block(a))
    return out
