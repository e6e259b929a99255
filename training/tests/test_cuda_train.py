import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_train import curve
from tokenizers import Tokenizer

from tabletalk_training import cuda_train
from tabletalk_training.adapter import read_adapter
from tabletalk_training.checkpoint import read_log
from tabletalk_training.config import BadConfig, read_config
from tabletalk_training.examples import BadExamples, tokenize
from tabletalk_training.fuse import fuse
from tabletalk_training.model import load
from tabletalk_training.optimizer import learning_rate
from tabletalk_training.schedule import pack_stream, packs_per_step
from tabletalk_training.train import packed_loss

ROOT = Path(__file__).parent.parent
TOY = ["full=false", "lora_rank=4", "lora_alpha=8", "quantize_from=1", "steps=6", "checkpoint_minutes=0"]


@pytest.fixture
def config(settings):
    return read_config(settings, TOY, "cuda")


def test_a_toy_run_follows_the_cpu_arm_resumes_to_the_same_curve_and_fuses(qwen, data, rows, config, tmp_path):
    run = tmp_path / "run"
    cuda_train.train(config, qwen, data, run, gpus=0)
    losses = curve(run)
    assert len(losses) == 6 and losses[6] < losses[1]
    # The first step's loss is the CPU arm's on the same packs: the mask, the positions and the mean over the step's targets are right.
    examples, _ = tokenize(rows, Tokenizer.from_file(str(qwen / "tokenizer.json")), config.context)
    stream, model = pack_stream(examples, config), load(qwen)
    with torch.no_grad():
        parts = [packed_loss(model, next(stream)) for _ in range(packs_per_step(config))]
    assert losses[1] == pytest.approx(float(sum(x[0] for x in parts)) / sum(x[1] for x in parts), rel=1e-3)
    steps = [x for x in map(json.loads, (run / "log.jsonl").read_text().splitlines()) if x["event"] == "step"]
    for i, step in enumerate(steps):
        assert step["rate"] == pytest.approx(learning_rate(config.peak_learning_rate, config.final_learning_rate, config.warmup_steps, i, i / 6))
    adapter = read_adapter(run / "adapter")
    assert adapter.rank == 4 and adapter.alpha == 8 and len(adapter.factors) == 2 * 7
    fuse(qwen, run / "adapter", tmp_path / "fused", data, 2, "float32", None, None)

    # As a kill would leave it while the last checkpoint was written.
    assert sorted(x.name for x in run.glob("checkpoint-*")) == ["checkpoint-5", "checkpoint-6"]
    (run / "checkpoint-6/trainer_state.json").write_text('{"epoch"')
    shutil.rmtree(run / "adapter")
    cuda_train.train(config, qwen, data, run, gpus=0)
    made = [x["step"] for x in map(json.loads, (run / "log.jsonl").read_text().splitlines()) if x["event"] == "step"]
    assert made == [1, 2, 3, 4, 5, 6, 6]
    assert curve(run)[6] == pytest.approx(losses[6], abs=1e-6)
    again = read_adapter(run / "adapter")
    for name, pair in adapter.factors.items():
        for x, y in zip(pair, again.factors[name], strict=True):
            torch.testing.assert_close(x, y)

    with pytest.raises(BadConfig, match="choose a new --out"):
        cuda_train.train(read_config(ROOT / "configs/lora.yaml", ["steps=6", "epochs=null"], "cuda"), qwen, data, run, gpus=0)


def test_examples_over_the_context_are_counted_in_the_log_and_bad_data_is_refused(qwen, data, rows, settings, tmp_path):
    with pytest.raises(BadExamples, match="raise `context`"):
        cuda_train.make_trainer(read_config(settings, [*TOY, "context=10"], "cuda"), qwen, data, tmp_path / "none", gpus=0)
    bad = tmp_path / "bad.jsonl"
    bad.write_text(data.read_text() + '{"id": "x"}\n')
    with pytest.raises(BadExamples, match=f"line {len(rows) + 1}"):
        cuda_train.make_trainer(read_config(settings, TOY, "cuda"), qwen, bad, tmp_path / "none", gpus=0)
    examples, _ = tokenize(rows, Tokenizer.from_file(str(qwen / "tokenizer.json")), 2048)
    context = sorted(x.tokens for x in examples)[len(examples) // 2]
    trainer = cuda_train.make_trainer(read_config(settings, [*TOY, f"context={context}"], "cuda"), qwen, data, tmp_path / "some", gpus=0)
    [line] = [x for x in read_log(tmp_path / "some" / "log.jsonl") if x["event"] == "too-long"]
    assert line["count"] == sum(x.tokens > context for x in examples) > 0
    assert all(max(row["position_ids"]) < context for row in trainer.train_dataset)


def test_packs_that_the_gpus_cannot_share_are_refused(qwen, data, config, tmp_path):
    with pytest.raises(BadConfig, match="2 packs a step cannot be shared by 3 GPUs"):
        cuda_train.make_trainer(config, qwen, data, tmp_path, gpus=3)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_command_says_so_in_a_sentence(settings, qwen, data, tmp_path):
    command = [sys.executable, "-m", "tabletalk_training.cuda_train", settings, "--model", qwen, "--data", data, "--out", tmp_path]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "There is no NVIDIA GPU here" in result.stderr and "Traceback" not in result.stderr


def test_more_gpus_than_one_are_launched_through_accelerate(monkeypatch):
    ran = []
    monkeypatch.setattr(cuda_train.os, "execv", lambda *arguments: ran.append(arguments))
    monkeypatch.setattr(cuda_train.sys, "argv", ["cuda_train.py", "config.yaml", "--out", "run"])
    cuda_train.launch(4)
    [(program, command)] = ran
    assert program == sys.executable and command[1:3] == ["-m", "accelerate.commands.launch"]
    assert command[3:] == ["--multi_gpu", "--num_processes", "4", "--module", "tabletalk_training.cuda_train", "config.yaml", "--out", "run"]


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("qwen2.5*.yaml")), ids=lambda path: path.stem)
def test_every_size_has_a_config_for_each_arm_with_the_recipe_of_distill_sql(path):
    for arm in ("cpu", "mlx", "cuda"):
        c = read_config(path, [], arm)
        assert not c.full and (c.lora_rank, c.lora_alpha, c.warmup_steps, c.epochs, c.context) == (16, 32, 50, 1, 1024)
        assert c.peak_learning_rate == (3e-5 if "14b" in path.stem else 5e-5) and c.quantize_from == 1
        size = path.stem.rsplit("-", 1)[1].upper()
        assert c.base_model == f"Qwen/Qwen2.5-{'Coder-' if 'coder' in path.stem else ''}{size}-Instruct"
        assert c.four_bit_base == (arm == "cuda" and size in ("3B", "7B", "14B") or arm == "mlx" and size in ("3B", "7B"))
