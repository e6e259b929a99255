"""Perplexity of the gold SQL given the prompt, and how far a rounded student is from the unrounded one: the cheap measures of what a rounding costs.

    python -m tabletalk_training.perplexity MODEL --data dev.jsonl [--ids ids.json | --limit N] [--against UNROUNDED]

MODEL is a Hugging Face folder. Prints one JSON object. Each token of the gold SQL and its end token is predicted from the gold before it:
- perplexity: exp(mean negative log-likelihood a token); exact: share of questions whose every token is the model's first choice;
- with --against, divergence: mean Kullback-Leibler divergence of UNROUNDED's next-token distribution to MODEL's, in nats; same_choice: share of tokens
  where both have the same first choice.

A rounding can lower the perplexity by chance (an overconfident student becomes less so); it cannot lower the divergence.
"""

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from .examples import BadExamples, pack_epoch, read_examples, tokenize, with_ids
from .model import Decoder, load
from .packing import Layout, Pack, attend_packed, layout
from .train import fast_precision
from .weights import weight_files

# Questions behind one schema at a time: the logits of their SQL take some 400 MB with Qwen's 152,000 tokens.
PACK_QUESTIONS = 24
PACK_TOKENS = 2048


@torch.inference_mode()
def compare(model: Decoder, packs: list[Pack], unrounded: Decoder | None = None, progress: bool = False) -> dict[str, float]:
    """The measures above over the packs' completions, unrounded to digits, and `tokens`."""
    loss, divergence, exact, same, tokens, questions = 0.0, 0.0, 0, 0, 0, 0
    for i, pack in enumerate(packs, 1):
        plan = layout(pack)
        scores = target_scores(model, plan)
        loss -= float(scores.gather(1, plan.targets[:, None]).sum())
        right = (scores.argmax(1) == plan.targets).split([len(completion) for _, completion in pack.questions])
        exact += sum(int(x.all()) for x in right)
        tokens, questions = tokens + len(plan.targets), questions + len(right)
        if unrounded is not None:
            other = target_scores(unrounded, plan)
            divergence += float(F.kl_div(scores, other, reduction="sum", log_target=True))
            same += int((scores.argmax(1) == other.argmax(1)).sum())
        if progress:
            at = f"{i} of {len(packs)} packs: perplexity {math.exp(loss / tokens):.4f}"
            print(f"\r{at}", end="\n" if i == len(packs) else "", file=sys.stderr, flush=True)
    found = {"perplexity": math.exp(loss / tokens), "exact": exact / questions, "tokens": tokens}
    return found if unrounded is None else {**found, "divergence": divergence / tokens, "same_choice": same / tokens}


def target_scores(model: Decoder, plan: Layout) -> Tensor:
    """Log-probabilities [targets, vocabulary] of what comes at each target."""
    hidden = model.hidden(plan.ids, plan.positions, attend_packed(plan))
    return F.log_softmax(model.logits(hidden[plan.predicts]), -1)


def choose(rows: list[dict], data: Path, ids: list[str] | None, limit: int | None) -> list[dict]:
    """The rows with `ids`, or `limit` rows spread evenly over all. Raises BadExamples."""
    if ids is not None:
        return with_ids(rows, ids, str(data))
    if limit is not None:
        if limit < 1:
            raise BadExamples(f"--limit is {limit}: choose how many examples to take, 1 or more.")
        return [rows[i * len(rows) // limit] for i in range(limit)] if limit < len(rows) else rows
    return rows


def measure(folder: Path, data: Path, ids: list[str] | None, limit: int | None, context: int, precision: str, against: Path | None = None) -> dict:
    """What `main` prints. Raises BadExamples."""
    for name in [folder] if against is None else [folder, against]:
        for path in (name / "config.json", name / "tokenizer.json", *weight_files(name)):
            if not path.exists():
                raise BadExamples(f"There is no {path.name} in {name}: give a Hugging Face folder.")
    spelling = (folder / "tokenizer.json").read_text(encoding="utf-8")
    if against is not None and (against / "tokenizer.json").read_text(encoding="utf-8") != spelling:
        raise BadExamples(f"{against} has another tokenizer than {folder}: give the student that {folder} was rounded from.")
    rows = choose(read_examples(data), data, ids, limit)
    examples, too_long = tokenize(rows, Tokenizer.from_str(spelling), context)
    if not examples:
        raise BadExamples(f"All {len(too_long)} examples are longer than {context} tokens: raise --context.")
    begun = time.monotonic()
    dtype = fast_precision(precision)
    packs = pack_epoch(examples, 0, 0, PACK_TOKENS, PACK_TOKENS, PACK_QUESTIONS)
    found = compare(load(folder, dtype), packs, None if against is None else load(against, dtype), progress=True)
    return {
        "model": folder.name, **{name: round(value, 5) for name, value in found.items()}, "examples": len(examples), "too_long": len(too_long),
        "precision": str(dtype).removeprefix("torch."), "seconds": round(time.monotonic() - begun, 1),
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
    arguments.add_argument("--against", type=Path, help="the unrounded student's folder")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    a = arguments.parse_args()
    torch.set_num_threads(a.threads)
    try:
        ids = json.loads(a.ids.read_text()) if a.ids else None
        print(json.dumps(measure(a.model, a.data, ids, a.limit, a.context, a.precision, a.against)))
    except (BadExamples, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
