"""Cuts a byte-level BPE model to its first N token ids: a smaller embedding to download and a faster head.

    python -m tabletalk_training.vocabulary BASE OUT --size 32768 [--text FILE.jsonl]

Byte-level BPE numbers its tokens in the order of its merges (special tokens and single bytes first), so the first N ids with the merges that make
them are again a complete tokenizer: every text still has tokens, rare words just take more of them. `--text` counts how many more on real examples.
"""

import argparse
import json
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer


def cut_tokenizer(spec: dict, size: int) -> dict:
    """tokenizer.json as data -> the same with only the ids below `size`. Refuses (ValueError) a vocabulary where that is not a tokenizer."""
    vocabulary = {token: i for token, i in spec["model"]["vocab"].items() if i < size}
    if len(vocabulary) != size and len(spec["model"]["vocab"]) >= size:
        raise ValueError(f"Ids 0 to {size - 1} are not all in the vocabulary: this tokenizer cannot be cut by id.")
    added = [t for t in spec["added_tokens"] if t["id"] >= size]
    if added:
        raise ValueError(f"{added[0]['content']} has id {added[0]['id']} and would be lost: choose a size above it.")
    merges = []
    for merge in spec["model"]["merges"]:
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        if left + right in vocabulary:
            if left not in vocabulary or right not in vocabulary:
                raise ValueError(f"The merge {left} + {right} is kept but its parts are not: ids are not in merge order here.")
            merges.append(merge)
    return {**spec, "model": {**spec["model"], "vocab": vocabulary, "merges": merges}}


def cut_model(base: Path, out: Path, size: int) -> None:
    """Hugging Face folder -> Hugging Face folder with the first `size` ids."""
    out.mkdir(parents=True, exist_ok=True)
    spec = json.loads((base / "tokenizer.json").read_text())
    (out / "tokenizer.json").write_text(json.dumps(cut_tokenizer(spec, size), ensure_ascii=False))
    config = json.loads((base / "config.json").read_text())
    (out / "config.json").write_text(json.dumps({**config, "vocab_size": size}, indent=2) + "\n")
    if (base / "tokenizer_config.json").exists():
        shutil.copy(base / "tokenizer_config.json", out)
    weights = load_file(base / "model.safetensors")
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        if name in weights:
            weights[name] = weights[name][:size].clone()
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})


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
    cut_model(a.base, a.out, a.size)
    if a.text:
        examples = [json.loads(line) for line in a.text.read_text().splitlines()]
        for part in ("prompt", "completion"):
            texts = [x[part] for x in examples]
            before, after = count_tokens(a.base, texts), count_tokens(a.out, texts)
            print(f"{part}: {before} tokens before, {after} after (+{100 * (after / before - 1):.1f} %)")


if __name__ == "__main__":
    main()
