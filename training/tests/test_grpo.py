import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import COLUMNS, MAIN, TABLES, example, write_lines
from tokenizers import Tokenizer

from tabletalk_training.checkpoint import load_checkpoint, newest_checkpoint
from tabletalk_training.config import BadConfig, Config, read_settings
from tabletalk_training.decoding import Prompt, greedy, sample
from tabletalk_training.examples import BadExamples, read_examples, tokenize
from tabletalk_training.export import export
from tabletalk_training.grpo import (
    Group,
    GrpoConfig,
    advantages,
    batches,
    grpo,
    kl_estimate,
    read_grpo_config,
    token_log_probabilities,
    token_losses,
    update,
)
from tabletalk_training.grpo_curve import curve, smooth
from tabletalk_training.model import Decoder, load
from tabletalk_training.optimizer import MasterAdamW
from tabletalk_training.packing import Pack
from tabletalk_training.rewards import Scored, Scorer, ScorerFailed, Verdict, Weights
from tabletalk_training.run_log import read_log
from tabletalk_training.train import train

ROOT = Path(__file__).parent.parent
NAMES = list(TABLES)


@pytest.fixture(scope="session")
def spider(tmp_path_factory) -> Path:
    """The toy examples as Spider publishes its own: questions with gold queries and a database each."""
    folder = tmp_path_factory.mktemp("spider")
    questions = [
        {"db_id": db, "question": f"{i}", "query": example(db, i)["completion"].removesuffix("<|im_end|>")} for db in NAMES for i in range(12)
    ]
    (folder / "train_spider.json").write_text(json.dumps(questions))
    for db in NAMES:
        (folder / "database" / db).mkdir(parents=True)
        with sqlite3.connect(folder / "database" / db / f"{db}.sqlite") as database:
            for line in TABLES[db].splitlines():
                table, _, columns = line.partition(": ")
                database.execute(f"CREATE TABLE {table} ({', '.join(c.partition('>')[0].strip('*') for c in columns.split())})")
            for i in range(20):
                database.execute(f"INSERT INTO {MAIN[db]} ({COLUMNS[db]}) VALUES ({i})")
    return folder


@pytest.fixture(scope="session")
def questions(tmp_path_factory) -> Path:
    """The same examples by the ids of the toy Spider."""
    rows = [{**example(db, i), "id": f"train_spider-{place * 12 + i}"} for place, db in enumerate(NAMES) for i in range(12)]
    return write_lines(tmp_path_factory.mktemp("questions") / "train.jsonl", rows)


@pytest.fixture(scope="session")
def scorer(spider):
    with Scorer(spider) as scorer:
        yield scorer


@pytest.fixture
def settings(tmp_path) -> Path:
    """The real config with a toy's sizes."""
    toy = {"precision": "float32", "threads": 1, "context": 256, "steps": 6, "prompts_per_step": 4, "samples": 4, "answer_tokens": 30,
           "peak_learning_rate": 0.003, "held_out": 6, "held_out_samples": 2, "held_out_every": 3}  # fmt: skip
    lines = []
    for line in (ROOT / "configs" / "grpo-smollm2-135m.yaml").read_text().splitlines():
        name = line.partition(":")[0]
        lines.append(f"{name}: {toy[name]}" if name in toy else line)
    path = tmp_path / "toy-grpo.yaml"
    path.write_text("\n".join(lines))
    return path


def test_advantages_are_distances_from_the_groups_mean_in_its_deviations():
    assert advantages([1.0, 0.0, 0.0, 1.0], True) == pytest.approx([1, -1, -1, 1], rel=1e-4)
    assert advantages([1.0, 0.2, 0.0], True) == pytest.approx([(r - 0.4) / (56 / 300) ** 0.5 for r in (1.0, 0.2, 0.0)], rel=1e-4)
    assert advantages([1.0, 0.0, 0.0, 0.0], False) == pytest.approx([0.75, -0.25, -0.25, -0.25], rel=1e-4)
    assert advantages([0.2, 0.2], True) == pytest.approx([0, 0])


def test_the_kl_estimate_is_never_negative_and_its_mean_is_the_divergence():
    p, q = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.5, 0.3, 0.2])
    by_token = kl_estimate(p.log(), q.log())
    assert (by_token >= 0).all() and (kl_estimate(p.log(), p.log()) == 0).all()
    assert float((p * by_token).sum()) == pytest.approx(float((p * (p / q).log()).sum()), rel=1e-5)


def test_token_losses_and_their_gradient_are_those_worked_out_by_hand():
    old, reference = torch.tensor([-1.0, -1.0, -1.0, -1.0]), torch.tensor([-1.5, -1.0, -1.0, -0.5])
    ratio = torch.tensor([1.0, 1.5, 1.5, 0.5])
    policy = (old + ratio.log()).requires_grad_()
    advantage = torch.tensor([2.0, 1.0, -1.0, -1.0])
    losses = token_losses(policy, old, reference, advantage, clip=0.2, kl=0.1)
    k3 = (reference - policy).exp() - (reference - policy) - 1
    # A better answer gains nothing from a ratio over 1.2; a worse one is pushed down at any ratio over 0.8.
    assert torch.allclose(losses, -torch.tensor([2.0, 1.2, -1.5, -0.8]) + 0.1 * k3)
    losses.sum().backward()
    # d/d policy: -ratio * advantage where not clipped; kl * (1 - reference / policy).
    expected = -torch.tensor([2.0, 0.0, -1.5, 0.0]) + 0.1 * (1 - (reference - policy.detach()).exp())
    assert torch.allclose(policy.grad, expected, atol=1e-6)


def group(x, answers: list[tuple[int, ...]], rewards: list[float]) -> Group:
    return Group(x, answers, Scored(tuple(Verdict(r == 1, True, r) for r in rewards)), rewards)


def test_an_update_follows_the_gradient_of_the_policy_with_equal_answers_computed_once(base, data):
    torch.manual_seed(0)
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    examples, _ = tokenize(read_examples(data), tokenizer, 2048)
    x = examples[0]
    groups = [
        group(x, [(5, 6, 2), (7, 2), (5, 6, 2), (8, 9, 10, 2)], [1.0, 0.1, 1.0, 0.0]),
        group(examples[20], [(5, 2), (6, 2)], [0.2, 0.2]),  # teaches nothing
    ]
    work = batches(groups, True)
    [only] = work
    assert [answer for _, answer in only.pack.questions] == [(5, 6, 2), (7, 2), (8, 9, 10, 2)]
    config = GrpoConfig(**{**vars_of(ROOT / "configs" / "grpo-smollm2-135m.yaml"), "kl": 0.0, "gradient_clip": 1e9})
    model, reference = load(base), load(base)
    optimizer = MasterAdamW(model, (0.9, 0.98), 0.0, 1e9)
    collected: dict[str, torch.Tensor] = {}
    step = optimizer.adam.step
    optimizer.adam.step = lambda: (collected.update({n: w.grad.clone() for n, w in optimizer.master.items()}), step())[1]
    result = update(model, reference, optimizer, work, config, 1e-3)
    # By hand: each of the four answers apart, minus advantage times the log-probability, over all 12 tokens.
    plain = load(base)
    loss = 0
    for answer, a in zip(groups[0].answers, advantages(groups[0].rewards, True), strict=True):
        loss = loss - a * token_log_probabilities(plain, Pack(x.prefix, ((x.suffix, answer),)), 1.0).sum() / 12
    loss.backward()
    for name, p in plain.named_parameters():
        assert torch.allclose(collected[name], p.grad, atol=2e-5), name
    assert result.kl == pytest.approx(0, abs=1e-6) and result.clipped == 0


def vars_of(path: Path) -> dict:
    return read_grpo_config(path, []).__dict__


def test_a_second_inner_step_is_clipped_and_kl_holds_it_back(base, data):
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    x = tokenize(read_examples(data), tokenizer, 2048)[0][0]
    work = batches([group(x, [(5, 6, 2), (7, 2)], [1.0, 0.0])], True)
    moved = {}
    for kl in (0.0, 10.0):
        config = GrpoConfig(**{**vars_of(ROOT / "configs" / "grpo-smollm2-135m.yaml"), "kl": kl, "inner_steps": 4})
        model, reference = load(base), load(base)
        moved[kl] = update(model, reference, MasterAdamW(model, (0.9, 0.98), 0.0, 1.0), work, config, 3e-3)
    assert moved[0.0].clipped > 0
    assert 0 < moved[10.0].kl < moved[0.0].kl


def test_sampling_at_no_temperature_is_greedy_and_at_one_follows_the_models_distribution(base, data):
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    examples, _ = tokenize(read_examples(data), tokenizer, 2048)
    model = load(base)
    prompts = [Prompt(x.prefix, x.suffix) for x in (examples[0], examples[1], examples[13], examples[30])]
    end = int(model.logits(torch.zeros(1, 64)).shape[1])  # no token: all go to the limit
    cold = sample(model, prompts, 2, end, 12, 1e-6, torch.Generator().manual_seed(1))
    wanted = greedy(model, [(p.prefix, p.suffix) for p in prompts], end, 12)
    assert cold == [[x, x] for x in wanted]
    # Rows end at different steps, and those that go on are not disturbed.
    stop = wanted[0][3]
    ended = sample(model, prompts, 2, stop, 12, 1e-6, torch.Generator().manual_seed(1))
    assert ended == [[x[: x.index(stop) + 1] if stop in x else x] * 2 for x in wanted]
    first = torch.tensor([s[0] for s in sample(model, prompts[:1], 20000, end, 1, 1.0, torch.Generator().manual_seed(2))[0]])
    with torch.no_grad():
        p = torch.tensor([token_log_probabilities(model, Pack(prompts[0].prefix, ((prompts[0].suffix, (t,)),)), 1.0).exp().item() for t in range(20)])
    assert torch.allclose(torch.bincount(first, minlength=end)[:20] / 20000, p, atol=0.006)


def test_the_scorer_is_the_evaluator_and_starts_again_when_it_dies(scorer):
    right, wrong = "SELECT count(*) FROM animal WHERE age > 0", "SELECT count(*) FROM animal WHERE age > 19"
    asked = [("train_spider-0", [right, wrong, "SELECT"]), ("train_spider-99", ["SELECT 1"]), ("train_spider-0", [wrong])]
    expected = [(Verdict(True, True, 1.0), Verdict(False, True, 1.0), Verdict(False, False, 0.0)), None, (Verdict(False, True, 1.0),)]
    scored = scorer.score(asked)
    assert [x.verdicts for x in scored] == expected
    assert "has 36" in scored[1].reason
    scorer.process.kill()
    assert [x.verdicts for x in scorer.score(asked)] == expected
    weights = Weights(runs=0.1, tables=0.2)
    assert [weights.reward(v) for v in expected[0]] == pytest.approx([1, 0.3, 0])


def test_a_scorer_that_cannot_start_says_why(tmp_path):
    with pytest.raises(ScorerFailed, match="give the repository's root"):
        Scorer(tmp_path, root=tmp_path)
    with pytest.raises(ScorerFailed, match="did not start.*is not there"), Scorer(tmp_path / "nowhere") as scorer:
        scorer.score([("train_spider-0", ["SELECT 1"])])


@pytest.fixture(scope="session")
def student(base, data, tmp_path_factory) -> Path:
    """The toy model after a little fine-tuning: some of its answers run, so that groups differ."""
    folder = tmp_path_factory.mktemp("student")
    toy = {**read_settings(ROOT / "configs" / "smollm2-135m.yaml", [], Config), "threads": 1, "precision": "float32", "peak_learning_rate": 0.01}
    train(Config(**{**toy, "minutes": None, "steps": 60, "quantize_from": 1.0}), base, data, folder / "run")
    export(newest_checkpoint(folder / "run"), base, folder / "student", None)
    return folder / "student"


def steps(run: Path) -> dict[int, tuple]:
    """What a step sampled and learned; one made twice (before and after a kill) counts as made last."""
    fields = ("reward", "equal", "runs", "tables", "length", "kl", "loss", "taught")
    return {x["step"]: tuple(x[f] for f in fields) for x in read_log(run / "log.jsonl") if x["event"] == "step"}


def test_a_run_killed_at_any_moment_resumes_to_the_same_curve(settings, student, questions, spider, scorer, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    grpo(read_grpo_config(settings, []), student, questions, scorer, whole)
    curve = steps(whole)
    assert len(curve) == 6 and any(x[-1] for x in curve.values())
    held_out = [x for x in read_log(whole / "log.jsonl") if x["event"] == "held-out"]
    assert [x["step"] for x in held_out] == [0, 3, 6]
    command = [
        sys.executable,
        "-m",
        "tabletalk_training.grpo",
        settings,
        "--model",
        student,
        "--data",
        questions,
        "--spider",
        spider,
        "--out",
        killed,
    ]
    process = subprocess.Popen([*command, "--set", "checkpoint_minutes=0"], cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while max(steps(killed), default=0) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    grpo(read_grpo_config(settings, []), student, questions, scorer, killed)
    assert any(x["event"] == "resumed" for x in read_log(killed / "log.jsonl"))
    assert steps(killed) == curve
    a, b = (load_checkpoint(newest_checkpoint(run))["master"] for run in (whole, killed))
    assert all(torch.equal(a[name], b[name]) for name in a)
    export(newest_checkpoint(killed), student, tmp_path / "student", None)
    assert isinstance(load(tmp_path / "student"), Decoder)
    with pytest.raises(BadConfig, match="choose a new --out"):
        grpo(read_grpo_config(settings, ["kl=0.5"]), student, questions, scorer, whole)


def test_bad_input_is_refused_in_a_sentence(settings, base, questions, data, scorer, tmp_path):
    for override, says in [
        ("samples=1", "2 or more"),
        ("temperature=0", "more than 0"),
        ("precision=float8", "choose auto"),
        ("kl_weight=1", "no setting"),
    ]:
        with pytest.raises(BadConfig, match=says):
            read_grpo_config(settings, [override])
    with pytest.raises(BadExamples, match="are held out"):
        grpo(read_grpo_config(settings, ["held_out=36"]), base, questions, scorer, tmp_path / "none")
    elsewhere = write_lines(tmp_path / "others.jsonl", [{**x, "id": f"train_spider-{900 + i}"} for i, x in enumerate(read_examples(data))])
    with pytest.raises(BadExamples, match="No question's gold query runs"):
        grpo(read_grpo_config(settings, []), base, elsewhere, scorer, tmp_path / "none")
    dev = write_lines(tmp_path / "dev.jsonl", [{**x, "id": f"dev-{i}"} for i, x in enumerate(read_examples(data))])
    with pytest.raises(BadExamples, match="give training questions"):
        grpo(read_grpo_config(settings, []), base, dev, scorer, tmp_path / "none")


def test_the_configs_are_whole_and_an_adapter_is_refused_where_all_weights_are_trained():
    for path in sorted((ROOT / "configs").glob("grpo-*.yaml")):
        assert read_grpo_config(path, [], "cuda").samples == 8
    with pytest.raises(BadConfig, match="train an adapter on a GPU"):
        read_grpo_config(ROOT / "configs" / "grpo-qwen2.5-coder-1.5b.yaml", [])


def test_the_curve_shows_each_step_once_and_what_was_measured_apart():
    log = [{"event": "step", "step": n, "reward": n / 10, "equal": n / 20, "runs": n / 5, "kl": n / 1000} for n in (1, 2, 2, 3)]
    svg = curve([*log, {"event": "held-out", "step": 0, "reward": 0.1, "equal": 0.1, "runs": 0.2}], "Toy & test")
    assert svg.count('r="1.5"') == 9 and svg.count('r="5"') == 3 and "Toy &amp; test" in svg
    assert smooth([0.0, 1.0, 2.0, 9.0], 1) == [0.5, 1.0, 4.0, 5.5]
    with pytest.raises(ValueError, match="no step"):
        curve([], "Nothing")
