import json
import subprocess
import sys
from pathlib import Path

import pytest

from tabletalk_training.examples import BadExamples, read_examples
from tabletalk_training.sample_student import choose, question_of, sample_student

ROOT = Path(__file__).parent.parent


def test_samples_are_in_the_teachers_format_and_a_stopped_run_asks_only_what_is_missing(base, data, tmp_path):
    rows = choose(read_examples(data), ["zoo-3", "school-1", "zoo-5"], None, 0)
    out = tmp_path / "samples.jsonl"
    lines = sample_student(base, rows, out, samples=3, temperature=1.0, seed=1, context=2048, limit=12, precision="float32")
    assert lines == [json.loads(x) for x in out.read_text().splitlines()]
    assert sorted((x["id"], x["sample"]) for x in lines) == sorted((id, k) for id in ("zoo-3", "school-1", "zoo-5") for k in range(3))
    assert lines[0].keys() == {"id", "db_id", "question", "mode", "sample", "sql", "model", "usage", "cost"}
    assert {x["question"] for x in lines if x["id"] == "zoo-3"} == {"How many animals have a age at least twice 3?"}
    assert all(x["mode"] == "direct" and x["cost"] == 0 and 0 < x["usage"]["completion_tokens"] <= 12 for x in lines)
    # Stopped in the middle of a question: that one is asked again, the whole ones are not.
    kept = out.read_text().splitlines(keepends=True)
    out.write_text("".join(kept[:5]) + kept[5][:10])
    again = sample_student(base, rows, out, samples=3, temperature=1.0, seed=1, context=2048, limit=12, precision="float32")
    assert again[:3] == lines[:3] and len(again) == 9
    assert sorted((x["id"], x["sample"]) for x in again) == sorted((x["id"], x["sample"]) for x in lines)


def test_a_question_is_the_last_line_of_what_the_user_says():
    row = {
        "prompt": "<|im_start|>system\nx<|im_end|>\n<|im_start|>user\nname = 'Paris'\nWho lives there?<|im_end|>\n<|im_start|>assistant\n",
        "prefix_code_points": 31,
    }
    assert row["prompt"][31:].startswith("<|im_start|>user")
    assert question_of(row) == "Who lives there?"


def test_a_random_choice_is_the_same_each_time_and_too_many_are_refused(base, data, tmp_path):
    rows = read_examples(data)
    assert choose(rows, None, 5, 7) == choose(rows, None, 5, 7) != choose(rows, None, 5, 8)
    with pytest.raises(BadExamples, match="lower --questions"):
        choose(rows, None, 1000, 0)
    ids = tmp_path / "ids.json"
    ids.write_text('["zoo-99"]')
    command = [sys.executable, "-m", "tabletalk_training.sample_student", base, "--data", data, "--out", tmp_path / "out", "--ids", ids]
    result = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1 and "has no example zoo-99" in result.stderr and "Traceback" not in result.stderr
