"""Batched greedy decoding: the prefix of a database is computed once, its questions continue it together."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .model import Decoder

Tokens = tuple[int, ...]


class Cache:
    """Keys and values of `rows` sequences of at most `room` tokens. Row r holds length[r] tokens, from the left; nothing is padded."""

    def __init__(self, model: Decoder, rows: int, room: int):
        layer, dtype = model.layers[0], model.embedding.dtype
        self.keys = torch.zeros(len(model.layers), rows, room, layer.kv_heads, layer.head_size, dtype=dtype)
        self.values = torch.zeros_like(self.keys)
        self.length = torch.zeros(rows, dtype=torch.long)

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
def greedy(model: Decoder, prefix: Tokens, suffixes: list[Tokens], end: int, limit: int) -> list[list[int]]:
    """Continues prefix + suffix for each suffix until the token `end` or `limit` tokens. Returns the new tokens, without `end`."""
    rows = len(suffixes)
    cache = Cache(model, rows, len(prefix) + max(map(len, suffixes)) + limit)
    first = torch.zeros(len(prefix), dtype=torch.long)
    at = torch.arange(len(prefix))
    model.hidden(torch.tensor(prefix), at, cache.attend(first, at))
    for x in (cache.keys, cache.values):
        x[:, 1:, : len(prefix)] = x[:, :1, : len(prefix)]
    nexts, lengths = [], []
    for row, suffix in enumerate(suffixes):
        at = torch.arange(len(prefix), len(prefix) + len(suffix))
        hidden = model.hidden(torch.tensor(suffix), at, cache.attend(torch.full((len(suffix),), row), at))
        nexts.append(int(model.logits(hidden[-1:]).argmax()))
        lengths.append(len(prefix) + len(suffix))
    out: list[list[int]] = [[] for _ in suffixes]
    live = list(range(rows))
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
