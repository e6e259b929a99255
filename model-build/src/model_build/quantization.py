"""Group quantization in numpy: 32 weights of a row share one signed bf16 scale.

4 bits: eight values in a uint32, the first in the lowest bits (MLC's layout), w = (nibble - 7) * scale. Both ends of the grid are used: nibble
15 is +8 scales, and a scale may be negative, so a group can reach 8 scales on either side.
8 bits: four values in a uint32, w = (byte - 128) * scale, bytes 1 to 255.

Scales are bf16, two in a uint32, the even group in the lower half: f32 = reinterpret(word << 16) or reinterpret(word & 0xffff0000), one integer
operation, so adapters without shader-f16 read the same bytes as those with it. 4.5 bits a weight in all (8.5 for 8 bits).
"""

import dataclasses

import ml_dtypes
import numpy as np

from .decoder_config import GROUP

LEVELS = {4: (-7, 8), 8: (-127, 127)}
ZERO = {4: 7, 8: 128}
# Divisors of a group's signed largest weight m: that weight lands on +8 or -7 exactly, or a little outside or inside of it. Further ones gained
# under 1 % of the error on SmolLM2-135M (reports/model-build.md).
CANDIDATES = (8.0, -7.0, 8.5, -7.5, 7.5, -6.5, 9.0, -8.0, 7.0)


@dataclasses.dataclass(frozen=True)
class QuantizedTable:
    """A [rows, width] matrix: `words` uint32 [rows, width * bits / 32], `scales` uint32 [rows, ceil(width / 64)]."""

    words: np.ndarray
    scales: np.ndarray
    bits: int


def round_to_bf16(x: np.ndarray) -> np.ndarray:
    """float32 values rounded to the nearest bf16 (ties to even), still as float32."""
    return x.astype(ml_dtypes.bfloat16).astype(np.float32)


def _snap(groups: np.ndarray, scale: np.ndarray, bits: int) -> np.ndarray:
    """Nearest grid level of every weight; `scale` is [..., 1]. A zero scale gives level 0."""
    low, high = LEVELS[bits]
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.where(scale == 0, 0, groups / scale)
    return np.clip(np.rint(level), low, high)


def _grid_scale(groups: np.ndarray, bits: int) -> np.ndarray:
    """For groups that lie on a grid exactly, its scale, else 0: [..., 1].

    Weights trained with fake quantization come as level * scale in float32 with a bf16 scale. A product of a bf16 number (8 significant bits)
    and a level (at most 7 bits) is exact in float32, so m / level is the scale again for the right level of the largest weight m.
    """
    low, high = LEVELS[bits]
    at = np.abs(groups).argmax(-1)[..., None]
    largest = np.take_along_axis(groups, at, -1)
    found = np.zeros_like(largest)
    # With 8 bits the largest weight is at level 127, or a few below it where the scale was rounded up.
    levels = (*range(high, 0, -1), *range(low, 0)) if bits == 4 else range(high, 95, -1)
    for level in levels:
        scale = round_to_bf16(largest / np.float32(level))
        possible = ((found == 0) & (scale * np.float32(level) == largest) & (largest != 0))[..., 0]
        if possible.any():
            part, part_scale = groups[possible], scale[possible]
            exact = (_snap(part, part_scale, bits) * part_scale == part).all(-1, keepdims=True)
            found[possible] = np.where(exact, part_scale, 0)
    return found


def _best_scale(groups: np.ndarray) -> np.ndarray:
    """Signed bf16 scale of least squared error among the candidates, [..., 1]."""
    at = np.abs(groups).argmax(-1)[..., None]
    largest = np.take_along_axis(groups, at, -1)
    best, least = np.zeros_like(largest), np.full_like(largest, np.inf)
    open_groups = np.ones(groups.shape[:-1], bool)  # those without an exact scale so far
    for divisor in CANDIDATES:
        part = groups[open_groups]
        scale = round_to_bf16(largest[open_groups] / np.float32(divisor))
        error = np.square(_snap(part, scale, 4) * scale - part).sum(-1, keepdims=True)
        better = error < least[open_groups]
        best[open_groups] = np.where(better, scale, best[open_groups])
        least[open_groups] = np.where(better, error, least[open_groups])
        open_groups &= least[..., 0] > 0
    return best


def _plain_scale(groups: np.ndarray, bits: int) -> np.ndarray:
    """Largest magnitude over the largest level (MLC's own rounding for 4 bits: max / 7), rounded to bf16."""
    top = 7 if bits == 4 else 127
    return round_to_bf16(np.abs(groups).max(-1, keepdims=True) / np.float32(top))


def quantize(weight: np.ndarray, bits: int = 4, rounding: str = "search") -> QuantizedTable:
    """float [rows, width] to a QuantizedTable; width is a multiple of 32.

    rounding: "search" picks each group's signed scale by squared error, after the scale's rounding to bf16; "plain" is max / 7. Weights that
    already lie on such a grid come back exactly, whichever bits (search only).
    """
    rows, width = weight.shape
    groups = np.ascontiguousarray(weight, dtype=np.float32).reshape(rows, width // GROUP, GROUP)
    scale = np.empty((*groups.shape[:2], 1), np.float32)
    block = max(1, (1 << 21) // width)  # rows at a time: temporaries of 8 MB stay in the cache
    levels = np.empty(groups.shape, np.int16)
    for at in range(0, rows, block):
        part = groups[at : at + block]
        if rounding == "plain":
            chosen = _plain_scale(part, bits)
        else:
            chosen = _best_scale(part) if bits == 4 else _plain_scale(part, bits)
            off_grid = (_snap(part, chosen, bits) * chosen != part).any(-1)
            if off_grid.any():
                exact = _grid_scale(part[off_grid], bits)
                chosen[off_grid] = np.where(exact != 0, exact, chosen[off_grid])
        scale[at : at + block] = chosen
        levels[at : at + block] = _snap(part, chosen, bits)
    return QuantizedTable(_pack_levels(levels.reshape(rows, width), bits), _pack_scales(scale[..., 0]), bits)


def _pack_levels(levels: np.ndarray, bits: int) -> np.ndarray:
    per_word = 32 // bits
    rows, width = levels.shape
    stored = (levels + ZERO[bits]).astype(np.uint32).reshape(rows, width // per_word, per_word)
    return (stored << (bits * np.arange(per_word, dtype=np.uint32))).sum(-1, dtype=np.uint32)


def _pack_scales(scale: np.ndarray) -> np.ndarray:
    rows, count = scale.shape
    halves = np.zeros((rows, count + count % 2), np.uint32)
    halves[:, :count] = scale.astype(ml_dtypes.bfloat16).view(np.uint16)
    return halves[:, 0::2] | (halves[:, 1::2] << 16)


def unpack_scales(packed: np.ndarray, count: int) -> np.ndarray:
    """uint32 [rows, ceil(count / 2)] to float32 [rows, count]."""
    halves = np.stack([packed << 16, packed & np.uint32(0xFFFF0000)], -1).reshape(packed.shape[0], -1)
    return np.ascontiguousarray(halves[:, :count]).view(np.float32)


def dequantize(table: QuantizedTable) -> np.ndarray:
    """float32 [rows, width]."""
    per_word = 32 // table.bits
    rows, words = table.words.shape
    mask = np.uint32((1 << table.bits) - 1)
    stored = (table.words[..., None] >> (table.bits * np.arange(per_word, dtype=np.uint32))) & mask
    levels = stored.reshape(rows, -1, GROUP).astype(np.float32) - np.float32(ZERO[table.bits])
    scales = unpack_scales(table.scales, words * per_word // GROUP)
    return (levels * scales[..., None]).reshape(rows, words * per_word)
