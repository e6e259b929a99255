"""x @ table.T without workgroup memory or barriers, for software adapters (SwiftShader).

Sizes are symbolic, so that all layers share one shader for each kind of result: a browser compiles every shader of a library at load, and for a
software adapter these are the costly ones.
"""

import functools

from tvm.script import tirx as T

from ..quantization import ZERO
from . import SCHEDULED

LANES = 4  # threads of a workgroup: the width of SwiftShader's vectors
COLUMNS = 8  # columns a thread makes; every table has a multiple of LANES * COLUMNS or of 8 rows
ROWS = 4  # activation rows a thread makes in a prefill; 8 took twice as long to compile for 10 % of speed


def added(total, extra, m, n, addend):
    """Expression of one result with its bias or residual."""
    if addend == "bias":
        return total + extra[n]
    return total + T.cast(extra[0, m, n], "float32") if addend == "residual" else total


@functools.lru_cache(None)
def barrier_free_linear(N, K, bits, dtype, out_dtype, addend, rows):
    """y[0, m, n] = sum_k x[0, m, k] * table[n, k] (+ bias[n] | + residual[0, m, n]); sums in float32.

    `rows`: 1 for decoding, None for a prefill of any length. N and K only choose the tile.

    With 4 bits a group is summed over the stored nibbles and corrected once, by 7 times the sum of its activations: scale * (sum of x * nibble -
    7 * sum of x) saves two of seven operations a weight. With 8 bits the correction would cost accuracy, so the zero point is taken off first.
    """
    return _shared_linear(next(c for c in (COLUMNS, 2) if N % (c * LANES) == 0), bits, dtype, out_dtype, addend, rows)


@functools.lru_cache(None)
def _shared_linear(NT, bits, dtype, out_dtype, addend, rows):
    P = 32 // bits
    MT = 1 if rows == 1 else ROWS
    late = bits == 4
    mask, zero = (1 << bits) - 1, ZERO[bits]

    def level(word, j):
        stored = T.cast((word >> T.uint32(bits * j)) & T.uint32(mask), "int32")
        return T.cast(stored if late else stored - zero, "float32")

    @T.macro
    def body(M, N, W, x, words, scales, extra, y):
        for by in T.thread_binding((M + MT - 1) // MT, thread="blockIdx.y"):
            for bx in T.thread_binding(N // (NT * LANES), thread="blockIdx.x"):
                for tx in T.thread_binding(LANES, thread="threadIdx.x"):
                    with T.sblock("linear"):
                        T.reads()
                        T.writes()
                        total = T.sblock_alloc_buffer((MT * NT,), "float32", scope="local")
                        part = T.sblock_alloc_buffer((MT * NT,), "float32", scope="local")
                        sum_x = T.sblock_alloc_buffer((MT,), "float32", scope="local")
                        xs = T.sblock_alloc_buffer((MT * P,), "float32", scope="local")
                        scale = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        word = T.sblock_alloc_buffer((1,), "uint32", scope="local")
                        value = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        for i in T.unroll(MT * NT):
                            total[i] = T.float32(0)
                        for g in range(W * P // 32):
                            for i in T.unroll(MT * NT):
                                part[i] = T.float32(0)
                            for i in T.unroll(MT):
                                sum_x[i] = T.float32(0)
                            for k in range(32 // P):
                                for i in T.unroll(MT):
                                    for j in T.unroll(P):
                                        xs[i * P + j] = T.cast(x[0, T.min(by * MT + i, M - 1), g * 32 + k * P + j], "float32")
                                        if late:
                                            sum_x[i] = sum_x[i] + xs[i * P + j]
                                for r in T.unroll(NT):
                                    word[0] = words[(bx * LANES + tx) * NT + r, g * (32 // P) + k]
                                    for j in T.unroll(P):
                                        value[0] = level(word[0], j)
                                        for i in T.unroll(MT):
                                            part[i * NT + r] = part[i * NT + r] + xs[i * P + j] * value[0]
                            for r in T.unroll(NT):
                                scale[0] = T.reinterpret(
                                    "float32", (scales[(bx * LANES + tx) * NT + r, g // 2] >> T.cast(g % 2 * 16, "uint32")) << T.uint32(16)
                                )
                                for i in T.unroll(MT):
                                    if late:
                                        total[i * NT + r] = total[i * NT + r] + scale[0] * (part[i * NT + r] - T.float32(zero) * sum_x[i])
                                    else:
                                        total[i * NT + r] = total[i * NT + r] + scale[0] * part[i * NT + r]
                        for i in T.unroll(MT):
                            if by * MT + i < M:
                                for r in T.unroll(NT):
                                    y[0, by * MT + i, (bx * LANES + tx) * NT + r] = T.cast(
                                        added(total[i * NT + r], extra, by * MT + i, (bx * LANES + tx) * NT + r, addend), out_dtype
                                    )

    return linear_signature(body, P, dtype, out_dtype, addend, rows)


def linear_signature(body, P, dtype, out_dtype, addend, rows):
    """Wraps a macro (M, N, W, x, words, scales, extra, y) in a function; `rows` fixes M or is None, W is the words of a row.

    Each signature has its own factory, for a TIR function is parsed where it is defined, used or not.
    """
    make = {"none": _plain, "bias": _with_bias, "residual": _with_residual}[addend]
    return make(body, P, dtype, out_dtype, rows)


def _plain(body, P, dtype, out_dtype, rows):
    @T.prim_func(private=True, s_tir=True)
    def linear(x_: T.handle, words_: T.handle, scales_: T.handle, y_: T.handle):
        T.func_attr(SCHEDULED)
        n = T.int64()
        N = T.int64()
        W = T.int64()
        S = T.int64()
        words = T.match_buffer(words_, (N, W), "uint32")
        scales = T.match_buffer(scales_, (N, S), "uint32")
        x = T.match_buffer(x_, (1, n if rows is None else rows, W * P), dtype)
        y = T.match_buffer(y_, (1, n if rows is None else rows, N), out_dtype)
        body(n if rows is None else rows, N, W, x, words, scales, x, y)

    return linear


def _with_bias(body, P, dtype, out_dtype, rows):
    @T.prim_func(private=True, s_tir=True)
    def linear(x_: T.handle, words_: T.handle, scales_: T.handle, extra_: T.handle, y_: T.handle):
        T.func_attr(SCHEDULED)
        n = T.int64()
        N = T.int64()
        W = T.int64()
        S = T.int64()
        words = T.match_buffer(words_, (N, W), "uint32")
        scales = T.match_buffer(scales_, (N, S), "uint32")
        x = T.match_buffer(x_, (1, n if rows is None else rows, W * P), dtype)
        extra = T.match_buffer(extra_, (N,), "float32")
        y = T.match_buffer(y_, (1, n if rows is None else rows, N), out_dtype)
        body(n if rows is None else rows, N, W, x, words, scales, extra, y)

    return linear


def _with_residual(body, P, dtype, out_dtype, rows):
    @T.prim_func(private=True, s_tir=True)
    def linear(x_: T.handle, words_: T.handle, scales_: T.handle, extra_: T.handle, y_: T.handle):
        T.func_attr(SCHEDULED)
        n = T.int64()
        N = T.int64()
        W = T.int64()
        S = T.int64()
        words = T.match_buffer(words_, (N, W), "uint32")
        scales = T.match_buffer(scales_, (N, S), "uint32")
        x = T.match_buffer(x_, (1, n if rows is None else rows, W * P), dtype)
        extra = T.match_buffer(extra_, (1, n if rows is None else rows, N), dtype)
        y = T.match_buffer(y_, (1, n if rows is None else rows, N), out_dtype)
        body(n if rows is None else rows, N, W, x, words, scales, extra, y)

    return linear
