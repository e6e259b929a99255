"""A run's settings: a YAML file, checked against the fields below, single ones overridden with `--set name=value`.

A file may build on another (`extends: lora.yaml`, a name in the same folder) and say what one arm does otherwise (`cpu:`, `mlx:`, `cuda:` with settings
below them). What counts, from the least: the extended file, its arm's section, the file, its arm's section, `--set`.

    python -m tabletalk_training.config CONFIG ARM NAME        prints one setting, for run_student.sh
"""

import argparse
import sys
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import yaml

ARMS = ("cpu", "mlx", "cuda")


class BadConfig(ValueError):
    """A setting cannot be used; the message says which and what to do."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What supervised training and GRPO have in common. What each setting means stands beside it in configs/*.yaml."""

    precision: str
    threads: int
    seed: int
    context: int
    peak_learning_rate: float
    final_learning_rate: float
    warmup_steps: int
    betas: list[float]
    weight_decay: float
    gradient_clip: float
    train_embedding: bool
    matrix_bits: int
    embedding_bits: int
    checkpoint_minutes: float
    # Settings with a default came later than the first runs: a run that leaves them alone keeps the identity it had (see train.fingerprint).
    full: bool = True
    lora_rank: int = 16
    lora_alpha: float = 32.0

    # What may change between a kill and the resume without changing the curve that the run would have had.
    FREE: ClassVar[tuple[str, ...]] = ("threads", "checkpoint_minutes")

    def free(self) -> tuple[str, ...]:
        return self.FREE

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def identity(self) -> dict[str, Any]:
        """The settings that make the curve, without those that stand at their default."""
        defaults = {f.name: f.default for f in fields(self) if f.default is not MISSING}
        return {k: v for k, v in asdict(self).items() if k not in self.free() and not (k in defaults and v == defaults[k])}


@dataclass(frozen=True, kw_only=True)
class Config(Settings):
    """Supervised training."""

    questions_per_step: int
    pack_tokens: int
    pack_room: int
    pack_questions: int
    minutes: float | None
    steps: int | None
    quantize_from: float
    epochs: float | None = None
    base_model: str | None = None
    base_licence: str | None = None
    four_bit_base: bool = False
    checkpoint_activations: bool = False
    average_from: float = 1.0

    # How long a run lasts: one of them is set. A longer one makes a run that has ended go on.
    BUDGET: ClassVar[tuple[str, ...]] = ("minutes", "steps", "epochs")
    FREE = (*Settings.FREE, *BUDGET, "base_model", "base_licence", "checkpoint_activations")

    def quantization(self, progress: float) -> tuple[int, int] | None:
        """Bits of the matrices and of the embedding at this point of the schedule, None where nothing is rounded."""
        return (self.matrix_bits, self.embedding_bits) if self.quantize_from <= progress and self.quantize_from < 1 else None


def read_settings(path: Path, overrides: list[str], kind: type, arm: str = "cpu") -> dict[str, Any]:
    """The settings in a YAML file for an arm (cpu, mlx or cuda) with `name=value` overrides (values are YAML), all those of the dataclass `kind` and no
    others. Raises BadConfig.
    """
    data = read_layers(path, arm, kind)
    for override in overrides:
        name, equals, value = override.partition("=")
        if not equals:
            raise BadConfig(f"--set {override} has no value: write --set name=value.")
        data[name] = yaml.safe_load(value)
    check_names(data, kind)
    if missing := sorted({f.name for f in fields(kind) if f.default is MISSING} - data.keys()):
        raise BadConfig(f'{path} lacks the setting "{missing[0]}": copy it from another file in training/configs/.')
    return data


def read_layers(path: Path, arm: str, kind: type) -> dict[str, Any]:
    """One file over the one that it extends, the arm's section over its own settings. Raises BadConfig."""
    if not path.exists():
        raise BadConfig(f"There is no config {path}: the ones here are in training/configs/.")
    data = yaml.safe_load(path.read_text())
    if not isinstance(data, dict):
        raise BadConfig(f"{path} is not a list of settings: start from one in training/configs/.")
    below = data.pop("extends", None)
    sections = {name: data.pop(name, None) or {} for name in ARMS}
    for name, section in sections.items():
        if not isinstance(section, dict):
            raise BadConfig(f"{path}: {name} is not a list of settings: write them indented below it.")
        check_names(section, kind)
    return (read_layers(path.parent / str(below), arm, kind) if below else {}) | data | sections[arm]


def check_names(data: dict[str, Any], kind: type) -> None:
    if unknown := sorted(data.keys() - {f.name for f in fields(kind)}):
        raise BadConfig(f'There is no setting "{unknown[0]}": correct its name or remove it.')


def read_config(path: Path, overrides: list[str], arm: str = "cpu") -> Config:
    """The settings of a supervised run on an arm. Raises BadConfig."""
    config = Config(**read_settings(path, overrides, Config, arm))
    if config.precision not in ("auto", "float32", "bfloat16"):
        raise BadConfig(f"precision is {config.precision}: choose auto, float32 or bfloat16.")
    if sum(getattr(config, name) is not None for name in config.BUDGET) != 1:
        raise BadConfig("Set exactly one of minutes, steps and epochs; the others are null.")
    if not config.full and config.lora_rank < 1:
        raise BadConfig(f"lora_rank is {config.lora_rank}: choose 1 or more, or full: true.")
    if config.average_from < 1 and not (config.full and arm == "cpu"):
        raise BadConfig("Only the CPU arm averages weights, and all of them: set average_from to 1, or full: true.")
    return config


def arm_arguments(description: str | None, base: str = "Hugging Face folder or hub id of the base model") -> argparse.ArgumentParser:
    """What every arm of supervised training takes on its command line; `base` says what it can start from."""
    arguments = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("config", type=Path)
    arguments.add_argument("--model", help=f"{base} (default: base_model of the config)")
    arguments.add_argument("--data", type=Path, required=True, help="examples JSONL")
    arguments.add_argument("--out", type=Path, required=True, help="folder of the run")
    arguments.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="override a setting")
    return arguments


def main() -> None:
    _, path, arm, name = sys.argv
    try:
        value = read_config(Path(path), [], arm).as_dict()[name]
    except BadConfig as error:
        sys.exit(str(error))
    print("" if value is None else str(value).lower() if isinstance(value, bool) else value)


if __name__ == "__main__":
    main()
