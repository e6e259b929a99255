"""Several questions behind one shared schema, and the attention that this needs.

A pack is: the prefix (schema) once, then question + SQL of each example. Each example sees the prefix and itself, nothing else, and its
positions restart after the prefix, so the loss is the one of separate sequences at about a third of the tokens.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
flash_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


@dataclass(frozen=True)
class Pack:
    """Token ids: the shared prefix, and for each question (suffix, completion)."""

    prefix: tuple[int, ...]
    questions: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]


@dataclass(frozen=True)
class Layout:
    """A pack as flat tensors, N = prefix + all questions' tokens (each without its last target, which predicts nothing)."""

    ids: Tensor  # [N]
    positions: Tensor  # [N]
    predicts: Tensor  # [targets] indices into N whose hidden state predicts a target
    targets: Tensor  # [targets]
    prefix: int  # tokens of the prefix
    padded: Tensor  # [questions, longest]: index of each question's token among the N - prefix tokens; 0 where it is padding
    real: Tensor  # [N - prefix]: where each question token lies in `padded`, flattened


def layout(pack: Pack) -> Layout:
    ids, positions = list(pack.prefix), list(range(len(pack.prefix)))
    predicts: list[int] = []
    targets: list[int] = []
    lengths = []
    for suffix, completion in pack.questions:
        tokens = suffix + completion[:-1]
        predicts += range(len(ids) + len(suffix) - 1, len(ids) + len(tokens))
        targets += completion
        ids += tokens
        positions += range(len(pack.prefix), len(pack.prefix) + len(tokens))
        lengths.append(len(tokens))
    length = torch.tensor(lengths)
    column = torch.arange(max(lengths))
    inside = column[None] < length[:, None]
    start = length.cumsum(0) - length
    padded = torch.where(inside, start[:, None] + column[None], 0)
    return Layout(
        torch.tensor(ids), torch.tensor(positions), torch.tensor(predicts), torch.tensor(targets), len(pack.prefix), padded,
        inside.flatten().nonzero().flatten(),
    )  # fmt: skip


class SharedPrefixAttention(torch.autograd.Function):
    """Causal attention within the prefix; for the questions, attention to the whole prefix merged with causal attention to themselves.

    The two parts of a question's attention are merged by their log-sum-exps. Run backward with the *merged* output and log-sum-exp, flash
    attention returns each part's exact gradients (as ring attention does, Liu et al. 2023), so no mask and no N x N scores are needed.
    A dense mask took 30 % of a step. Keys and values are never copied per head: they are views with stride 0 over the query heads of a group.
    """

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor, plan: Layout) -> Tensor:
        n, heads, size = q.shape
        kv = k.shape[1]
        p, (b, s) = plan.prefix, plan.padded.shape
        # [kv heads, query heads of one kv head, tokens, head size]
        grouped = q.view(n, kv, heads // kv, size).permute(1, 2, 0, 3)
        keys, values = (x.permute(1, 0, 2)[:, None].expand(-1, heads // kv, -1, -1) for x in (k, v))
        q0, k0, v0 = grouped[:, :, :p], keys[:, :, :p], values[:, :, :p]
        out0, sum0 = flash(q0, k0, v0, 0.0, True)
        q1 = grouped[:, :, p:]
        out1, sum1 = flash(q1, k0, v0, 0.0, False)
        # questions: [questions * kv heads, query heads, longest, head size]
        q2 = q[p:][plan.padded].view(b, s, kv, heads // kv, size).permute(0, 2, 3, 1, 4).flatten(0, 1)
        k2, v2 = (x[p:][plan.padded].permute(0, 2, 1, 3).flatten(0, 1)[:, None].expand(-1, heads // kv, -1, -1) for x in (k, v))
        out2, sum2 = flash(q2, k2, v2, 0.0, True)
        own = unpad(out2, plan, kv)
        own_sum = unpad(sum2[..., None], plan, kv)[..., 0]
        merged_sum = torch.logaddexp(sum1, own_sum)
        merged = (out1 * (sum1 - merged_sum).exp()[..., None] + own * (own_sum - merged_sum).exp()[..., None]).to(q.dtype)
        ctx.plan = plan
        ctx.save_for_backward(q0, k0, v0, out0, sum0, q1, merged, merged_sum, q2, k2, v2)
        return torch.cat((out0, merged), 2).permute(2, 0, 1, 3).reshape(n, heads, size)

    @staticmethod
    def backward(ctx, grad: Tensor):
        plan = ctx.plan
        q0, k0, v0, out0, sum0, q1, merged, merged_sum, q2, k2, v2 = ctx.saved_tensors
        n, heads, size = grad.shape
        kv, p = len(q0), plan.prefix
        grouped = grad.view(n, kv, heads // kv, size).permute(1, 2, 0, 3)
        dq0, dk0, dv0 = flash_backward(grouped[:, :, :p].contiguous(), q0, k0, v0, out0, sum0, 0.0, True)
        dq1, dk1, dv1 = flash_backward(grouped[:, :, p:].contiguous(), q1, k0, v0, merged, merged_sum, 0.0, False)
        # Padding has zero gradients and a log-sum-exp of +inf (its attention weights come out as zero).
        out2, sum2, grad2 = (pad(x, plan, fill) for x, fill in ((merged, 0.0), (merged_sum[..., None], float("inf")), (grouped[:, :, p:], 0.0)))
        dq2, dk2, dv2 = flash_backward(grad2, q2, k2, v2, out2, sum2[..., 0].contiguous(), 0.0, True)
        dq_questions = dq1 + unpad(dq2, plan, kv)
        dq = torch.cat((dq0, dq_questions), 2).permute(2, 0, 1, 3).reshape(n, heads, size)
        dk, dv = (
            torch.cat(((a + b).sum(1), unpad(c.sum(1, keepdim=True), plan, kv)[:, 0]), 1).permute(1, 0, 2)
            for a, b, c in ((dk0, dk1, dk2), (dv0, dv1, dv2))
        )
        return dq, dk, dv, None


def unpad(x: Tensor, plan: Layout, kv: int) -> Tensor:
    """[questions * kv, r, longest, size] -> [kv, r, tokens of all questions, size]."""
    b, s = plan.padded.shape
    _, r, _, size = x.shape
    return x.view(b, kv, r, s, size).permute(1, 2, 0, 3, 4).reshape(kv, r, b * s, size)[:, :, plan.real]


def pad(x: Tensor, plan: Layout, fill: float) -> Tensor:
    """The inverse of `unpad`."""
    kv, r, _, size = x.shape
    b, s = plan.padded.shape
    out = x.new_full((kv, r, b * s, size), fill)
    out[:, :, plan.real] = x
    return out.view(kv, r, b, s, size).permute(2, 0, 1, 3, 4).reshape(b * kv, r, s, size)


def attend_packed(plan: Layout):
    return lambda _, q, k, v: SharedPrefixAttention.apply(q, k, v, plan)


def attend_masked(plan: Layout):
    """The same attention as one dense mask: slow and plain, the tests' reference."""
    n, p = len(plan.ids), plan.prefix
    group = torch.zeros(n, dtype=torch.long)
    group[p:] = 1 + plan.real // plan.padded.shape[1]
    i = torch.arange(n)
    mask = (i[:, None] >= i[None]) & ((group[:, None] == group[None]) | (group[None] == 0))

    def attend(_: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (x.transpose(0, 1)[None] for x in (q, k, v))
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)[0].transpose(0, 1)

    return attend
