"""LoRA adapters as files: PEFT's format (adapter_config.json, adapter_model.safetensors), which every arm writes, and mlx-lm's.

    python -m tabletalk_training.adapter RUN/adapter OUT --base Qwen/Qwen2.5-Coder-0.5B-Instruct

writes one to be published: in bf16, half the size, with the base's hub id in the place of a folder on this machine.

An adapter gives each projection W [out, in] factors A [rank, in] and B [out, rank]; the student's weight is W + alpha / rank * B A.
"""

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .weights import Weights

PEFT_NAME = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")
MLX_NAME = re.compile(r"(.+)\.lora_([ab])")


class BadAdapter(ValueError):
    """The adapter cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Adapter:
    """`factors`: Hugging Face module name (model.layers.0.self_attn.q_proj) -> (A [rank, in], B [out, rank]), f32."""

    rank: int
    alpha: float
    factors: dict[str, tuple[Tensor, Tensor]]

    @property
    def scale(self) -> float:
        return self.alpha / self.rank


def write_peft(adapter: Adapter, folder: Path, base: str, dtype: torch.dtype = torch.float32) -> None:
    """Writes PEFT's format. Each file is whole or the one before: weights first, under another name until they are complete."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, (a, b) in adapter.factors.items():
        tensors[f"base_model.model.{name}.lora_A.weight"], tensors[f"base_model.model.{name}.lora_B.weight"] = a.to(dtype), b.to(dtype)
    targets = sorted({name.rsplit(".", 1)[1] for name in adapter.factors})
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base, "r": adapter.rank, "lora_alpha": adapter.alpha,
        "lora_dropout": 0.0, "bias": "none", "target_modules": targets, "inference_mode": True,
    }  # fmt: skip
    write_whole(folder, "adapter_model.safetensors", tensors, config)


def write_mlx(adapter: Adapter, folder: Path, layers: int) -> None:
    """Writes mlx-lm's format, for a model of `layers` layers: transposed factors, the scale instead of alpha."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, (a, b) in adapter.factors.items():
        tensors[f"{name}.lora_a"], tensors[f"{name}.lora_b"] = a.T.contiguous(), b.T.contiguous()
    keys = sorted({name.split(".", 3)[3] for name in adapter.factors})
    parameters = {"rank": adapter.rank, "scale": adapter.scale, "dropout": 0.0, "keys": keys}
    config = {"fine_tune_type": "lora", "num_layers": layers, "lora_parameters": parameters}
    write_whole(folder, "adapters.safetensors", tensors, config)


def write_whole(folder: Path, weights: str, tensors: dict[str, Tensor], config: dict) -> None:
    partial = folder / f"{weights}.partial"
    save_file(tensors, partial, metadata={"format": "pt"})
    partial.replace(folder / weights)
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")


def read_adapter(folder: Path) -> Adapter:
    """Reads PEFT's or mlx-lm's format. Raises BadAdapter for one that is not there, torn, or of another kind."""
    again = "copy it again, or train again."
    try:
        config = json.loads((folder / "adapter_config.json").read_text())
    except FileNotFoundError:
        raise BadAdapter(f"There is no adapter in {folder}: name a folder with adapter_config.json, such as a run's adapter/.") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise BadAdapter(f"{folder / 'adapter_config.json'} is torn: {again}") from None
    peft = "peft_type" in config
    path = folder / ("adapter_model.safetensors" if peft else "adapters.safetensors")
    try:
        tensors = load_file(path)
    except FileNotFoundError:
        raise BadAdapter(f"{path} is missing beside its adapter_config.json: {again}") from None
    except (SafetensorError, ValueError, RuntimeError):
        raise BadAdapter(f"{path} is torn (it is not a whole .safetensors file): {again}") from None
    if peft and (config["peft_type"] != "LORA" or config.get("use_dora") or config.get("modules_to_save") or config.get("use_rslora")):
        raise BadAdapter(f"{folder} is not plain LoRA: train an adapter with `use_dora`, `use_rslora` and `modules_to_save` off.")
    if peft:
        rank, alpha = config["r"], float(config["lora_alpha"])
    else:
        rank, alpha = config["lora_parameters"]["rank"], config["lora_parameters"]["scale"] * config["lora_parameters"]["rank"]
    halves: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        match = (PEFT_NAME if peft else MLX_NAME).fullmatch(name)
        if match is None:
            raise BadAdapter(f"{path} holds {name}, which is no factor of a linear layer: train linear layers alone.")
        halves.setdefault(match[1], {})[match[2].upper()] = tensor.float() if peft else tensor.float().T.contiguous()
    for name, pair in halves.items():
        if pair.keys() != {"A", "B"} or len(pair["A"]) != rank or pair["B"].shape[1] != rank:
            raise BadAdapter(f"{path}: {name} lacks a factor or has not rank {rank}: {again}")
    if not halves:
        raise BadAdapter(f"{path} is empty: {again}")
    return Adapter(rank, alpha, {name: (pair["A"], pair["B"]) for name, pair in halves.items()})


def check_fits(adapter: Adapter, base: Path) -> None:
    """Raises BadAdapter if a factor has no matrix in the Hugging Face folder `base`, or one of another shape."""
    weights = Weights(base)
    for name, (a, b) in adapter.factors.items():
        shape = weights.shape(f"{name}.weight")
        if shape is None:
            raise BadAdapter(f"The adapter changes {name}, which {base} does not have: give the base that it was trained on.")
        if shape != [b.shape[0], a.shape[1]]:
            raise BadAdapter(
                f"The adapter does not fit {base}: {name} is {shape[0]} x {shape[1]} there and {b.shape[0]} x {a.shape[1]} in the adapter; "
                "give the base that it was trained on."
            )


def delta(adapter: Adapter, name: str) -> Tensor:
    """What the adapter adds to the matrix of the module `name`, f32 [out, in]."""
    a, b = adapter.factors[name]
    return (b @ a) * adapter.scale


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("adapter", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--base", required=True, help="hub id of the model that it was trained on")
    a = arguments.parse_args()
    try:
        write_peft(read_adapter(a.adapter), a.out, a.base, torch.bfloat16)
    except BadAdapter as error:
        sys.exit(str(error))
    print(f"{a.out}: the adapter of {a.adapter} in bf16, for {a.base}")


if __name__ == "__main__":
    main()
