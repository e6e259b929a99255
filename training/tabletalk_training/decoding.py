"""Batched greedy decoding: the prefix of a database is computed once, all questions continue together."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .model import Decoder

Tokens = tuple[int, ...]


class Cache:
    """Keys and values of `rows` sequences of at most `room` tokens, each from the left."""

    def __init__(self, model: Decoder, rows: int, room: int):
        layer, dtype = model.layers[0], model.embedding.dtype
        self.keys = torch.zeros(len(model.layers), rows, room, layer.kv_heads, layer.head_size, dtype=dtype)
        self.values = torch.zeros_like(self.keys)

    def feed(self, model: Decoder, row: int, tokens: Tokens, start: int) -> Tensor:
        """Writes `tokens` of one row at the positions from `start`; returns their hidden states."""
        at = torch.arange(start, start + len(tokens))
        return model.hidden(torch.tensor(tokens), at, self.attend(torch.full_like(at, row), at))

    def copy_prefix(self, source: int, row: int, length: int) -> None:
        for x in (self.keys, self.values):
            x[:, row, :length] = x[:, source, :length]

    def attend(self, rows: Tensor, positions: Tensor):
        """An attend function for new tokens [N] at `positions` [N] of `rows` [N]: writes them, then each sees its row up to itself.

        Tokens of one row must come with their neighbours complete: [N] is len(unique rows) blocks of the same size.
        """
        unique = rows.unique_consecutive()
        blocks = len(unique)
        last = int(positions.max()) + 1
        visible = torch.arange(last)[None] <= positions[:, None]
        mask = visible.view(blocks, 1, -1, last)

        def attend(index: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            self.keys[index][rows, positions] = k
            self.values[index][rows, positions] = v
            n, heads, size = q.shape
            keys, values = (x[index, unique, :last].transpose(1, 2) for x in (self.keys, self.values))
            kv = keys.shape[1]
            # The query heads of a group become further rows of queries: keys and values are not copied per head.
            grouped = q.view(blocks, n // blocks, kv, heads // kv, size).permute(0, 2, 3, 1, 4).reshape(blocks, kv, -1, size)
            out = F.scaled_dot_product_attention(grouped, keys, values, attn_mask=mask.repeat(1, 1, heads // kv, 1))
            return out.view(blocks, kv, heads // kv, n // blocks, size).permute(0, 3, 1, 2, 4).reshape(n, heads, size)

        return attend


@torch.inference_mode()
def greedy(model: Decoder, prompts: list[tuple[Tokens, Tokens]], end: int, limit: int) -> list[list[int]]:
    """Continues each (prefix, suffix) until the token `end` or `limit` tokens; neighbours with the same prefix share its computation.

    Returns the new tokens, without `end`. All rows decode together: a step costs little more for fifty rows than for one.
    """
    lengths = [len(prefix) + len(suffix) for prefix, suffix in prompts]
    cache = Cache(model, len(prompts), max(lengths) + limit)
    nexts = []
    for row, (prefix, suffix) in enumerate(prompts):
        if row and prefix == prompts[row - 1][0]:
            cache.copy_prefix(row - 1, row, len(prefix))
        else:
            cache.feed(model, row, prefix, 0)
        hidden = cache.feed(model, row, suffix, len(prefix))
        nexts.append(int(model.logits(hidden[-1:]).argmax()))
    out: list[list[int]] = [[] for _ in prompts]
    live = list(range(len(prompts)))
    for _ in range(limit):
        live = [r for r in live if nexts[r] != end]
        if not live:
            break
        for r in live:
            out[r].append(nexts[r])
        at = torch.tensor([lengths[r] for r in live])
        hidden = model.hidden(torch.tensor([nexts[r] for r in live]), at, cache.attend(torch.tensor(live), at))
        for r, token in zip(live, model.logits(hidden).argmax(-1).tolist(), strict=True):
            nexts[r] = token
            lengths[r] += 1
    return out
