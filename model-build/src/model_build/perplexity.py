"""How much rounding costs: perplexity of Spider's gold SQL under the model, on this CPU.

perplexity = exp(mean negative log-likelihood a token) over the SQL's tokens and the end token, given the schema-free prompt
"-- QUESTION\n". Not a measure of the answers' quality; only of the distance between two roundings of the same weights.
"""

import json
import math
from pathlib import Path

import numpy as np

from .checkpoint import Checkpoint
from .errors import BuildError
from .folder import ModelFolder
from .quantization import dequantize, quantize
from .serve import load_native


def spider_texts(path: Path, count: int) -> list[tuple[str, str]]:
    """(prompt, SQL) of every n-th question of a Spider dev.json, `count` in all."""
    try:
        questions = json.loads(path.read_text("utf-8"))
        pairs = [(f"-- {q['question']}\n", q["query"]) for q in questions]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise BuildError(f"{path} cannot be read as Spider's dev.json ({error}); give the path of that file.") from error
    step = max(1, len(pairs) // count)
    return pairs[::step][:count]


def native_perplexity(folder: ModelFolder, texts: list[tuple[str, str]]) -> float:
    """Of a deployed folder, from its shards, token by token as decoding goes."""
    model, tokenizer = load_native(folder), folder.tokenizer()
    total, count = 0.0, 0
    for prompt, sql in texts:
        asked = tokenizer.encode(prompt, add_special_tokens=False).ids
        answer = [*tokenizer.encode(sql, add_special_tokens=False).ids, folder.card["stopTokens"][0]]
        model.reset()
        logits = model.feed(asked)
        for token in answer:
            total += _loss(logits, token)
            logits = model.feed([token])
        count += len(answer)
    return math.exp(total / count)


def _loss(logits: np.ndarray, token: int) -> float:
    shifted = logits.astype(np.float64) - logits.max()
    return float(np.log(np.exp(shifted).sum()) - shifted[token])


def torch_perplexity(checkpoint: Checkpoint, tokenizer, texts: list[tuple[str, str]], stop: int, rounding: str, embedding_bits: int) -> float:
    """Of a checkpoint in PyTorch: rounding "none", "plain" or "search". Needs the dependency group torch."""
    from .torch_model import TorchModel

    def rounded(name: str) -> np.ndarray:
        weight = checkpoint.get(name)
        if rounding == "none" or weight.ndim != 2:
            return weight
        bits = embedding_bits if name in ("model.embed_tokens.weight", "lm_head.weight") else 4
        return dequantize(quantize(weight, bits, rounding))

    model = TorchModel(checkpoint.config, rounded)
    total, count = 0.0, 0
    for prompt, sql in texts:
        asked = tokenizer.encode(prompt, add_special_tokens=False).ids
        answer = [*tokenizer.encode(sql, add_special_tokens=False).ids, stop]
        logits = model.logits([*asked, *answer[:-1]])[len(asked) - 1 :]
        total += sum(_loss(row, token) for row, token in zip(logits, answer, strict=True))
        count += len(answer)
    return math.exp(total / count)
