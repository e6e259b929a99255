"""Checkpoints that are whole or not there."""

import os
from pathlib import Path
from typing import Any

import torch

from .run_log import Log as Log
from .run_log import read_log as read_log


def save_checkpoint(folder: Path, state: dict[str, Any], keep: int = 2) -> Path:
    """Writes checkpoint-<step>.pt under another name first: a kill at any moment leaves the last whole one. Keeps the newest `keep`."""
    path = folder / f"checkpoint-{state['step']:06d}.pt"
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    for old in sorted(folder.glob("checkpoint-*.pt"))[:-keep]:
        old.unlink()
    return path


def newest_checkpoint(folder: Path) -> Path | None:
    return max(folder.glob("checkpoint-*.pt"), default=None)


def load_checkpoint(path: Path) -> dict[str, Any]:
    return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
