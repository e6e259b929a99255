import subprocess
import sys
from pathlib import Path

import pytest

from tabletalk_training.config import BadConfig, read_config
from tabletalk_training.hub import model_folder

ROOT = Path(__file__).parent.parent


def test_an_arms_section_and_a_file_of_a_size_stand_above_what_they_extend(settings, tmp_path):
    shared = settings.read_text() + "\ncpu:\n  threads: 3\nmlx:\n  threads: 4\n  context: 111\n"
    (tmp_path / "shared.yaml").write_text(shared)
    size = tmp_path / "size.yaml"
    size.write_text("extends: shared.yaml\ncontext: 222\ncuda:\n  context: 333\n")
    seen = {arm: (c.threads, c.context) for arm in ("cpu", "mlx", "cuda") for c in [read_config(size, [], arm)]}
    assert seen == {"cpu": (3, 222), "mlx": (4, 222), "cuda": (1, 333)}
    assert read_config(size, ["context=444"], "cuda").context == 444


def test_mistakes_in_layers_are_refused_in_a_sentence(settings, tmp_path):
    size = tmp_path / "size.yaml"
    for text, says in [
        ("extends: nowhere.yaml\n", "There is no config"), (f"extends: {settings.name}\nmlx:\n  batch: 3\n", 'no setting "batch"'),
        (f"extends: {settings.name}\nmlx: 3\n", "mlx is not a list of settings"),
    ]:  # fmt: skip
        size.write_text(text)
        with pytest.raises(BadConfig, match=says):
            read_config(size, [])


def test_a_base_is_a_folder_or_a_hub_id_and_anything_else_is_refused_in_a_sentence(base, tmp_path, monkeypatch):
    assert model_folder(str(base)) == base
    monkeypatch.setattr("tabletalk_training.hub.snapshot_download", lambda name, allow_patterns: f"/downloaded/{name}")
    assert model_folder("Qwen/Qwen2.5-0.5B-Instruct") == Path("/downloaded/Qwen/Qwen2.5-0.5B-Instruct")

    def offline(name, allow_patterns):
        raise ConnectionError

    monkeypatch.setattr("tabletalk_training.hub.snapshot_download", offline)
    for name, says in [("", "No base model is named"), (str(tmp_path), "holds no config.json"), ("Qwen/Qwen9", "could not be downloaded")]:
        with pytest.raises(BadConfig, match=says):
            model_folder(name)


def test_one_setting_is_printed_for_the_script():
    command = [sys.executable, "-m", "tabletalk_training.config", "configs/qwen2.5-3b.yaml"]
    printed = [
        subprocess.run([*command, *rest], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for rest in (("mlx", "four_bit_base"), ("cpu", "full"))
    ]
    assert printed == ["true\n", "false\n"]
