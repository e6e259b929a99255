"""Batched decoding, greedy or sampled: the schema is computed once a database, the prompt once for all its samples, and all rows continue together.

Keys and values of a prompt are kept once, whatever the number of its samples; each sample keeps those of its own tokens. A step's scores are one
product of a prompt's keys with all its samples' queries, and one a sample with itself, under one softmax. Plain products, as in packing.py: a CPU with
bf16 units computes them faster than PyTorch's flash kernel.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .model import Decoder

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Prompt:
    prefix: Tokens
    suffix: Tokens

    @property
    def tokens(self) -> int:
        return len(self.prefix) + len(self.suffix)


class PromptCache:
    """Keys and values of prompts [layers, prompts, kv heads, room, head size], and the last hidden state of each [prompts, d]."""

    def __init__(self, model: Decoder, prompts: list[Prompt]):
        layer, dtype = model.layers[0], model.embedding.dtype
        self.lengths = torch.tensor([p.tokens for p in prompts])
        room = int(self.lengths.max())
        self.keys = torch.zeros(len(model.layers), len(prompts), layer.kv_heads, room, layer.head_size, dtype=dtype)
        self.values = torch.zeros_like(self.keys)
        self.mask = torch.arange(room)[None] < self.lengths[:, None]
        last = []
        for i, prompt in enumerate(prompts):
            start = 0
            if i and prompt.prefix == prompts[i - 1].prefix:
                start = len(prompt.prefix)
                for x in (self.keys, self.values):
                    x[:, i, :, :start] = x[:, i - 1, :, :start]
            tokens = (prompt.prefix + prompt.suffix)[start:]
            at = torch.arange(start, prompt.tokens)
            last.append(model.hidden(torch.tensor(tokens), at, self.feed(i, start, prompt.tokens))[-1])
        self.last = torch.stack(last)

    def feed(self, i: int, start: int, end: int):
        """An attend function for the tokens from `start` to `end` of prompt `i`: writes them, then each sees the prompt up to itself."""
        hidden = torch.arange(end)[None] > torch.arange(start, end)[:, None]

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            self.keys[layer, i, :, start:end] = k.transpose(0, 1)
            self.values[layer, i, :, start:end] = v.transpose(0, 1)
            n, heads, size = q.shape
            keys, values = (x[layer, i, :, :end] for x in (self.keys, self.values))
            kv = len(keys)
            grouped = q.view(n, kv, heads // kv, size).permute(1, 2, 0, 3).reshape(kv, -1, size)
            scores = torch.bmm(grouped * size**-0.5, keys.transpose(1, 2)).view(kv, -1, n, end).masked_fill_(hidden, float("-inf"))
            out = torch.bmm(F.softmax(scores, -1).view(kv, -1, end), values)
            return out.view(kv, heads // kv, n, size).permute(2, 0, 1, 3).reshape(n, heads, size)

        return attend

    def keep(self, rows: Tensor) -> None:
        """Drops all prompts but `rows`."""
        self.keys, self.values, self.mask = self.keys[:, rows], self.values[:, rows], self.mask[rows]
        room = int(self.mask.sum(1).max())
        self.keys, self.values, self.mask = self.keys[:, :, :, :room], self.values[:, :, :, :room], self.mask[:, :room]


class Rows:
    """The samples that are still being written: row r belongs to prompt owner[r] and has `length` tokens, the same for all rows."""

    def __init__(self, model: Decoder, prompts: PromptCache, owner: Tensor, limit: int):
        layer, dtype = model.layers[0], model.embedding.dtype
        self.prompts, self.length = prompts, 0
        self.keys = torch.zeros(len(model.layers), len(owner), layer.kv_heads, limit, layer.head_size, dtype=dtype)
        self.values = torch.zeros_like(self.keys)
        self.place(owner)

    def place(self, owner: Tensor) -> None:
        """Rows of one prompt are neighbours; each has a slot among its prompt's rows, so that a prompt's keys are read once for all of them."""
        counts = torch.bincount(owner, minlength=len(self.prompts.mask))
        self.owner = owner
        self.slot = torch.arange(len(owner)) - (counts.cumsum(0) - counts)[owner]
        self.slots = int(counts.max())
        self.padding = ~self.prompts.mask[owner][:, None, None]

    def keep(self, rows: Tensor) -> None:
        """Drops all rows but `rows`, and prompts that have none left."""
        self.keys, self.values = self.keys[:, rows], self.values[:, rows]
        used, owner = self.owner[rows].unique_consecutive(return_inverse=True)
        if len(used) < len(self.prompts.mask):
            self.prompts.keep(used)
        self.place(owner)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """One new token a row: written, then it sees its prompt and its row."""
        rows, heads, size = q.shape
        now = self.length
        self.keys[layer, :, :, now], self.values[layer, :, :, now] = k, v
        kv = k.shape[1]
        # The query heads of a group, and the rows of a prompt, are further queries on the same keys.
        grouped = q.view(rows, kv, heads // kv, size) * size**-0.5
        own = self.keys[layer, :, :, : now + 1], self.values[layer, :, :, : now + 1]
        scores = self.by_row(torch.matmul(self.by_prompt(grouped), self.prompts.keys[layer].transpose(2, 3)))
        scores.masked_fill_(self.padding, float("-inf"))
        room = scores.shape[-1]
        joint = F.softmax(torch.cat((scores, torch.matmul(grouped, own[0].transpose(2, 3))), -1), -1)
        out = self.by_row(torch.matmul(self.by_prompt(joint[..., :room]), self.prompts.values[layer])) + torch.matmul(joint[..., room:], own[1])
        return out.reshape(rows, heads, size)

    def by_prompt(self, x: Tensor) -> Tensor:
        """[rows, kv, r, n] -> [prompts, kv, slots * r, n], zero where a prompt has fewer rows."""
        padded = x.new_zeros(len(self.prompts.mask), self.slots, *x.shape[1:])
        padded[self.owner, self.slot] = x
        return padded.transpose(1, 2).flatten(2, 3)

    def by_row(self, x: Tensor) -> Tensor:
        """The inverse of `by_prompt`."""
        return x.unflatten(2, (self.slots, -1)).transpose(1, 2)[self.owner, self.slot]


def draw(logits: Tensor, generator: torch.Generator | None) -> Tensor:
    """[rows, vocabulary] -> a token of each row: where its cumulated probabilities pass a uniform number."""
    cumulated = F.softmax(logits, -1).cumsum_(-1)
    number = torch.rand(len(logits), 1, generator=generator) * cumulated[:, -1:]
    return torch.searchsorted(cumulated, number, right=True)[:, 0].clamp_(max=logits.shape[1] - 1)


@torch.inference_mode()
def sample(
    model: Decoder, prompts: list[Prompt], samples: int, end: int, limit: int, temperature: float, generator: torch.Generator | None = None
) -> list[list[list[int]]]:
    """`samples` continuations of each prompt, each up to and with the token `end`, or `limit` tokens that do not hold it.

    All rows decode together: a step costs little more for fifty rows than for one. Neighbours with the same prefix share its computation. The same generator
    state gives the same samples; temperature 0 is greedy.
    """
    cache = PromptCache(model, prompts)
    live = torch.arange(len(prompts)).repeat_interleave(samples)
    rows = Rows(model, cache, live, limit)
    out: list[list[int]] = [[] for _ in live]
    which = list(range(len(live)))
    logits = model.logits(cache.last)[live]
    lengths = cache.lengths[live]
    for step in range(limit):
        tokens = draw(logits / temperature, generator) if temperature else logits.argmax(-1)
        for r, token in zip(which, tokens.tolist(), strict=True):
            out[r].append(token)
        going = (tokens != end).nonzero().flatten()
        if not len(going) or step == limit - 1:
            break
        if len(going) < len(tokens):
            which = [which[i] for i in going.tolist()]
            tokens, lengths = tokens[going], lengths[going]
            rows.keep(going)
        hidden = model.hidden(tokens, lengths + step, rows.attend)
        rows.length += 1
        logits = model.logits(hidden)
    return [out[i * samples : (i + 1) * samples] for i in range(len(prompts))]


def greedy(model: Decoder, prompts: list[tuple[Tokens, Tokens]], end: int, limit: int) -> list[list[int]]:
    """Continues each (prefix, suffix) until the token `end` or `limit` tokens. Returns the new tokens, without `end`."""
    rows = sample(model, [Prompt(*p) for p in prompts], 1, end, limit, 0.0)
    return [row[:-1] if row[-1] == end else row for [row] in rows]
