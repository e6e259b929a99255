"""Checkpoints that are whole or not there, and the log of a run as JSON lines."""

import json
import os
from pathlib import Path
from typing import Any

import torch


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


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log. A kill can tear a line: one that is not whole is passed over."""
    out = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            out.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return out


class Log:
    """Appends JSON lines; a torn last line of a killed run is closed first."""

    def __init__(self, path: Path, echo: bool = True):
        self.echo = echo
        self.file = path.open("a+")
        self.file.seek(0)
        if (text := self.file.read()) and not text.endswith("\n"):
            self.file.write("\n")

    def write(self, **fields: Any) -> None:
        line = json.dumps(fields)
        self.file.write(line + "\n")
        self.file.flush()
        if self.echo:
            print(line, flush=True)
