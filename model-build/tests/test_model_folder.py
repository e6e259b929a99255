"""Tiny models built whole: on the CPU against numpy, in the browser against the CPU. Compiling for the browser needs emcc and takes minutes
the first time (the runtime), seconds after."""

import io
import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from reference import reference_logits
from tiny_model import LLAMA, QWEN2, write_checkpoint

from model_build.build import rounding_of
from model_build.checkpoint import open_folder
from model_build.cli import main
from model_build.convert import convert
from model_build.errors import BuildError
from model_build.folder import open_model_folder, read_shards, sha256_of
from model_build.quantization import QuantizedTable, dequantize
from model_build.serve import Answerer, load_native, serve
from model_build.wasm import ALLOWED_IMPORTS, imports_of

REPOSITORY = Path(__file__).parents[2]
CONTEXT, CHUNK = 256, 32
rng = np.random.default_rng(3)
PROMPT = [int(t) for t in rng.integers(3, 250, 71)]
# One chunk, several, single tokens, a mix that crosses pages and chunks, and 20 tokens too many that are taken back.
SPLITS = {
    "one-chunk": ([PROMPT[:30]], 0, 30),
    "chunks": ([PROMPT], 0, 71),
    "pieces": ([PROMPT[:17], PROMPT[17:50], PROMPT[50:]], 0, 71),
    "token-by-token": ([[t] for t in PROMPT], 0, 71),
    "after-a-pop": ([[*PROMPT[:40], *range(60, 80)], PROMPT[40:]], 20, 71),
}


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def built(request, tmp_path_factory):
    """(checkpoint, folder) of a tiny model, with the libraries that a software adapter can run."""
    folder = tmp_path_factory.mktemp(request.param)
    raw = {"llama": LLAMA, "qwen2": QWEN2}[request.param]
    write_checkpoint(folder / "hf", raw)
    libraries = "webgpu-f32,webgpu-f16,webgpu-f32-flat" if request.param == "llama" else "webgpu-f32-flat"
    bits = "8" if request.param == "llama" else "4"
    main(["build", "--weights", str(folder / "hf"), "--id", "tiny", "--out", str(folder / "out"), "--context", str(CONTEXT), "--chunk", str(CHUNK),
          "--embedding-bits", bits, "--libraries", libraries, "--licence", "CC0-1.0"])  # fmt: skip
    return open_folder(folder / "hf"), open_model_folder(folder / "out")


@pytest.fixture(scope="module")
def expected(built):
    """Logits after each token of PROMPT, by numpy in float64, over the weights as the folder's shards hold them."""
    _, folder = built
    shards, config = read_shards(folder.path), folder.config

    def get(name: str) -> np.ndarray:
        stem, kind = name.rsplit(".", 1)
        for fused, parts in {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "gate_up_proj": ("gate_proj", "up_proj")}.items():
            for part in parts:
                if stem.endswith(f".{part}"):
                    joined = get(f"{stem.removesuffix(part)}{fused}.{kind}")
                    kv = config.num_key_value_heads * config.head_dim
                    sizes = [len(joined) - 2 * kv, kv, kv] if fused == "qkv_proj" else [config.intermediate_size] * 2
                    return np.split(joined, np.cumsum(sizes)[:-1])[parts.index(part)]
        if name in shards:
            return shards[name].astype(np.float64)
        bits = folder.embedding_bits if stem in ("model.embed_tokens", "lm_head") else 4
        return dequantize(QuantizedTable(shards[f"{stem}.words"], shards[f"{stem}.scales"], bits)).astype(np.float64)

    return reference_logits(config, get, PROMPT)


def test_an_unpacked_folder_holds_the_deployed_weights_and_builds_to_the_same_shards(built, tmp_path):
    checkpoint, folder = built
    main(["unpack-folder", str(folder.path), str(tmp_path)])
    again = open_folder(tmp_path)
    assert again.config == folder.config
    for name in ("model.embed_tokens.weight", "model.layers.0.self_attn.k_proj.weight", "model.layers.1.mlp.up_proj.weight", "model.norm.weight"):
        # Rounding to 4 or 8 bits moves a weight by less than its group's largest step.
        np.testing.assert_allclose(again.get(name), checkpoint.get(name), atol=np.abs(checkpoint.get(name)).max() / 7)
    shards = read_shards(folder.path)
    rebuilt = dict(convert(again, folder.embedding_bits))
    assert rebuilt.keys() == shards.keys()
    for name, value in rebuilt.items():
        if not name.endswith((".words", ".scales")):
            np.testing.assert_array_equal(value, shards[name])
    for name in (stem.removesuffix(".words") for stem in rebuilt if stem.endswith(".words")):
        bits = folder.embedding_bits if name in ("model.embed_tokens", "lm_head") else 4
        before, after = (dequantize(QuantizedTable(np.array(x[f"{name}.words"]), np.array(x[f"{name}.scales"]), bits)) for x in (shards, rebuilt))
        np.testing.assert_array_equal(after, before)


def test_the_card_describes_the_folder(built):
    _, folder = built
    card = json.loads((folder.path / "model-card.json").read_text())
    assert card["id"] == "tiny" and card["licence"] == "CC0-1.0" and card["measuredAccuracy"] is None
    assert set(card["files"]) == {p.name for p in folder.path.iterdir()} - {"model-card.json"}
    assert [entry["schedule"] for entry in card["libraries"]][-1] == "barrier-free"
    assert 2 in card["stopTokens"]
    for shard in json.loads((folder.path / "tensor-cache.json").read_text())["records"]:
        assert shard["nbytes"] <= 32 << 20


def test_the_card_says_how_the_weights_were_rounded_before(tmp_path):
    assert rounding_of(tmp_path, "search") == "search"
    (tmp_path / "rounding.json").write_text('{"method": "gptq", "bits": [4, 8]}')
    assert rounding_of(tmp_path, "search") == "gptq"
    (tmp_path / "rounding.json").write_text("{")
    with pytest.raises(BuildError, match="round them again"):
        rounding_of(tmp_path, "search")


def test_the_counts_of_an_evaluation_go_into_the_card(built, tmp_path, capsys):
    _, folder = built
    (tmp_path / "model-card.json").write_text((folder.path / "model-card.json").read_text())
    index = tmp_path.parent / "index.json"
    index.write_text(json.dumps({"version": 1, "models": [{"folder": f"{tmp_path.name}/", "cardSha256": "0"}, {"folder": "other/", "cardSha256": "1"}]}))
    for name, right in (("score", 2), ("repaired", 3)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"n": 4, "exec": right, "exec_accuracy": right / 4}))
    main(["note-accuracy", str(tmp_path), "--score", str(tmp_path / "score.json"), "--repaired", str(tmp_path / "repaired.json")])
    card = json.loads((tmp_path / "model-card.json").read_text())
    assert card["measuredAccuracy"].items() >= {"executionMatch": 0.5, "executionMatchWithRepair": 0.75, "questions": 4}.items()
    assert card["files"] == folder.card["files"]
    listed = json.loads(index.read_text())["models"]
    assert [entry["cardSha256"] for entry in listed] == [sha256_of(tmp_path / "model-card.json"), "1"]
    index.unlink()
    (tmp_path / "repaired.json").write_text(json.dumps({"n": 3, "exec": 3}))
    with pytest.raises(SystemExit):
        main(["note-accuracy", str(tmp_path), "--score", str(tmp_path / "score.json"), "--repaired", str(tmp_path / "repaired.json")])
    assert "score the same predictions" in capsys.readouterr().err


def test_libraries_import_only_what_webllm_gives(built):
    _, folder = built
    for library in folder.card["libraries"]:
        imports = set(imports_of((folder.path / library["file"]).read_bytes()))
        assert imports <= ALLOWED_IMPORTS and "TVMFFIWasmSafeCall" in imports


def test_no_file_carries_a_path_of_this_machine(built):
    _, folder = built
    private = re.compile(rb"/(root|home|work|tmp|Users|usr/lib|usr/local|opt|var)/")
    for path in folder.path.iterdir():
        if path.suffix in (".wasm", ".json"):
            found = private.search(path.read_bytes())
            assert not found, f"{path.name}: {path.read_bytes()[found.start() - 40 : found.end() + 80]!r}"


def test_cpu_logits_are_those_of_numpy_however_the_prompt_is_split(built, expected):
    model = load_native(built[1])
    for name, (pieces, popped, length) in SPLITS.items():
        model.reset()
        for index, piece in enumerate(pieces):
            logits = model.feed(piece)
            if index == 0:
                model.pop(popped)
        assert np.abs(logits - expected[length - 1]).max() < 2e-5, name


@pytest.mark.browser
@pytest.mark.parametrize("suffix", ["webgpu-f32", "webgpu-f32-flat"])
def test_browser_logits_and_tokens_are_those_of_the_cpu(built, expected, suffix):
    _, folder = built
    library = f"tiny-{suffix}.wasm"
    if library not in folder.card["files"]:
        pytest.skip("the Qwen2 model is built for software adapters only")
    prompts = [PROMPT[i : i + 5 + i] for i in range(0, 20)]
    native = load_native(folder)
    wanted = []
    for prompt in prompts:
        native.reset()
        wanted.append(native.greedy(native.feed(prompt), 6, lambda _: False)[0])
    tasks = [{"kind": "logits", "pieces": pieces, "pop": popped} for pieces, popped, _ in SPLITS.values()]
    tasks += [{"kind": "greedy", "prompt": prompt, "count": 6} for prompt in prompts]
    tasks += [{"kind": "nucleus", "draws": 10}, {"kind": "edits"}]
    answers = run_in_browser(folder.path, library, tasks)
    # SwiftShader's sine and cosine (rotary embedding) are only good to WGSL's 2^-11: 1e-3 from the exact logits, the same for every split.
    for (name, (_, _, length)), logits in zip(SPLITS.items(), answers, strict=False):
        assert np.abs(np.array(logits) - expected[length - 1]).max() < 2e-3, name
    whole = np.array(answers[list(SPLITS).index("chunks")])
    for name, logits in zip(SPLITS, answers, strict=False):
        if SPLITS[name][2] == len(PROMPT):
            assert np.abs(np.array(logits) - whole).max() < 5e-5, name
    assert answers[len(SPLITS) : -2] == wanted
    assert answers[-2] == {"draws": 10, "wrong": 0}
    assert answers[-1]["masked"] and answers[-1]["largestError"] < 1e-5


def run_in_browser(folder: Path, library: str, tasks: list[dict]) -> list:
    command = ["npx", "tsx", "model-build/browser/run.mjs", str(folder), library]
    ran = subprocess.run(command, cwd=REPOSITORY, input=json.dumps(tasks), capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout)["answers"]


def test_serve_stdio_answers_and_reuses_the_prefix(built):
    _, folder = built
    prefix, ask = "CREATE TABLE head (age int);\n", [{"suffix": "How old?"}, {"suffix": "Who?"}, {"suffix": "How old?"}]
    lines = [json.dumps({"prefix": prefix, "max_tokens": 12, "id": i, **q}) for i, q in enumerate(ask)]
    lines[2:2] = ["not json", '{"max_tokens": 0}', json.dumps({"suffix": "x" * 300}), "", '{"prefix": ""}']
    out: list[dict] = []
    serve(folder, io.StringIO("\n".join(lines)), lambda text: out.append(json.loads(text)))
    assert out[0]["ready"] and out[0]["contextWindow"] == CONTEXT
    first, second, *errors, again = out[1:]
    assert all(re.search(r"[.)]$", e["error"]) and "text" not in e for e in errors) and len(errors) == 4
    assert first["reusedTokens"] == 0 and second["reusedTokens"] == first["prefixTokens"] == len(prefix)
    assert again["tokens"] == first["tokens"] and again["id"] == 2
    assert len(first["tokens"]) <= 12 and first["promptTokens"] == len(prefix) + len("How old?")
    fresh = Answerer(folder).answer(prefix, "Who?", 12)
    assert fresh["tokens"] == second["tokens"] and fresh["reusedTokens"] == 0


def test_serve_stdio_lets_the_one_who_asks_choose_each_token(built):
    _, folder = built
    request = {"prefix": "CREATE TABLE head (age int);\n", "suffix": "How old?", "max_tokens": 3, "constrained": True}
    alone = Answerer(folder).answer(request["prefix"], request["suffix"], 3)
    # The likeliest, then the sixth, then none of 64 but what begins a completion.
    choices = [{"choice": 0}, {"choice": -1}, {"choice": 5}, *[{"choice": -1}] * 2, {"choice": -1, "completions": ["zz", ""]}]
    lines = [json.dumps(line) for line in (request, *choices, request, {"choice": 64}, request, "no choice")]
    out: list[dict] = []
    serve(folder, io.StringIO("\n".join(lines)), lambda text: out.append(json.loads(text)))
    answers = [line for line in out if "tokens" in line or "error" in line]
    asked = [line for line in out if "candidates" in line]
    assert [len(line["candidates"]) for line in asked[:6]] == [1, 1, 15, 1, 15, 48]
    assert [line["last"] for line in asked[:6]] == [False] * 5 + [True]
    tried = [candidate for line in asked[3:6] for candidate in line["candidates"]]
    assert [c["logit"] for c in tried] == sorted((c["logit"] for c in tried), reverse=True)
    first, steered, end = answers[0]["tokens"]
    assert first == alone["tokens"][0] and answers[0]["steeredTokens"] == 2
    assert asked[2]["candidates"][4]["text"] == folder.tokenizer().decode([first, steered])
    assert end == folder.tokenizer().encode("zz", add_special_tokens=False).ids[0]
    assert all("given up" in line["error"] for line in answers[1:]) and len(answers) == 3


@pytest.mark.parametrize("damage", ["changed", "short", "missing", "added"])
def test_verify_refuses_a_damaged_folder(built, tmp_path, capsys, damage):
    _, folder = built
    for path in folder.path.iterdir():
        os.link(path, tmp_path / path.name)
    shard = tmp_path / "params_shard_0.bin"
    data = bytearray(shard.read_bytes())
    shard.unlink()
    if damage == "changed":
        data[1000] ^= 1
    if damage == "short":
        data = data[:-4]
    if damage != "missing":
        shard.write_bytes(data)
    if damage == "added":
        (tmp_path / "extra.bin").write_bytes(b"x")
    says = {"changed": "SHA-256", "short": "cut short", "missing": "lacks", "added": "does not list"}[damage]
    with pytest.raises(BuildError, match=says):
        open_model_folder(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path)])
    assert ended.value.code == 2 and says in capsys.readouterr().err
