"""From logits to a token on the GPU: softmax, exact top-p, and in-place edits of the logits. Batch of one, no barriers.

TVM's GPU sort cannot be built for WebGPU (it uses blockIdx.z), so top-p finds its cut without sorting: non-negative floats order like their
bits, hence five rounds of a 64-way search over 30 bits of the probability find the smallest one kept, exactly.
"""

import functools

from tvm.script import tirx as T

from . import SCHEDULED

THREADS = 256  # each walks the vocabulary with this stride
GROUP = 64
BINS = 64
SHIFTS = (24, 18, 12, 6, 0)  # bits below the digit that each round decides


@functools.lru_cache(None)
def softmax_kernels(V):
    """(maximum a thread, sum of exponentials a thread, probabilities)."""
    STEPS = (V + THREADS - 1) // THREADS

    @T.prim_func(private=True, s_tir=True)
    def thread_max(x: T.Buffer((1, V), "float32"), top: T.Buffer((THREADS,), "float32")):
        T.func_attr(SCHEDULED)
        for b in T.thread_binding(THREADS // GROUP, thread="blockIdx.x"):
            for t in T.thread_binding(GROUP, thread="threadIdx.x"):
                with T.sblock("max"):
                    T.reads()
                    T.writes()
                    best = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    best[0] = T.min_value("float32")
                    for i in range(STEPS):
                        if i * THREADS + b * GROUP + t < V:
                            best[0] = T.max(best[0], x[0, i * THREADS + b * GROUP + t])
                    top[b * GROUP + t] = best[0]

    @T.prim_func(private=True, s_tir=True)
    def thread_sum(
        x: T.Buffer((1, V), "float32"),
        temperature: T.Buffer((1,), "float32"),
        top: T.Buffer((THREADS,), "float32"),
        sums: T.Buffer((THREADS,), "float32"),
    ):
        T.func_attr(SCHEDULED)
        for b in T.thread_binding(THREADS // GROUP, thread="blockIdx.x"):
            for t in T.thread_binding(GROUP, thread="threadIdx.x"):
                with T.sblock("sum"):
                    T.reads()
                    T.writes()
                    best = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    total = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    best[0] = T.min_value("float32")
                    for i in range(THREADS):
                        best[0] = T.max(best[0], top[i])
                    total[0] = T.float32(0)
                    for i in range(STEPS):
                        if i * THREADS + b * GROUP + t < V:
                            total[0] = total[0] + T.exp((x[0, i * THREADS + b * GROUP + t] - best[0]) / temperature[0])
                    sums[b * GROUP + t] = total[0]

    @T.prim_func(private=True, s_tir=True)
    def probabilities(
        x: T.Buffer((1, V), "float32"),
        temperature: T.Buffer((1,), "float32"),
        top: T.Buffer((THREADS,), "float32"),
        sums: T.Buffer((THREADS,), "float32"),
        out: T.Buffer((1, V), "float32"),
    ):
        T.func_attr(SCHEDULED)
        for b in T.thread_binding(THREADS // GROUP, thread="blockIdx.x"):
            for t in T.thread_binding(GROUP, thread="threadIdx.x"):
                with T.sblock("probabilities"):
                    T.reads()
                    T.writes()
                    best = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    total = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    best[0] = T.min_value("float32")
                    total[0] = T.float32(0)
                    for i in range(THREADS):
                        best[0] = T.max(best[0], top[i])
                        total[0] = total[0] + sums[i]
                    for i in range(STEPS):
                        if i * THREADS + b * GROUP + t < V:
                            out[0, i * THREADS + b * GROUP + t] = (
                                T.exp((x[0, i * THREADS + b * GROUP + t] - best[0]) / temperature[0]) / total[0]
                            )

    return thread_max, thread_sum, probabilities


@functools.lru_cache(None)
def histogram_kernel(V, shift):
    """One round of the search: decides the digit of the round before from its histogram (but for the first), then adds up, a thread, the
    probabilities that share all decided digits by their next one. `low` holds the decided digits, `above` the mass over them."""
    STEPS = (V + THREADS - 1) // THREADS
    first = shift == SHIFTS[0]

    @T.prim_func(private=True, s_tir=True)
    def histogram(
        p: T.Buffer((1, V), "float32"),
        top_p: T.Buffer((1,), "float32"),
        low: T.Buffer((1,), "int32"),
        above: T.Buffer((1,), "float32"),
        bins: T.Buffer((BINS,), "float32"),
        low_out: T.Buffer((1,), "int32"),
        above_out: T.Buffer((1,), "float32"),
        parts: T.Buffer((THREADS, BINS), "float32"),
    ):
        T.func_attr(SCHEDULED)
        for b in T.thread_binding(THREADS // GROUP, thread="blockIdx.x"):
            for t in T.thread_binding(GROUP, thread="threadIdx.x"):
                with T.sblock("histogram"):
                    T.reads()
                    T.writes()
                    own = T.sblock_alloc_buffer((BINS,), "float32", scope="local")
                    mass = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    base = T.sblock_alloc_buffer((1,), "int32", scope="local")
                    digit = T.sblock_alloc_buffer((1,), "int32", scope="local")
                    mass[0] = above[0]
                    base[0] = low[0]
                    if not first:
                        digit[0] = BINS - 1
                        while digit[0] > 0 and mass[0] + bins[digit[0]] < top_p[0]:
                            mass[0] = mass[0] + bins[digit[0]]
                            digit[0] = digit[0] - 1
                        base[0] = base[0] + digit[0] * (BINS << shift)
                    if b * GROUP + t == 0:
                        low_out[0] = base[0]
                        above_out[0] = mass[0]
                    for i in range(BINS):
                        own[i] = T.float32(0)
                    for i in range(STEPS):
                        if i * THREADS + b * GROUP + t < V:
                            digit[0] = T.reinterpret("int32", p[0, i * THREADS + b * GROUP + t]) - base[0]
                            if digit[0] >= 0 and digit[0] < (BINS << shift):
                                own[digit[0] >> shift] = own[digit[0] >> shift] + p[0, i * THREADS + b * GROUP + t]
                    for i in range(BINS):
                        parts[b * GROUP + t, i] = own[i]

    return histogram


@functools.lru_cache(None)
def nucleus_kernels(V):
    """(add the threads' histograms, find the cut and each thread's kept mass, draw a token)."""
    EACH = (V + THREADS - 1) // THREADS

    @T.prim_func(private=True, s_tir=True)
    def add_histograms(parts: T.Buffer((THREADS, BINS), "float32"), bins: T.Buffer((BINS,), "float32")):
        T.func_attr(SCHEDULED)
        for b in T.thread_binding(1, thread="blockIdx.x"):
            for t in T.thread_binding(BINS, thread="threadIdx.x"):
                with T.sblock("add"):
                    T.reads()
                    T.writes()
                    total = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    total[0] = T.float32(0)
                    for i in range(THREADS):
                        total[0] = total[0] + parts[i, t]
                    bins[t] = total[0]

    @T.prim_func(private=True, s_tir=True)
    def kept_mass(
        p: T.Buffer((1, V), "float32"),
        top_p: T.Buffer((1,), "float32"),
        low: T.Buffer((1,), "int32"),
        above: T.Buffer((1,), "float32"),
        bins: T.Buffer((BINS,), "float32"),
        cut: T.Buffer((1,), "int32"),
        kept: T.Buffer((THREADS,), "float32"),
    ):
        T.func_attr(SCHEDULED)
        for b in T.thread_binding(THREADS // GROUP, thread="blockIdx.x"):
            for t in T.thread_binding(GROUP, thread="threadIdx.x"):
                with T.sblock("kept"):
                    T.reads()
                    T.writes()
                    mass = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    digit = T.sblock_alloc_buffer((1,), "int32", scope="local")
                    mass[0] = above[0]
                    digit[0] = BINS - 1
                    while digit[0] > 0 and mass[0] + bins[digit[0]] < top_p[0]:
                        mass[0] = mass[0] + bins[digit[0]]
                        digit[0] = digit[0] - 1
                    digit[0] = digit[0] + low[0]
                    if b * GROUP + t == 0:
                        cut[0] = digit[0]
                    mass[0] = T.float32(0)
                    for i in range(EACH):
                        if (b * GROUP + t) * EACH + i < V:
                            if T.reinterpret("int32", p[0, (b * GROUP + t) * EACH + i]) >= digit[0]:
                                mass[0] = mass[0] + p[0, (b * GROUP + t) * EACH + i]
                    kept[b * GROUP + t] = mass[0]

    @T.prim_func(private=True, s_tir=True)
    def draw(
        p: T.Buffer((1, V), "float32"),
        ids: T.Buffer((1, V), "int32"),
        uniform: T.Buffer((1,), "float32"),
        cut: T.Buffer((1,), "int32"),
        kept: T.Buffer((THREADS,), "float32"),
        token: T.Buffer((1,), "int32"),
    ):
        T.func_attr(SCHEDULED)
        for b in T.thread_binding(1, thread="blockIdx.x"):
            for t in T.thread_binding(1, thread="threadIdx.x"):
                with T.sblock("draw"):
                    T.reads()
                    T.writes()
                    threshold = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    mass = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    part = T.sblock_alloc_buffer((1,), "int32", scope="local")
                    done = T.sblock_alloc_buffer((1,), "int32", scope="local")
                    threshold[0] = T.float32(0)
                    for i in range(THREADS):
                        threshold[0] = threshold[0] + kept[i]
                    threshold[0] = threshold[0] * uniform[0]
                    part[0] = 0
                    done[0] = 0
                    for i in range(THREADS):
                        if kept[i] > T.float32(0) and done[0] == 0:
                            part[0] = i
                            if threshold[0] < kept[i]:
                                done[0] = 1
                            else:
                                threshold[0] = threshold[0] - kept[i]
                    if done[0] == 0:  # rounding pushed the threshold past the end: the last kept token
                        threshold[0] = T.float32(2)
                    mass[0] = T.float32(0)
                    done[0] = 0
                    token[0] = ids[0, part[0] * EACH]
                    for i in range(EACH):
                        if part[0] * EACH + i < V:
                            if (
                                T.reinterpret("int32", p[0, part[0] * EACH + i]) >= cut[0]
                                and p[0, part[0] * EACH + i] > T.float32(0)
                                and done[0] == 0
                            ):
                                token[0] = ids[0, part[0] * EACH + i]
                                mass[0] = mass[0] + p[0, part[0] * EACH + i]
                                if mass[0] > threshold[0]:
                                    done[0] = 1

    return add_histograms, kept_mass, draw


@functools.lru_cache(None)
def edit_kernels(V):
    """The functions WebLLM calls to change logits in place, by the name it knows them under."""

    @T.prim_func(s_tir=True)
    def apply_logit_bias_inplace(x_: T.handle, sequence_: T.handle, ids_: T.handle, bias_: T.handle):
        T.func_attr(SCHEDULED)
        n = T.int32()
        x = T.match_buffer(x_, (1, V), "float32")
        sequence = T.match_buffer(sequence_, (n,), "int32")
        ids = T.match_buffer(ids_, (n,), "int32")
        bias = T.match_buffer(bias_, (n,), "float32")
        for b in T.thread_binding((n + GROUP - 1) // GROUP, thread="blockIdx.x"):
            for t in T.thread_binding(GROUP, thread="threadIdx.x"):
                with T.sblock("bias"):
                    T.reads()
                    T.writes()
                    if b * GROUP + t < n:
                        x[sequence[b * GROUP + t], ids[b * GROUP + t]] = x[sequence[b * GROUP + t], ids[b * GROUP + t]] + bias[b * GROUP + t]

    @T.prim_func(s_tir=True)
    def apply_penalty_inplace(x_: T.handle, sequences_: T.handle, sequence_: T.handle, ids_: T.handle, counts_: T.handle, penalties_: T.handle):
        """penalties: presence, frequency, repetition."""
        T.func_attr(SCHEDULED)
        n = T.int32()
        x = T.match_buffer(x_, (1, V), "float32")
        sequences = T.match_buffer(sequences_, (1,), "int32")
        sequence = T.match_buffer(sequence_, (n,), "int32")
        ids = T.match_buffer(ids_, (n,), "int32")
        counts = T.match_buffer(counts_, (n,), "int32")
        penalties = T.match_buffer(penalties_, (1, 3), "float32")
        for b in T.thread_binding((n + GROUP - 1) // GROUP, thread="blockIdx.x"):
            for t in T.thread_binding(GROUP, thread="threadIdx.x"):
                with T.sblock("penalty"):
                    T.reads()
                    T.writes()
                    value = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    if b * GROUP + t < n:
                        value[0] = (
                            x[sequences[sequence[b * GROUP + t]], ids[b * GROUP + t]]
                            - penalties[0, 0]
                            - T.cast(counts[b * GROUP + t], "float32") * penalties[0, 1]
                        )
                        x[sequences[sequence[b * GROUP + t]], ids[b * GROUP + t]] = T.if_then_else(
                            value[0] < T.float32(0), value[0] * penalties[0, 2], value[0] / penalties[0, 2]
                        )

    @T.prim_func(s_tir=True)
    def apply_bitmask_inplace(x_: T.handle, sequences_: T.handle, mask_: T.handle):
        T.func_attr(SCHEDULED)
        x = T.match_buffer(x_, (1, V), "float32")
        sequences = T.match_buffer(sequences_, (1,), "int32")
        mask = T.match_buffer(mask_, (1, (V + 31) // 32), "int32")
        for b in T.thread_binding((V + GROUP - 1) // GROUP, thread="blockIdx.x"):
            for t in T.thread_binding(GROUP, thread="threadIdx.x"):
                with T.sblock("bitmask"):
                    T.reads()
                    T.writes()
                    if b * GROUP + t < V:
                        if (mask[sequences[0], (b * GROUP + t) // 32] >> ((b * GROUP + t) % 32)) & 1 == 0:
                            x[sequences[0], b * GROUP + t] = T.min_value("float32")

    return {
        "apply_logit_bias_inplace": apply_logit_bias_inplace,
        "apply_penalty_inplace": apply_penalty_inplace,
        "apply_bitmask_inplace": apply_bitmask_inplace,
    }
