"""Fuses an adapter into its base: a Hugging Face folder without LoRA, checked against base and adapter side by side.

    python -m tabletalk_training.fuse BASE ADAPTER OUT --prompts dev.jsonl [--grid] [--dtype bfloat16]

ADAPTER is a folder in PEFT's or mlx-lm's format (a CPU run's adapter/). The logits at the answers of the first prompts are computed twice: by the base with the
adapter beside it, and by what was written. OUT appears only if they agree. `--grid` writes the weights on the deployed 4-bit and 8-bit grid, as the forward
pass of a quantization-aware run saw them.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from .adapter import Adapter, BadAdapter, check_fits, delta, read_adapter
from .examples import BadExamples, read_examples, tokenize
from .lora import load_adapter, lora_layers
from .model import Decoder, load
from .packing import Pack, attend_packed, layout
from .quantize import fake_quantize
from .weights import weight_files

# Largest difference of a logit, as a share of the largest logit. f32 sums differ in their order alone (2e-6 on the toys); bf16 weights are rounded to 8 bits.
TOLERANCE = {"float32": 1e-4, "bfloat16": 0.05}
TABLES = ("model.embed_tokens.weight", "lm_head.weight")


class NotFused(ValueError):
    """What was written does not answer as base and adapter do; the message says by how much."""


def is_matrix(name: str) -> bool:
    """Whether a tensor is a layer's linear weight, by its Hugging Face name."""
    return name.endswith("_proj.weight")


def write_fused(base: Path, adapter: Adapter, out: Path, dtype: torch.dtype, bits: tuple[int, int] | None) -> None:
    """Writes `out`, a file of weights at a time: matrices with the adapter in them, rounded if `bits`; everything else as it is."""
    out.mkdir(parents=True)
    for path in weight_files(base):
        with safe_open(path, "pt") as file:
            tensors = {}
            for name in file.keys():  # noqa: SIM118 (not a dict)
                tensor = file.get_tensor(name).float()
                if (module := name.removesuffix(".weight")) in adapter.factors:
                    tensor += delta(adapter, module)
                if bits and (is_matrix(name) or name in TABLES):
                    tensor = fake_quantize(tensor, bits[0] if is_matrix(name) else bits[1])
                tensors[name] = tensor.to(dtype)
        save_file(tensors, out / path.name, metadata={"format": "pt"})
    for path in base.iterdir():
        if path.is_file() and path.suffix != ".safetensors":
            shutil.copy(path, out)
    config = json.loads((base / "config.json").read_text()) | {"torch_dtype": str(dtype).removeprefix("torch.")}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def side_by_side(base: Path, adapter: Adapter, dtype: torch.dtype, bits: tuple[int, int] | None) -> Decoder:
    """Base and adapter unmerged; with `bits` as a quantization-aware run computes."""
    model = load_adapter(load(base, dtype), adapter)
    if bits:
        with torch.no_grad():
            for _, layer in lora_layers(model):
                layer.deployed = fake_quantize(layer.merged(layer.a.float(), layer.b.float()), bits[0]).to(dtype)
            for table in (model.embedding, model.head):
                if table is not None:
                    table.copy_(fake_quantize(table.float(), bits[1]))
    return model


@torch.inference_mode()
def answer_logits(model: Decoder, packs: list[Pack]) -> list[Tensor]:
    """Logits [answer's tokens, vocabulary] of each pack."""
    plans = [layout(pack) for pack in packs]
    return [model.logits(model.hidden(plan.ids, plan.positions, attend_packed(plan))[plan.predicts]) for plan in plans]


def fuse(
    base: Path, folder: Path, out: Path, prompts: Path, count: int, dtype: str, bits: tuple[int, int] | None, tolerance: float | None
) -> tuple[float, float]:
    """Writes `out` and returns the largest difference of a logit and the largest logit. Raises BadAdapter, BadExamples, NotFused."""
    if out.exists():
        raise NotFused(f"{out} is there already: choose another name or remove it.")
    adapter = read_adapter(folder)
    check_fits(adapter, base)
    examples, too_long = tokenize(read_examples(prompts), Tokenizer.from_file(str(base / "tokenizer.json")), 4096)
    if not examples:
        raise BadExamples(f"All {len(too_long)} examples of {prompts} are over 4096 tokens: give shorter ones.")
    packs = [Pack(x.prefix, ((x.suffix, x.completion),)) for x in examples[:count]]
    # Both computations in the type that is written: f32, or bf16 where f32 would not fit the memory.
    compute = getattr(torch, dtype)
    before = answer_logits(side_by_side(base, adapter, compute, bits), packs)
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    write_fused(base, adapter, partial, compute, bits)
    after = answer_logits(load(partial, compute), packs)
    difference = max(float((a - b).abs().max()) for a, b in zip(before, after, strict=True))
    largest = max(float(a.abs().max()) for a in before)
    allowed = TOLERANCE[dtype] if tolerance is None else tolerance
    if not difference <= allowed * largest:
        raise NotFused(
            f"The fused model's logits differ by up to {difference:.3g} (largest logit {largest:.3g}, allowed {allowed * largest:.3g}): it was left in {partial}; "
            "fuse again with --dtype float32, or raise --tolerance if that is meant."
        )
    training = {"adapter": {"rank": adapter.rank, "alpha": adapter.alpha}, "bits": bits, "logit_difference": difference, "largest_logit": largest}
    (partial / "training.json").write_text(json.dumps(training, indent=2) + "\n")
    if (folder.parent / "log.jsonl").exists():
        shutil.copy(folder.parent / "log.jsonl", partial / "training-log.jsonl")
    partial.rename(out)
    return difference, largest


def main() -> None:
    # An idle thread of OpenMP spins by default and takes the core from whoever else works here.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("base", type=Path, help="Hugging Face folder that the adapter was trained on")
    arguments.add_argument("adapter", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--prompts", type=Path, required=True, help="examples JSONL to compare logits on")
    arguments.add_argument("--count", type=int, default=4, help="how many of them")
    arguments.add_argument("--dtype", default="float32", choices=sorted(TOLERANCE), help="type of the weights written; bfloat16 for 3B and up")
    arguments.add_argument("--grid", action="store_true", help="round to the deployed grid (4 bits, tables 8): after a quantization-aware run")
    arguments.add_argument("--tolerance", type=float, help="largest difference of a logit, as a share of the largest logit")
    arguments.add_argument("--threads", type=int, default=2)
    a = arguments.parse_args()
    torch.set_num_threads(a.threads)
    # A code times a bf16 scale does not fit bf16.
    if a.grid and a.dtype != "float32":
        sys.exit("--grid needs --dtype float32: rounding to bf16 would leave the grid.")
    try:
        difference, largest = fuse(a.base, a.adapter, a.out, a.prompts, a.count, a.dtype, (4, 8) if a.grid else None, a.tolerance)
    except (BadAdapter, BadExamples, NotFused) as error:
        sys.exit(str(error))
    print(f"{a.out}: the logits of base + adapter, largest difference {difference:.3g} (largest logit {largest:.3g})")


if __name__ == "__main__":
    main()
