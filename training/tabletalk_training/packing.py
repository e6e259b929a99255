"""Several questions behind one shared schema, and the attention that this needs.

A pack is: the prefix (schema) once, then question + SQL of each example. Each example sees the prefix and itself, nothing else, and its
positions restart after the prefix, so the loss is the one of separate sequences at about a third of the tokens.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


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
    """Causal attention within the prefix; for the questions, one softmax over the whole prefix and, causally, themselves.

    A dense mask over all tokens took 30 % of a step. Here scores exist only where attention does: prefix x prefix, questions x prefix, and each question
    x itself. Plain products of probabilities that are kept, not flash attention: on a CPU with bf16 units the products are 2 to 3 times faster than
    PyTorch's flash kernel in bf16 (17 against 51 ms a layer, forward and backward, 150 + 8 x 60 tokens), whose inner loops are f32. The
    probabilities of one layer take heads x tokens x (prefix + longest question) numbers.
    """

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor, plan: Layout) -> Tensor:
        n, heads, size = q.shape
        kv = k.shape[1]
        r, p, (b, s) = heads // kv, plan.prefix, plan.padded.shape
        m = n - p
        q = q * size**-0.5
        # Query heads of one key's group are further rows: keys and values are never copied per head. [kv, r * tokens, size]
        grouped = q.view(n, kv, r, size).permute(1, 2, 0, 3)
        q0, q1 = grouped[:, :, :p].reshape(kv, r * p, size), grouped[:, :, p:].reshape(kv, r * m, size)
        k0, v0 = k[:p].permute(1, 2, 0).contiguous(), v[:p].transpose(0, 1).contiguous()
        p0 = causal_softmax(torch.bmm(q0, k0).view(kv, r, p, p)).view(kv, r * p, p)
        out0 = torch.bmm(p0, v0).view(kv, r, p, size)
        # Each question with itself: [questions * kv, r * longest, size]. Padding is masked for every real token, since it comes after them.
        q2 = q[p:][plan.padded].view(b, s, kv, r, size).permute(0, 2, 3, 1, 4).reshape(b * kv, r * s, size)
        k2 = k[p:][plan.padded].permute(0, 2, 3, 1).reshape(b * kv, size, s)
        v2 = v[p:][plan.padded].transpose(1, 2).reshape(b * kv, s, size)
        own = mask_future(torch.bmm(q2, k2).view(b * kv, r, s, s))
        joint = torch.softmax(torch.cat((torch.bmm(q1, k0).view(kv, r, m, p), unpad(own, plan, kv)), -1), -1)
        p1 = joint[..., :p].reshape(kv, r * m, p)
        p2 = pad(joint[..., p:], plan).view(b * kv, r * s, s)
        out1 = torch.bmm(p1, v0).view(kv, r, m, size) + unpad(torch.bmm(p2, v2).view(b * kv, r, s, size), plan, kv)
        out = torch.cat((out0, out1), 2)
        ctx.plan = plan
        ctx.save_for_backward(q0, k0, v0, p0, q1, p1, q2, k2, v2, p2, out)
        return out.permute(2, 0, 1, 3).reshape(n, heads, size)

    @staticmethod
    def backward(ctx, grad: Tensor):
        plan = ctx.plan
        q0, k0, v0, p0, q1, p1, q2, k2, v2, p2, out = ctx.saved_tensors
        n, heads, size = grad.shape
        kv, p, (b, s) = len(q0), plan.prefix, plan.padded.shape
        r, m = heads // kv, n - p
        grouped = grad.view(n, kv, r, size).permute(1, 2, 0, 3)
        # Softmax's gradient is P * (dP - sum(P * dP)), and that sum is the output's product with its gradient.
        sums = (grouped * out).sum(-1, keepdim=True)
        dq0, dk0, dv0 = attention_gradients(grouped[:, :, :p].reshape(kv, r * p, size), sums[:, :, :p].reshape(kv, r * p, 1), p0, q0, k0, v0)
        dq1, dk1, dv1 = attention_gradients(grouped[:, :, p:].reshape(kv, r * m, size), sums[:, :, p:].reshape(kv, r * m, 1), p1, q1, k0, v0)
        grad2, sums2 = (pad(x[:, :, p:], plan).view(b * kv, r * s, -1) for x in (grouped, sums))
        dq2, dk2, dv2 = attention_gradients(grad2, sums2, p2, q2, k2, v2)
        dq_questions = dq1.view(kv, r, m, size) + unpad(dq2.view(b * kv, r, s, size), plan, kv)
        dq = torch.cat((dq0.view(kv, r, p, size), dq_questions), 2).permute(2, 0, 1, 3).reshape(n, heads, size) * size**-0.5
        dk, dv = (torch.cat((a + b, unpad(c[:, None], plan, kv)[:, 0]), 1).transpose(0, 1) for a, b, c in ((dk0, dk1, dk2), (dv0, dv1, dv2)))
        return dq, dk, dv, None


def attention_gradients(grad: Tensor, sums: Tensor, probabilities: Tensor, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of q [B, rows, size], k (given as [B, size, keys], returned as [B, keys, size]) and v [B, keys, size]."""
    scores = torch.baddbmm(-sums.expand(-1, -1, v.shape[1]), grad, v.transpose(1, 2)).mul_(probabilities)
    return torch.bmm(scores, k.transpose(1, 2)), torch.bmm(scores.transpose(1, 2), q), torch.bmm(probabilities.transpose(1, 2), grad)


def mask_future(scores: Tensor) -> Tensor:
    n = scores.shape[-1]
    return scores.masked_fill_(torch.ones(n, n, dtype=torch.bool).triu(1), float("-inf"))


def causal_softmax(scores: Tensor) -> Tensor:
    return torch.softmax(mask_future(scores), -1)


def unpad(x: Tensor, plan: Layout, kv: int) -> Tensor:
    """[questions * kv, r, longest, size] -> [kv, r, tokens of all questions, size]."""
    b, s = plan.padded.shape
    _, r, _, size = x.shape
    return x.view(b, kv, r, s, size).permute(1, 2, 0, 3, 4).reshape(kv, r, b * s, size)[:, :, plan.real]


def pad(x: Tensor, plan: Layout) -> Tensor:
    """The inverse of `unpad`, zero where there is padding: it gets no probability and no gradient."""
    kv, r, _, size = x.shape
    b, s = plan.padded.shape
    out = x.new_zeros(kv, r, b * s, size)
    out[:, :, plan.real] = x
    return out.view(kv, r, b, s, size).permute(2, 0, 1, 3, 4).reshape(b * kv, r, s, size)


def attend_packed(*plans: Layout):
    """The attend function of packs whose tokens follow each other: each pack by itself, everything else of the decoder over all of them at once."""
    lengths = [len(plan.ids) for plan in plans]

    def attend(_: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        parts = zip(plans, *(x.split(lengths) for x in (q, k, v)), strict=True)
        return torch.cat([SharedPrefixAttention.apply(q, k, v, plan) for plan, q, k, v in parts])

    return attend


def together(packs: list[Pack], most: int = 3000) -> list[list[Pack]]:
    """Neighbouring packs in groups of at most `most` tokens, to be computed at once: a weight's gradient is then added up once for all of them, 10 %
    of a step of 135M. 3,000 tokens need some 2 GB of activations there, 8 GB in a 1.5B. A longer pack stands alone."""
    groups: list[list[Pack]] = []
    used = most
    for pack in packs:
        tokens = len(pack.prefix) + sum(len(suffix) + len(completion) for suffix, completion in pack.questions)
        if used + tokens > most:
            groups.append([])
            used = 0
        groups[-1].append(pack)
        used += tokens
    return groups


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
