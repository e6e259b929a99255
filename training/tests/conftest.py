"""A toy base model (2 layers, random weights, its own byte-level BPE) and toy examples in the format of `npm run prepare-data`."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from tabletalk_training.model import Decoder, to_hugging_face

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TABLES = {
    "zoo": "animal: animal_id* name age keeper_id>keeper\nkeeper: keeper_id* name city",
    "shop": "book: book_id* title price\nsale: sale_id* book_id>book day",
    "school": "pupil: pupil_id* name grade",
}
COLUMNS = {"zoo": "age", "shop": "price", "school": "grade"}
MAIN = {"zoo": "animal", "shop": "book", "school": "pupil"}


def example(db: str, number: int) -> dict:
    prefix = f"<|im_start|>system\n{TABLES[db]}<|im_end|>\n"
    words = ["over", "exactly", "well under", "at least twice"][number % 4]
    prompt = f"{prefix}<|im_start|>user\nHow many {MAIN[db]}s have a {COLUMNS[db]} {words} {number}?<|im_end|>\n<|im_start|>assistant\n"
    sign = [">", "=", "<", ">="][number % 4]
    completion = f"SELECT count(*) FROM {MAIN[db]} WHERE {COLUMNS[db]} {sign} {number}<|im_end|>"
    return {"id": f"{db}-{number}", "db_id": db, "prompt": prompt, "completion": completion, "prefix_code_points": len(prefix)}


def write_lines(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(x) + "\n" for x in rows))
    return path


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def rows() -> list[dict]:
    return [example(db, i) for db in TABLES for i in range(12)]


@pytest.fixture(scope="session")
def data(tmp_path_factory, rows) -> Path:
    return write_lines(tmp_path_factory.mktemp("data") / "train.jsonl", rows)


def make_base(folder: Path, rows: list[dict], **config) -> Path:
    """Writes a toy base model to `folder`; `config` overrides its config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(t, special=True, normalized=False) for t in SPECIAL]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([x["prompt"] + x["completion"] for x in rows], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "vocab_size": tokenizer.get_vocab_size(), "tie_word_embeddings": True,
    } | config  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    torch.manual_seed(1)
    model = Decoder(config)
    for table in (model.embedding, model.head):
        if table is not None:
            torch.nn.init.normal_(table, std=0.1)
    save_file({k: v.detach() for k, v in to_hugging_face(dict(model.named_parameters()), config).items()}, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="session")
def base(tmp_path_factory, rows) -> Path:
    return make_base(tmp_path_factory.mktemp("base"), rows)


@pytest.fixture(scope="session")
def qwen(tmp_path_factory, rows) -> Path:
    """A toy as Qwen2 is: biases at q, k and v; architectures and lengths named, so that transformers and mlx-lm load it too."""
    return make_base(
        tmp_path_factory.mktemp("qwen"), rows, model_type="qwen2", architectures=["Qwen2ForCausalLM"], hidden_act="silu", max_position_embeddings=2048
    )


@pytest.fixture
def settings(tmp_path) -> Path:
    """The real config with a toy's sizes."""
    text = (Path(__file__).parent.parent / "configs" / "smollm2-135m.yaml").read_text()
    toy = {"threads": 1, "questions_per_step": 6, "pack_tokens": 200, "pack_room": 100, "pack_questions": 3, "warmup_steps": 2, "peak_learning_rate": 0.01,
           "precision": "float32", "minutes": "null", "steps": 12}  # fmt: skip
    lines = []
    for line in text.splitlines():
        name = line.partition(":")[0]
        lines.append(f"{name}: {toy[name]}" if name in toy else line)
    path = tmp_path / "toy.yaml"
    path.write_text("\n".join(lines))
    return path
