"""Writes a checkpoint as a Hugging Face folder, its weights exactly on the deployed grid (in f32: a code times a bf16 scale does not fit bf16).

    python -m tabletalk_training.export RUN --base BASE --out FOLDER [--plain] [--averaged]

BASE is the folder that training started from: its tokenizer and config go along. `--plain` leaves the weights unrounded.
`--averaged` takes the mean of the weights that a run with `average_from` kept, in place of the last ones.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from .checkpoint import load_checkpoint, newest_checkpoint
from .model import load, to_hugging_face
from .optimizer import deployed_bits
from .quantize import fake_quantize


class NoAverage(ValueError):
    """The run kept no mean of its weights; the message says what to do."""


def export(checkpoint: Path, base: Path, out: Path, bits: tuple[int, int] | None, averaged: bool = False) -> None:
    """One checkpoint -> `out`. Parameters that were not trained come from `base`. Raises NoAverage."""
    state = load_checkpoint(checkpoint)
    if averaged and "average" not in state:
        raise NoAverage(f"{checkpoint} holds no averaged weights: train with average_from below 1, and until the schedule has reached it.")
    parameters = {name: p.detach() for name, p in load(base).named_parameters()} | state["average" if averaged else "master"]
    for name, weight in parameters.items():
        rounding = deployed_bits(name, bits)
        parameters[name] = fake_quantize(weight, rounding) if rounding else weight
    out.mkdir(parents=True, exist_ok=True)
    save_file(to_hugging_face(parameters, state["config"]), out / "model.safetensors", metadata={"format": "pt"})
    config = {**state["config"], "torch_dtype": "float32"}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if (base / name).exists():
            shutil.copy(base / name, out)
    training = {
        "step": state["step"],
        "questions": state["seen"],
        "settings": state["settings"],
        "bits": bits,
        "averaged": state["averaged"] if averaged else 0,
    }
    (out / "training.json").write_text(json.dumps(training, indent=2) + "\n")
    if (checkpoint.parent / "log.jsonl").exists():
        shutil.copy(checkpoint.parent / "log.jsonl", out / "training-log.jsonl")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("run", type=Path, help="a run's folder (its newest checkpoint) or one checkpoint file")
    arguments.add_argument("--base", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--plain", action="store_true")
    arguments.add_argument("--averaged", action="store_true")
    a = arguments.parse_args()
    torch.set_num_threads(1)
    checkpoint = a.run if a.run.is_file() else newest_checkpoint(a.run)
    if checkpoint is None:
        sys.exit(f"There is no checkpoint in {a.run}: train first.")
    settings = load_checkpoint(checkpoint)["settings"]
    try:
        export(checkpoint, a.base, a.out, None if a.plain else (settings["matrix_bits"], settings["embedding_bits"]), a.averaged)
    except NoAverage as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
