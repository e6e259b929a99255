"""Asks a teacher for SQL: any OpenAI-compatible endpoint, a hosted one or a server on this machine.

    python -m tabletalk_training.teacher CONFIG --prompts teacher.jsonl --out samples.jsonl [--cache DIR] [--set name=value ...]

The prompts are `npm run prepare-data -- --teacher`'s; the samples are judged by `npm run filter-samples`. Every answer is kept in the cache (beside the
samples unless given): started again the same line asks only for what is missing. One sample a line, in the order of the prompts:
{"id", "db_id", "question", "mode", "sample", "text", "model", "finish", "usage": {"prompt_tokens", "completion_tokens"}, "cost"}.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path

from .config import BadConfig
from .teacher_asks import Ask, BadPrompts, choose, make_asks, read_prompts
from .teacher_batch import ask_in_batches
from .teacher_cache import Answer, AnswerCache
from .teacher_config import TeacherConfig, read_teacher_config
from .teacher_endpoint import Endpoint, TooLong, read_answers
from .teacher_prices import Budget, Price, TeacherRefused, price_of, prompt_tokens

# Questions of one database that one asker takes in a row. A server on one machine keeps a prefix for each asker; with all of a database in one hand, the
# last large database would be asked by one alone.
IN_A_ROW = 40


class Progress:
    """How far the samples are, on standard error: in place on a terminal, a line every twentieth elsewhere."""

    def __init__(self, total: int, done: int):
        self.total, self.done, self.already, self.tokens, self.shown = total, done, done, 0, -1
        self.begun = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def advance(self, answers: list[Answer], spent: float) -> None:
        self.done += len(answers)
        self.tokens += sum(x.completion_tokens for x in answers)
        left = self.seconds / max(1, self.done - self.already) * (self.total - self.done)
        line = (
            f"{self.done} of {self.total} samples, {clock(self.seconds)} gone, {clock(left)} left, "
            f"{self.tokens / max(self.seconds, 1e-3):.1f} tokens/s, ${spent:.4f}"
        )
        if sys.stderr.isatty():
            print(f"\r\x1b[K{line}", end="" if self.done < self.total else "\n", file=sys.stderr, flush=True)
        elif self.done * 20 // max(1, self.total) > self.shown:
            self.shown = self.done * 20 // max(1, self.total)
            print(line, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


async def ask_one(
    ask: Ask, missing: list[int], config: TeacherConfig, endpoint: Endpoint, cache: AnswerCache, budget: Budget, price: Price
) -> list[Answer]:
    """One request for the samples `missing` of a question; its answers are kept before they are returned."""
    most = price.cost(prompt_tokens(ask.request["messages"]), len(missing) * config.max_tokens(ask.mode))
    budget.reserve(most)
    cost, begun = 0.0, time.monotonic()
    try:
        answers = read_answers(await endpoint.ask(ask.request, len(missing)), price)
        cost = sum(x.cost for x in answers)
        cache.put({ask.keys[n]: x for n, x in zip(missing, answers, strict=True)}, time.monotonic() - begun)
        return answers
    finally:
        budget.settle(most, cost)


async def ask_all(asks: list[Ask], config: TeacherConfig, endpoint: Endpoint, cache: AnswerCache, budget: Budget, price: Price) -> set[str]:
    """Asks for every sample that the cache lacks and returns the ids of the questions that are too long for the model. Raises TeacherRefused, after what
    was already sent has been answered and kept.

    Each asker takes questions of one database in a row, so that a prefix that the server keeps is used by the next.
    """
    missing = {x.id: [n for n, key in enumerate(x.keys) if cache.get(key) is None] for x in asks}
    progress = Progress(sum(len(x.keys) for x in asks), sum(len(x.keys) - len(missing[x.id]) for x in asks))
    runs: list[list[Ask]] = []
    for ask in asks:
        if not missing[ask.id]:
            continue
        if runs and runs[-1][0].db_id == ask.db_id and len(runs[-1]) < IN_A_ROW:
            runs[-1].append(ask)
        else:
            runs.append([ask])
    queue = iter(runs)
    too_long: set[str] = set()
    refused: list[TeacherRefused] = []

    async def asker() -> None:
        for run in queue:
            for ask in run:
                requests = [missing[ask.id]] if config.together else [[n] for n in missing[ask.id]]
                for numbers in requests:
                    if refused or ask.id in too_long:
                        break
                    try:
                        progress.advance(await ask_one(ask, numbers, config, endpoint, cache, budget, price), budget.spent)
                    except TooLong:
                        too_long.add(ask.id)
                    except TeacherRefused as error:
                        refused.append(error)

    await asyncio.gather(*(asker() for _ in range(config.concurrency)))
    if refused:
        raise refused[0]
    return too_long


def write_samples(path: Path, asks: list[Ask], cache: AnswerCache) -> dict:
    """Writes what the cache has of these questions and returns its sums. The file is whole or the one that was there before."""
    sums = {"questions": len(asks), "wanted": sum(len(x.keys) for x in asks), "samples": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost": 0.0}
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        for ask in asks:
            for n, key in enumerate(ask.keys):
                if (x := cache.get(key)) is None:
                    continue
                usage = {"prompt_tokens": x.prompt_tokens, "completion_tokens": x.completion_tokens}
                line = {
                    "id": ask.id, "db_id": ask.db_id, "question": ask.question, "mode": ask.mode, "sample": n, "text": x.text, "model": x.model,
                    "finish": x.finish, "usage": usage, "cost": x.cost,
                }  # fmt: skip
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                sums = sums | {"samples": sums["samples"] + 1, "cost": sums["cost"] + x.cost} | {k: sums[k] + v for k, v in usage.items()}
    partial.replace(path)
    return sums


def api_key(config: TeacherConfig) -> str:
    key = os.environ.get(config.api_key_variable, "")
    if not key and not config.free:
        raise BadConfig(f"{config.model} needs a key: put it into the environment variable {config.api_key_variable}.")
    # The client wants one even where the server does not.
    return key or "none"


async def run(config: TeacherConfig, prompts: Path, out: Path, cache_folder: Path) -> dict:
    """Asks, then writes the samples, also where the endpoint or the cap ended it early. Raises BadConfig, BadPrompts and TeacherRefused."""
    price = price_of(config.model, config.free)
    asks = make_asks(choose(read_prompts(prompts), config.questions, config.questions_a_database, config.seed), config)
    endpoint = Endpoint(config, api_key(config))
    out.parent.mkdir(parents=True, exist_ok=True)
    cache = AnswerCache(cache_folder)
    budget = Budget(config.dollar_cap, cache.spent)
    begun, before = time.monotonic(), cache.spent
    try:
        arm = ask_in_batches if config.batch else ask_all
        too_long = await arm(asks, config, endpoint, cache, budget, price)
    finally:
        await endpoint.close()
        sums = write_samples(out, asks, cache)
    return sums | {"spent_now": cache.spent - before, "seconds": round(time.monotonic() - begun, 1), "too_long": sorted(too_long)}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("config", type=Path)
    arguments.add_argument("--prompts", type=Path, required=True, help="teacher.jsonl")
    arguments.add_argument("--out", type=Path, required=True, help="samples JSONL")
    arguments.add_argument("--cache", type=Path, help="folder of the answers (default: teacher-cache beside --out)")
    arguments.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="override a setting")
    a = arguments.parse_args()
    try:
        config = read_teacher_config(a.config, a.set)
        print(json.dumps(asyncio.run(run(config, a.prompts, a.out, a.cache or a.out.parent / "teacher-cache"))))
    except (BadConfig, BadPrompts, TeacherRefused) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped. What was answered is kept: the same line goes on.")


if __name__ == "__main__":
    main()
