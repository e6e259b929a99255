"""Steps of equally many packs, for the arms whose trainers count steps (MLX and CUDA): a pure function of examples and settings, so a killed run resumes in it."""

import math
from collections.abc import Iterator
from itertools import count

from .config import BadConfig, Config
from .examples import Example, pack_epoch
from .packing import Pack


def packs_per_step(config: Config) -> int:
    return max(1, config.questions_per_step // config.pack_questions)


def epoch_packs(examples: list[Example], config: Config, epoch: int) -> list[Pack]:
    return pack_epoch(examples, config.seed, epoch, config.pack_tokens, config.pack_room, config.pack_questions)


def pack_stream(examples: list[Example], config: Config) -> Iterator[Pack]:
    """The packs of one epoch after another, without end. Step n takes the n-th packs_per_step of them."""
    for epoch in count():
        yield from epoch_packs(examples, config, epoch)


def total_steps(examples: list[Example], config: Config) -> int:
    """The schedule's length. The last step of an epoch is filled from the next one."""
    if config.steps:
        return config.steps
    whole, part = divmod(config.epochs or 0, 1)
    packs = sum(len(epoch_packs(examples, config, epoch)) for epoch in range(int(whole)))
    if part:
        packs += part * len(epoch_packs(examples, config, int(whole)))
    return math.ceil(packs / packs_per_step(config))


def check_adapter_arm(config: Config, arm: str) -> None:
    """What the MLX and CUDA arms do not do. Raises BadConfig."""
    if config.full:
        raise BadConfig(f"The {arm} arm trains adapters: set full: false, or train all weights on the CPU arm (train.py).")
    if config.minutes is not None:
        raise BadConfig(f"The {arm} arm's schedule is in epochs or steps: set minutes to null.")
    if config.quantize_from < 1:
        raise BadConfig(
            f"The {arm} arm trains on unrounded weights: set quantize_from to 1 and calibrate the student (calibrate.py), or use the CPU arm."
        )
