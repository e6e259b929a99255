"""A decoder's configuration to a compiled TVM executable."""

import dataclasses
import json

import tvm
from tvm import relax
from tvm.s_tir import dlight

from .build_options import BuildOptions
from .decoder import Decoder
from .decoder_config import DecoderConfig
from .sampling import add_sampling

WASM_HOST = {"kind": "llvm", "mtriple": "wasm32-unknown-unknown-wasm", "mcpu": "mvp"}


@dataclasses.dataclass(frozen=True)
class Parameter:
    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclasses.dataclass(frozen=True)
class Compiled:
    executable: relax.VMExecutable
    parameters: tuple[Parameter, ...]  # in the order of the compiled functions' parameter tuple


def target_of(options: BuildOptions) -> tvm.target.Target:
    if options.target == "llvm":
        return tvm.target.Target({"kind": "llvm", "mcpu": tvm.target.codegen.llvm_get_system_cpu()})
    return tvm.target.Target({"kind": "webgpu", "host": WASM_HOST})


def parameters_of(config: DecoderConfig, options: BuildOptions) -> tuple[Parameter, ...]:
    """Names, shapes and types of the weights, without compiling anything. The same for every schedule and compute type."""
    decoder = Decoder(config, options)
    return tuple(Parameter(name, tuple(int(n) for n in p.shape), str(p.dtype)) for name, p in decoder.named_parameters())


def _metadata(config: DecoderConfig, options: BuildOptions, parameters: tuple[Parameter, ...]) -> str:
    """What WebLLM reads from the library."""
    return json.dumps(
        {
            "model_type": config.model_type,
            "quantization": f"q4{options.compute_type}",
            "context_window_size": options.context,
            "sliding_window_size": -1,
            "attention_sink_size": -1,
            "prefill_chunk_size": options.chunk,
            "kv_state_kind": "kv_cache",
            "max_batch_size": 1,
            "model_task": "chat",
            "params": [{"name": p.name, "shape": p.shape, "dtype": p.dtype, "preprocs": []} for p in parameters],
        }
    )


def _passes(options: BuildOptions, target: tvm.target.Target) -> tvm.transform.Sequential:
    """TVM's usual way down. Without FoldConstant: it runs constant kernels at compile time, which WebGPU ones cannot."""
    t = relax.transform
    gpu = dlight.gpu
    rules = [gpu.Matmul(), gpu.GEMV(), gpu.Reduction(), gpu.GeneralReduction(), gpu.Fallback()] if options.target == "webgpu" else []
    return tvm.transform.Sequential(
        [
            tvm.tirx.transform.BindTarget(target),
            t.LegalizeOps(),
            t.AnnotateTIROpPattern(),
            t.FuseOps(),
            t.FuseTIR(),
            t.DeadCodeElimination(),
            *([dlight.ApplyDefaultSchedule(*rules)] if rules else []),
            tvm.tirx.transform.ForceNarrowIndexToInt32(),
            t.RewriteDataflowReshape(),
            t.ToNonDataflow(),
            t.RemovePurityChecking(),
            t.CallTIRRewrite(),
            t.StaticPlanBlockMemory(),
            t.LowerAllocTensor(),
            t.KillAfterLastUse(),
            t.LowerRuntimeBuiltin(),
            t.VMShapeLower(),
            t.AttachGlobalSymbol(),
        ]
    )


def build_executable(config: DecoderConfig, options: BuildOptions) -> Compiled:
    """Compiles one library; for WebGPU the host part is wasm32, to be linked by wasm.link_library."""
    target = target_of(options)
    with target:
        decoder = Decoder(config, options)
        module, exported = decoder.export_tvm(spec=decoder.spec())
        parameters = tuple(Parameter(name, tuple(int(n) for n in p.shape), str(p.dtype)) for name, p in exported)
        if options.target == "webgpu":
            module = add_sampling(module, config.vocab_size)
            builder = relax.BlockBuilder(module)
            with builder.function("_metadata", []):
                builder.emit_func_output(tvm.ir.StringImm(_metadata(config, options, parameters)))
            module = builder.finalize()
        for variable, function in list(module.functions_items()):
            if isinstance(function, relax.Function):
                bounded = function.with_attr("tir_var_upper_bound", {"seq_len": options.chunk})
                module[variable] = bounded.with_attr("relax.memory_plan_dynamic_func_output", True)
        with tvm.transform.PassContext(opt_level=3, config={"tirx.disable_cse_tir": True}):
            executable = relax.build(module, target, relax_pipeline=_passes(options, target), system_lib=options.target == "webgpu")
    return Compiled(executable, parameters)
