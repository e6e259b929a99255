"""Rounds a student to the deployed grid, by plain rounding, by searching each scale, or with GPTQ on real prompts and SQL.

    python -m tabletalk_training.calibrate STUDENT --data train.jsonl --out OUT [--method plain|search|gptq] [--examples N]

STUDENT is a Hugging Face folder of unrounded weights; OUT is one whose weights lie on the grid (quantize.py), so model-build reproduces them without
error. Embedding and head are rounded to 8 bits by their largest weights. `--data` is needed for gptq alone.

gptq goes through the layers in order; within one, qkv, out, gate_up, down. Each matrix is rounded for the inputs that those rounded before it make.
A layer at a time is kept in OUT/partial-*: killed at any moment, the same line goes on after the last whole one.

At most in memory: the weights in f32, one layer's inputs, and one f32 second moment of inputs with its f64 factorization (2.3 GB for 8,960 inputs).
"""

import argparse
import contextlib
import copy
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from .examples import BadExamples, pack_epoch, read_examples, tokenize
from .gptq import output_error, round_gptq, round_plain, round_search
from .model import Decoder, Layer, is_linear, load, to_hugging_face
from .optimizer import deployed_bits
from .packing import Layout, Pack, attend_packed, layout
from .quantize import GROUP, fake_quantize
from .train import fast_precision
from .weights import weight_files

# A layer's matrices in the order in which its input meets them.
MATRICES = ("qkv", "out", "gate_up", "down")
# Packs as training makes them (configs/smollm2-135m.yaml says why).
PACK_TOKENS, PACK_ROOM, PACK_QUESTIONS = 900, 450, 8
# Of the layers' matrices, and of embedding and head.
BITS = (4, 8)


class BadCalibration(ValueError):
    """The student cannot be rounded; the message says why and what to do."""


def calibration_packs(data: Path, tokenizer: Tokenizer, count: int, seed: int, context: int) -> list[Pack]:
    """Packs of training questions with their SQL, `count` questions or a few more, the same for the same arguments. Raises BadExamples."""
    if count < 1:
        raise BadExamples(f"--examples is {count}: calibration needs examples, some hundreds of them.")
    examples, too_long = tokenize(read_examples(data), tokenizer, context)
    if not examples:
        raise BadExamples(f"All {len(too_long)} examples of {data} are longer than {context} tokens: raise --context.")
    packs, taken = [], 0
    for pack in pack_epoch(examples, seed, 0, PACK_TOKENS, PACK_ROOM, PACK_QUESTIONS):
        if taken >= count:
            break
        packs.append(pack)
        taken += len(pack.questions)
    return packs


class Reached(Exception):
    """Not an error: ends a forward pass whose rest is of no use."""


class Stream:
    """The packs' hidden states before a layer, and the layer as it computes on them."""

    def __init__(self, model: Decoder, packs: list[Pack], dtype: torch.dtype):
        self.dtype = dtype
        self.plans: list[Layout] = [layout(pack) for pack in packs]
        table = model.embedding.to(dtype)
        self.hidden = [table[plan.ids] for plan in self.plans]
        self.frequencies = model.frequencies

    def forward(self, layer: Layer, i: int) -> Tensor:
        """The layer's output for pack `i`."""
        plan = self.plans[i]
        angle = (plan.positions.float()[:, None] * self.frequencies)[:, None]
        return layer(self.hidden[i], 0, angle.cos().to(self.dtype), angle.sin().to(self.dtype), attend_packed(plan))

    def second_moment(self, layer: Layer, matrix: nn.Linear) -> Tensor:
        """Sum of x xT over the inputs x of `matrix`, a part of `layer`: [in, in] f32."""
        total = torch.zeros(matrix.in_features, matrix.in_features)

        def add(_: nn.Module, inputs: tuple[Tensor]) -> None:
            x = inputs[0].float()
            total.addmm_(x.T, x)
            raise Reached

        hook = matrix.register_forward_pre_hook(add)
        for i in range(len(self.plans)):
            with contextlib.suppress(Reached):
                self.forward(layer, i)
        hook.remove()
        return total

    def advance(self, layer: Layer) -> None:
        """To the hidden states behind the layer."""
        for i in range(len(self.plans)):
            self.hidden[i] = self.forward(layer, i)


def calibrate_layer(layer: Layer, stream: Stream, tell: Callable[[str], None]) -> None:
    """Rounds the layer's matrices in place, each for the inputs that those before it make; tells what share of its outputs' energy is changed."""
    # What the stream computes with: the rounded weights in its precision, while `layer` keeps them in f32.
    computing = copy.deepcopy(layer).to(stream.dtype)
    for name in MATRICES:
        hessian = stream.second_moment(computing, getattr(computing, name))
        weight = getattr(layer, name).weight
        rounded = round_gptq(weight, hessian)
        tell(f"{name} {output_error(rounded - weight, hessian) / output_error(weight, hessian):.1e}")
        weight.copy_(rounded)
        getattr(computing, name).weight.copy_(rounded)


@torch.no_grad()
def calibrate(model: Decoder, packs: list[Pack], partial: Path, dtype: torch.dtype) -> None:
    """Rounds the layers' matrices in place with GPTQ; the tables must be rounded already. Layers that `partial` holds are taken from there."""
    stream = Stream(model, packs, dtype)
    begun = time.monotonic()
    for i, layer in enumerate(model.layers):
        path = partial / f"layer-{i:03d}.safetensors"
        if path.exists():
            for name, weight in load_file(path).items():
                getattr(layer, name).weight.copy_(weight)
            print(f"layer {i + 1} of {len(model.layers)}: taken from {path}", file=sys.stderr, flush=True)
        else:
            errors: list[str] = []
            calibrate_layer(layer, stream, errors.append)
            write_whole({name: getattr(layer, name).weight for name in MATRICES}, path)
            seconds = time.monotonic() - begun
            print(f"layer {i + 1} of {len(model.layers)}, {seconds:.0f} s: {', '.join(errors)} of the outputs", file=sys.stderr, flush=True)
        if i + 1 < len(model.layers):
            stream.advance(copy.deepcopy(layer).to(dtype))


def check_widths(model: Decoder) -> None:
    """Raises BadCalibration for a student that the deployed format cannot hold."""
    for name, weight in model.named_parameters():
        if deployed_bits(name, BITS) and weight.shape[1] % GROUP:
            raise BadCalibration(f"{name} has {weight.shape[1]} inputs, which are no whole groups of {GROUP}: choose a base model whose widths are.")
        if not weight.isfinite().all():
            raise BadCalibration(f"{name} holds numbers that are not finite: train again from the last good checkpoint.")


def identity(student: Path, packs: list[Pack], dtype: torch.dtype) -> str:
    """What a resumed run must share with the one that was killed."""
    found = hashlib.sha256(repr((packs, dtype)).encode())
    for file in (*weight_files(student), student / "config.json"):
        with file.open("rb") as opened:
            found.update(hashlib.file_digest(opened, "sha256").digest())
    return found.hexdigest()[:16]


def round_student(student: Path, data: Path | None, out: Path, method: str, count: int, seed: int, context: int, precision: str) -> None:
    """Writes `out`. Raises BadCalibration, BadExamples."""
    for path in (student / "config.json", student / "tokenizer.json", *weight_files(student)):
        if not path.exists():
            raise BadCalibration(f"There is no {path.name} in {student}: give a student's Hugging Face folder, such as export or fuse writes.")
    if (out / "model.safetensors").exists():
        raise BadCalibration(f"{out} holds a model already: choose another --out or remove it.")
    packs: list[Pack] = []
    if method == "gptq":
        if data is None:
            raise BadExamples("gptq calibrates on examples: add --data train.jsonl, as `npm run prepare-data` writes it.")
        packs = calibration_packs(data, Tokenizer.from_file(str(student / "tokenizer.json")), count, seed, context)
    model = load(student)
    check_widths(model)
    out.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if is_linear(name) and method != "gptq":
                weight.copy_({"plain": round_plain, "search": round_search}[method](weight))
            elif deployed_bits(name, BITS) == 8:
                fake_quantize(weight, 8, out=weight.data)
    if method == "gptq":
        dtype = fast_precision(precision)
        partial = out / f"partial-{identity(student, packs, dtype)}"
        partial.mkdir(exist_ok=True)
        calibrate(model, packs, partial, dtype)
    write(model, student, out, {"method": method, "bits": BITS, "examples": sum(len(p.questions) for p in packs), "seed": seed if packs else None})
    for left in out.glob("partial-*"):
        shutil.rmtree(left)


def write(model: Decoder, student: Path, out: Path, rounding: dict) -> None:
    """A Hugging Face folder in f32 (a code times a bf16 scale does not fit bf16); tokenizer and the record of training come from `student`."""
    for path in student.iterdir():
        if path.is_file() and ".safetensors" not in path.name:
            shutil.copy(path, out)
    config = {**model.config, "torch_dtype": "float32"}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (out / "rounding.json").write_text(json.dumps(rounding, indent=2) + "\n")
    write_whole(to_hugging_face({name: p.detach() for name, p in model.named_parameters()}, model.config), out / "model.safetensors")


def write_whole(tensors: dict[str, Tensor], path: Path) -> None:
    """All of a file or nothing of it. Raises BadCalibration where the disk is full, say."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        save_file(tensors, partial, metadata={"format": "pt"})
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise BadCalibration(f"{path.parent} could not be written: {error}. Make room and give the same line again: rounded layers are kept there.") from error
    partial.replace(path)


def main() -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("student", type=Path)
    arguments.add_argument("--data", type=Path, help="examples JSONL to calibrate on: those it was trained on, never dev")
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--method", default="gptq", choices=["plain", "search", "gptq"])
    arguments.add_argument("--examples", type=int, default=256, help="how many examples to calibrate on")
    arguments.add_argument("--seed", type=int, default=0, help="which of them")
    arguments.add_argument("--context", type=int, default=2048, help="longest example in tokens")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"], help="of the forward passes; rounding is in f32")
    a = arguments.parse_args()
    torch.set_num_threads(a.threads)
    try:
        round_student(a.student, a.data, a.out, a.method, a.examples, a.seed, a.context, a.precision)
    except (BadCalibration, ValueError) as error:
        sys.exit(str(error))
    print(f"{a.out}: {a.student.name} on the deployed grid ({a.method}); `tabletalk-model build` reproduces it without error")


if __name__ == "__main__":
    main()
