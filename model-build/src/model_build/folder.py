"""The model folder: shards, tensor-cache.json, mlc-chat-config.json, tokenizer and model-card.json; writing and verifying it."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from .build_options import BuildOptions
from .checkpoint import Checkpoint
from .compile import Parameter
from .decoder_config import DecoderConfig, parse_config
from .errors import BuildError

SHARD_LIMIT = 32 << 20  # bytes; a table that is larger by itself gets a shard of its own
CARD = "model-card.json"
# Tokens that end an answer, besides eos_token_id, where the vocabulary has them.
END_TOKENS = ("<|im_end|>", "<|endoftext|>")


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, value) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")


def write_shards(folder: Path, parameters: Iterable[tuple[str, np.ndarray]]) -> dict[str, Parameter]:
    """Writes params_shard_*.bin and tensor-cache.json as WebLLM reads them; returns what was written, by name."""
    written: dict[str, Parameter] = {}
    shards, records, chunks, total = [], [], [], 0

    def flush() -> None:
        nonlocal records, chunks
        if not records:
            return
        name = f"params_shard_{len(shards)}.bin"
        data = b"".join(chunks)
        (folder / name).write_bytes(data)
        shards.append({"dataPath": name, "format": "raw-shard", "nbytes": len(data), "records": records, "md5sum": hashlib.md5(data).hexdigest()})
        records, chunks = [], []

    size = 0
    for name, value in parameters:
        data = np.ascontiguousarray(value).tobytes()
        if size + len(data) > SHARD_LIMIT:
            flush()
            size = 0
        records.append(
            {"name": name, "shape": list(value.shape), "dtype": str(value.dtype), "format": "raw", "nbytes": len(data), "byteOffset": size}
        )
        chunks.append(data)
        size += len(data)
        total += len(data)
        written[name] = Parameter(name, tuple(value.shape), str(value.dtype))
    flush()
    write_json(folder / "tensor-cache.json", {"metadata": {"ParamSize": len(written), "ParamBytes": total}, "records": shards})
    return written


def read_shards(folder: Path) -> dict[str, np.ndarray]:
    """All parameters of a folder, memory-mapped."""
    out = {}
    for shard in _read_json(folder / "tensor-cache.json")["records"]:
        path = folder / shard["dataPath"]
        if not path.exists() or path.stat().st_size != shard["nbytes"]:
            raise BuildError(f"{path} is missing or cut short; build or download the folder again.")
        data = np.memmap(path, np.uint8, "r")
        for record in shard["records"]:
            begin = record["byteOffset"]
            part = data[begin : begin + record["nbytes"]]
            out[record["name"]] = part.view(record["dtype"]).reshape(record["shape"])
    return out


def copy_tokenizer(checkpoint: Checkpoint, folder: Path) -> tuple[Tokenizer, list[str]]:
    """Copies the tokenizer files; returns the tokenizer and the names of the files."""
    source = checkpoint.folder / "tokenizer.json"
    if not source.exists():
        raise BuildError(f"There is no tokenizer.json in {checkpoint.folder}; save the model's fast tokenizer there.")
    try:
        tokenizer = Tokenizer.from_file(str(source))
    except Exception as error:  # the tokenizers package raises bare Exception
        raise BuildError(f"{source} is not a tokenizer.json ({error}); save the model's fast tokenizer there.") from error
    if tokenizer.get_vocab_size() > checkpoint.config.vocab_size:
        raise BuildError(
            f"{source} has {tokenizer.get_vocab_size()} tokens, but the model's embedding only {checkpoint.config.vocab_size}; "
            "they do not belong together."
        )
    names = [name for name in ("tokenizer.json", "tokenizer_config.json") if (checkpoint.folder / name).exists()]
    # Written anew, not copied: a tokenizer.json without indentation is half the size.
    for name in names:
        value = _read_json(checkpoint.folder / name)
        (folder / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
    return tokenizer, names


def stop_tokens(checkpoint: Checkpoint, tokenizer: Tokenizer) -> list[int]:
    """Ids that end an answer: eos_token_id of config.json and generation_config.json, then the usual end tokens."""
    found: list[int] = []
    sources = [checkpoint.raw_config]
    generation = checkpoint.folder / "generation_config.json"
    if generation.exists():
        sources.append(_read_json(generation))
    for source in sources:
        ids = source.get("eos_token_id")
        found.extend(ids if isinstance(ids, list) else [] if ids is None else [ids])
    found.extend(token for token in map(tokenizer.token_to_id, END_TOKENS) if token is not None)
    stops = list(dict.fromkeys(found))
    if not stops:
        raise BuildError(f"{checkpoint.folder} names no token that ends an answer; add eos_token_id to config.json.")
    return stops


def chat_config(config: DecoderConfig, options: BuildOptions, tokenizer_files: list[str], stops: list[int]) -> dict:
    """mlc-chat-config.json, with the fields that WebLLM 0.2.86 reads. The prompt format is ChatML; Tabletalk feeds tokens and does not use it."""
    return {
        "version": "0.1.0",
        "model_type": config.model_type,
        "quantization": "q4_bf16scales",
        "model_config": {
            "vocab_size": config.vocab_size, "context_window_size": options.context, "prefill_chunk_size": options.chunk,
        },
        "vocab_size": config.vocab_size,
        "context_window_size": options.context,
        "sliding_window_size": -1,
        "attention_sink_size": -1,
        "prefill_chunk_size": options.chunk,
        "tensor_parallel_shards": 1,
        "temperature": 0.0,
        "top_p": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "repetition_penalty": 1.0,
        "bos_token_id": stops[0],
        "eos_token_id": stops,
        "pad_token_id": stops[0],
        "tokenizer_files": tokenizer_files,
        "tokenizer_info": {"token_postproc_method": "byte_level", "prepend_space_in_encode": False, "strip_space_in_decode": False},
        "conv_template": {
            "name": "chatml",
            "system_template": "<|im_start|>system\n{system_message}<|im_end|>\n",
            "system_message": "",
            "system_prefix_token_ids": None,
            "add_role_after_system_message": True,
            "roles": {"user": "<|im_start|>user", "assistant": "<|im_start|>assistant"},
            "role_templates": {"user": "{user_message}", "assistant": "{assistant_message}", "tool": "{tool_message}"},
            "messages": [],
            "seps": ["<|im_end|>\n"],
            "role_content_sep": "\n",
            "role_empty_sep": "\n",
            "stop_str": ["<|im_end|>"],
            "stop_token_ids": stops,
            "function_string": "",
            "use_function_calling": False,
        },
    }  # fmt: skip


@dataclasses.dataclass(frozen=True)
class CardFacts:
    """What the model card says that cannot be read off the weights."""

    title: str
    base_model: str
    licence: str
    training_data: str
    recipe: str
    prompt_style: str
    # Tokens of the prompt that the schema may take; None: what the context window allows.
    schema_budget: int | None = None


def write_card(
    folder: Path, model_id: str, facts: CardFacts, checkpoint: Checkpoint, options: BuildOptions, libraries: list[dict], stops: list[int], rounding: str
) -> None:
    """model-card.json, last: its presence says that the folder is complete."""
    config = checkpoint.config
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in sorted(folder.iterdir()) if path.name != CARD and path.is_file()
    }
    card = {
        "id": model_id,
        "title": facts.title or model_id,
        "base": facts.base_model,
        "licence": facts.licence,
        "trainingData": facts.training_data,
        "recipe": facts.recipe,
        "promptStyle": facts.prompt_style,
        **({} if facts.schema_budget is None else {"schemaBudget": facts.schema_budget}),
        "parameterCount": config.parameter_count(),
        "contextWindow": options.context,
        "prefillChunk": options.chunk,
        "vocabularySize": config.vocab_size,
        "stopTokens": stops,
        "quantization": {
            "linear": "4 bits, (nibble - 7) * scale",
            "embedding": f"{options.embedding_bits} bits",
            "embeddingBits": options.embedding_bits,
            "group": 32,
            "scale": "signed bf16, two in a uint32",
            "rounding": rounding,
        },
        "measuredAccuracy": None,
        "architecture": dataclasses.asdict(config),
        "libraries": libraries,
        "files": files,
        "bytes": sum(entry["bytes"] for entry in files.values()),
    }
    write_json(folder / CARD, card)


def note_accuracy(folder: Path, score: Path, repaired: Path | None) -> dict:
    """Puts into the card what `npm run evaluate -- --json` counted, alone and with the repair; returns the card's entry. Raises BuildError.

    Where an index.json beside the folder lists it (public/models), the card's new hash goes in there: the page does not offer a card with another one.
    """

    def counts(path: Path) -> tuple[int, float]:
        found = _read_json(path)
        try:
            return int(found["n"]), round(found["exec"] / found["n"], 4)
        except (KeyError, TypeError, ZeroDivisionError) as error:
            raise BuildError(f"{path} is not what `npm run evaluate -- --json` prints; score the folder's predictions again.") from error

    card = _read_json(folder / CARD)
    questions, match = counts(score)
    entry = {"benchmark": f"Spider dev, {questions:,} questions", "executionMatch": match}
    if repaired is not None:
        count, with_repair = counts(repaired)
        if count != questions:
            raise BuildError(f"{repaired} counts {count} questions and {score} {questions}; score the same predictions.")
        entry["executionMatchWithRepair"] = with_repair
    entry |= {"questions": questions, "engine": "this folder's 4-bit weights, tabletalk-model serve-stdio, greedy, held to the schema"}
    write_json(folder / CARD, card | {"measuredAccuracy": entry})
    index_path = folder.resolve().parent / "index.json"
    if index_path.is_file():
        index = _read_json(index_path)
        for listed in index.get("models", []):
            if listed.get("folder") == f"{folder.resolve().name}/":
                listed["cardSha256"] = sha256_of(folder / CARD)
        index_path.write_text(json.dumps(index, indent=2) + "\n", "utf-8")
    return entry


def _read_json(path: Path):
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise BuildError(f"There is no {path.name} in {path.parent}; build or download the folder again.") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BuildError(f"{path} is not JSON ({error}); build or download it again.") from error


@dataclasses.dataclass(frozen=True)
class ModelFolder:
    """A finished folder, as its card describes it."""

    path: Path
    card: dict
    config: DecoderConfig

    @property
    def embedding_bits(self) -> int:
        return self.card["quantization"]["embeddingBits"]

    def tokenizer(self) -> Tokenizer:
        path = self.path / "tokenizer.json"
        if not path.exists():
            raise BuildError(f"There is no tokenizer.json in {self.path}; build or download the folder again.")
        return Tokenizer.from_file(str(path))


def open_model_folder(path: Path, verify: bool = True) -> ModelFolder:
    """Reads the card; with `verify`, every file's size and SHA-256 must be what it says."""
    card = _read_json(path / CARD)
    try:
        architecture = card["architecture"]
        config = DecoderConfig(**architecture)
        files = card["files"].items()
    except (KeyError, TypeError, AttributeError) as error:
        raise BuildError(f"{path / CARD} is not a model card of this tool; build the folder again.") from error
    parse_config({**architecture, "hidden_act": "silu"}, str(path / CARD))
    if verify:
        for name, entry in files:
            file = path / name
            if not file.exists():
                raise BuildError(f"{path} lacks {name}, which its card lists; build or download the folder again.")
            size = file.stat().st_size
            if size != entry["bytes"]:
                raise BuildError(f"{file} has {size} bytes, the card says {entry['bytes']}: it is cut short or changed; build or download it again.")
            if sha256_of(file) != entry["sha256"]:
                raise BuildError(f"{file} does not have the SHA-256 that the card says: it is damaged or changed; build or download it again.")
        unknown = sorted(p.name for p in path.iterdir() if p.name != CARD and p.name not in card["files"])
        if unknown:
            raise BuildError(f"{path} holds {unknown[0]}, which its card does not list; remove it or build the folder again.")
    return ModelFolder(path, card, config)


def clear_folder(folder: Path) -> None:
    """An empty folder to build into. Only what an earlier build could have written is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD).unlink(missing_ok=True)
    ours = ("params_shard_*.bin", "*-webgpu-*.wasm", "tensor-cache.json", "mlc-chat-config.json", "tokenizer.json", "tokenizer_config.json")
    for pattern in ours:
        for path in folder.glob(pattern):
            path.unlink()
    left = sorted(path.name for path in folder.iterdir())
    if left:
        raise BuildError(f"{folder} holds other files ({left[0]}); give an empty folder or one that this tool made.")


def free_space(folder: Path) -> int:
    """Bytes free where `folder` is to be."""
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    return shutil.disk_usage(existing).free
