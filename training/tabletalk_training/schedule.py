"""What a run sees in which order: a pure function of examples and settings, so a killed run resumes in it. For the arms whose trainers count steps (MLX and
CUDA), steps of equally many packs.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import count
from typing import Generic, TypeVar

from .config import BadConfig, Config
from .examples import Example, pack_epoch
from .packing import Pack

Item = TypeVar("Item")


class Epochs(ABC, Generic[Item]):
    """The items of one epoch after another, without end. Its whole state is (epoch, how many items of it are done)."""

    def __init__(self, epoch: int = 0, done: int = 0):
        self.epoch, self.done = epoch, done
        self._items = self.order(epoch)

    @abstractmethod
    def order(self, epoch: int) -> list[Item]:
        """The items of an epoch."""

    def take(self) -> Item:
        if self.done == len(self._items):
            self.epoch, self.done = self.epoch + 1, 0
            self._items = self.order(self.epoch)
        self.done += 1
        return self._items[self.done - 1]


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
