import signal
import subprocess
import time

import pytest
import torch
from conftest import make_base
from test_train import ROOT, command, curve
from tokenizers import Tokenizer

from tabletalk_training.adapter import read_adapter, write_peft
from tabletalk_training.checkpoint import load_checkpoint, newest_checkpoint, read_log
from tabletalk_training.config import BadConfig, read_config
from tabletalk_training.examples import tokenize
from tabletalk_training.lora import LoraAdamW, add_lora, load_adapter, lora_layers, to_adapter
from tabletalk_training.model import load
from tabletalk_training.packing import Pack
from tabletalk_training.quantize import fake_quantize
from tabletalk_training.train import packed_loss, train

LORA = ["full=false", "lora_rank=4", "lora_alpha=8", "peak_learning_rate=0.02"]


def pack_of(base, rows) -> Pack:
    examples, _ = tokenize(rows[:4], Tokenizer.from_file(str(base / "tokenizer.json")), 2048)
    return Pack(examples[0].prefix, tuple((x.suffix, x.completion) for x in examples))


def with_random_factors(model):
    torch.manual_seed(3)
    for _, layer in lora_layers(add_lora(model, 4, 8.0)):
        torch.nn.init.normal_(layer.b, std=0.05)
    return model


def test_an_untrained_adapter_changes_nothing_and_only_factors_are_trained(qwen, rows):
    pack = pack_of(qwen, rows)
    expected, _, _ = packed_loss(load(qwen), pack)
    model = add_lora(load(qwen), 4, 8.0)
    loss, _, _ = packed_loss(model, pack)
    assert torch.equal(loss, expected)
    loss.backward()
    assert all(p.grad is None or name.endswith((".a", ".b")) for name, p in model.named_parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    # By hand, of the original projections: q and o 64 x 64, k and v 32 x 64, gate and up 96 x 64, down 64 x 96; two layers, rank 4.
    assert trained == 2 * 4 * (2 * (64 + 64) + 2 * (32 + 64) + 3 * (96 + 64))


def test_the_loss_and_gradients_are_those_of_the_merged_weights(qwen, rows):
    pack, model = pack_of(qwen, rows), with_random_factors(load(qwen))
    loss, _, _ = packed_loss(model, pack)
    loss.backward()
    merged = load(qwen)
    for name, layer in lora_layers(model):
        merged.get_submodule(name).weight.data = layer.merged(layer.a, layer.b)
    expected, _, _ = packed_loss(merged, pack)
    expected.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-4)
    for name, layer in lora_layers(model):
        grad = merged.get_submodule(name).weight.grad
        for a, a_grad, b, b_grad, part in zip(*(x.split(4) for x in (layer.a, layer.a.grad)), *(x.split(layer.rows) for x in (layer.b, layer.b.grad)),
                                              grad.split(layer.rows), strict=True):  # fmt: skip
            torch.testing.assert_close(b_grad, part @ a.T * 2, rtol=1e-3, atol=1e-3)
            torch.testing.assert_close(a_grad, b.T @ part * 2, rtol=1e-3, atol=1e-3)


def test_quantization_aware_the_forward_pass_is_the_deployed_one_and_gradients_pass_straight_through(qwen, rows):
    pack, model = pack_of(qwen, rows), with_random_factors(load(qwen))
    optimizer = LoraAdamW(model, (0.9, 0.98), 0.0, 1.0)
    optimizer.write_copies((4, 8))
    loss, _, _ = packed_loss(model, pack)
    loss.backward()
    deployed = load(qwen)
    deployed.embedding.data = fake_quantize(deployed.embedding.data, 8)
    for name, layer in lora_layers(model):
        deployed.get_submodule(name).weight.data = fake_quantize(layer.merged(layer.a, layer.b).detach(), 4)
    expected, _, _ = packed_loss(deployed, pack)
    expected.backward()
    assert torch.equal(loss, expected)
    for name, layer in lora_layers(model):
        grad = deployed.get_submodule(name).weight.grad
        expected_b = torch.cat([part @ a.T * 2 for part, a in zip(grad.split(layer.rows), layer.a.split(4), strict=True)])
        torch.testing.assert_close(layer.b.grad, expected_b, rtol=1e-3, atol=1e-3)
        expected_a = torch.cat([b.T @ part * 2 for part, b in zip(grad.split(layer.rows), layer.b.split(layer.rows), strict=True)])
        torch.testing.assert_close(layer.a.grad, expected_a, rtol=1e-3, atol=1e-3)


def test_training_an_adapter_lowers_the_loss_and_saves_it_in_pefts_format(settings, qwen, data, tmp_path):
    run = tmp_path / "run"
    config = read_config(settings, [*LORA, "steps=null", "epochs=3", "quantize_from=0.6"])
    train(config, qwen, data, run)
    lines = [x for x in read_log(run / "log.jsonl") if x["event"] == "step"]
    assert lines[-1]["loss"] < 0.9 * lines[0]["loss"]
    # 36 examples, three times: the last step ends the third epoch.
    assert 3 <= lines[-1]["epoch"] < 3.2 and lines[-2]["epoch"] < 3
    assert lines[-1]["progress"] == 1 and lines[-1]["quantized"] and not lines[0]["quantized"]
    adapter, state = read_adapter(run / "adapter"), load_checkpoint(newest_checkpoint(run))
    assert adapter.rank == 4 and adapter.alpha == 8 and len(adapter.factors) == 2 * 7
    again = to_adapter(state["master"], state["config"], 4, 8.0)
    assert all(torch.equal(x, y) for name, pair in again.factors.items() for x, y in zip(pair, adapter.factors[name], strict=True))


def test_an_adapter_survives_its_file(qwen, rows, tmp_path):
    model = with_random_factors(load(qwen))
    master = {n: p for n, p in model.named_parameters() if p.requires_grad}
    write_peft(to_adapter(master, model.config, 4, 8.0), tmp_path, "base")
    again = load_adapter(load(qwen), read_adapter(tmp_path))
    pack = pack_of(qwen, rows)
    assert torch.equal(packed_loss(model, pack)[0], packed_loss(again, pack)[0])


def test_a_killed_adapter_run_resumes_to_the_same_loss_curve(settings, qwen, data, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    extra = ["--set", "checkpoint_minutes=0", "--set", "quantize_from=0.5", *[x for s in LORA for x in ("--set", s)]]
    subprocess.run(command(settings, qwen, data, whole, *extra), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    # Killed once before the rounding begins (at step 6 of 12) and once after.
    for until in (3, 8):
        process = subprocess.Popen(command(settings, qwen, data, killed, *extra), cwd=ROOT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 600
        while max(curve(killed), default=0) < until:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command(settings, qwen, data, killed, *extra), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    assert curve(killed) == curve(whole)
    assert (killed / "adapter/adapter_model.safetensors").read_bytes() == (whole / "adapter/adapter_model.safetensors").read_bytes()


def test_an_untied_head_is_read_frozen_and_used(tmp_path, rows):
    untied = make_base(tmp_path / "untied", rows, model_type="qwen2", tie_word_embeddings=False)
    model = add_lora(load(untied), 4, 8.0)
    assert not torch.equal(model.head, model.embedding) and not model.head.requires_grad
    hidden = torch.ones(1, 64)
    torch.testing.assert_close(model.logits(hidden), model.head.sum(1)[None])


def test_settings_of_lora_are_checked_and_old_runs_keep_their_identity(settings):
    with pytest.raises(BadConfig, match="lora_rank is 0"):
        read_config(settings, ["full=false", "lora_rank=0"])
    with pytest.raises(BadConfig, match="exactly one of minutes, steps and epochs"):
        read_config(settings, ["epochs=1"])
    identity = read_config(settings, []).identity()
    assert not {"full", "lora_rank", "lora_alpha", "epochs", "four_bit_base"} & identity.keys()
    assert read_config(settings, ["full=false"]).identity() == identity | {"full": False}
