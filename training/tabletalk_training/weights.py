"""The tensors of a Hugging Face folder, in one .safetensors file or in the parts that its index names, read one at a time."""

import json
from pathlib import Path

from safetensors import safe_open
from torch import Tensor


def weight_files(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    names = sorted(set(json.loads(index.read_text())["weight_map"].values())) if index.exists() else ["model.safetensors"]
    return [folder / name for name in names]


class Weights:
    """Tensors by name; nothing is read before it is asked for."""

    def __init__(self, folder: Path):
        self.files = {name: file for path in weight_files(folder) for file in [safe_open(path, "pt")] for name in file.keys()}  # noqa: SIM118

    def get(self, name: str) -> Tensor:
        return self.files[name].get_tensor(name)

    def shape(self, name: str) -> list[int] | None:
        return self.files[name].get_slice(name).get_shape() if name in self.files else None
