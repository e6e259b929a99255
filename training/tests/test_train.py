import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from tabletalk_training import checkpoint as checkpoints
from tabletalk_training.checkpoint import load_checkpoint, newest_checkpoint, read_log
from tabletalk_training.config import BadConfig, read_config
from tabletalk_training.examples import BadExamples, read_examples, tokenize
from tabletalk_training.export import NoAverage, export
from tabletalk_training.model import Decoder, load
from tabletalk_training.optimizer import MasterAdamW, deployed_bits, learning_rate
from tabletalk_training.predict import predict
from tabletalk_training.quantize import fake_quantize
from tabletalk_training.train import train

ROOT = Path(__file__).parent.parent


def curve(run: Path) -> dict[int, float]:
    """Loss by step; a step made twice (before and after a kill) counts as made last."""
    return {x["step"]: x["loss"] for x in read_log(run / "log.jsonl") if x["event"] == "step"}


def command(settings, base, data, out, *extra):
    return [sys.executable, "-m", "tabletalk_training.train", settings, "--model", base, "--data", data, "--out", out, *extra]


def test_training_lowers_the_loss_and_ends_on_the_deployed_grid(settings, base, data, tmp_path):
    run = tmp_path / "run"
    train(read_config(settings, ["steps=30"]), base, data, run)
    losses = curve(run)
    assert len(losses) == 30
    assert losses[30] < 0.7 * losses[1]
    lines = [x for x in read_log(run / "log.jsonl") if x["event"] == "step"]
    assert [x["quantized"] for x in lines] == [x["progress"] >= 0.65 for x in lines]
    export(newest_checkpoint(run), base, tmp_path / "student", (4, 8))
    student = load(tmp_path / "student")
    master = load_checkpoint(newest_checkpoint(run))["master"]
    for name, weight in student.named_parameters():
        bits = deployed_bits(name, (4, 8))
        assert (bits == 8) == (name == "embedding") and (bits is None) == (weight.dim() == 1)
        if bits:
            assert torch.equal(fake_quantize(weight.detach(), bits), weight)
            assert torch.equal(fake_quantize(master[name], bits), weight)
    assert (tmp_path / "student" / "training-log.jsonl").exists()
    out = tmp_path / "predictions.jsonl"
    predictions = predict(tmp_path / "student", data, ["zoo-3", "school-1"], out, 2048, 40, "float32")
    assert {x["question_id"]: x["db_id"] for x in predictions} == {"zoo-3": "zoo", "school-1": "school"}
    assert all(x["pred_sql"] for x in predictions)
    # Stopped after one question, it asks only the other again.
    lines = out.read_text().splitlines(keepends=True)
    out.write_text(lines[0] + lines[1][:20])
    again = predict(tmp_path / "student", data, ["zoo-3", "school-1"], out, 2048, 40, "float32")
    assert again == predictions == [json.loads(x) for x in out.read_text().splitlines()]


def test_a_run_killed_at_any_moment_resumes_to_the_same_loss_curve(settings, base, data, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    often = ["--set", "checkpoint_minutes=0.0005", "--set", "quantize_from=0.5"]
    subprocess.run(command(settings, base, data, whole, *often), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    # Killed after its 2nd, 5th and 9th step, wherever it is then (computing, logging or writing a checkpoint), each time by SIGKILL.
    for until in (2, 5, 9):
        process = subprocess.Popen(command(settings, base, data, killed, *often), cwd=ROOT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while max(curve(killed), default=0) < until:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with (killed / "log.jsonl").open("a") as log:
        log.write('{"event": "step", "ste')  # a line torn by the kill
    (killed / "checkpoint-000099.partial").write_bytes(b"half")
    subprocess.run(command(settings, base, data, killed, *often), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    assert any(x["event"] == "resumed" for x in read_log(killed / "log.jsonl"))
    assert curve(killed) == curve(whole)
    a, b = (load_checkpoint(newest_checkpoint(run))["master"] for run in (whole, killed))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_steps_lost_in_a_kill_are_made_again_at_the_same_point_of_a_wall_clock_schedule(settings, base, data, tmp_path, monkeypatch):
    keep_all = checkpoints.save_checkpoint
    monkeypatch.setattr("tabletalk_training.train.save_checkpoint", lambda folder, state: keep_all(folder, state, keep=10000))
    config = read_config(settings, ["steps=null", "minutes=0.03", "checkpoint_minutes=0"])
    run = tmp_path / "run"
    train(config, base, data, run)
    first = curve(run)
    assert len(first) >= 4
    for path in sorted(run.glob("checkpoint-*.pt"))[len(first) // 2 :]:
        path.unlink()
    train(config, base, data, run)
    assert curve(run) == first


def test_a_run_that_has_ended_goes_on_with_a_longer_budget_from_the_share_that_is_used_up(settings, base, data, tmp_path):
    run = tmp_path / "run"
    train(read_config(settings, ["steps=null", "minutes=0.02"]), base, data, run)
    first = curve(run)
    train(read_config(settings, ["steps=null", "minutes=0.06"]), base, data, run)
    steps = [x for x in read_log(run / "log.jsonl") if x["event"] == "step"]
    assert len(steps) > len(first)
    assert steps[len(first) - 1]["progress"] >= 1
    assert 0.3 < steps[len(first)]["progress"] < 1 <= steps[-1]["progress"]
    assert steps[len(first)]["rate"] > steps[len(first) - 1]["rate"]


def test_the_average_is_the_mean_of_the_weights_after_each_step_whether_or_not_the_run_was_killed(settings, base, data, tmp_path):
    run, whole = tmp_path / "run", tmp_path / "whole"
    config = read_config(settings, ["steps=4", "average_from=0.5", "checkpoint_minutes=0", "quantize_from=1"])
    with pytest.raises(NoAverage, match="average_from below 1"):
        train(read_config(settings, ["steps=1", "quantize_from=1"]), base, data, tmp_path / "without")
        export(newest_checkpoint(tmp_path / "without"), base, tmp_path / "none", None, averaged=True)
    keep_all = checkpoints.save_checkpoint
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tabletalk_training.train.save_checkpoint", lambda folder, state: keep_all(folder, state, keep=9))
        train(config, base, data, run)
    steps = [load_checkpoint(path)["master"] for path in sorted(run.glob("checkpoint-*.pt"))[1:]]
    assert len(steps) == 3
    export(newest_checkpoint(run), base, tmp_path / "student", None, averaged=True)
    student = load(tmp_path / "student")
    for name, weight in student.named_parameters():
        torch.testing.assert_close(weight.data, sum(x[name] for x in steps) / 3)
    # Two of the three steps, then a kill, then the third.
    max(run.glob("checkpoint-*.pt")).unlink()
    train(config, base, data, run)
    train(config, base, data, whole)
    a, b = (load_checkpoint(newest_checkpoint(x))["average"] for x in (run, whole))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_another_run_is_not_resumed_by_mistake(settings, base, data, tmp_path):
    run = tmp_path / "run"
    train(read_config(settings, ["steps=1"]), base, data, run)
    with pytest.raises(BadConfig, match="choose a new --out"):
        train(read_config(settings, ["steps=2", "peak_learning_rate=0.5"]), base, data, run)


def test_bad_input_ends_with_one_sentence_and_no_traceback(settings, base, data, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": 1}\n')
    for arguments, says in [
        (command(settings, base, bad, tmp_path / "run"), "line 1"),
        (command(settings, base, data, tmp_path / "run", "--set", "stepz=3"), 'no setting "stepz"'),
    ]:
        result = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == 1
        assert says in result.stderr and "Traceback" not in result.stderr


def test_examples_over_the_context_are_counted_in_the_log_and_all_over_it_is_refused(settings, base, data, tmp_path):
    with pytest.raises(BadExamples, match="raise `context`"):
        train(read_config(settings, ["context=10"]), base, data, tmp_path / "none")
    examples, _ = tokenize(read_examples(data), Tokenizer.from_file(str(base / "tokenizer.json")), 2048)
    context = sorted(x.tokens for x in examples)[len(examples) // 2]
    train(read_config(settings, [f"context={context}", "steps=1"]), base, data, tmp_path / "some")
    [line] = [x for x in read_log(tmp_path / "some" / "log.jsonl") if x["event"] == "too-long"]
    assert line["count"] == sum(x.tokens > context for x in examples) > 0


def test_settings_are_checked(settings):
    for override, says in [("steps", "has no value"), ("minutes=3", "exactly one"), ("precision=float8", "choose auto")]:
        with pytest.raises(BadConfig, match=says):
            read_config(settings, [override])
    with pytest.raises(BadConfig, match="no config"):
        read_config(Path("nowhere.yaml"), [])


def test_the_rate_warms_up_and_falls_to_its_final_share():
    rates = [learning_rate(1.0, 0.05, 10, i, i / 100) for i in range(101)]
    assert rates[0] == pytest.approx(0.1, rel=0.01)
    assert max(rates) == pytest.approx(1.0, rel=0.03) and rates.index(max(rates)) == 9
    assert rates[-1] == pytest.approx(0.05)


def test_bf16_gradients_of_many_packs_add_up_in_f32(base):
    model = load(base, torch.bfloat16)
    optimizer = MasterAdamW(model, (0.9, 0.98), 0.0, 1.0)
    for _ in range(300):
        (model.norm.weight.sum() * 1.0).backward()
    # 300 ones added up in bf16 would stop at 256.
    assert optimizer.master["norm.weight"].grad.eq(300).all()


def test_a_model_that_the_trainer_does_not_know_is_refused():
    with pytest.raises(ValueError, match="llama and qwen2"):
        Decoder({"model_type": "mamba"})


def test_an_exported_plain_checkpoint_keeps_the_trained_weights(settings, base, data, tmp_path):
    train(read_config(settings, ["steps=2"]), base, data, tmp_path / "run")
    export(newest_checkpoint(tmp_path / "run"), base, tmp_path / "plain", None)
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "plain" / "model.safetensors")
    assert before.keys() == after.keys() and all(before[k].shape == after[k].shape for k in before)
    assert not any(torch.equal(before[k], after[k]) for k in before)
