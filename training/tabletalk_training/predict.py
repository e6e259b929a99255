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

from .checkpoint import Log, read_log
from .decoding import greedy
from .examples import BadExamples, read_examples, tokenize, with_ids
from .model import load
from .train import fast_precision

# Questions decoded together: their keys and values take 1.5 GB for the 135M student in f32.
BATCH = 50


def predict(folder: Path, data: Path, ids: list[str] | None, out: Path, context: int, limit: int, precision: str) -> list[dict]:
    """Writes predictions to `out` as they come and returns them. Questions that `out` has already are not asked again. Raises BadExamples.

    A question over `context` is named on standard error and gets an empty prediction.
    """
    rows = read_examples(data)
    if ids is not None:
        rows = with_ids(rows, ids, str(data))
    predictions = read_log(out)
    # Without the line that a kill tore: the evaluator would refuse it.
    out.write_text("".join(json.dumps(x) + "\n" for x in predictions))
    answered = {x["question_id"] for x in predictions}
    rows = [x for x in rows if x["id"] not in answered]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    end = tokenizer.token_to_id("<|im_end|>")
    examples, too_long = tokenize(rows, tokenizer, context)
    if too_long:
        print(f"{len(too_long)} examples are over {context} tokens and get no prediction: {', '.join(too_long[:5])}", file=sys.stderr)
    model = load(folder, fast_precision(precision))
    log = Log(out, echo=False)

    def write(id: str, database: str, tokens: list[int]) -> None:
        sql = tokenizer.decode(tokens, skip_special_tokens=False).strip()
        x = {"question_id": id, "db_id": database, "pred_sql": sql, "completion_tokens": len(tokens), "cut": len(tokens) == limit}
        predictions.append(x)
        log.write(**x)

    for x in rows:
        if x["id"] in too_long:
            write(x["id"], x["db_id"], [])
    examples.sort(key=lambda x: (len(x.prefix), x.prefix))
    for i in range(0, len(examples), BATCH):
        part = examples[i : i + BATCH]
        for x, tokens in zip(part, greedy(model, [(x.prefix, x.suffix) for x in part], end, limit), strict=True):
            write(x.id, x.db_id, tokens)
        print(f"{i + len(part)} of {len(examples)}", file=sys.stderr, flush=True)
    return predictions


def main() -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", type=Path)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--ids", type=Path, help="a JSON list of the ids to predict (default: all)")
    arguments.add_argument("--context", type=int, default=2048, help="longest prompt with its gold answer in tokens")
    arguments.add_argument("--limit", type=int, default=160, help="longest answer in tokens")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    a = arguments.parse_args()
    torch.set_num_threads(a.threads)
    begun = time.monotonic()
    try:
        ids = json.loads(a.ids.read_text()) if a.ids else None
        predictions = predict(a.model, a.data, ids, a.out, a.context, a.limit, a.precision)
    except BadExamples as error:
        sys.exit(str(error))
    tokens = sum(x["completion_tokens"] for x in predictions)
    print(f"{len(predictions)} predictions, {tokens} tokens, {time.monotonic() - begun:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
