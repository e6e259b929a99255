"""Rounding a matrix to the deployed 4-bit grid (quantize.py) by what it does to the matrix's outputs, not to its weights alone.

GPTQ (Frantar et al. 2022): columns are rounded from left to right, and what a column's rounding does to the outputs is made good in the columns that
are still to come, by the inverse of the inputs' second moments ("Hessian"). A group's scale is chosen when its first column is reached, for the
weights as the earlier columns have left them. Groups stay where the deployed format has them: 32 neighbours along the input, in natural order.
"""

import torch
from torch import Tensor

from .quantize import GROUP, round_scale

# Divisors of a group's signed largest weight m, so scales to try: model-build's (quantization.py there), in its order.
SEARCH = (8.0, -7.0, 8.5, -7.5, 7.5, -6.5, 9.0, -8.0, 7.0)


def largest(groups: Tensor) -> Tensor:
    """[..., 32] -> [..., 1]: each group's largest weight by magnitude, with its sign."""
    return groups.gather(-1, groups.abs().argmax(-1, keepdim=True))


def snap(weights: Tensor, scale: Tensor) -> Tensor:
    """The nearest values (code - 7) * scale of the grid."""
    return (weights / scale).round_().clamp_(-7, 8).mul_(scale)


def search_scale(groups: Tensor, importance: Tensor | None = None, divisors: tuple[float, ...] = SEARCH) -> Tensor:
    """[..., 32] -> the candidate scale of least squared error, [..., 1]; `importance` [32] weighs the columns' errors."""
    top = largest(groups)
    best, least = torch.ones_like(top), torch.full_like(top, float("inf"))
    for divisor in divisors:
        scale = round_scale(top / divisor)
        error = (snap(groups, scale) - groups).square_()
        error = (error if importance is None else error * importance).sum(-1, keepdim=True)
        better = error < least
        best, least = torch.where(better, scale, best), torch.where(better, error, least)
    return best


def round_plain(weight: Tensor) -> Tensor:
    """[out, in] -> MLC's symmetric rounding: scale = largest magnitude / 7 (in bf16 here, f16 there)."""
    groups = weight.view(len(weight), -1, GROUP)
    return snap(groups, round_scale(groups.abs().amax(-1, keepdim=True) / 7)).view_as(weight)


def round_search(weight: Tensor) -> Tensor:
    """[out, in] -> the rounding that model-build gives to weights that are on no grid yet."""
    groups = weight.view(len(weight), -1, GROUP)
    return snap(groups, search_scale(groups)).view_as(weight)


def damp(hessian: Tensor, damping: float) -> Tensor:
    """[in, in] -> the same in f64, `damping` times its mean added to the diagonal: it can be inverted, and rare directions are not trusted."""
    h = hessian.double()
    mean = float(h.diagonal().mean())
    # Where no input ever fires, any rounding will do: then nothing is made good, and every column counts the same.
    h.diagonal().add_(damping * mean if mean > 0 else 1.0)
    return h


def inverse_factor(damped: Tensor) -> Tensor:
    """[in, in] f64 -> the upper Cholesky factor of its inverse, f32. In f32, the inverse of a nearly singular matrix would be noise."""
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    return torch.linalg.cholesky(inverse, upper=True).float()


def round_gptq(weight: Tensor, hessian: Tensor, damping: float = 0.01) -> Tensor:
    """[out, in] f32 and the sum of x xT over its inputs x [in, in] -> the matrix on the grid, [out, in]."""
    damped = damp(hessian, damping)
    importance = damped.diagonal().float()
    factor = inverse_factor(damped)
    # Transposed, so that a column lies in one piece: 32 columns of all rows stay in the cache.
    left = weight.T.contiguous()
    out, errors = torch.empty_like(left), left.new_empty(GROUP, len(weight))
    for a in range(0, len(left), GROUP):
        b = a + GROUP
        block = left[a:b]
        scale = search_scale(block.T.contiguous(), importance[a:b])[:, 0]
        for j in range(GROUP):
            row = factor[a + j, a + j : b]
            out[a + j] = snap(block[j], scale)
            errors[j] = (block[j] - out[a + j]) / row[0]
            block[j:].addr_(row, errors[j], alpha=-1)
        left[b:].addmm_(factor[a:b, b:].T, errors, alpha=-1)
    return out.T.contiguous()


def output_error(change: Tensor, hessian: Tensor) -> float:
    """Summed squared change of the outputs over the inputs behind `hessian`, for a change [out, in] of the matrix."""
    return float(((change @ hessian) * change).sum())
