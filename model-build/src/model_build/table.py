"""A quantized matrix as a Relax module: linear layer, embedding, or both (tied)."""

from tvm import te, tirx
from tvm.relax.frontend import nn

from .build_options import BuildOptions
from .decoder_config import GROUP
from .kernels.linear_barrier_free import barrier_free_linear
from .kernels.linear_cpu import cpu_linear
from .quantization import ZERO


def table_value(words, scales, row, column, bits: int, dtype: str):
    """TE expression of one weight, as quantization.py stores it."""
    per_word = 32 // bits
    shift = ((column % per_word) * bits).astype("uint32")
    stored = (words[row, column // per_word] >> shift) & tirx.const((1 << bits) - 1, "uint32")
    group = column // GROUP
    half = (scales[row, group // 2] >> ((group % 2) * 16).astype("uint32")) << tirx.const(16, "uint32")
    scale = tirx.reinterpret("float32", half).astype(dtype)
    return (stored.astype(dtype) - tirx.const(ZERO[bits], dtype)) * scale


class Table(nn.Module):
    """A quantized [rows, width] matrix. Activations and results have options.dtype unless said otherwise; a bias is float32."""

    def __init__(self, rows: int, width: int, options: BuildOptions, bits: int = 4, bias: bool = False):
        super().__init__()
        self.rows, self.width, self.bits, self.options = rows, width, bits, options
        self.words = nn.Parameter((rows, width * bits // 32), "uint32")
        self.scales = nn.Parameter((rows, (width // GROUP + 1) // 2), "uint32")
        self.bias = nn.Parameter((rows,), "float32") if bias else None

    def forward(self, x: nn.Tensor, residual: nn.Tensor | None = None, out_dtype: str | None = None) -> nn.Tensor:
        """x [1, n, width] to [1, n, rows]: x @ table.T (+ bias) (+ residual)."""
        out_dtype = out_dtype or self.options.dtype
        if self.options.schedule == "gpu":
            y = nn.op.tensor_expr_op(self._product, "dequantized_product", [x, self.words, self.scales])
            if self.bias is not None:
                y = nn.op.add(y, self.bias)
            if residual is not None:
                y = nn.op.add(y, residual.astype("float32") if residual.dtype != "float32" else residual)
            return y.astype(out_dtype) if out_dtype != "float32" else y
        rows = x.shape[1] if isinstance(x.shape[1], int) else None
        addend, extra = ("bias", [self.bias]) if self.bias is not None else ("residual", [residual]) if residual is not None else ("none", [])
        make = cpu_linear if self.options.schedule == "cpu" else barrier_free_linear
        kernel = make(self.rows, self.width, self.bits, x.dtype, out_dtype, addend, rows)
        placeholder = nn.Tensor.placeholder((1, x.shape[1], self.rows), out_dtype)
        return nn.op.tensor_ir_op(kernel, f"linear_{addend}", [x, self.words, self.scales, *extra], placeholder)

    def _product(self, x, words, scales):
        """Weights in the compute type (what shared memory holds), sums in float32: f16 sums overflow on the residual stream's outliers."""
        weight = te.compute(
            (self.rows, self.width), lambda n, k: table_value(words, scales, n, k, self.bits, self.options.dtype), name="dequantize"
        )
        k = te.reduce_axis((0, self.width), name="k")
        return te.compute(
            (*x.shape[:2], self.rows),
            lambda b, m, n: te.sum(x[b, m, k].astype("float32") * weight[n, k].astype("float32"), axis=k),
            name="product",
        )

    def lookup(self, ids: nn.Tensor) -> nn.Tensor:
        """int32 [n] to [n, width] in the compute type."""

        def take(ids, words, scales):
            return te.compute(
                (ids.shape[0], self.width), lambda i, c: table_value(words, scales, ids[i], c, self.bits, self.options.dtype), name="take"
            )

        return nn.op.tensor_expr_op(take, "dequantized_take", [ids, self.words, self.scales])
