"""Runs a compiled model on this CPU, with the calls that WebLLM makes."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import tvm
from tvm import relax
from tvm_ffi import Shape

from .errors import BuildError

PAGE = 16


def likeliest(logits: np.ndarray, _tokens: list[int]) -> int:
    """Ties go to the lower id."""
    return int(logits.argmax())


class NativeModel:
    """One sequence with its KV cache. Not safe for several threads."""

    def __init__(self, executable, parameters: Sequence[np.ndarray], context: int, chunk: int):
        """`executable`: of compile.build_executable or tvm.runtime.load_module; `parameters` in its order."""
        self.context, self.chunk, self.length = context, chunk, 0
        self._device = tvm.cpu()
        self._vm = relax.VirtualMachine(executable, self._device)
        self._parameters = [tvm.runtime.tensor(np.ascontiguousarray(p), device=self._device) for p in parameters]
        self._cache = self._vm["create_tir_paged_kv_cache"](*(Shape([n]) for n in (1, context, chunk, PAGE, 0)))
        self._builtin("kv_state_add_sequence", self._cache, 0)

    def _builtin(self, name: str, *arguments):
        return tvm.get_global_func(f"vm.builtin.{name}")(*arguments)

    def reset(self) -> None:
        """Forgets all tokens."""
        self._builtin("kv_state_clear", self._cache)
        self._builtin("kv_state_add_sequence", self._cache, 0)
        self.length = 0

    def pop(self, count: int) -> None:
        """Forgets the last `count` tokens."""
        if count:
            self._builtin("kv_state_popn", self._cache, 0, count)
            self.length -= count

    def feed(self, tokens: Sequence[int], chunk: int | None = None) -> np.ndarray:
        """Adds tokens, at most `chunk` at a time; returns the float32 logits [vocabulary] after the last one."""
        chunk = chunk or self.chunk
        if not len(tokens):
            raise BuildError("There are no tokens to feed; give a prompt that is not empty.")
        if self.length + len(tokens) > self.context:
            raise BuildError(
                f"The text needs {self.length + len(tokens)} tokens, the model's context holds {self.context}; shorten the prompt."
            )
        for at in range(0, len(tokens), chunk):
            part = list(tokens[at : at + chunk])
            x = self._vm["embed"](tvm.runtime.tensor(np.array(part, "int32"), device=self._device), self._parameters)
            x = self._builtin("reshape", x, Shape([1, *x.shape]))
            self._builtin("kv_state_begin_forward", self._cache, Shape([0]), Shape([len(part)]))
            logits = self._vm["decode" if len(part) == 1 else "prefill"](x, self._cache, self._parameters)[0]
            self._builtin("kv_state_end_forward", self._cache)
            self.length += len(part)
        return logits.numpy()[0, 0]

    def greedy(
        self, logits: np.ndarray, limit: int, stop: Callable[[int], bool], choose: Callable[[np.ndarray, list[int]], int] = likeliest
    ) -> tuple[list[int], float]:
        """Continues greedily from `logits`: (tokens without the one that stopped, seconds). `choose` is given the logits and the tokens so far."""
        start, out = time.perf_counter(), []
        while len(out) < limit:
            token = choose(logits, out)
            if stop(token):
                break
            out.append(token)
            if len(out) == limit or self.length >= self.context:
                break
            logits = self.feed([token])
        return out, time.perf_counter() - start
