"""What a teacher is asked: the prompts of `npm run prepare-data -- --teacher`, each question in one mode, as many samples as the config says."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .teacher_cache import request_key
from .teacher_config import TeacherConfig

MODES = ("direct", "reasoning")


class BadPrompts(ValueError):
    """The prompts file cannot be used; the message says where and what to do."""


@dataclass(frozen=True)
class Ask:
    """One question in one mode: the request body, and the key of each of its samples."""

    id: str
    db_id: str
    question: str
    mode: str
    request: dict[str, Any]
    keys: tuple[str, ...]


def read_prompts(path: Path) -> list[dict]:
    """The lines of teacher.jsonl, each checked. Raises BadPrompts with the line's number."""
    again = "make the file again with `npm run prepare-data -- --teacher`."
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise BadPrompts(f"There is no file {path}: make it with `npm run prepare-data -- --teacher`.") from None
    except UnicodeDecodeError as error:
        raise BadPrompts(f"{path} is not UTF-8 ({error.reason} at byte {error.start}): {again}") from None
    out, seen = [], set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            x = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadPrompts(f"{where} is not JSON ({error.msg}): {again}") from None
        if not isinstance(x, dict) or not all(isinstance(x.get(name), str) for name in ("id", "db_id", "question")):
            raise BadPrompts(f'{where} has no "id", "db_id" and "question": {again}')
        messages = x.get("messages")
        if not isinstance(messages, dict) or not all(are_messages(messages.get(mode)) for mode in MODES):
            raise BadPrompts(f'{where} has no "messages" for direct and reasoning: {again}')
        if x["id"] in seen:
            raise BadPrompts(f"{where} has the question {x['id']} a second time: {again}")
        seen.add(x["id"])
        out.append(x)
    if not out:
        raise BadPrompts(f"{path} has no questions: {again}")
    return out


def are_messages(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(m, dict) and isinstance(m.get("role"), str) and isinstance(m.get("content"), str) for m in value)


def choose(prompts: list[dict], questions: int | None, a_database: int | None, seed: int) -> list[dict]:
    """A seeded sample, in the order of the file: databases in a drawn order, up to `a_database` drawn questions of each, until there are `questions`.
    None means all.
    """
    if questions is None and a_database is None:
        return prompts
    by_database: dict[str, list[dict]] = {}
    for x in prompts:
        by_database.setdefault(x["db_id"], []).append(x)
    rng = random.Random(f"questions-{seed}")
    chosen: list[dict] = []
    for db in rng.sample(sorted(by_database), len(by_database)):
        own = by_database[db]
        chosen += rng.sample(own, min(len(own), a_database or len(own)))
    ids = {x["id"] for x in chosen[:questions]}
    return [x for x in prompts if x["id"] in ids]


def mode_of(id: str, reasoning_share: float, seed: int) -> str:
    """A draw for each question that depends on nothing but its id and the seed: a larger run keeps the modes, and so the answers, of a smaller one.

    distill-sql (`teacher/generate.py`) shuffles the questions and takes an exact share; drawn one by one, 7,000 questions are 40 % ± 0.6 points reasoning.
    """
    return "reasoning" if random.Random(f"mode-{seed}-{id}").random() < reasoning_share else "direct"


def make_asks(prompts: list[dict], config: TeacherConfig) -> list[Ask]:
    out = []
    for x in prompts:
        mode = mode_of(x["id"], config.reasoning_share, config.seed)
        request = {
            "model": config.model, "messages": x["messages"][mode], "temperature": config.temperature,
            config.max_tokens_field: config.max_tokens(mode), **config.extra,
        }  # fmt: skip
        out.append(Ask(x["id"], x["db_id"], x["question"], mode, request, tuple(request_key(request, n) for n in range(config.samples))))
    return out
