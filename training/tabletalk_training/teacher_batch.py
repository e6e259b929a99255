"""The batch API: everything that is missing as files of requests, at half the price, answered within a day.

What is under way is written to `batches/` in the cache folder: killed while it waits, a run goes on waiting for the same batches.
"""

import asyncio
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import openai
from openai.types import Batch
from openai.types.chat import ChatCompletion

from .teacher_asks import Ask
from .teacher_cache import AnswerCache
from .teacher_config import TeacherConfig
from .teacher_endpoint import Endpoint, read_answers, refusal
from .teacher_prices import Budget, Price, TeacherRefused, prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

# OpenAI's limits of one batch file (platform.openai.com/docs/guides/batch); the size with some room.
MOST_REQUESTS = 50_000
MOST_BYTES = 190_000_000
ENDED = ("completed", "failed", "expired", "cancelled")


async def ask_in_batches(asks: list[Ask], config: TeacherConfig, endpoint: Endpoint, cache: AnswerCache, budget: Budget, price: Price) -> set[str]:
    """Fills the cache with every sample that it lacks and returns the ids of the questions that the endpoint could not answer. Raises TeacherRefused."""
    folder = cache.folder / "batches"
    folder.mkdir(exist_ok=True)
    try:
        # Batches of an earlier run first: what they answer need not be asked.
        failed = await collect(folder, config, endpoint, cache, price)
        lines, keys, most = batch_lines(asks, config, cache, price)
        budget.reserve(most)
        for part in parts(lines):
            await submit(part, keys, folder, endpoint)
        failed |= await collect(folder, config, endpoint, cache, price)
    except openai.APIError as error:
        raise as_refused(refusal(error, config)) from error
    return {ask.id for ask in asks if failed & set(ask.keys)}


def as_refused(error: Exception) -> TeacherRefused:
    return error if isinstance(error, TeacherRefused) else TeacherRefused(f"The endpoint refuses the batch ({error}). Correct the settings.")


def batch_lines(asks: list[Ask], config: TeacherConfig, cache: AnswerCache, price: Price) -> tuple[list[str], dict[str, list[str]], float]:
    """The lines of a batch file for what the cache lacks, the keys of each line's answers by its custom_id, and the most that it can cost.

    A line is known by the key of its first sample.
    """
    lines, keys, most = [], {}, 0.0
    for ask in asks:
        missing = [key for key in ask.keys if cache.get(key) is None]
        for own in [missing] if config.together and missing else [[key] for key in missing]:
            body = ask.request | ({"n": len(own)} if len(own) > 1 else {})
            lines.append(json.dumps({"custom_id": own[0], "method": "POST", "url": "/v1/chat/completions", "body": body}, ensure_ascii=False) + "\n")
            keys[own[0]] = own
            most += price.cost(prompt_tokens(ask.request["messages"]), len(own) * config.max_tokens(ask.mode), batch=True)
    return lines, keys, most


def parts(lines: list[str]) -> "Iterator[list[str]]":
    """The lines in files that the endpoint takes."""
    part: list[str] = []
    size = 0
    for line in lines:
        n = len(line.encode())
        if part and (len(part) == MOST_REQUESTS or size + n > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(line)
        size += n
    if part:
        yield part


async def submit(lines: list[str], keys: dict[str, list[str]], folder: Path, endpoint: Endpoint) -> None:
    """Uploads one file and starts its batch. Its state is written before, so that a kill in between cannot start (and pay) it twice."""
    name = hashlib.sha256("".join(lines).encode()).hexdigest()[:16]
    state = {"name": name, "batch": None, "keys": {id: keys[id] for line in lines for id in [json.loads(line)["custom_id"]]}}
    (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    write_state(folder, state)
    with (folder / f"{name}.jsonl").open("rb") as file:
        uploaded = await endpoint.client.files.create(file=file, purpose="batch")
    batch = await endpoint.client.batches.create(
        input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"tabletalk": name}
    )
    write_state(folder, state | {"batch": batch.id})
    print(f"batch {batch.id}: {len(lines)} requests sent", file=sys.stderr, flush=True)


def write_state(folder: Path, state: dict) -> None:
    partial = folder / f"{state['name']}.partial"
    partial.write_text(json.dumps(state))
    partial.replace(folder / f"{state['name']}.json")


async def collect(folder: Path, config: TeacherConfig, endpoint: Endpoint, cache: AnswerCache, price: Price) -> set[str]:
    """Waits for every batch under way, puts its answers into the cache, and returns the keys of those that the endpoint could not answer.

    Raises TeacherRefused for a batch that gave nothing: it is forgotten, so that the next run sends it anew.
    """
    failed: set[str] = set()
    for path in sorted(folder.glob("*.json")):
        state = json.loads(path.read_text())
        batch_id = state["batch"] or await find_batch(state["name"], endpoint)
        batch = None if batch_id is None else await wait_for(batch_id, config, endpoint)
        if batch is not None:
            failed |= await read_results(batch, state["keys"], endpoint, cache, price)
        path.unlink()
        (folder / f"{state['name']}.jsonl").unlink(missing_ok=True)
        if batch is not None and batch.output_file_id is None and batch.error_file_id is None:
            said = "; ".join(x.message or "" for x in (batch.errors.data or [])) if batch.errors else "without a result"
            raise TeacherRefused(f"Batch {batch.id} is {batch.status} ({said}). Start again: it is sent anew, what was answered is kept.")
    return failed


async def find_batch(name: str, endpoint: Endpoint) -> str | None:
    """The batch whose id a kill lost, None where it was never started."""
    async for batch in endpoint.client.batches.list(limit=100):
        if (batch.metadata or {}).get("tabletalk") == name:
            return batch.id
    return None


async def wait_for(batch_id: str, config: TeacherConfig, endpoint: Endpoint) -> Batch:
    begun, said = time.monotonic(), ""
    while True:
        batch = await endpoint.client.batches.retrieve(batch_id)
        counts = batch.request_counts
        line = f"batch {batch_id}: {batch.status}" + (f", {counts.completed} of {counts.total} answered, {counts.failed} failed" if counts else "")
        if line != said:
            print(f"{line}, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
            said = line
        if batch.status in ENDED:
            return batch
        await asyncio.sleep(config.batch_poll_seconds)


async def read_results(batch: Batch, keys: dict[str, list[str]], endpoint: Endpoint, cache: AnswerCache, price: Price) -> set[str]:
    """Puts the answers of a batch that ended into the cache, also where it ended early (they are paid), and returns the keys that have none."""
    failed: set[str] = set()
    for file_id in (batch.output_file_id, batch.error_file_id):
        if file_id is None:
            continue
        for line in (await endpoint.client.files.content(file_id)).text.splitlines():
            if not line.strip():
                continue
            result = json.loads(line)
            own = keys.get(result["custom_id"], [])
            response = result.get("response") or {}
            if response.get("status_code") != 200:
                failed |= set(own)
                continue
            answers = read_answers(ChatCompletion.model_validate(response["body"]), price, batch=True)
            # What a kill had already put there is neither asked nor counted a second time.
            if len(answers) == len(own) and cache.get(own[0]) is None:
                cache.put(dict(zip(own, answers, strict=True)), 0.0)
    return failed
