"""Attention over the paged KV cache without workgroup memory or barriers: batch of one, no sliding window, rotary applied before caching.

Signatures are those of TVM's kernels (tvm/relax/frontend/nn/llm), whose places they take. Log-sums are base 2, as TVM's merging expects.
"""

import functools
import math

from tvm.script import tirx as T

PAGE = 16
LOG2E = math.log2(math.e)
NOTHING_YET = -5e4  # a running maximum before the first key, TVM's own value
PLACED = {"tirx.is_scheduled": True}


@functools.lru_cache(None)
def decode_paged(HEADS, SHARED, D, dtype):
    """One query row. Three kernels: scores, softmax terms, mix of the values."""
    EACH = HEADS // SHARED

    @T.prim_func(s_tir=True)
    def attention_decode_paged(
        q_: T.handle,
        pages_: T.handle,
        page_ptr_: T.handle,
        page_ids_: T.handle,
        length_: T.handle,
        k_position_: T.handle,
        q_position_: T.handle,
        out_: T.handle,
        log_sum_: T.handle,
        rotary_mode: T.int32,
        rope_scale: T.float32,
        rope_theta: T.float32,
        sm_scale: T.float32,
    ):
        T.func_attr(PLACED)
        batch = T.int32()
        used = T.int32()
        all_pages = T.int32()
        offset0 = T.int64()
        offset1 = T.int32()
        offset2 = T.int32()
        offset3 = T.int32()
        offset4 = T.int32()
        offset5 = T.int32()
        q = T.match_buffer(q_, (batch, HEADS, D), dtype)
        pages = T.match_buffer(pages_, (all_pages, 2, SHARED, PAGE, D), dtype, elem_offset=offset0)
        page_ptr = T.match_buffer(page_ptr_, (batch + 1,), "int32", elem_offset=offset1)
        page_ids = T.match_buffer(page_ids_, (used,), "int32", elem_offset=offset2)
        length = T.match_buffer(length_, (batch,), "int32", elem_offset=offset5)
        k_position = T.match_buffer(k_position_, (batch,), "int32", elem_offset=offset3)
        q_position = T.match_buffer(q_position_, (batch,), "int32", elem_offset=offset4)
        out = T.match_buffer(out_, (batch, HEADS, D), dtype)
        log_sum = T.match_buffer(log_sum_, (batch, HEADS), "float32")
        with T.sblock("root"):
            T.reads()
            T.writes()
            score = T.sblock_alloc_buffer((HEADS, used * PAGE), "float32")
            total = T.sblock_alloc_buffer((HEADS,), "float32")
            for b in T.thread_binding(used * SHARED, thread="blockIdx.x"):
                for t in T.thread_binding(PAGE, thread="threadIdx.x"):
                    with T.sblock("score"):
                        T.reads()
                        T.writes()
                        dot = T.sblock_alloc_buffer((EACH,), "float32", scope="local")
                        key = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        for h in T.unroll(EACH):
                            dot[h] = T.float32(0)
                        for d in range(D):
                            key[0] = T.cast(pages[page_ids[b // SHARED], 0, b % SHARED, t, d], "float32")
                            for h in T.unroll(EACH):
                                dot[h] = dot[h] + key[0] * T.cast(q[0, b % SHARED * EACH + h, d], "float32")
                        for h in T.unroll(EACH):
                            score[b % SHARED * EACH + h, b // SHARED * PAGE + t] = dot[h] * sm_scale * T.float32(LOG2E)
            for b in T.thread_binding(HEADS, thread="blockIdx.x"):
                for t in T.thread_binding(1, thread="threadIdx.x"):
                    with T.sblock("terms"):
                        T.reads()
                        T.writes()
                        top = T.sblock_alloc_buffer((2,), "float32", scope="local")
                        top[0] = T.float32(NOTHING_YET)
                        top[1] = T.float32(0)
                        for i in range((used - 1) * PAGE + length[0]):
                            top[0] = T.max(top[0], score[b, i])
                        for i in range((used - 1) * PAGE + length[0]):
                            score[b, i] = T.exp2(score[b, i] - top[0])
                            top[1] = top[1] + score[b, i]
                        total[b] = top[1]
                        log_sum[0, b] = top[0] + T.log2(top[1])
            for b in T.thread_binding(SHARED * (D // 4), thread="blockIdx.x"):
                for t in T.thread_binding(4, thread="threadIdx.x"):
                    with T.sblock("mix"):
                        T.reads()
                        T.writes()
                        mixed = T.sblock_alloc_buffer((EACH,), "float32", scope="local")
                        value = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        for h in T.unroll(EACH):
                            mixed[h] = T.float32(0)
                        for i in range((used - 1) * PAGE + length[0]):
                            value[0] = T.cast(pages[page_ids[i // PAGE], 1, b // (D // 4), i % PAGE, b % (D // 4) * 4 + t], "float32")
                            for h in T.unroll(EACH):
                                mixed[h] = mixed[h] + value[0] * score[b // (D // 4) * EACH + h, i]
                        for h in T.unroll(EACH):
                            out[0, b // (D // 4) * EACH + h, b % (D // 4) * 4 + t] = T.cast(mixed[h] / total[b // (D // 4) * EACH + h], dtype)

    return attention_decode_paged


def _walk(HEADS, SHARED, D, dtype):
    """A thread owns a few query rows of one key head, with all query heads that share it, and walks the keys with a running softmax."""
    EACH = HEADS // SHARED
    LANES = 4
    ROWS = 2 if EACH <= 4 else 1
    R = ROWS * EACH
    STEP = 8  # dimensions a turn: unrolled over all of D these two shaders took as long to compile as all the others together

    def read(buffer, page_ids, part, j, head, d):
        return buffer[page_ids[j // PAGE], part, head, j % PAGE, d] if len(buffer.shape) == 5 else buffer[j, head, d]

    @T.macro
    def walk(q, k, v, page_ids, out, log_sum, rows, keys, causal, sm_scale):
        for by in T.thread_binding(SHARED, thread="blockIdx.y"):
            for bx in T.thread_binding((rows + LANES * ROWS - 1) // (LANES * ROWS), thread="blockIdx.x"):
                for tx in T.thread_binding(LANES, thread="threadIdx.x"):
                    with T.sblock("walk"):
                        T.reads()
                        T.writes()
                        query = T.sblock_alloc_buffer((R * D,), "float32", scope="local")
                        mixed = T.sblock_alloc_buffer((R * D,), "float32", scope="local")
                        top = T.sblock_alloc_buffer((R,), "float32", scope="local")
                        total = T.sblock_alloc_buffer((R,), "float32", scope="local")
                        score = T.sblock_alloc_buffer((R,), "float32", scope="local")
                        one = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        end = T.sblock_alloc_buffer((1,), "int32", scope="local")
                        for r in T.unroll(R):
                            top[r] = T.float32(NOTHING_YET)
                            total[r] = T.float32(0)
                            for d in range(D):
                                mixed[r * D + d] = T.float32(0)
                                query[r * D + d] = (
                                    T.cast(q[T.min((bx * LANES + tx) * ROWS + r // EACH, rows - 1), by * EACH + r % EACH, d], "float32")
                                    * sm_scale
                                    * T.float32(LOG2E)
                                )
                        end[0] = keys
                        if causal > 0:
                            end[0] = T.min(keys, keys - rows + (bx * LANES + tx) * ROWS + ROWS)
                        for j in range(end[0]):
                            for r in T.unroll(R):
                                score[r] = T.float32(0)
                            for d0 in range(D // STEP):
                                for d1 in T.unroll(STEP):
                                    one[0] = T.cast(read(k, page_ids, 0, j, by, d0 * STEP + d1), "float32")
                                    for r in T.unroll(R):
                                        score[r] = score[r] + one[0] * query[r * D + d0 * STEP + d1]
                            for r in T.unroll(R):
                                if causal > 0 and j > keys - rows + (bx * LANES + tx) * ROWS + r // EACH:
                                    score[r] = T.float32(-1e9)
                                if score[r] > top[r]:
                                    one[0] = T.exp2(top[r] - score[r])
                                    top[r] = score[r]
                                    total[r] = total[r] * one[0]
                                    for d in range(D):
                                        mixed[r * D + d] = mixed[r * D + d] * one[0]
                                score[r] = T.exp2(score[r] - top[r])
                                total[r] = total[r] + score[r]
                            for d0 in range(D // STEP):
                                for d1 in T.unroll(STEP):
                                    one[0] = T.cast(read(v, page_ids, 1, j, by, d0 * STEP + d1), "float32")
                                    for r in T.unroll(R):
                                        mixed[r * D + d0 * STEP + d1] = mixed[r * D + d0 * STEP + d1] + one[0] * score[r]
                        for r in T.unroll(R):
                            if (bx * LANES + tx) * ROWS + r // EACH < rows:
                                log_sum[(bx * LANES + tx) * ROWS + r // EACH, by * EACH + r % EACH] = top[r] + T.log2(total[r])
                                for d in range(D):
                                    out[(bx * LANES + tx) * ROWS + r // EACH, by * EACH + r % EACH, d] = T.cast(
                                        mixed[r * D + d] / total[r], dtype
                                    )

    return walk


@functools.lru_cache(None)
def prefill_paged(HEADS, SHARED, D, dtype):
    """Many query rows against keys that are in the cache."""
    walk = _walk(HEADS, SHARED, D, dtype)

    @T.prim_func(s_tir=True)
    def attention_prefill_paged(
        q_: T.handle,
        q_ptr_: T.handle,
        pages_: T.handle,
        page_ptr_: T.handle,
        page_ids_: T.handle,
        length_: T.handle,
        k_position_: T.handle,
        q_position_: T.handle,
        out_: T.handle,
        log_sum_: T.handle,
        causal: T.int32,
        rotary_mode: T.int32,
        rope_scale: T.float32,
        rope_theta: T.float32,
        sm_scale: T.float32,
    ):
        T.func_attr(PLACED)
        batch = T.int32()
        rows = T.int32()
        used = T.int32()
        all_pages = T.int32()
        offset0 = T.int64()
        offset1 = T.int32()
        offset2 = T.int32()
        offset3 = T.int32()
        offset4 = T.int32()
        offset5 = T.int32()
        offset6 = T.int32()
        q = T.match_buffer(q_, (rows, HEADS, D), dtype)
        q_ptr = T.match_buffer(q_ptr_, (batch + 1,), "int32", elem_offset=offset1)
        pages = T.match_buffer(pages_, (all_pages, 2, SHARED, PAGE, D), dtype, elem_offset=offset0)
        page_ptr = T.match_buffer(page_ptr_, (batch + 1,), "int32", elem_offset=offset2)
        page_ids = T.match_buffer(page_ids_, (used,), "int32", elem_offset=offset3)
        length = T.match_buffer(length_, (batch,), "int32", elem_offset=offset6)
        k_position = T.match_buffer(k_position_, (batch,), "int32", elem_offset=offset4)
        q_position = T.match_buffer(q_position_, (rows,), "int32", elem_offset=offset5)
        out = T.match_buffer(out_, (rows, HEADS, D), dtype)
        log_sum = T.match_buffer(log_sum_, (rows, HEADS), "float32")
        walk(q, pages, pages, page_ids, out, log_sum, rows, (used - 1) * PAGE + length[0], causal, sm_scale)

    return attention_prefill_paged


@functools.lru_cache(None)
def prefill_ragged(HEADS, SHARED, D, dtype):
    """Many query rows against the keys of the same chunk."""
    walk = _walk(HEADS, SHARED, D, dtype)

    @T.prim_func(s_tir=True)
    def attention_prefill_ragged(
        q_: T.handle,
        q_ptr_: T.handle,
        k_: T.handle,
        v_: T.handle,
        k_ptr_: T.handle,
        q_position_: T.handle,
        k_position_: T.handle,
        out_: T.handle,
        log_sum_: T.handle,
        causal: T.int32,
        rotary_mode: T.int32,
        rope_scale: T.float32,
        rope_theta: T.float32,
        sm_scale: T.float32,
    ):
        T.func_attr(PLACED)
        batch = T.int32()
        rows = T.int32()
        keys = T.int32()
        offset1 = T.int32()
        offset2 = T.int32()
        offset3 = T.int32()
        offset4 = T.int32()
        q = T.match_buffer(q_, (rows, HEADS, D), dtype)
        q_ptr = T.match_buffer(q_ptr_, (batch + 1,), "int32", elem_offset=offset1)
        k = T.match_buffer(k_, (keys, SHARED, D), dtype)
        v = T.match_buffer(v_, (keys, SHARED, D), dtype)
        k_ptr = T.match_buffer(k_ptr_, (batch + 1,), "int32", elem_offset=offset2)
        q_position = T.match_buffer(q_position_, (rows,), "int32", elem_offset=offset3)
        k_position = T.match_buffer(k_position_, (batch,), "int32", elem_offset=offset4)
        out = T.match_buffer(out_, (rows, HEADS, D), dtype)
        log_sum = T.match_buffer(log_sum_, (rows, HEADS), "float32")
        walk(q, k, v, k_ptr, out, log_sum, rows, keys, causal, sm_scale)

    return attention_prefill_ragged


@functools.lru_cache(None)
def merge_partial(HEADS, D, dtype):
    """Joins two partial attentions, in place in the first. One thread owns a whole (row, head).

    TVM's kernel of this purpose lets D/4 threads of a head read and rewrite the same log-sum: a data race, right only where those threads run
    in lockstep, wrong on SwiftShader. Both schedules therefore use this one.
    """

    @T.prim_func(s_tir=True)
    def attention_merge(v_: T.handle, log_sum_: T.handle, v_other_: T.handle, log_sum_other_: T.handle):
        T.func_attr(PLACED)
        rows = T.int32()
        v = T.match_buffer(v_, (rows, HEADS, D), dtype)
        log_sum = T.match_buffer(log_sum_, (rows, HEADS), "float32")
        v_other = T.match_buffer(v_other_, (rows, HEADS, D), dtype)
        log_sum_other = T.match_buffer(log_sum_other_, (rows, HEADS), "float32")
        for bx in T.thread_binding(rows, thread="blockIdx.x"):
            for tx in T.thread_binding(HEADS, thread="threadIdx.x"):
                with T.sblock("merge"):
                    T.reads()
                    T.writes()
                    share = T.sblock_alloc_buffer((3,), "float32", scope="local")
                    share[0] = T.max(log_sum[bx, tx], log_sum_other[bx, tx])
                    share[1] = T.exp2(log_sum[bx, tx] - share[0])
                    share[2] = T.exp2(log_sum_other[bx, tx] - share[0])
                    log_sum[bx, tx] = share[0] + T.log2(share[1] + share[2])
                    for d in range(D):
                        v[bx, tx, d] = T.cast(
                            (T.cast(v[bx, tx, d], "float32") * share[1] + T.cast(v_other[bx, tx, d], "float32") * share[2])
                            / (share[1] + share[2]),
                            dtype,
                        )

    return attention_merge
