import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tabletalk_training import calibrate as module
from tabletalk_training.calibrate import BadCalibration, round_student
from tabletalk_training.examples import BadExamples
from tabletalk_training.gptq import output_error, round_gptq, round_plain, round_search
from tabletalk_training.model import load
from tabletalk_training.optimizer import deployed_bits
from tabletalk_training.perplexity import measure
from tabletalk_training.quantize import fake_quantize

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT.parent / "model-build" / "src"))
from model_build import quantization  # noqa: E402 (model-build's own rounding: what is deployed)


@pytest.fixture(scope="module")
def correlated() -> tuple[torch.Tensor, torch.Tensor]:
    """A matrix [48, 128] and the second moment of 2,000 inputs that share 12 directions, as a layer's inputs do."""
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(2000, 12, generator=generator) @ torch.randn(12, 128, generator=generator)
    inputs += 0.3 * torch.randn(2000, 128, generator=generator)
    return torch.randn(48, 128, generator=generator) * torch.rand(48, 1, generator=generator), inputs.T @ inputs


def rounded_folder(base: Path, data: Path | None, out: Path, method: str, count: int = 24) -> Path:
    round_student(base, data, out, method, count, 0, 2048, "float32")
    return out


def test_on_correlated_inputs_gptq_changes_the_outputs_less_than_the_search_and_the_search_less_than_plain_rounding(correlated):
    weight, hessian = correlated
    plain, search, gptq = (output_error(x - weight, hessian) for x in (round_plain(weight), round_search(weight), round_gptq(weight, hessian)))
    assert 0 < gptq < 0.7 * search
    assert search < plain


def test_without_correlations_gptq_is_the_search(correlated):
    weight, _ = correlated
    assert torch.equal(round_gptq(weight, torch.eye(128)), round_search(weight))


def test_the_search_is_the_one_of_model_build_and_plain_is_its_plain(correlated):
    weight, _ = correlated
    for ours, name in ((round_search, "search"), (round_plain, "plain")):
        assert np.array_equal(quantization.dequantize(quantization.quantize(weight.numpy(), 4, name)), ours(weight).numpy())


def test_inputs_that_never_fire_and_empty_groups_are_rounded_too(correlated):
    weight, hessian = (x.clone() for x in correlated)
    hessian[:32] = hessian[:, :32] = 0
    weight[3, 64:96] = 0
    for h in (hessian, torch.zeros_like(hessian)):
        rounded = round_gptq(weight, h)
        assert rounded.isfinite().all()
        assert torch.equal(rounded[:, :32], round_search(weight)[:, :32])


@pytest.mark.parametrize("method", ["plain", "search", "gptq"])
def test_model_build_reproduces_every_word_of_a_rounded_student(base, data, tmp_path, method):
    out = rounded_folder(base, data, tmp_path / method, method)
    original, rounded = load_file(base / "model.safetensors"), load_file(out / "model.safetensors")
    assert original.keys() == rounded.keys()
    for name, weight in rounded.items():
        if weight.dim() == 1:
            assert torch.equal(weight, original[name])
            continue
        table = quantization.quantize(weight.numpy(), 8 if "embed" in name else 4)
        assert np.array_equal(quantization.dequantize(table), weight.numpy())
        assert not torch.equal(weight, original[name])
    assert torch.equal(rounded["model.embed_tokens.weight"], fake_quantize(original["model.embed_tokens.weight"], 8))
    assert json.loads((out / "rounding.json").read_text())["method"] == method
    assert (out / "tokenizer.json").exists() and json.loads((out / "config.json").read_text())["torch_dtype"] == "float32"


def test_gptq_gives_the_same_weights_each_time_and_after_a_kill(base, data, tmp_path, monkeypatch):
    first = rounded_folder(base, data, tmp_path / "first", "gptq")
    whole = module.calibrate_layer
    done: list[int] = []

    def killed_in_the_second_layer(*arguments):
        if done:
            raise KeyboardInterrupt
        done.append(1)
        whole(*arguments)

    monkeypatch.setattr(module, "calibrate_layer", killed_in_the_second_layer)
    with pytest.raises(KeyboardInterrupt):
        rounded_folder(base, data, tmp_path / "second", "gptq")
    [partial] = (tmp_path / "second").glob("partial-*")
    assert [x.name for x in partial.iterdir()] == ["layer-000.safetensors"] and not (tmp_path / "second" / "model.safetensors").exists()
    # Goes on with the second layer: done is full, and one more call is all that is left.
    monkeypatch.setattr(module, "calibrate_layer", lambda *arguments: (done.append(1), whole(*arguments)))
    second = rounded_folder(base, data, tmp_path / "second", "gptq")
    assert len(done) == 2 and not list(second.glob("partial-*"))
    a, b = (load_file(x / "model.safetensors") for x in (first, second))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_gptq_keeps_the_layers_outputs_closer_than_the_search_does(base, data, tmp_path):
    """The whole way through the layers on the calibration prompts, each on inputs that the rounded ones before it make."""
    packs = module.calibration_packs(data, module.Tokenizer.from_file(str(base / "tokenizer.json")), 24, 0, 2048)
    last = {}
    with torch.no_grad():
        folders = {"base": base} | {method: rounded_folder(base, data, tmp_path / method, method) for method in ("plain", "search", "gptq")}
        for name, folder in folders.items():
            model = load(folder)
            stream = module.Stream(model, packs, torch.float32)
            for layer in model.layers:
                stream.advance(layer)
            last[name] = torch.cat(stream.hidden)
    errors = {name: float((x - last["base"]).square().sum()) for name, x in last.items()}
    assert 0 < errors["gptq"] < errors["search"] < errors["plain"]


def test_bad_input_is_refused_in_a_sentence(base, data, tmp_path, monkeypatch):
    for method, examples, folder, says in [
        ("gptq", None, base, "add --data"),
        ("gptq", tmp_path / "none.jsonl", base, "npm run prepare-data"),
        ("search", None, tmp_path, "There is no config.json"),
    ]:
        with pytest.raises(ValueError, match=says):
            rounded_folder(folder, examples, tmp_path / "out", method)
    with pytest.raises(BadExamples, match="calibration needs examples"):
        rounded_folder(base, data, tmp_path / "out", "gptq", 0)
    with pytest.raises(BadExamples, match="raise --context"):
        round_student(base, data, tmp_path / "out", "gptq", 24, 0, 10, "float32")
    rounded_folder(base, None, tmp_path / "taken", "plain")
    with pytest.raises(BadCalibration, match="choose another --out"):
        rounded_folder(base, None, tmp_path / "taken", "plain")
    monkeypatch.setattr(sys, "argv", ["calibrate", str(base), "--out", str(tmp_path / "out"), "--threads", "1"])
    with pytest.raises(SystemExit, match=r"^gptq calibrates on examples: add --data train.jsonl"):
        module.main()


def test_a_full_disk_is_told_in_a_sentence_and_leaves_no_model(base, tmp_path):
    room = (base / "model.safetensors").stat().st_size // 2
    run = subprocess.run(
        [sys.executable, "-m", "tabletalk_training.calibrate", str(base), "--out", str(tmp_path / "out"), "--method", "plain", "--threads", "1"],
        capture_output=True, text=True, cwd=ROOT, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )  # fmt: skip
    assert run.returncode == 1 and re.fullmatch(r"\S+ could not be written: .+ Make room and give the same line again: [^\n]+\n", run.stderr)
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_a_student_that_the_format_cannot_hold_is_refused(base, tmp_path):
    config = json.loads((base / "config.json").read_text())
    narrow = tmp_path / "narrow"
    narrow.mkdir()
    (narrow / "tokenizer.json").write_text((base / "tokenizer.json").read_text())
    (narrow / "config.json").write_text(json.dumps({**config, "intermediate_size": 80}))
    weights = load_file(base / "model.safetensors")
    cut = {k: v[:80] if "gate_" in k or "up_" in k else v[:, :80].contiguous() if "down_" in k else v for k, v in weights.items()}
    save_file(cut, narrow / "model.safetensors")
    with pytest.raises(BadCalibration, match=r"down.weight has 80 inputs, which are no whole groups of 32"):
        rounded_folder(narrow, None, tmp_path / "out", "plain")
    weights["model.layers.1.mlp.up_proj.weight"][0, 0] = float("nan")
    (narrow / "config.json").write_text(json.dumps(config))
    save_file(weights, narrow / "model.safetensors")
    with pytest.raises(BadCalibration, match="not finite"):
        rounded_folder(narrow, None, tmp_path / "out", "plain")


def test_every_matrix_of_the_decoder_is_rounded(base):
    names = {name.split(".")[2] for name, _ in load(base).named_parameters() if deployed_bits(name, module.BITS) == 4}
    assert names == set(module.MATRICES)


def test_perplexity_of_a_rounded_student_is_near_its_own(base, data, tmp_path):
    values = [measure(x, data, None, None, 2048, "float32")["perplexity"] for x in (base, rounded_folder(base, data, tmp_path / "out", "gptq"))]
    assert values[1] == pytest.approx(values[0], rel=0.1)
