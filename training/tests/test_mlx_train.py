import json
import shutil

import mlx.core as mx
import numpy as np
import pytest
import torch
from mlx.utils import tree_flatten
from mlx_lm.tuner.utils import load_adapters
from mlx_lm.utils import load_model
from test_train import curve
from tokenizers import Tokenizer

from tabletalk_training import mlx_train
from tabletalk_training.adapter import read_adapter
from tabletalk_training.checkpoint import read_log
from tabletalk_training.config import BadConfig, read_config
from tabletalk_training.examples import BadExamples, tokenize
from tabletalk_training.fuse import fuse
from tabletalk_training.lora import load_adapter
from tabletalk_training.model import load
from tabletalk_training.packing import Pack, attend_masked, layout
from tabletalk_training.schedule import pack_stream, packs_per_step, total_steps
from tabletalk_training.train import packed_loss

TOY = ["full=false", "lora_rank=4", "lora_alpha=8", "quantize_from=1", "steps=6", "checkpoint_minutes=0"]


@pytest.fixture
def config(settings):
    return read_config(settings, TOY, "mlx")


def test_the_shared_schema_gives_the_loss_of_separate_sequences_and_of_the_cpu_arm(qwen, rows, config):
    mx.disable_compile()
    examples, _ = tokenize(rows[:5], Tokenizer.from_file(str(qwen / "tokenizer.json")), 2048)
    pack = Pack(examples[0].prefix, tuple((x.suffix, x.completion) for x in examples))
    model = mlx_train.load_base(qwen, config)
    results = []
    for loss in (mlx_train.shared_loss, mlx_train.separate_loss):
        (value, targets), gradient = mlx_train.nn.value_and_grad(model, loss)(model, *mlx_train.arrays(pack, 1.0))
        results.append((value.item(), targets.item(), {k: np.array(v) for k, v in tree_flatten(gradient)}))
    expected, count, _ = packed_loss(load(qwen), pack)
    (shared, shared_count, shared_gradient), (separate, _, separate_gradient) = results
    assert shared == pytest.approx(expected.item(), rel=1e-4) and separate == pytest.approx(shared, rel=1e-5)
    assert shared_count == count
    assert len(shared_gradient) == 2 * 7 * 2
    for name, gradient in shared_gradient.items():
        np.testing.assert_allclose(gradient, separate_gradient[name], rtol=1e-3, atol=1e-3, err_msg=name)


def test_a_run_trains_resumes_to_the_same_curve_and_its_adapter_is_the_same_everywhere(qwen, data, rows, config, tmp_path, monkeypatch):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    mlx_train.train(config, qwen, data, whole)
    losses = curve(whole)
    assert len(losses) == 6 and losses[6] < losses[1]

    class Killed(Exception):
        pass

    save = mlx_train.save_checkpoint

    def dies(out, step, *rest):
        save(out, step, *rest)
        if step == 3:
            raise Killed

    monkeypatch.setattr(mlx_train, "save_checkpoint", dies)
    with pytest.raises(Killed):
        mlx_train.train(config, qwen, data, killed)
    monkeypatch.undo()
    (killed / "partial.safetensors").write_bytes(b"half")
    mlx_train.train(config, qwen, data, killed)
    assert [x["step"] for x in read_log(killed / "log.jsonl") if x["event"] == "resumed"] == [3]
    assert curve(killed) == losses
    adapters = [read_adapter(run / name) for run in (whole, killed) for name in ("adapter", "adapter-mlx")]
    for other in adapters[1:]:
        for name, pair in adapters[0].factors.items():
            assert all(torch.equal(x, y) for x, y in zip(pair, other.factors[name], strict=True))

    # mlx-lm reads its format, torch reads PEFT's, and they answer the same; so does the fused model (fuse checks it).
    ids = tokenize(rows[:1], Tokenizer.from_file(str(qwen / "tokenizer.json")), 2048)[0][0]
    tokens = ids.prefix + ids.suffix
    model, _ = load_model(qwen)
    logits = np.array(load_adapters(model, str(whole / "adapter-mlx"))(mx.array([tokens]))[0, -1])
    from_torch = one_logits(load_adapter(load(qwen), adapters[0]), tokens)
    np.testing.assert_allclose(logits, from_torch, rtol=1e-3, atol=1e-4)
    assert not np.allclose(from_torch, one_logits(load(qwen), tokens), atol=1e-3)
    fuse(qwen, whole / "adapter-mlx", tmp_path / "fused", data, 2, "float32", None, None)
    shutil.rmtree(tmp_path / "fused")


def one_logits(model, tokens) -> np.ndarray:
    plan = layout(Pack(tokens[:1], ((tokens[1:], (0,)),)))
    with torch.no_grad():
        return model.logits(model.hidden(plan.ids, plan.positions, attend_masked(plan))[-1]).numpy()


def test_a_four_bit_base_and_recomputed_activations_train_too(qwen, data, settings, tmp_path):
    config = read_config(settings, [*TOY, "steps=2", "four_bit_base=true", "checkpoint_activations=true"], "mlx")
    mlx_train.train(config, qwen, data, tmp_path)
    assert len(curve(tmp_path)) == 2
    started = next(x for x in read_log(tmp_path / "log.jsonl") if x["event"] == "started")
    assert started["arm"] == "mlx" and started["config"]["four_bit_base"]


def test_steps_take_every_example_once_an_epoch_and_the_schedule_has_its_length(qwen, rows, settings):
    config = read_config(settings, ["full=false", "quantize_from=1", "steps=null", "epochs=1"], "mlx")
    examples, _ = tokenize(rows, Tokenizer.from_file(str(qwen / "tokenizer.json")), 2048)
    packs, each = [], packs_per_step(config)
    stream = pack_stream(examples, config)
    while sum(len(p.questions) for p in packs) < len(examples):
        packs.append(next(stream))
    assert sorted((p.prefix, *q) for p in packs for q in p.questions) == sorted((x.prefix, x.suffix, x.completion) for x in examples)
    assert total_steps(examples, config) == -(-len(packs) // each)


def test_examples_over_the_context_are_counted_in_the_log_and_all_over_it_is_refused(qwen, data, rows, settings, tmp_path):
    with pytest.raises(BadExamples, match="raise `context`"):
        mlx_train.train(read_config(settings, [*TOY, "context=10"], "mlx"), qwen, data, tmp_path / "none")
    examples, _ = tokenize(rows, Tokenizer.from_file(str(qwen / "tokenizer.json")), 2048)
    context = sorted(x.tokens for x in examples)[len(examples) // 2]
    mlx_train.train(read_config(settings, [*TOY, f"context={context}", "steps=1"], "mlx"), qwen, data, tmp_path / "some")
    [line] = [x for x in read_log(tmp_path / "some" / "log.jsonl") if x["event"] == "too-long"]
    assert line["count"] == sum(x.tokens > context for x in examples) > 0


def test_what_the_arm_does_not_do_is_refused_in_a_sentence(settings, qwen, data, tmp_path):
    for overrides, says in [
        (["full=true"], "trains adapters"), (["steps=null", "minutes=3"], "epochs or steps"), (["quantize_from=0.5"], "calibrate"),
    ]:  # fmt: skip
        with pytest.raises(BadConfig, match=says):
            mlx_train.train(read_config(settings, [*TOY, *overrides], "mlx"), qwen, data, tmp_path / "none")
    mlx_train.train(read_config(settings, [*TOY, "steps=1"], "mlx"), qwen, data, tmp_path / "run")
    with pytest.raises(BadConfig, match="choose a new --out"):
        mlx_train.train(read_config(settings, [*TOY, "lora_rank=8"], "mlx"), qwen, data, tmp_path / "run")
    assert json.loads((tmp_path / "run/adapter/adapter_config.json").read_text())["r"] == 4
