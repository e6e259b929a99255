"""Reads and writes .safetensors: 8 bytes of header length, a JSON header, raw little-endian tensors."""

import json
from collections.abc import Iterable
from pathlib import Path

import ml_dtypes
import numpy as np

from .errors import BuildError

DTYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype(ml_dtypes.bfloat16), "F64": np.dtype("<f8")}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


class SafetensorsFile:
    """One file, memory-mapped. Raises BuildError if it is cut short or not of this format."""

    def __init__(self, path: Path):
        self.path = path
        size = path.stat().st_size
        if size < 8:
            raise BuildError(f"{path} has only {size} bytes: it is not a whole .safetensors file; download it again.")
        self._bytes = np.memmap(path, np.uint8, "r")
        header = int(self._bytes[:8].view("<u8")[0])
        if header > size - 8:
            raise BuildError(f"{path} is cut short: its header alone needs {header + 8} bytes, it has {size}; download it again.")
        try:
            entries = json.loads(bytes(self._bytes[8 : 8 + header]))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise BuildError(f"{path} is not a .safetensors file (its header is not JSON); download it again.") from error
        self._start = 8 + header
        self._entries = {name: entry for name, entry in entries.items() if name != "__metadata__"}
        needed = self._start + max((entry["data_offsets"][1] for entry in self._entries.values()), default=0)
        if needed > size:
            raise BuildError(f"{path} is cut short: its tensors need {needed} bytes, it has {size}; download it again.")

    def names(self) -> Iterable[str]:
        return self._entries.keys()

    def shape(self, name: str) -> list[int]:
        return self._entries[name]["shape"]

    def get(self, name: str) -> np.ndarray:
        """The tensor as float32."""
        entry = self._entries[name]
        dtype = DTYPES.get(entry["dtype"])
        if dtype is None:
            raise BuildError(
                f"{self.path}: tensor {name} is stored as {entry['dtype']}; only {', '.join(DTYPES)} are supported, use the unquantized weights."
            )
        begin, end = entry["data_offsets"]
        raw = np.array(self._bytes[self._start + begin : self._start + end])
        return raw.view(dtype).astype(np.float32).reshape(entry["shape"])


def write_safetensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """Writes float32 or bfloat16 arrays, in the order given."""
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + tensor.nbytes]}
        at += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor).tobytes())
