"""x @ table.T for this machine's CPU."""

import functools

from tvm.script import tirx as T

from ..quantization import ZERO
from .linear_barrier_free import added, linear_signature


@functools.lru_cache(None)
def cpu_linear(N, K, bits, dtype, out_dtype, addend, rows):
    """The product of kernels/linear_barrier_free.py for a CPU: threads share out the columns, a word's values fill a vector."""
    P = 32 // bits
    G = K // 32
    MT = 1 if rows == 1 else 4
    NB = next(b for b in (64, 48, 32, 16, 8, 4, 2, 1) if N % b == 0)
    zero, mask = ZERO[bits], (1 << bits) - 1

    @T.macro
    def body(M, N_, W, x, words, scales, extra, y):
        for nb in T.parallel(N // NB):
            for mb in T.serial(1 if rows == 1 else (M + MT - 1) // MT):
                for ni in T.serial(NB):
                    with T.sblock("linear"):
                        T.reads()
                        T.writes()
                        sums = T.sblock_alloc_buffer((MT, P), "float32")
                        part = T.sblock_alloc_buffer((MT, P), "float32")
                        value = T.sblock_alloc_buffer((P,), "float32")
                        total = T.sblock_alloc_buffer((2,), "float32")
                        for i in T.unroll(MT):
                            for j in T.vectorized(P):
                                sums[i, j] = T.float32(0)
                        for g in T.serial(G):
                            for i in T.unroll(MT):
                                for j in T.vectorized(P):
                                    part[i, j] = T.float32(0)
                            for k in T.unroll(32 // P):
                                for j in T.vectorized(P):
                                    value[j] = T.cast(
                                        T.cast(
                                            (words[nb * NB + ni, g * (32 // P) + k] >> T.cast(bits * j, "uint32")) & T.uint32(mask), "int32"
                                        )
                                        - zero,
                                        "float32",
                                    )
                                for i in T.unroll(MT):
                                    for j in T.vectorized(P):
                                        part[i, j] = part[i, j] + value[j] * T.cast(
                                            x[0, T.min(mb * MT + i, M - 1), g * 32 + k * P + j], "float32"
                                        )
                            total[1] = T.reinterpret(
                                "float32", (scales[nb * NB + ni, g // 2] >> T.cast(g % 2 * 16, "uint32")) << T.uint32(16)
                            )
                            for i in T.unroll(MT):
                                for j in T.vectorized(P):
                                    sums[i, j] = sums[i, j] + part[i, j] * total[1]
                        for i in T.unroll(MT):
                            if mb * MT + i < M:
                                total[0] = T.float32(0)
                                for j in T.unroll(P):
                                    total[0] = total[0] + sums[i, j]
                                y[0, mb * MT + i, nb * NB + ni] = T.cast(
                                    added(total[0], extra, mb * MT + i, nb * NB + ni, addend), out_dtype
                                )

    return linear_signature(body, P, dtype, out_dtype, addend, rows)
