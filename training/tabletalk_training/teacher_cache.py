"""Answers of a teacher on disk, one file each, named by a hash of what was asked; and what they cost.

A run asks only for what is not here, so that it can be killed at any moment, and started again costs nothing. The endpoint's address is no part of the
hash: a model is known by its name, wherever it is served.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .run_log import Log, read_log


@dataclass(frozen=True)
class Answer:
    """One sample. Tokens as the endpoint counted them; `cached_tokens` of the prompt's were billed at the price of a kept prefix. Cost in dollars."""

    text: str
    finish: str
    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost: float


def request_key(request: dict[str, Any], sample: int) -> str:
    """SHA-256 of the whole request (model, messages, temperature, all) and the sample's number, in hex."""
    return hashlib.sha256(json.dumps({"request": request, "sample": sample}, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class AnswerCache:
    """`folder`/ab/abcd….json. What was paid is written to `folder`/spent.jsonl before the answers, so that a kill in between counts the money."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.spent = sum(x.get("cost", 0.0) for x in read_log(folder / "spent.jsonl"))
        self.ledger = Log(folder / "spent.jsonl", echo=False)

    def path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> Answer | None:
        try:
            return Answer(**json.loads(self.path(key).read_text(encoding="utf-8")))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            # Not asked yet, or a file that something else damaged: it is asked again.
            return None

    def put(self, answers: dict[str, Answer], seconds: float) -> None:
        """The answers of one request by their keys; `seconds` that it took."""
        total = {name: sum(getattr(x, name) for x in answers.values()) for name in ("prompt_tokens", "cached_tokens", "completion_tokens", "cost")}
        self.ledger.write(samples=len(answers), seconds=round(seconds, 2), **total)
        self.spent += total["cost"]
        for key, answer in answers.items():
            path = self.path(key)
            path.parent.mkdir(exist_ok=True)
            partial = path.with_suffix(f".{os.getpid()}.partial")
            partial.write_text(json.dumps(asdict(answer), ensure_ascii=False), encoding="utf-8")
            partial.replace(path)
