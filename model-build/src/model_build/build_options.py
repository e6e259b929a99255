"""How a library is to be built."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class BuildOptions:
    """One library: compute type, schedule and sizes. The weights are the same for all of them."""

    schedule: str  # "gpu": TVM's dlight; "barrier-free": no workgroup memory, for software adapters; "cpu": this machine, LLVM
    dtype: str = "float32"  # activations and KV cache; "float16" needs shader-f16 in a browser
    embedding_bits: int = 8
    context: int = 2048  # tokens of the KV cache
    chunk: int = 256  # tokens of a prefill step, at most

    @property
    def target(self) -> str:
        return "llvm" if self.schedule == "cpu" else "webgpu"

    @property
    def compute_type(self) -> str:
        """As the model card says it."""
        return "f32" if self.dtype == "float32" else "f16"
