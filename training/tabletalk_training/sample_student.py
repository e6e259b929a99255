"""A student's own answers to training questions, for a round of rejection sampling (self-distillation): what executes to gold becomes a trace.

    python -m tabletalk_training.sample_student MODEL --data train.jsonl --out samples.jsonl --samples 4 --temperature 1.0 [--questions N] [--ids ids.json]
    npm run filter-samples -- --samples samples.jsonl --spider SPIDER --out traces.jsonl --examples traces-train.jsonl    (in the repository's root)
    python -m tabletalk_training.train CONFIG --model MODEL --data traces-train.jsonl --out RUN

MODEL is a Hugging Face folder. A sample a line, in the teacher's format. Stopped at any moment, the same line goes on: questions that the file has are not
asked again.
"""

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer

from .decoding import Prompt, sample
from .examples import BadExamples, read_examples, tokenize, with_ids
from .model import load
from .run_log import Log, read_log
from .train import fast_precision

# Answers written together: a step of decoding costs little more for 64 than for 16.
ROWS = 64


def question_of(row: dict) -> str:
    """The question of an example's prompt: the last line of what the user says (linked values stand before it, see prompt.ts)."""
    return row["prompt"][row["prefix_code_points"] :].removeprefix("<|im_start|>user\n").partition("<|im_end|>")[0].rpartition("\n")[2]


def choose(rows: list[dict], ids: list[str] | None, questions: int | None, seed: int) -> list[dict]:
    """The rows to ask: those of `ids`, then `questions` of them at random. Raises BadExamples."""
    if ids is not None:
        rows = with_ids(rows, ids, "The data")
    if questions is None:
        return rows
    if questions > len(rows):
        raise BadExamples(f"{questions} questions are wanted and there are {len(rows)}: lower --questions.")
    return random.Random(seed).sample(rows, questions)


def sample_student(
    folder: Path, rows: list[dict], out: Path, samples: int, temperature: float, seed: int, context: int, limit: int, precision: str
) -> list[dict]:
    """Writes `samples` answers to each of `rows` to `out` as they come and returns all lines of `out`.

    A question whose prompt and gold query are over `context` tokens is named on standard error and not asked.
    """
    lines = read_log(out)
    counts: dict[str, int] = {}
    for x in lines:
        counts[x["id"]] = counts.get(x["id"], 0) + 1
    # Without a torn line, and without a question of which a kill left only some samples.
    lines = [x for x in lines if counts[x["id"]] >= samples]
    out.write_text("".join(json.dumps(x) + "\n" for x in lines))
    rows = [x for x in rows if counts.get(x["id"], 0) < samples]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    end = tokenizer.token_to_id("<|im_end|>")
    examples, too_long = tokenize(rows, tokenizer, context)
    if too_long:
        print(f"{len(too_long)} questions are over {context} tokens and are not asked: {', '.join(too_long[:5])}", file=sys.stderr)
    model = load(folder, fast_precision(precision))
    questions = {x["id"]: question_of(x) for x in rows}
    log = Log(out, echo=False)
    examples.sort(key=lambda x: (len(x.prefix), x.prefix))
    together = max(1, ROWS // samples)
    for i in range(0, len(examples), together):
        part = examples[i : i + together]
        generator = torch.Generator().manual_seed(random.Random(f"{seed}-{part[0].id}").getrandbits(62))
        answers = sample(model, [Prompt(x.prefix, x.suffix) for x in part], samples, end, limit, temperature, generator)
        for x, group in zip(part, answers, strict=True):
            for k, tokens in enumerate(group):
                # An answer that did not end within its tokens is no query.
                sql = tokenizer.decode(tokens[:-1], skip_special_tokens=False).strip() if tokens[-1] == end else ""
                usage = {"prompt_tokens": len(x.prefix) + len(x.suffix), "completion_tokens": len(tokens)}
                line = {
                    "id": x.id, "db_id": x.db_id, "question": questions[x.id], "mode": "direct", "sample": k, "sql": sql, "model": folder.name,
                    "usage": usage, "cost": 0,
                }  # fmt: skip
                lines.append(line)
                log.write(**line)
        print(f"{i + len(part)} of {len(examples)}", file=sys.stderr, flush=True)
    return lines


def main() -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", type=Path)
    arguments.add_argument("--data", type=Path, required=True, help="examples JSONL")
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--samples", type=int, default=4, help="answers to each question")
    arguments.add_argument("--temperature", type=float, default=1.0)
    arguments.add_argument("--questions", type=int, help="ask so many, chosen at random by the seed (default: all)")
    arguments.add_argument("--ids", type=Path, help="a JSON list of the ids to ask (default: all)")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--context", type=int, default=2048, help="longest prompt with its gold answer in tokens")
    arguments.add_argument("--limit", type=int, default=160, help="longest answer in tokens")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    a = arguments.parse_args()
    torch.set_num_threads(a.threads)
    begun = time.monotonic()
    try:
        rows = choose(read_examples(a.data), json.loads(a.ids.read_text()) if a.ids else None, a.questions, a.seed)
        lines = sample_student(a.model, rows, a.out, a.samples, a.temperature, a.seed, a.context, a.limit, a.precision)
    except BadExamples as error:
        sys.exit(str(error))
    tokens = sum(x["usage"]["completion_tokens"] for x in lines)
    print(f"{len(lines)} samples, {tokens} tokens, {time.monotonic() - begun:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
