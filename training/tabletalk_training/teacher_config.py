"""A teacher's settings: a YAML file in training/configs/teacher*.yaml, where each setting is explained; read as every other run's (config.py)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .config import BadConfig, read_settings


@dataclass(frozen=True)
class TeacherConfig:
    model: str
    base_url: str | None
    api_key_variable: str
    free: bool
    dollar_cap: float | None
    samples: int
    temperature: float
    reasoning_share: float
    max_tokens_direct: int
    max_tokens_reasoning: int
    max_tokens_field: str
    extra: dict[str, Any]
    together: bool
    seed: int
    questions: int | None
    questions_a_database: int | None
    concurrency: int
    requests_a_minute: int | None
    tokens_a_minute: int | None
    timeout_seconds: float
    retries: int
    backoff_seconds: float
    batch: bool
    batch_poll_seconds: float

    def max_tokens(self, mode: str) -> int:
        return self.max_tokens_reasoning if mode == "reasoning" else self.max_tokens_direct


def read_teacher_config(path: Path, overrides: list[str]) -> TeacherConfig:
    """Raises BadConfig."""
    config = TeacherConfig(**read_settings(path, overrides, TeacherConfig))
    for name in ("samples", "concurrency", "max_tokens_direct", "max_tokens_reasoning"):
        if type(getattr(config, name)) is not int or getattr(config, name) < 1:
            raise BadConfig(f"{name} is {getattr(config, name)}: choose a whole number of at least 1.")
    if not 0 <= config.reasoning_share <= 1:
        raise BadConfig(f"reasoning_share is {config.reasoning_share}: choose a share from 0 (all direct) to 1 (all reasoning).")
    if not config.free and config.dollar_cap is None:
        raise BadConfig(f"{config.model} costs money and dollar_cap is null: set the most that may be spent, in dollars.")
    return config
