"""A run's settings: a YAML file, checked against the fields below, single ones overridden with `--set name=value`."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml


class BadConfig(ValueError):
    """A setting cannot be used; the message says which and what to do."""


@dataclass(frozen=True)
class Config:
    """What each setting means stands beside it in configs/*.yaml."""

    precision: str
    threads: int
    seed: int
    context: int
    questions_per_step: int
    pack_tokens: int
    pack_room: int
    pack_questions: int
    peak_learning_rate: float
    final_learning_rate: float
    warmup_steps: int
    betas: list[float]
    weight_decay: float
    gradient_clip: float
    train_embedding: bool
    minutes: float | None
    steps: int | None
    quantize_from: float
    matrix_bits: int
    embedding_bits: int
    checkpoint_minutes: float

    # What may change between a kill and the resume without changing the curve that the run would have had.
    FREE = ("threads", "checkpoint_minutes", "minutes", "steps")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def quantization(self, progress: float) -> tuple[int, int] | None:
        return (self.matrix_bits, self.embedding_bits) if progress >= self.quantize_from else None


def read_config(path: Path, overrides: list[str]) -> Config:
    """Reads a YAML file and `name=value` overrides (values are YAML). Raises BadConfig."""
    if not path.exists():
        raise BadConfig(f"There is no config {path}: the ones here are in training/configs/.")
    data = yaml.safe_load(path.read_text())
    if not isinstance(data, dict):
        raise BadConfig(f"{path} is not a list of settings: start from one in training/configs/.")
    for override in overrides:
        name, equals, value = override.partition("=")
        if not equals:
            raise BadConfig(f"--set {override} has no value: write --set name=value.")
        data[name] = yaml.safe_load(value)
    known = {f.name for f in fields(Config)}
    if unknown := sorted(data.keys() - known):
        raise BadConfig(f'There is no setting "{unknown[0]}": correct its name or remove it.')
    if missing := sorted(known - data.keys()):
        raise BadConfig(f'{path} lacks the setting "{missing[0]}": copy it from another file in training/configs/.')
    config = Config(**data)
    if config.precision not in ("auto", "float32", "bfloat16"):
        raise BadConfig(f"precision is {config.precision}: choose auto, float32 or bfloat16.")
    if (config.minutes is None) == (config.steps is None):
        raise BadConfig("Set exactly one of minutes and steps; the other is null.")
    return config
