"""Adds the functions WebLLM calls between logits and token to a module."""

import tvm
from tvm import relax, te, tirx

from .kernels.sampling import BINS, SHIFTS, THREADS, edit_kernels, histogram_kernel, nucleus_kernels, softmax_kernels


def _f32(*shape):
    return relax.TensorType(shape, "float32")


def _i32(*shape):
    return relax.TensorType(shape, "int32")


def _reshape(x, *shape):
    return relax.call_pure_packed("vm.builtin.reshape", x, relax.ShapeExpr(shape), ty_args=relax.TensorType(shape, x.ty.dtype))


def _softmax(builder: relax.BlockBuilder, V: int) -> None:
    names = ("softmax_max", "softmax_sum", "softmax_probabilities")
    top_of, sum_of, result_of = (builder.add_func(kernel, name) for kernel, name in zip(softmax_kernels(V), names, strict=True))
    logits, temperature = relax.Var("logits", _f32(1, 1, V)), relax.Var("temperature", _f32(1))
    with builder.function("softmax_with_temperature", [logits, temperature]):
        with builder.dataflow():
            x = builder.emit(_reshape(logits, 1, V))
            top = builder.emit(relax.call_tir(top_of, [x], _f32(THREADS)))
            sums = builder.emit(relax.call_tir(sum_of, [x, temperature, top], _f32(THREADS)))
            result = builder.emit(relax.call_tir(result_of, [x, temperature, top, sums], _f32(1, V)))
            out = builder.emit_output(_reshape(result, 1, 1, V))
        builder.emit_func_output(out)


def _constant(builder, shape, value, dtype, name):
    return builder.emit_te(lambda: te.compute(shape, lambda *_: tirx.const(value, dtype), name=name), primfunc_name_hint=name)


def _top_p(builder: relax.BlockBuilder, V: int) -> None:
    probabilities = relax.Var("probs", _f32(1, V))
    # WebLLM hands the result to sample_with_top_p and to nothing else, and that needs no order: token ids in their own order will do.
    with builder.function("argsort_probs", [probabilities]):
        with builder.dataflow():
            ids = builder.emit_te(
                lambda: te.compute((1, V), lambda _, j: j.astype("int32"), name="own_order"), primfunc_name_hint="own_order"
            )
            out = builder.emit_output((probabilities, ids))
        builder.emit_func_output(out)

    names = ("nucleus_add", "nucleus_kept", "nucleus_draw")
    add, keep, draw = (builder.add_func(kernel, name) for kernel, name in zip(nucleus_kernels(V), names, strict=True))
    p, ids = relax.Var("probs", _f32(1, V)), relax.Var("ids", _i32(1, V))
    uniform, index, top_p = relax.Var("uniform", _f32(1)), relax.Var("sample_indices", _i32(1)), relax.Var("top_p", _f32(1))
    with builder.function("sample_with_top_p", [p, ids, uniform, index, top_p]):
        with builder.dataflow():
            low = _constant(builder, (1,), 0, "int32", "no_bits")
            above = _constant(builder, (1,), 0.0, "float32", "no_mass")
            bins = _constant(builder, (BINS,), 0.0, "float32", "no_bins")
            for shift in SHIFTS:
                kernel = builder.add_func(histogram_kernel(V, shift), f"nucleus_histogram{shift}")
                result = builder.emit(relax.call_tir(kernel, [p, top_p, low, above, bins], [_i32(1), _f32(1), _f32(THREADS, BINS)]))
                low, above = builder.emit(result[0]), builder.emit(result[1])
                bins = builder.emit(relax.call_tir(add, [result[2]], _f32(BINS)))
            result = builder.emit(relax.call_tir(keep, [p, top_p, low, above, bins], [_i32(1), _f32(THREADS)]))
            out = builder.emit_output(relax.call_tir(draw, [p, ids, uniform, result[0], result[1]], _i32(1)))
        builder.emit_func_output(out)


def add_sampling(module: tvm.IRModule, V: int) -> tvm.IRModule:
    """`module` with softmax_with_temperature, argsort_probs, sample_with_top_p and the in-place edits, for logits [1, V]."""
    builder = relax.BlockBuilder(module)
    _softmax(builder, V)
    _top_p(builder, V)
    module = builder.finalize()
    for name, kernel in edit_kernels(V).items():
        module[name] = kernel.with_attr("global_symbol", name)  # callable by name without a Relax function around it
    return module
