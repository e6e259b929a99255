"""Cuts a byte-level BPE model to its first N token ids: a smaller embedding to download and a faster head.

    python -m tabletalk_training.vocabulary BASE OUT --size 32768 [--text FILE.jsonl]

Byte-level BPE numbers its tokens in the order of its merges (single bytes first), so the first ids with the merges that make them are again a complete
tokenizer: every text still has tokens, rare words just take more of them. Special tokens are kept wherever they stand: SmolLM2 has them at the beginning,
Qwen2 behind all merges; those move to the end of the smaller vocabulary. `--text` counts how many more tokens real examples take.
"""

import argparse
import json
import sys
from pathlib import Path

from safetensors.torch import save_file
from tokenizers import Tokenizer

from .weights import Weights, weight_files

# Settings of config.json and tokenizer_config.json that are token ids.
ID_SETTINGS = ("bos_token_id", "eos_token_id", "pad_token_id")


def kept_ids(spec: dict, size: int) -> list[int]:
    """The old ids of a vocabulary of `size`, by new id: the first ids, then the special tokens that would be lost. Raises ValueError."""
    vocabulary = spec["model"]["vocab"]
    added = sorted(t["id"] for t in spec["added_tokens"])
    if size >= max([*vocabulary.values(), *added]) + 1:
        raise ValueError(f"The vocabulary has no more than {size} tokens: choose a smaller size.")
    behind = [i for i in added if i >= size]
    # A special token just below the cut would be counted twice once the cut moves down to make room.
    while (first := size - len(behind)) >= 0 and (more := [i for i in added if first <= i and i not in behind]):
        behind = sorted(behind + more)
    if first < 256:
        raise ValueError(f"{size} tokens have no room for the 256 bytes and {len(added)} special tokens: choose a larger size.")
    if set(range(first)) - set(vocabulary.values()) - set(added):
        raise ValueError(f"Ids 0 to {first - 1} are not all in the vocabulary: this tokenizer cannot be cut by id.")
    return [*range(first), *behind]


def cut_tokenizer(spec: dict, size: int) -> dict:
    """tokenizer.json as data -> the same with only `size` ids. Refuses (ValueError) a vocabulary where that is not a tokenizer."""
    new = {old: i for i, old in enumerate(kept_ids(spec, size))}
    vocabulary = {token: new[i] for token, i in spec["model"]["vocab"].items() if i in new}
    merges = []
    for merge in spec["model"]["merges"]:
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        if left + right in vocabulary:
            if left not in vocabulary or right not in vocabulary:
                raise ValueError(f"The merge {left} + {right} is kept but its parts are not: ids are not in merge order here.")
            merges.append(merge)
    added = [{**t, "id": new[t["id"]]} for t in spec["added_tokens"]]
    return {**spec, "model": {**spec["model"], "vocab": vocabulary, "merges": merges}, "added_tokens": added}


def renumber(settings: dict, new: dict[int, int]) -> dict:
    """config.json or tokenizer_config.json as data -> the same with its token ids in the smaller vocabulary."""
    out = dict(settings)
    for name in ID_SETTINGS:
        old = out.get(name)
        if isinstance(old, list):
            out[name] = [new[i] for i in old if i in new]
        elif old is not None:
            out[name] = new[old]
    if decoder := out.get("added_tokens_decoder"):
        out["added_tokens_decoder"] = {str(new[int(i)]): token for i, token in decoder.items() if int(i) in new}
    return out


def cut_model(base: Path, out: Path, size: int) -> None:
    """Hugging Face folder -> Hugging Face folder with `size` ids."""
    spec = json.loads((base / "tokenizer.json").read_text())
    kept = kept_ids(spec, size)
    new = {old: i for i, old in enumerate(kept)}
    tokenizer = cut_tokenizer(spec, size)
    out.mkdir(parents=True, exist_ok=True)
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    config = renumber(json.loads((base / "config.json").read_text()), new)
    (out / "config.json").write_text(json.dumps({**config, "vocab_size": size}, indent=2) + "\n")
    if (base / "tokenizer_config.json").exists():
        settings = renumber(json.loads((base / "tokenizer_config.json").read_text()), new)
        (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n")
    weights = Weights(base)
    tensors = {name: weights.get(name) for name in weights.files}
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        if name in tensors:
            tensors[name] = tensors[name][kept]
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})


def count_tokens(folder: Path, texts: list[str]) -> int:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    total = 0
    for text, encoding in zip(texts, tokenizer.encode_batch(texts, add_special_tokens=False), strict=True):
        total += len(encoding.ids)
        if tokenizer.decode(encoding.ids, skip_special_tokens=False) != text:
            raise ValueError(f"This text does not survive a round trip: {text[:200]!r}")
    return total


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("base", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--size", type=int, default=32768)
    arguments.add_argument("--text", type=Path, help="examples JSONL to count tokens on")
    a = arguments.parse_args()
    try:
        cut_model(a.base, a.out, a.size)
    except ValueError as error:
        sys.exit(str(error))
    before, after = (sum(path.stat().st_size for path in weight_files(folder)) for folder in (a.base, a.out))
    print(f"weights: {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after")
    if a.text:
        examples = [json.loads(line) for line in a.text.read_text().splitlines()]
        for part in ("prompt", "completion"):
            texts = [x[part] for x in examples]
            before, after = count_tokens(a.base, texts), count_tokens(a.out, texts)
            print(f"{part}: {before} tokens before, {after} after (+{100 * (after / before - 1):.1f} %)")


if __name__ == "__main__":
    main()
