import json
import subprocess
import sys
from pathlib import Path

import peft
import pytest
import torch
import transformers
from conftest import make_base
from safetensors.torch import load_file, save_file

from tabletalk_training.adapter import BadAdapter, read_adapter, write_mlx, write_peft
from tabletalk_training.fuse import NotFused, fuse
from tabletalk_training.lora import add_lora, lora_layers, to_adapter
from tabletalk_training.model import load
from tabletalk_training.quantize import fake_quantize

ROOT = Path(__file__).parent.parent


def adapter_for(base: Path, folder: Path) -> Path:
    """An adapter with random factors, as training would leave it."""
    torch.manual_seed(5)
    model = add_lora(load(base), 4, 8.0)
    for _, layer in lora_layers(model):
        torch.nn.init.normal_(layer.b, std=0.05)
    write_peft(to_adapter({n: p for n, p in model.named_parameters() if p.requires_grad}, model.config, 4, 8.0), folder, str(base))
    return folder


@pytest.fixture(scope="module")
def adapter(qwen, tmp_path_factory) -> Path:
    return adapter_for(qwen, tmp_path_factory.mktemp("adapter"))


@pytest.mark.parametrize("kind", ["tied qwen2", "tied llama", "untied qwen2 in two files"])
def test_a_fused_model_answers_as_base_and_adapter(kind, qwen, base, data, rows, tmp_path):
    folder = {"tied qwen2": qwen, "tied llama": base}.get(kind)
    if folder is None:
        folder = make_base(tmp_path / "untied", rows, model_type="qwen2", tie_word_embeddings=False)
        tensors = load_file(folder / "model.safetensors")
        parts = {"model-1.safetensors": list(tensors)[::2], "model-2.safetensors": list(tensors)[1::2]}
        for name, names in parts.items():
            save_file({n: tensors[n] for n in names}, folder / name)
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {n: name for name, names in parts.items() for n in names}}))
    difference, largest = fuse(folder, adapter_for(folder, tmp_path / "adapter"), tmp_path / "out", data, 3, "float32", None, None)
    assert 0 < difference < 1e-5 * largest
    base_weights, fused = load(folder), load(tmp_path / "out")
    for name, p in fused.named_parameters():
        assert torch.equal(p, base_weights.get_parameter(name)) == (
            not (name.startswith("layers.") and name.endswith("weight") and "norm" not in name)
        )
    assert json.loads((tmp_path / "out/training.json").read_text())["adapter"] == {"rank": 4, "alpha": 8.0}


def test_fusing_equals_pefts_own_merge(qwen, adapter, data, tmp_path):
    fuse(qwen, adapter, tmp_path / "out", data, 2, "float32", None, None)
    model = transformers.AutoModelForCausalLM.from_pretrained(qwen, dtype=torch.float32)
    merged = peft.PeftModel.from_pretrained(model, adapter).merge_and_unload().state_dict()
    ours = load_file(tmp_path / "out/model.safetensors")
    assert ours.keys() == merged.keys() - {"lm_head.weight"}  # tied
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, merged[name], rtol=1e-5, atol=1e-6)


def test_the_grid_is_the_one_that_a_quantization_aware_run_saw(qwen, adapter, data, tmp_path):
    fuse(qwen, adapter, tmp_path / "plain", data, 2, "float32", None, None)
    fuse(qwen, adapter, tmp_path / "grid", data, 2, "float32", (4, 8), None)
    plain, grid = load_file(tmp_path / "plain/model.safetensors"), load_file(tmp_path / "grid/model.safetensors")
    for name, tensor in plain.items():
        bits = 4 if name.endswith("_proj.weight") else 8 if "embed" in name else None
        assert torch.equal(grid[name], fake_quantize(tensor, bits) if bits else tensor), name


def test_both_formats_hold_the_same_adapter(qwen, adapter, tmp_path):
    write_mlx(read_adapter(adapter), tmp_path, layers=2)
    again, first = read_adapter(tmp_path), read_adapter(adapter)
    assert again.rank == first.rank and again.alpha == first.alpha and again.factors.keys() == first.factors.keys()
    assert all(torch.equal(x, y) for n in first.factors for x, y in zip(first.factors[n], again.factors[n], strict=True))


def test_a_published_adapter_is_half_the_size_and_names_no_folder(adapter, tmp_path):
    command = [sys.executable, "-m", "tabletalk_training.adapter", adapter, tmp_path / "out", "--base", "Qwen/some-model"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0
    first, again = read_adapter(adapter), read_adapter(tmp_path / "out")
    assert all(torch.equal(x.bfloat16().float(), y) for n in first.factors for x, y in zip(first.factors[n], again.factors[n], strict=True))
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "Qwen/some-model"
    sizes = [(folder / "adapter_model.safetensors").stat().st_size for folder in (adapter, tmp_path / "out")]
    assert sizes[1] < 0.7 * sizes[0]
    missing = subprocess.run([*command[:3], tmp_path / "none", *command[4:]], cwd=ROOT, capture_output=True, text=True)
    assert missing.returncode == 1 and "There is no adapter" in missing.stderr and "Traceback" not in missing.stderr


def test_a_fused_model_that_answers_otherwise_is_refused_and_not_put_in_place(qwen, adapter, data, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tabletalk_training.fuse.delta", lambda adapter, name: 1.1 * adapter.scale * adapter.factors[name][1] @ adapter.factors[name][0]
    )
    with pytest.raises(NotFused, match="logits differ by up to"):
        fuse(qwen, adapter, tmp_path / "out", data, 2, "float32", None, None)
    assert not (tmp_path / "out").exists()


def test_an_adapter_that_cannot_be_used_is_refused_in_a_sentence(qwen, adapter, rows, data, tmp_path):
    def copy(name: str, config: dict | None = None) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "adapter_config.json").write_text(json.dumps(json.loads((adapter / "adapter_config.json").read_text()) | (config or {})))
        (folder / "adapter_model.safetensors").write_bytes((adapter / "adapter_model.safetensors").read_bytes())
        return folder

    cut = copy("cut")
    whole = (cut / "adapter_model.safetensors").read_bytes()
    (cut / "adapter_model.safetensors").write_bytes(whole[: len(whole) // 2])
    torn = copy("torn")
    (torn / "adapter_config.json").write_text('{"peft_ty')
    missing = copy("missing")
    (missing / "adapter_model.safetensors").unlink()
    for folder, says in [
        (tmp_path / "nowhere", "There is no adapter"), (cut, "is torn"), (torn, "adapter_config.json is torn"), (missing, "is missing beside"),
        (copy("dora", {"use_dora": True}), "not plain LoRA"), (copy("rank", {"r": 8}), "has not rank 8"),
    ]:  # fmt: skip
        with pytest.raises(BadAdapter, match=says):
            fuse(qwen, folder, tmp_path / "out", data, 2, "float32", None, None)
    wider = make_base(tmp_path / "wider", rows, model_type="qwen2", intermediate_size=128)
    shallow = make_base(tmp_path / "shallow", rows, model_type="qwen2", num_hidden_layers=1)
    for other, says in [(wider, "does not fit .*down_proj is 64 x 128 there and 64 x 96"), (shallow, "which .* does not have")]:
        with pytest.raises(BadAdapter, match=says):
            fuse(other, adapter, tmp_path / "out", data, 2, "float32", None, None)


def test_the_command_prints_the_largest_difference_or_one_sentence(qwen, adapter, data, tmp_path):
    command = [sys.executable, "-m", "tabletalk_training.fuse", qwen, adapter, tmp_path / "out", "--prompts", data]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert first.returncode == 0 and "largest difference" in first.stdout
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert second.returncode == 1 and "is there already" in second.stderr and "Traceback" not in second.stderr
