"""x @ table.T without workgroup memory or barriers, for software adapters (SwiftShader)."""

import functools

from tvm.script import tirx as T

from ..quantization import ZERO
from . import SCHEDULED


def added(total, extra, m, n, addend):
    """Expression of one result with its bias or residual."""
    if addend == "bias":
        return total + extra[n]
    return total + T.cast(extra[0, m, n], "float32") if addend == "residual" else total


@functools.lru_cache(None)
def barrier_free_linear(N, K, bits, dtype, out_dtype, addend, rows):
    """y[0, m, n] = sum_k x[0, m, k] * table[n, k] (+ bias[n] | + residual[0, m, n]); sums in float32.

    A thread makes MT rows by NT columns. `rows`: 1 for decoding, None for a prefill of any length.
    """
    P = 32 // bits  # values in a word
    WG = 4
    G, S = K // 32, (K // 32 + 1) // 2
    NT = next(t for t in ((4, 2, 1) if rows == 1 else (16, 8, 4, 2, 1)) if N % (t * WG) == 0)
    MT = 1 if rows == 1 else 4
    zero, mask = float(ZERO[bits]), (1 << bits) - 1

    @T.macro
    def body(M, x, words, scales, extra, y):
        for by in T.thread_binding(1 if rows == 1 else (M + MT - 1) // MT, thread="blockIdx.y"):
            for bx in T.thread_binding(N // (NT * WG), thread="blockIdx.x"):
                for tx in T.thread_binding(WG, thread="threadIdx.x"):
                    with T.sblock("linear"):
                        T.reads()
                        T.writes()
                        sums = T.sblock_alloc_buffer((MT * NT,), "float32", scope="local")
                        xs = T.sblock_alloc_buffer((MT * P,), "float32", scope="local")
                        scale = T.sblock_alloc_buffer((NT,), "float32", scope="local")
                        word = T.sblock_alloc_buffer((1,), "uint32", scope="local")
                        value = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        for i in T.unroll(MT * NT):
                            sums[i] = T.float32(0)
                        for g in range(G):
                            for r in T.unroll(NT):
                                scale[r] = T.reinterpret(
                                    "float32", (scales[(bx * WG + tx) * NT + r, g // 2] >> T.cast(g % 2 * 16, "uint32")) << T.uint32(16)
                                )
                            for k in range(32 // P):
                                for i in T.unroll(MT):
                                    for j in T.unroll(P):
                                        xs[i * P + j] = T.cast(x[0, T.min(by * MT + i, M - 1), g * 32 + k * P + j], "float32")
                                for r in T.unroll(NT):
                                    word[0] = words[(bx * WG + tx) * NT + r, g * (32 // P) + k]
                                    for j in T.unroll(P):
                                        value[0] = (
                                            T.cast((word[0] >> T.uint32(bits * j)) & T.uint32(mask), "float32") - T.float32(zero)
                                        ) * scale[r]
                                        for i in T.unroll(MT):
                                            sums[i * NT + r] = sums[i * NT + r] + xs[i * P + j] * value[0]
                        for i in T.unroll(MT):
                            if by * MT + i < M:
                                for r in T.unroll(NT):
                                    y[0, by * MT + i, (bx * WG + tx) * NT + r] = T.cast(
                                        added(sums[i * NT + r], extra, by * MT + i, (bx * WG + tx) * NT + r, addend), out_dtype
                                    )

    return linear_signature(body, N, K, P, S, dtype, out_dtype, addend, rows)


def linear_signature(body, N, K, P, S, dtype, out_dtype, addend, rows):
    """Wraps a macro (M, x, words, scales, extra, y) in a function; `rows` fixes M or is None.

    Each signature has its own factory, for a TIR function is parsed where it is defined, used or not.
    """
    make = {"none": _plain, "bias": _with_bias, "residual": _with_residual}[addend]
    return make(body, N, K, P, S, dtype, out_dtype, rows)


def _plain(body, N, K, P, S, dtype, out_dtype, rows):
    @T.prim_func(private=True, s_tir=True)
    def linear(x_: T.handle, words_: T.handle, scales_: T.handle, y_: T.handle):
        T.func_attr(SCHEDULED)
        n = T.int64()
        x = T.match_buffer(x_, (1, n if rows is None else rows, K), dtype)
        words = T.match_buffer(words_, (N, K // P), "uint32")
        scales = T.match_buffer(scales_, (N, S), "uint32")
        y = T.match_buffer(y_, (1, n if rows is None else rows, N), out_dtype)
        body(n if rows is None else rows, x, words, scales, x, y)

    return linear


def _with_bias(body, N, K, P, S, dtype, out_dtype, rows):
    @T.prim_func(private=True, s_tir=True)
    def linear(x_: T.handle, words_: T.handle, scales_: T.handle, extra_: T.handle, y_: T.handle):
        T.func_attr(SCHEDULED)
        n = T.int64()
        x = T.match_buffer(x_, (1, n if rows is None else rows, K), dtype)
        words = T.match_buffer(words_, (N, K // P), "uint32")
        scales = T.match_buffer(scales_, (N, S), "uint32")
        extra = T.match_buffer(extra_, (N,), "float32")
        y = T.match_buffer(y_, (1, n if rows is None else rows, N), out_dtype)
        body(n if rows is None else rows, x, words, scales, extra, y)

    return linear


def _with_residual(body, N, K, P, S, dtype, out_dtype, rows):
    @T.prim_func(private=True, s_tir=True)
    def linear(x_: T.handle, words_: T.handle, scales_: T.handle, extra_: T.handle, y_: T.handle):
        T.func_attr(SCHEDULED)
        n = T.int64()
        x = T.match_buffer(x_, (1, n if rows is None else rows, K), dtype)
        words = T.match_buffer(words_, (N, K // P), "uint32")
        scales = T.match_buffer(scales_, (N, S), "uint32")
        extra = T.match_buffer(extra_, (1, n if rows is None else rows, N), dtype)
        y = T.match_buffer(y_, (1, n if rows is None else rows, N), out_dtype)
        body(n if rows is None else rows, x, words, scales, extra, y)

    return linear
