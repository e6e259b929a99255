import json

import pytest
import torch
from conftest import make_base
from tokenizers import Tokenizer

from tabletalk_training.model import load
from tabletalk_training.vocabulary import count_tokens, cut_model, cut_tokenizer, kept_ids


def test_a_cut_vocabulary_still_encodes_every_text_and_keeps_the_first_rows(base, tmp_path):
    cut_model(base, tmp_path, 320)
    small, full = load(tmp_path), load(base)
    assert small.embedding.shape[0] == 320
    assert small.embedding.equal(full.embedding[:320])
    texts = ["SELECT count(*) FROM pupil", "<|im_start|>user\nGröße 北京 😀\r\n\t''", "keeper keeper_id"]
    assert count_tokens(tmp_path, texts) > count_tokens(base, texts)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert max(tokenizer.encode("".join(texts)).ids) < 320
    assert tokenizer.token_to_id("<|im_end|>") == 2


def test_special_tokens_behind_the_cut_move_to_the_end_with_their_rows_and_names(base, rows, tmp_path):
    # A toy numbered as Qwen2 is: merges first, special tokens behind them, rows of the embedding that no token has.
    spec = json.loads((base / "tokenizer.json").read_text())
    size = len(spec["model"]["vocab"])
    specials = {t["content"]: size - 3 + n for n, t in enumerate(spec["added_tokens"])}
    spec["model"]["vocab"] = {t: i - 3 for t, i in spec["model"]["vocab"].items() if t not in specials}
    spec["added_tokens"] = [{**t, "id": specials[t["content"]]} for t in spec["added_tokens"]]
    big, small = tmp_path / "big", tmp_path / "small"
    make_base(big, rows, model_type="qwen2", vocab_size=size + 9, eos_token_id=specials["<|im_end|>"], bos_token_id=None, tie_word_embeddings=False)
    (big / "tokenizer.json").write_text(json.dumps(spec))
    decoder = {str(i): {"content": token} for token, i in specials.items()}
    (big / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": decoder, "eos_token": "<|im_end|>"}))
    cut_model(big, small, 320)
    before, after = load(big), load(small)
    for old, new in ((before.embedding, after.embedding), (before.head, after.head)):
        assert new.equal(torch.cat((old[:317], old[size - 3 : size])))
    tokenizer = Tokenizer.from_file(str(small / "tokenizer.json"))
    assert [tokenizer.token_to_id(t) for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")] == [317, 318, 319]
    text = rows[0]["prompt"] + rows[0]["completion"]
    ids = tokenizer.encode(text).ids
    assert ids[0] == 318 and ids[-1] == 319 and max(ids) < 320 and tokenizer.decode(ids, skip_special_tokens=False) == text
    config = json.loads((small / "config.json").read_text())
    assert config["vocab_size"] == 320 and config["eos_token_id"] == 319 and config["bos_token_id"] is None
    assert json.loads((small / "tokenizer_config.json").read_text())["added_tokens_decoder"]["319"] == {"content": "<|im_end|>"}


def test_a_special_token_just_below_the_cut_is_kept_once():
    vocabulary = {chr(0x100 + i): i for i in range(300)}
    added = [{"id": 298, "content": "a"}, {"id": 300, "content": "b"}, {"id": 301, "content": "c"}]
    spec = {"model": {"vocab": vocabulary, "merges": []}, "added_tokens": added}
    assert kept_ids(spec, 299) == [*range(296), 298, 300, 301]


def test_a_cut_that_cannot_hold_the_bytes_or_parts_a_merge_is_refused(base):
    spec = json.loads((base / "tokenizer.json").read_text())
    for size, says in [(200, "no room for the 256 bytes"), (10**6, "choose a smaller size")]:
        with pytest.raises(ValueError, match=says):
            cut_tokenizer(spec, size)
    vocabulary = spec["model"]["vocab"]
    first = next(i for t, i in sorted(vocabulary.items(), key=lambda x: x[1]) if i > 258)
    token = next(t for t, i in vocabulary.items() if i == first)
    last = max(vocabulary, key=vocabulary.__getitem__)
    swapped = {**vocabulary, token: vocabulary[last], last: first}
    merges = [m for m in spec["model"]["merges"]]
    used = any(token in m[:2] for m in merges)
    assert used
    with pytest.raises(ValueError, match="not in merge order"):
        cut_tokenizer({**spec, "model": {**spec["model"], "vocab": swapped}}, len(vocabulary) - 1)
