import json

import pytest
from tokenizers import Tokenizer

from tabletalk_training.model import load
from tabletalk_training.vocabulary import count_tokens, cut_model, cut_tokenizer


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


def test_a_cut_that_loses_a_special_token_or_a_part_of_a_merge_is_refused(base):
    spec = json.loads((base / "tokenizer.json").read_text())
    with pytest.raises(ValueError, match="would be lost"):
        cut_tokenizer(spec, 2)
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
