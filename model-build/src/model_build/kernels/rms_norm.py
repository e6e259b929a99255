"""Root mean square normalization, one thread (or loop turn) a row; sums in float32, the gain is float32."""

import functools

from tvm.script import tirx as T

from . import SCHEDULED


@functools.lru_cache(None)
def barrier_free_rms_norm(H, dtype, epsilon):
    @T.prim_func(private=True, s_tir=True)
    def rms_norm(x_: T.handle, gain_: T.handle, y_: T.handle):
        T.func_attr(SCHEDULED)
        n = T.int64()
        x = T.match_buffer(x_, (1, n, H), dtype)
        gain = T.match_buffer(gain_, (H,), "float32")
        y = T.match_buffer(y_, (1, n, H), dtype)
        for b in T.thread_binding((n + 3) // 4, thread="blockIdx.x"):
            for t in T.thread_binding(4, thread="threadIdx.x"):
                with T.sblock("norm"):
                    T.reads()
                    T.writes()
                    mean = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    if b * 4 + t < n:
                        mean[0] = T.float32(0)
                        for k in range(H):
                            mean[0] = mean[0] + T.cast(x[0, b * 4 + t, k], "float32") * T.cast(x[0, b * 4 + t, k], "float32")
                        mean[0] = T.rsqrt(mean[0] / T.float32(H) + T.float32(epsilon))
                        for k in range(H):
                            y[0, b * 4 + t, k] = T.cast(T.cast(x[0, b * 4 + t, k], "float32") * mean[0] * gain[k], dtype)

    return rms_norm


@functools.lru_cache(None)
def cpu_rms_norm(H, dtype, epsilon):
    @T.prim_func(private=True, s_tir=True)
    def rms_norm(x_: T.handle, gain_: T.handle, y_: T.handle):
        T.func_attr(SCHEDULED)
        n = T.int64()
        x = T.match_buffer(x_, (1, n, H), dtype)
        gain = T.match_buffer(gain_, (H,), "float32")
        y = T.match_buffer(y_, (1, n, H), dtype)
        for m in range(n):
            with T.sblock("norm"):
                T.reads()
                T.writes()
                mean = T.sblock_alloc_buffer((1,), "float32")
                mean[0] = T.float32(0)
                for k in range(H):
                    mean[0] = mean[0] + T.cast(x[0, m, k], "float32") * T.cast(x[0, m, k], "float32")
                mean[0] = T.float32(1) / T.sqrt(mean[0] / T.float32(H) + T.float32(epsilon))
                for k in range(H):
                    y[0, m, k] = T.cast(T.cast(x[0, m, k], "float32") * mean[0] * gain[k], dtype)

    return rms_norm
