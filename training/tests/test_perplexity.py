import json
import math
import shutil
import sys

import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from tabletalk_training.examples import BadExamples, pack_epoch, read_examples, tokenize
from tabletalk_training.model import is_linear, load
from tabletalk_training.packing import Pack, attend_masked, layout
from tabletalk_training.perplexity import choose, compare, main, measure
from tabletalk_training.quantize import fake_quantize


def test_it_is_that_of_each_question_alone(base, data, rows):
    """Recomputed without packing or shared-prefix attention: one sequence a question, a dense causal mask."""
    model = load(base)
    examples, _ = tokenize(rows, Tokenizer.from_file(str(base / "tokenizer.json")), 2048)
    losses, exact = [], 0
    with torch.inference_mode():
        for x in examples:
            plan = layout(Pack(x.prefix, ((x.suffix, x.completion),)))
            hidden = model.hidden(plan.ids, torch.arange(len(plan.ids)), attend_masked(plan))
            scores = model.logits(hidden)[len(x.prefix) + len(x.suffix) - 1 :]
            exact += scores.argmax(1).tolist() == list(x.completion)
            losses += F.cross_entropy(scores, torch.tensor(x.completion), reduction="none").tolist()
    found = measure(base, data, None, None, 2048, "float32")
    assert found["tokens"] == len(losses) and found["examples"] == len(rows)
    assert found["exact"] == round(exact / len(rows), 5)
    assert found["perplexity"] == pytest.approx(math.exp(sum(losses) / len(losses)), rel=1e-4)


def test_the_divergence_from_itself_is_nothing_and_from_a_rounded_one_grows_as_the_rounding_gets_coarser(base, data, tmp_path):
    model = load(base)
    packs = pack_epoch(tokenize(read_examples(data), Tokenizer.from_file(str(base / "tokenizer.json")), 2048)[0], 0, 0, 200, 100, 8)
    itself = compare(model, packs, load(base))
    assert itself["divergence"] == 0 and itself["same_choice"] == 1
    found = []
    for bits in (8, 4):
        rounded = load(base)
        with torch.no_grad():
            for name, p in rounded.named_parameters():
                if is_linear(name):
                    fake_quantize(p, bits, out=p.data)
        found.append(compare(rounded, packs, model)["divergence"])
    assert 0 < found[0] < 0.1 * found[1]


def test_a_part_is_chosen_by_ids_or_spread_evenly(rows, data):
    assert [x["id"] for x in choose(rows, data, ["shop-2", "zoo-1"], None)] == ["zoo-1", "shop-2"]
    assert [x["id"] for x in choose(rows, data, None, 3)] == ["zoo-0", "shop-0", "school-0"]
    assert choose(rows, data, None, 1000) == rows
    with pytest.raises(BadExamples, match="no example zoo-99"):
        choose(rows, data, ["zoo-99"], None)
    with pytest.raises(BadExamples, match="1 or more"):
        choose(rows, data, None, 0)


def test_what_it_prints_is_one_json_object_and_bad_input_one_sentence(base, data, tmp_path, monkeypatch, capsys):
    arguments = ["--data", str(data), "--limit", "3", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["perplexity", str(base), *arguments])
    main()
    assert json.loads(capsys.readouterr().out)["examples"] == 3
    monkeypatch.setattr(sys, "argv", ["perplexity", str(tmp_path), *arguments])
    with pytest.raises(SystemExit, match=r"^There is no config.json in .*: give a Hugging Face folder\.$"):
        main()
    other = tmp_path / "other"
    shutil.copytree(base, other)
    (other / "tokenizer.json").write_text((base / "tokenizer.json").read_text() + "\n")
    with pytest.raises(BadExamples, match="another tokenizer"):
        measure(base, data, None, 3, 2048, "float32", other)


def test_examples_over_the_context_are_counted_and_all_over_it_is_refused(base, data):
    with pytest.raises(BadExamples, match="raise --context"):
        measure(base, data, None, None, 10, "float32")
    lengths = sorted(x.tokens for x in tokenize(read_examples(data), Tokenizer.from_file(str(base / "tokenizer.json")), 2048)[0])
    found = measure(base, data, None, None, lengths[len(lengths) // 2], "float32")
    assert found["too_long"] > 0 and found["too_long"] + found["examples"] == len(lengths)
