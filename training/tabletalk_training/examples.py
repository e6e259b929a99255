"""Reads training examples (JSONL from `npm run prepare-data`), tokenizes them, packs them behind shared schemas in a reproducible order.

One example a line: {"id", "db_id", "prompt", "completion", "prefix_code_points"}. The prompt is used as it stands; its first prefix_code_points code points
(the schema) are what all questions of a database share. Prefix, rest and completion are tokenized apart, so that the browser, which feeds the
schema before the question is known, gets the very same tokens.
"""

import json
import random
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from .packing import Pack

Tokens = tuple[int, ...]


class BadExamples(ValueError):
    """The examples file cannot be used; the message says where and what to do."""


@dataclass(frozen=True)
class Example:
    id: str
    db_id: str
    prefix: Tokens
    suffix: Tokens
    completion: Tokens

    @property
    def tokens(self) -> int:
        return len(self.prefix) + len(self.suffix) + len(self.completion)


def read_examples(path: Path) -> list[dict]:
    """The lines of an examples file, each checked. Raises BadExamples with the line's number."""
    fields = {"id": str, "db_id": str, "prompt": str, "completion": str, "prefix_code_points": int}
    out = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise BadExamples(f"There is no file {path}: make it with `npm run prepare-data`.") from None
    except UnicodeDecodeError as error:
        raise BadExamples(f"{path} is not UTF-8 ({error.reason} at byte {error.start}): make it again with `npm run prepare-data`.") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        again = "make the file again with `npm run prepare-data`."
        try:
            x = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadExamples(f"{where} is not JSON ({error.msg}): {again}") from None
        if not isinstance(x, dict):
            raise BadExamples(f"{where} is not an object: {again}")
        for name, kind in fields.items():
            if type(x.get(name)) is not kind:
                raise BadExamples(f'{where}: "{name}" is missing or not {"a text" if kind is str else "a whole number"}: {again}')
        if not 0 < x["prefix_code_points"] < len(x["prompt"]):
            raise BadExamples(f'{where}: "prefix_code_points" is {x["prefix_code_points"]} but the prompt has {len(x["prompt"])}: {again}')
        if not x["completion"]:
            raise BadExamples(f"{where}: the completion is empty: {again}")
        out.append(x)
    if not out:
        raise BadExamples(f"{path} has no examples: make it again with `npm run prepare-data`.")
    return out


def tokenize(rows: list[dict], tokenizer: Tokenizer, context: int) -> tuple[list[Example], list[str]]:
    """Rows -> examples, and the ids of those longer than `context` tokens, which are left out whole (a cut prompt would teach nonsense)."""
    cache: dict[str, Tokens] = {}

    def encode(text: str) -> Tokens:
        return tuple(tokenizer.encode(text, add_special_tokens=False).ids)

    examples, too_long = [], []
    for x in rows:
        cut = x["prefix_code_points"]
        prefix = x["prompt"][:cut]
        if prefix not in cache:
            cache[prefix] = encode(prefix)
        example = Example(x["id"], x["db_id"], cache[prefix], encode(x["prompt"][cut:]), encode(x["completion"]))
        if example.tokens > context:
            too_long.append(example.id)
        else:
            examples.append(example)
    return examples, too_long


def with_ids(rows: list[dict], ids: list[str], where: str) -> list[dict]:
    """The rows of these ids, in their own order. Raises BadExamples, naming `where` they were looked for."""
    wanted = set(ids)
    if missing := sorted(wanted - {x["id"] for x in rows}):
        raise BadExamples(f"{where} has no example {missing[0]} ({len(missing)} of {len(ids)} ids are missing): choose ids of this file.")
    return [x for x in rows if x["id"] in wanted]


def pack_epoch(examples: list[Example], seed: int, epoch: int, pack_tokens: int, room: int, most: int) -> list[Pack]:
    """All examples once, in packs, in an order that depends on nothing but the arguments (so a killed run resumes where it was).

    A pack holds questions of one prefix: at most `most` of them (more would make a step's questions too alike) and at most max(pack_tokens,
    prefix + room) tokens; one that is longer stands alone.
    """
    rng = random.Random(f"{seed}-{epoch}")
    by_prefix: dict[Tokens, list[Example]] = {}
    for x in examples:
        by_prefix.setdefault(x.prefix, []).append(x)
    packs = []
    for prefix, group in by_prefix.items():
        group = rng.sample(group, len(group))
        limit = max(pack_tokens, len(prefix) + room)
        current: list[Example] = []
        used = len(prefix)
        for x in group:
            n = len(x.suffix) + len(x.completion)
            if current and (used + n > limit or len(current) >= most):
                packs.append(Pack(prefix, tuple((y.suffix, y.completion) for y in current)))
                current, used = [], len(prefix)
            current.append(x)
            used += n
        packs.append(Pack(prefix, tuple((y.suffix, y.completion) for y in current)))
    rng.shuffle(packs)
    return packs
