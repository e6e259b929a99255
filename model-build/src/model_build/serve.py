"""A deployed folder as a process: one JSON request a line on stdin, one JSON answer a line on stdout. Runs on this CPU, greedily.

Request: {"prefix": text, "suffix": text, "max_tokens": whole number} and, if wanted, "id", which comes back in the answer.
Answer: {"text", "finish": "stop" | "length", "tokens": ids, "prefixTokens", "promptTokens", "reusedTokens", "steeredTokens", "prefillMs", "decodeMs"} or
{"error"}.
With "constrained": true the one who asked says which token may follow. Before each, lines {"candidates": [{"text", "logit"}], "before": text, "last":
false} hold what the answer would be with each of the likeliest ones (null: it would end), and a line {"choice": index} answers: among all candidates for
this token, counted from 0, or {"choice": -1, "completions": texts} for none so far: then come less likely ones. After 64 ("last": true) the likeliest
token that begins one of the completions is taken; where there are none, the model goes on as it likes. "steeredTokens" counts the tokens that were not
the likeliest.
Before the first answer comes a line {"ready": true, ...} once the model is loaded. Ends when stdin does.

As in the browser, prefix and suffix are tokenized separately, and the KV cache is cut back to the longest beginning that it shares with the
prompt, so the schema of the last question costs nothing again.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import numpy as np
import tvm
from tvm.support import cc

from .build_options import BuildOptions
from .compile import build_executable, parameters_of
from .errors import BuildError
from .folder import ModelFolder, read_shards
from .native import NativeModel, likeliest
from .wasm import cache_folder, library_state

NATIVE_CHUNK = 256
# Candidates at a time: mostly the first one may follow.
BATCHES = (1, 15, 48)
Ask = Callable[[dict], tuple[int, list[str]]]


def native_library(folder: ModelFolder) -> Path:
    """The model's shape compiled for this CPU (15 to 60 s), kept by shape, compiler and processor. The weights stay in the folder."""
    options = native_options(folder)
    processor = tvm.target.codegen.llvm_get_system_cpu()
    target = cache_folder() / f"native-{processor}-{library_state(folder.config, options)}.so"
    if not target.exists():
        if not cc.get_cc():
            raise BuildError("Running a model on this CPU needs a C++ compiler to link it; on Debian or Ubuntu: apt-get install g++.")
        target.parent.mkdir(parents=True, exist_ok=True)
        compiled = build_executable(folder.config, options)
        # Another process may be building the same: each writes its own file and moves it into place.
        with tempfile.TemporaryDirectory(dir=target.parent) as name:
            made = Path(name) / "native.so"
            compiled.executable.export_library(str(made))
            os.replace(made, target)
    return target


def native_options(folder: ModelFolder) -> BuildOptions:
    return BuildOptions("cpu", "float32", folder.embedding_bits, folder.card["contextWindow"], min(NATIVE_CHUNK, folder.card["contextWindow"]))


def load_native(folder: ModelFolder) -> NativeModel:
    """Runs the very shards of the folder on this CPU."""
    options = native_options(folder)
    shards = read_shards(folder.path)
    names = [parameter.name for parameter in parameters_of(folder.config, options)]
    missing = [name for name in names if name not in shards]
    if missing:
        raise BuildError(f"{folder.path} has no parameter {missing[0]}; build the folder again.")
    library = tvm.runtime.load_module(str(native_library(folder)))
    return NativeModel(library, [shards[name] for name in names], options.context, options.chunk)


class Answerer:
    """Answers prompts one after the other, reusing what the KV cache holds."""

    def __init__(self, folder: ModelFolder):
        self._model = load_native(folder)
        self._tokenizer = folder.tokenizer()
        self._stops = set(folder.card["stopTokens"])
        self._fed: list[int] = []

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def _decode(self, tokens: list[int]) -> str:
        return self._tokenizer.decode(tokens, skip_special_tokens=True)

    def _constrained(self, ask: Ask, steered: list[int]) -> Callable[[np.ndarray, list[int]], int]:
        """A choice among the likeliest tokens that `ask` makes; where one is not the first, its place goes to `steered`."""
        gave_up = False

        def choose(logits: np.ndarray, tokens: list[int]) -> int:
            nonlocal gave_up
            if gave_up:
                return likeliest(logits, tokens)
            order = np.array([likeliest(logits, tokens)])
            before, at = self._decode(tokens), 0
            for size in BATCHES:
                if at + size > len(order):
                    order = np.argsort(-logits, kind="stable")[: sum(BATCHES)]
                batch = [int(token) for token in order[at : at + size]]
                texts = [None if token in self._stops else self._decode([*tokens, token]) for token in batch]
                candidates = [{"text": text, "logit": float(logits[token])} for text, token in zip(texts, batch, strict=True)]
                at += size
                choice, completions = ask({"candidates": candidates, "before": before, "last": at == sum(BATCHES)})
                if choice > 0:
                    steered.append(len(tokens))
                if choice >= 0:
                    return int(order[choice])
            ends = [self._encode(text)[0] for text in completions if text]
            if ends:
                steered.append(len(tokens))
                return max(ends, key=lambda token: float(logits[token]))
            gave_up = True
            return int(order[0])

        return choose

    def answer(self, prefix: str, suffix: str, max_tokens: int, ask: Ask | None = None) -> dict:
        """Raises BuildError if there is no prompt or it does not fit."""
        first = self._encode(prefix)
        prompt = [*first, *self._encode(suffix)]
        if not prompt:
            raise BuildError("The prompt is empty; give a prefix or a suffix.")
        if len(prompt) >= self._model.context:
            raise BuildError(f"The prompt has {len(prompt)} tokens, the model's context holds {self._model.context}; shorten it.")
        # The last token is always fed again: its logits are what the first answer token comes from.
        reused = 0
        while reused < min(len(self._fed), len(prompt) - 1) and self._fed[reused] == prompt[reused]:
            reused += 1
        start = time.perf_counter()
        if reused:
            self._model.pop(len(self._fed) - reused)
        else:
            self._model.reset()
        self._fed = []  # in case feeding fails: then nothing is known of the cache
        logits = self._model.feed(prompt[reused:])
        prefilled = time.perf_counter()
        limit = min(max_tokens, self._model.context - len(prompt))
        steered: list[int] = []
        choose = self._constrained(ask, steered) if ask else likeliest
        tokens, seconds = self._model.greedy(logits, limit, self._stops.__contains__, choose)
        self._fed = [*prompt, *tokens][: self._model.length]
        return {
            "text": self._decode(tokens),
            "finish": "length" if len(tokens) == limit else "stop",
            "tokens": tokens,
            "prefixTokens": len(first),
            "promptTokens": len(prompt),
            "reusedTokens": reused,
            "steeredTokens": len(steered),
            "prefillMs": round((prefilled - start) * 1000, 1),
            "decodeMs": round(seconds * 1000, 1),
        }


def _parse(line: str) -> tuple[dict, tuple[str, str, int]]:
    try:
        request = json.loads(line)
    except json.JSONDecodeError as error:
        raise BuildError(f"The line is not JSON ({error}); send one object a line.") from error
    if not isinstance(request, dict):
        raise BuildError("The line is not a JSON object; send one object a line.")
    prefix, suffix, limit = request.get("prefix", ""), request.get("suffix", ""), request.get("max_tokens", 128)
    if not isinstance(prefix, str) or not isinstance(suffix, str):
        raise BuildError("prefix and suffix must be text.")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise BuildError("max_tokens must be a whole number from 1.")
    return request, (prefix, suffix, limit)


def _choice(line: str) -> tuple[int, list[str]]:
    try:
        reply = json.loads(line)
        choice, completions = reply["choice"], reply.get("completions", [])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise BuildError('A line {"choice": index} was expected; the answer was given up.') from error
    if not isinstance(choice, int) or isinstance(choice, bool) or not -1 <= choice < sum(BATCHES):
        raise BuildError(f"The choice must be a whole number from -1 to {sum(BATCHES) - 1}; the answer was given up.")
    return choice, [text for text in completions if isinstance(text, str)]


def serve(folder: ModelFolder, lines: TextIO = sys.stdin, write: Callable[[str], None] | None = None) -> None:
    """Until `lines` ends. A request that cannot be answered gets {"error": sentence}; the process goes on."""

    def say(value: dict) -> None:
        text = json.dumps(value, ensure_ascii=False)
        if write:
            write(text)
        else:
            print(text, flush=True)

    def ask(question: dict) -> tuple[int, list[str]]:
        say(question)
        return _choice(next(waiting, ""))

    waiting = iter(lines)
    answerer = Answerer(folder)
    say({"ready": True, "id": folder.card["id"], "contextWindow": folder.card["contextWindow"]})
    for line in waiting:
        if not line.strip():
            continue
        mark: dict = {}
        try:
            request, arguments = _parse(line)
            mark = {"id": request["id"]} if "id" in request else {}
            say({**mark, **answerer.answer(*arguments, ask if request.get("constrained") is True else None)})
        except BuildError as error:
            say({**mark, "error": str(error)})
