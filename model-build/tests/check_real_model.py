"""Checks of a built folder that take minutes; run by check-real-model.sh. Writes its figures, exits with 1 if one is out of bounds."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from model_build.checkpoint import open_checkpoint
from model_build.folder import open_model_folder
from model_build.quantization import dequantize, quantize
from model_build.serve import load_native
from model_build.torch_model import TorchModel

REPOSITORY = Path(__file__).parents[2]
QUESTIONS = [
    "How many singers do we have?", "List the names of all students.", "What is the average age of dogs?", "Which city has the most airports?",
    "Show the title of every film from 1999.", "How many orders were shipped in May?", "Who teaches mathematics?", "Count the bikes by station.",
    "What are the three most expensive books?", "Which customers have no order?", "List all countries in Europe.", "When was the first concert?",
    "How many flights leave from Berlin?", "Show each department and its budget.", "What is the longest river?", "Who won the most matches?",
    "List cars with more than 4 cylinders.", "How many pets are older than 5?", "Which battle had the fewest deaths?", "What share of votes did she get?",
]  # fmt: skip
TOKENS = 3  # a software adapter takes 0.3 s or more for each


def browser(folder: Path, library: str, tasks: list) -> dict:
    command = ["npx", "tsx", "model-build/browser/run.mjs", str(folder), library]
    ran = subprocess.run(command, cwd=REPOSITORY, input=json.dumps(tasks), capture_output=True, text=True)
    if ran.returncode:
        sys.exit(ran.stderr[-3000:])
    return json.loads(ran.stdout)


def main() -> None:
    folder, checkpoint = open_model_folder(Path(sys.argv[1])), open_checkpoint(sys.argv[2])
    tokenizer, native = folder.tokenizer(), load_native(folder)
    prompts = [tokenizer.encode(f"-- {q}\n").ids for q in QUESTIONS]
    figures: dict = {"folder": folder.card["id"], "command": "bash model-build/check-real-model.sh FOLDER WEIGHTS"}

    def get(name: str) -> np.ndarray:
        weight = checkpoint.get(name)
        if weight.ndim != 2:
            return weight
        bits = folder.embedding_bits if name in ("model.embed_tokens.weight", "lm_head.weight") else 4
        return dequantize(quantize(weight, bits, folder.card["quantization"]["rounding"]))

    reference = TorchModel(checkpoint.config, get)
    errors = []
    for prompt in prompts[:5]:
        native.reset()
        errors.append(float(np.abs(native.feed(prompt) - reference.logits(prompt)[-1]).max()))
    figures["cpuAgainstTorchMaxAbsError"] = max(errors)

    wanted, times = [], []
    for prompt in prompts:
        native.reset()
        start = time.perf_counter()
        logits = native.feed(prompt)
        middle = time.perf_counter()
        wanted.append(native.greedy(logits, TOKENS, lambda _: False)[0])
        times.append((len(prompt) / (middle - start), (TOKENS - 1) / (time.perf_counter() - middle)))
    figures["cpuPrefillTokensPerSecond"], figures["cpuDecodeTokensPerSecond"] = (round(float(np.median(t)), 1) for t in zip(*times, strict=True))

    long = prompts[0] + prompts[1]
    splits = {"oneChunk": ([long], 0), "pieces": ([long[:5], long[5:9], long[9:]], 0), "tokenByToken": ([[t] for t in long], 0),
              "afterPop": ([[*long[:7], *prompts[2][:5]], long[7:]], 5)}  # fmt: skip
    native.reset()
    expected = native.feed(long)
    library = next(entry["file"] for entry in folder.card["libraries"] if entry["schedule"] == "barrier-free")
    tasks = [{"kind": "logits", "pieces": pieces, "pop": pop} for pieces, pop in splits.values()]
    tasks += [{"kind": "greedy", "prompt": prompt, "count": TOKENS} for prompt in prompts]
    answers = browser(folder.path, library, tasks)["answers"]
    figures["browserAgainstCpuMaxAbsError"] = {
        name: float(np.abs(np.array(logits) - expected).max()) for name, logits in zip(splits, answers, strict=False)
    }
    splits_found = [np.array(logits) for logits in answers[: len(splits)]]
    figures["browserSplitsMaxAbsDifference"] = float(max(np.abs(found - splits_found[0]).max() for found in splits_found))
    figures["greedyEqual"] = sum(a == b for a, b in zip(answers[len(splits) :], wanted, strict=True))
    figures["greedyPrompts"] = len(prompts)
    Path(sys.argv[3]).write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    good = max(errors) < 1e-3 and figures["browserSplitsMaxAbsDifference"] < 1e-3 and figures["greedyEqual"] == len(prompts)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
