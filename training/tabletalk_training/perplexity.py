"""Perplexity of the gold SQL given the prompt: the cheap measure of what a rounding costs.

    python -m tabletalk_training.perplexity MODEL --data dev.jsonl [--ids ids.json | --limit N]

MODEL is a Hugging Face folder. Prints one JSON object: perplexity = exp(mean negative log-likelihood a token) over the SQL and its end token.
It compares roundings of one model; the quality of answers is the evaluator's to say (predict.py).
"""

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer

from .examples import BadExamples, pack_epoch, read_examples, tokenize
from .model import Decoder, load
from .packing import Pack
from .train import fast_precision, packed_loss
from .weights import weight_files

# Questions behind one schema at a time: the logits of their SQL take some 400 MB with Qwen's 152,000 tokens.
PACK_QUESTIONS = 24
PACK_TOKENS = 2048


@torch.inference_mode()
def perplexity(model: Decoder, packs: list[Pack], progress: bool = False) -> tuple[float, int]:
    """Perplexity of the packs' completions, and their number of tokens."""
    total, tokens = 0.0, 0
    for i, pack in enumerate(packs, 1):
        loss, n, _ = packed_loss(model, pack)
        total, tokens = total + float(loss), tokens + n
        if progress:
            print(f"\r{i} of {len(packs)} packs: {math.exp(total / tokens):.4f}", end="\n" if i == len(packs) else "", file=sys.stderr, flush=True)
    return math.exp(total / tokens), tokens


def choose(rows: list[dict], data: Path, ids: list[str] | None, limit: int | None) -> list[dict]:
    """The rows with `ids`, or `limit` rows spread evenly over all. Raises BadExamples."""
    if ids is not None:
        if missing := sorted(set(ids) - {x["id"] for x in rows}):
            raise BadExamples(f"{data} has no example {missing[0]} ({len(missing)} of {len(ids)} ids are missing): choose ids of this file.")
        return [x for x in rows if x["id"] in set(ids)]
    if limit is not None:
        if limit < 1:
            raise BadExamples(f"--limit is {limit}: choose how many examples to take, 1 or more.")
        return [rows[i * len(rows) // limit] for i in range(limit)] if limit < len(rows) else rows
    return rows


def measure(folder: Path, data: Path, ids: list[str] | None, limit: int | None, context: int, precision: str) -> dict:
    """What `main` prints. Raises BadExamples."""
    for path in (folder / "config.json", folder / "tokenizer.json", *weight_files(folder)):
        if not path.exists():
            raise BadExamples(f"There is no {path.name} in {folder}: give a Hugging Face folder.")
    rows = choose(read_examples(data), data, ids, limit)
    examples, too_long = tokenize(rows, Tokenizer.from_file(str(folder / "tokenizer.json")), context)
    if not examples:
        raise BadExamples(f"All {len(too_long)} examples are longer than {context} tokens: raise --context.")
    begun = time.monotonic()
    model = load(folder, fast_precision(precision))
    value, tokens = perplexity(model, pack_epoch(examples, 0, 0, PACK_TOKENS, PACK_TOKENS, PACK_QUESTIONS), progress=True)
    return {
        "model": folder.name, "perplexity": round(value, 5), "tokens": tokens, "examples": len(examples), "too_long": len(too_long),
        "precision": str(model.embedding.dtype).removeprefix("torch."), "seconds": round(time.monotonic() - begun, 1),
    }  # fmt: skip


def main() -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", type=Path)
    arguments.add_argument("--data", type=Path, required=True, help="examples JSONL")
    some = arguments.add_mutually_exclusive_group()
    some.add_argument("--ids", type=Path, help="a JSON list of the ids to take (default: all examples)")
    some.add_argument("--limit", type=int, help="take this many examples, spread evenly over the file")
    arguments.add_argument("--context", type=int, default=2048, help="longest example in tokens; longer ones are counted and left out")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    a = arguments.parse_args()
    torch.set_num_threads(a.threads)
    try:
        ids = json.loads(a.ids.read_text()) if a.ids else None
        print(json.dumps(measure(a.model, a.data, ids, a.limit, a.context, a.precision)))
    except (BadExamples, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
