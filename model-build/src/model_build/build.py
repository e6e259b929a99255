"""Weights to a complete model folder."""

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

from .build_options import BuildOptions
from .checkpoint import open_checkpoint
from .compile import Parameter, parameters_of
from .convert import convert
from .errors import BuildError
from .folder import CardFacts, chat_config, clear_folder, copy_tokenizer, stop_tokens, write_card, write_json, write_shards
from .wasm import build_library, find_emcc

# Suffix of the file, compute type, schedule: what the app chooses from, by the adapter's features.
LIBRARIES = (
    ("webgpu-f32", "float32", "gpu"),
    ("webgpu-f16", "float16", "gpu"),
    ("webgpu-f32-flat", "float32", "barrier-free"),
)


@dataclasses.dataclass(frozen=True)
class BuildRequest:
    weights: str
    model_id: str
    out: Path
    facts: CardFacts
    embedding_bits: int = 8
    context: int = 2048
    chunk: int = 256
    rounding: str = "search"
    libraries: tuple[str, ...] = tuple(name for name, _, _ in LIBRARIES)


def build_folder(request: BuildRequest, say: Callable[[str], None] = print) -> None:
    """Builds everything into request.out; model-card.json comes last. Raises BuildError for bad input."""
    find_emcc()
    if request.chunk > request.context:
        raise BuildError(f"The prefill chunk ({request.chunk}) is larger than the context ({request.context}); give a smaller --chunk.")
    checkpoint = open_checkpoint(request.weights)
    clear_folder(request.out)
    options = BuildOptions("gpu", "float32", request.embedding_bits, request.context, request.chunk)
    tokenizer, tokenizer_files = copy_tokenizer(checkpoint, request.out)
    stops = stop_tokens(checkpoint, tokenizer)
    start = time.perf_counter()
    written = write_shards(request.out, convert(checkpoint, request.embedding_bits, request.rounding))
    _check_parameters(parameters_of(checkpoint.config, options), written)
    say(f"weights quantized in {time.perf_counter() - start:.1f} s")
    write_json(request.out / "mlc-chat-config.json", chat_config(checkpoint.config, options, tokenizer_files, stops))
    libraries = []
    for suffix, dtype, schedule in LIBRARIES:
        if suffix not in request.libraries:
            continue
        start = time.perf_counter()
        file = request.out / f"{request.model_id}-{suffix}.wasm"
        library = dataclasses.replace(options, schedule=schedule, dtype=dtype)
        build_library(checkpoint.config, library, file)
        libraries.append(
            {
                "file": file.name,
                "computeType": library.compute_type,
                "schedule": schedule,
                "requiredFeatures": ["shader-f16"] if dtype == "float16" else [],
            }
        )
        say(f"{file.name}: {file.stat().st_size / 1e6:.2f} MB in {time.perf_counter() - start:.1f} s")
    write_card(request.out, request.model_id, request.facts, checkpoint, options, libraries, stops, rounding_of(checkpoint.folder, request.rounding))


def rounding_of(weights: Path, own: str) -> str:
    """How the weights came to the deployed grid, for the card: as `calibrate` noted it beside them, whose rounding `own` then reproduces."""
    note = weights / "rounding.json"
    try:
        return str(json.loads(note.read_text("utf-8"))["method"]) if note.exists() else own
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise BuildError(f"{note} does not say how the weights were rounded ({error}); round them again, or remove it.") from error


def _check_parameters(wanted: tuple[Parameter, ...], written: dict[str, Parameter]) -> None:
    """A library and the shards must agree on every name, shape and type."""
    for parameter in wanted:
        if written.get(parameter.name) != parameter:
            raise RuntimeError(f"the library wants {parameter}, the shards hold {written.get(parameter.name)}")
    if len(wanted) != len(written):
        raise RuntimeError(f"the shards hold {len(written)} parameters, the library wants {len(wanted)}")
