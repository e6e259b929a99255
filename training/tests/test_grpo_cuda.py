import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_grpo import questions, scorer, settings, spider  # noqa: F401  (fixtures)

from tabletalk_training.config import BadConfig
from tabletalk_training.grpo import read_grpo_config
from tabletalk_training.run_log import read_log

grpo_cuda = pytest.importorskip("tabletalk_training.grpo_cuda", reason="needs the group cuda (trl)", exc_type=ImportError)
ROOT = Path(__file__).parent.parent
TOY = ["steps=2", "samples=2", "prompts_per_step=2", "answer_tokens=12", "held_out=3", "warmup_steps=2"]


def test_the_reward_function_is_the_evaluator_and_leaves_out_what_cannot_be_scored(settings, scorer):  # noqa: F811
    reward = grpo_cuda.ExecutionReward(scorer, read_grpo_config(settings, []), end=2)
    right, wrong = "SELECT count(*) FROM animal WHERE age > 0", "SELECT count(*) FROM keeper"
    ids = ["train_spider-0", "train_spider-0", "train_spider-0", "train_spider-99"]
    # The third was cut at its longest: it has no end.
    assert reward([right, wrong, right, right], [[5, 2], [5, 2], [5, 5], [5, 2]], id=ids, prompts=[]) == pytest.approx([1.0, 0.1, 0.0, None])
    assert reward.shares() == pytest.approx({"equal": 1 / 3, "runs": 2 / 3}, abs=1e-3)


@pytest.mark.parametrize("full", [True, False])
def test_a_toy_run_makes_its_steps_follows_the_rate_and_leaves_a_model(settings, qwen, questions, scorer, tmp_path, full):  # noqa: F811
    config = read_grpo_config(settings, [*TOY, f"full={str(full).lower()}", "lora_rank=4"], "cuda")
    grpo_cuda.train(config, qwen, questions, scorer, tmp_path / "run", gpus=0)
    steps = [x for x in read_log(tmp_path / "run" / "log.jsonl") if x["event"] == "step"]
    assert [x["step"] for x in steps] == [1, 2]
    # Half of the peak in the first of two warm-up steps; in the second all of it, times the cosine half way from 1 to a tenth.
    assert [x["rate"] for x in steps] == pytest.approx([0.0015, 0.003 * 0.55])
    assert all({"reward", "equal", "runs", "kl", "length"} <= x.keys() for x in steps)
    assert (tmp_path / "run" / ("model" if full else "adapter") / ("model" if full else "adapter_model")).with_suffix(".safetensors").exists()
    with pytest.raises(BadConfig, match="choose a new --out"):
        grpo_cuda.train(read_grpo_config(settings, [*TOY, "kl=0.3"], "cuda"), qwen, questions, scorer, tmp_path / "run", gpus=0)


def test_what_the_arm_cannot_do_is_refused_in_a_sentence(settings, qwen, questions, spider, scorer, tmp_path):  # noqa: F811
    with pytest.raises(BadConfig, match="quantized: false"):
        grpo_cuda.make_trainer(read_grpo_config(settings, ["quantized=true"], "cuda"), qwen, questions, scorer, tmp_path / "run", gpus=0)
    with pytest.raises(BadConfig, match="multiple of 3"):
        grpo_cuda.make_trainer(read_grpo_config(settings, [], "cuda"), qwen, questions, scorer, tmp_path / "run", gpus=3)
    if torch.cuda.device_count() == 0:
        command = [sys.executable, "-m", "tabletalk_training.grpo_cuda", settings, "--model", qwen, "--data", questions, "--spider", spider]
        result = subprocess.run([*command, "--out", tmp_path / "run"], check=False, cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == 1 and result.stderr.startswith("There is no NVIDIA GPU here") and "Traceback" not in result.stderr
