import pytest
from conftest import example, write_lines
from tokenizers import Tokenizer

from tabletalk_training.examples import BadExamples, pack_epoch, read_examples, tokenize


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{not json", "line 2 is not JSON"),
        ("[1]", "line 2 is not an object"),
        ('{"id": "a", "db_id": "b", "prompt": "p q", "prefix_code_points": 1}', 'line 2: "completion" is missing'),
        ('{"id": "a", "db_id": "b", "prompt": "p q", "completion": "c", "prefix_code_points": "1"}', "not a whole number"),
        ('{"id": "a", "db_id": "b", "prompt": "p q", "completion": "c", "prefix_code_points": 3}', "but the prompt has 3"),
        ('{"id": "a", "db_id": "b", "prompt": "p q", "completion": "", "prefix_code_points": 1}', "the completion is empty"),
    ],
)
def test_a_wrong_line_is_refused_in_a_sentence(tmp_path, line, says):
    path = write_lines(tmp_path / "x.jsonl", [example("zoo", 1)])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(BadExamples) as error:
        read_examples(path)
    assert says in str(error.value) and "npm run prepare-data" in str(error.value)


def test_a_missing_and_an_empty_file_are_refused_in_a_sentence(tmp_path):
    with pytest.raises(BadExamples, match="There is no file"):
        read_examples(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(BadExamples, match="has no examples"):
        read_examples(tmp_path / "empty.jsonl")


def test_examples_over_the_context_are_left_out_whole_and_named(base, rows):
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    every, none = tokenize(rows, tokenizer, 2048)
    assert none == [] and len(every) == len(rows)
    context = sorted(x.tokens for x in every)[len(every) // 2]
    kept, too_long = tokenize(rows, tokenizer, context)
    assert too_long and kept
    assert [x.id for x in every if x.tokens > context] == too_long
    assert kept == [x for x in every if x.tokens <= context]


def test_the_prefix_is_cut_by_code_points_not_by_bytes_or_utf_16_units(base):
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    row = {"id": "1", "db_id": "d", "prompt": "größe 😀|frage", "completion": "SELECT 1", "prefix_code_points": 8}
    [x], _ = tokenize([row], tokenizer, 100)
    assert tokenizer.decode(list(x.prefix)) == "größe 😀|"
    assert tokenizer.decode(list(x.suffix)) == "frage"


def test_an_epoch_has_every_example_once_in_packs_within_their_limits_and_the_same_order_again(base, rows):
    examples, _ = tokenize(rows, Tokenizer.from_file(str(base / "tokenizer.json")), 2048)
    packs = pack_epoch(examples, 7, 0, 150, 60, 4)
    flat = sorted((p.prefix, *q) for p in packs for q in p.questions)
    assert flat == sorted((x.prefix, x.suffix, x.completion) for x in examples)
    for p in packs:
        used = len(p.prefix) + sum(len(a) + len(b) for a, b in p.questions)
        assert len(p.questions) <= 4
        assert used <= max(150, len(p.prefix) + 60) or len(p.questions) == 1
    assert packs == pack_epoch(examples, 7, 0, 150, 60, 4)
    assert packs != pack_epoch(examples, 7, 1, 150, 60, 4)
