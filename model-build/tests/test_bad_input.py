"""Whatever is wrong with the input: one sentence on stderr, exit code 2, no traceback."""

import json

import numpy as np
import pytest
from gguf import GGUFWriter
from tiny_model import LLAMA, write_checkpoint

from model_build.cli import main


@pytest.fixture
def checkpoint(tmp_path):
    write_checkpoint(tmp_path / "hf", LLAMA)
    return tmp_path / "hf"


def refused(capsys, *arguments) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert captured.err.startswith("tabletalk-model: ") and len(captured.err.strip().splitlines()) == 1
    assert "Traceback" not in captured.err
    return captured.err


def build(tmp_path, weights):
    return ("build", "--weights", weights, "--id", "tiny", "--out", tmp_path / "out")


def change_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model_type": "mamba"}, "not supported"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4}}, "rope_scaling"),
        ({"hidden_act": "gelu"}, "silu"),
        ({"attention_bias": True}, "biases"),
        ({"hidden_size": 100}, "multiple"),
        ({"vocab_size": 510}, "multiples of 8"),
        ({"num_key_value_heads": 4}, "evenly"),
        ({"hidden_size": "wide"}, "not a number"),
        ({"intermediate_size": 192}, "has shape"),
        ({"num_hidden_layers": 3}, "has no tensor"),
    ],
)
def test_a_config_that_cannot_be_built(capsys, tmp_path, checkpoint, changes, says):
    change_config(checkpoint, **changes)
    assert says in refused(capsys, *build(tmp_path, checkpoint))


def test_no_config(capsys, tmp_path, checkpoint):
    (checkpoint / "config.json").unlink()
    assert "no config.json" in refused(capsys, *build(tmp_path, checkpoint))


def test_a_shard_that_is_cut_short(capsys, tmp_path, checkpoint):
    path = checkpoint / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert "cut short" in refused(capsys, *build(tmp_path, checkpoint))


def test_a_shard_that_is_not_safetensors(capsys, tmp_path, checkpoint):
    (checkpoint / "model.safetensors").write_bytes(b"\x20" + bytes(7) + b"not json" * 100)
    assert "not a .safetensors" in refused(capsys, *build(tmp_path, checkpoint))


def test_an_index_that_names_a_missing_shard(capsys, tmp_path, checkpoint):
    index = {"weight_map": {"model.norm.weight": "model-00002-of-00002.safetensors"}}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "lacks the shard" in refused(capsys, *build(tmp_path, checkpoint))


def test_pickled_weights_only(capsys, tmp_path, checkpoint):
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    assert "no .safetensors" in refused(capsys, *build(tmp_path, checkpoint))


def test_no_tokenizer(capsys, tmp_path, checkpoint):
    (checkpoint / "tokenizer.json").unlink()
    assert "no tokenizer.json" in refused(capsys, *build(tmp_path, checkpoint))


def test_no_emcc(capsys, tmp_path, checkpoint, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "emcc" in refused(capsys, *build(tmp_path, checkpoint))


def test_nothing_there(capsys, tmp_path):
    assert "There is no" in refused(capsys, *build(tmp_path, tmp_path / "absent"))
    assert "There is no" in refused(capsys, *build(tmp_path, "absent.gguf"))


def test_a_hub_id_without_a_network(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "could not be fetched" in refused(capsys, *build(tmp_path, "tabletalk-test/does-not-exist"))


def test_a_foreign_file_in_the_output_folder_is_kept(capsys, tmp_path, checkpoint):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    assert "thesis.txt" in refused(capsys, *build(tmp_path, checkpoint))
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


def test_an_id_that_is_no_file_name(capsys, tmp_path, checkpoint):
    arguments = ["build", "--weights", checkpoint, "--id", "../up", "--out", tmp_path / "out"]
    assert "model id" in refused(capsys, *arguments)


def test_gguf_files_that_cannot_be_read(capsys, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(50))
    assert "not a whole .gguf" in refused(capsys, "unpack-gguf", broken, tmp_path / "hf")
    foreign = tmp_path / "foreign.gguf"
    writer = GGUFWriter(foreign, "mamba")
    writer.add_tensor("token_embd.weight", np.zeros((8, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert "'mamba'" in refused(capsys, "unpack-gguf", foreign, tmp_path / "hf")
