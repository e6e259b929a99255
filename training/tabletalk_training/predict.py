"""Greedy predictions of a student, one JSON object a line, as the TypeScript evaluator reads them.

    python -m tabletalk_training.predict MODEL --data dev.jsonl --out predictions.jsonl [--ids ids.json]

MODEL is a Hugging Face folder. Scoring is the evaluator's: npm run evaluate -- --predictions predictions.jsonl --spider SPIDER
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer

from .decoding import greedy
from .examples import BadExamples, read_examples, tokenize
from .model import load
from .train import fast_precision

BATCH = 32


def predict(folder: Path, data: Path, ids: list[str] | None, context: int, limit: int, precision: str) -> list[dict]:
    """Predictions in the order of the data. Raises BadExamples. A question over `context` is named on standard error and gets an empty prediction."""
    rows = read_examples(data)
    if ids is not None:
        if missing := sorted(set(ids) - {x["id"] for x in rows}):
            raise BadExamples(f"{data} has no example {missing[0]} ({len(missing)} of {len(ids)} ids are missing): choose ids of this file.")
        rows = [x for x in rows if x["id"] in set(ids)]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    end = tokenizer.token_to_id("<|im_end|>")
    examples, too_long = tokenize(rows, tokenizer, context)
    if too_long:
        print(f"{len(too_long)} examples are over {context} tokens and get no prediction: {', '.join(too_long[:5])} ...", file=sys.stderr)
    model = load(folder, fast_precision(precision))
    groups: dict[tuple[int, ...], list] = {}
    for x in examples:
        groups.setdefault(x.prefix, []).append(x)
    answers: dict[str, list[int]] = {}
    for prefix, group in groups.items():
        for i in range(0, len(group), BATCH):
            part = group[i : i + BATCH]
            for x, tokens in zip(part, greedy(model, prefix, [x.suffix for x in part], end, limit), strict=True):
                answers[x.id] = tokens
        print(f"{len(answers)} of {len(examples)}", file=sys.stderr, flush=True)
    out = []
    for x in rows:
        tokens = answers.get(x["id"], [])
        sql = tokenizer.decode(tokens, skip_special_tokens=False).strip()
        out.append({"question_id": x["id"], "db_id": x["db_id"], "pred_sql": sql, "completion_tokens": len(tokens), "cut": len(tokens) == limit})
    return out


def main() -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", type=Path)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--ids", type=Path, help="a JSON list of the ids to predict (default: all)")
    arguments.add_argument("--context", type=int, default=2048, help="longest prompt in tokens")
    arguments.add_argument("--limit", type=int, default=160, help="longest answer in tokens")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    a = arguments.parse_args()
    torch.set_num_threads(a.threads)
    begun = time.monotonic()
    try:
        ids = json.loads(a.ids.read_text()) if a.ids else None
        predictions = predict(a.model, a.data, ids, a.context, a.limit, a.precision)
    except BadExamples as error:
        sys.exit(str(error))
    a.out.write_text("".join(json.dumps(x, ensure_ascii=False) + "\n" for x in predictions))
    tokens = sum(x["completion_tokens"] for x in predictions)
    print(f"{len(predictions)} predictions, {tokens} tokens, {time.monotonic() - begun:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
