"""Reinforcement learning from execution: group relative policy optimization (GRPO; Shao et al. 2024, DeepSeekMath) of all weights on the CPU, resumable.

    python -m tabletalk_training.grpo CONFIG --model SFT --data train.jsonl --spider SPIDER --out RUN [--set name=value ...]

Each step samples a group of answers to each of some training questions, has the TypeScript evaluator run them (rewards.py), and moves the policy
towards the better answers of each group, held near SFT, the model it starts from. RUN gets log.jsonl (a line a step; `held-out` lines with the reward on
questions that are not trained on) and checkpoints, which export.py writes as a model. Started again with the same arguments it goes on, to the same curve.

Beside the paper: tokens count alike whatever the length of their answer (token-level loss, as in DAPO, Yu et al. 2025; the length bias that Dr. GRPO, Liu
et al. 2025, names), and groups whose rewards are all the same, which teach nothing, are left out and counted (DAPO's dynamic sampling without the refill).
"""

import argparse
import math
import os
import random
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from .checkpoint import load_checkpoint, newest_checkpoint, save_checkpoint
from .config import BadConfig, Settings, read_settings
from .decoding import Prompt, sample
from .examples import BadExamples, Example, read_examples, tokenize
from .model import Decoder, load
from .optimizer import MasterAdamW, learning_rate
from .packing import Pack, attend_packed, layout
from .rewards import ROOT, Scored, Scorer, ScorerFailed, Weights
from .run_log import Log
from .schedule import Epochs
from .train import fast_precision, fingerprint

Tokens = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class GrpoConfig(Settings):
    """What each setting means stands beside it in configs/grpo-*.yaml. The CUDA arm can train an adapter instead of all weights (`full: false`); KL is then
    measured to the model without it.
    """

    steps: int
    prompts_per_step: int
    prompts_per_schema: int
    samples: int
    temperature: float
    answer_tokens: int
    reward_runs: float
    reward_tables: float
    query_seconds: int
    divide_by_deviation: bool
    kl: float
    clip: float
    inner_steps: int
    quantized: bool
    held_out: int
    held_out_samples: int
    held_out_every: int

    FREE = (*Settings.FREE, "held_out_every")

    def free(self) -> tuple[str, ...]:
        # At a constant rate a longer run begins as a shorter one.
        return self.FREE + (("steps",) if self.final_learning_rate == 1 else ())

    @property
    def bits(self) -> tuple[int, int] | None:
        return (self.matrix_bits, self.embedding_bits) if self.quantized else None


def read_grpo_config(path: Path, overrides: list[str], arm: str = "cpu") -> GrpoConfig:
    """A YAML file with `name=value` overrides. Raises BadConfig."""
    config = GrpoConfig(**read_settings(path, overrides, GrpoConfig, arm))
    if config.precision not in ("auto", "float32", "bfloat16"):
        raise BadConfig(f"precision is {config.precision}: choose auto, float32 or bfloat16.")
    if config.samples < 2:
        raise BadConfig(f"samples is {config.samples}: an answer is measured against the others of its group, choose 2 or more.")
    if config.temperature <= 0:
        raise BadConfig(f"temperature is {config.temperature}: choose more than 0, else all answers of a group are the same.")
    if arm == "cpu" and not config.full:
        raise BadConfig("This arm trains all weights: set full: true, or train an adapter on a GPU (grpo_cuda).")
    return config


def advantages(rewards: list[float], divide_by_deviation: bool) -> list[float]:
    """Each reward's distance from the group's mean, in the group's standard deviations where `divide_by_deviation` (Dr. GRPO leaves it out)."""
    mean = sum(rewards) / len(rewards)
    deviation = math.sqrt(sum((r - mean) ** 2 for r in rewards) / len(rewards)) if divide_by_deviation else 1.0
    return [(r - mean) / (deviation + 1e-6) for r in rewards]


def kl_estimate(policy: Tensor, reference: Tensor) -> Tensor:
    """Schulman's k3 by token: reference / policy - log(reference / policy) - 1, never negative, unbiased for KL(policy || reference)."""
    ratio = reference - policy
    return ratio.exp() - ratio - 1


def token_losses(policy: Tensor, old: Tensor, reference: Tensor, advantage: Tensor, clip: float, kl: float) -> Tensor:
    """GRPO's loss of each token (equation 3 of DeepSeekMath, negated), from the tokens' log-probabilities [N] and their answers' advantages [N]."""
    ratio = (policy - old).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantage, clipped * advantage) + kl * kl_estimate(policy, reference)


def token_log_probabilities(model: Decoder, pack: Pack, temperature: float) -> Tensor:
    """[targets] of a pack, under the distribution that was sampled from."""
    plan = layout(pack)
    hidden = model.hidden(plan.ids, plan.positions, attend_packed(plan))
    return -F.cross_entropy(model.logits(hidden[plan.predicts]) / temperature, plan.targets, reduction="none")


class Prompts(Epochs[Example]):
    """Training questions in an order that depends on the seed alone: a few of one schema follow each other."""

    def __init__(self, examples: list[Example], seed: int, per_schema: int, epoch: int = 0, done: int = 0):
        self.examples, self.seed, self.per_schema = examples, seed, per_schema
        super().__init__(epoch, done)

    def order(self, epoch: int) -> list[Example]:
        rng = random.Random(f"{self.seed}-{epoch}")
        by_prefix: dict[Tokens, list[Example]] = {}
        for x in rng.sample(self.examples, len(self.examples)):
            by_prefix.setdefault(x.prefix, []).append(x)
        parts = [group[i : i + self.per_schema] for group in by_prefix.values() for i in range(0, len(group), self.per_schema)]
        rng.shuffle(parts)
        return [x for part in parts for x in part]

    def next(self, count: int) -> list[Example]:
        return [self.take() for _ in range(count)]


@dataclass(frozen=True)
class Group:
    """The answers to one question and what they earned; `scored.verdicts` is None where the evaluator could not say."""

    example: Example
    answers: list[Tokens]
    scored: Scored
    rewards: list[float]

    @property
    def usable(self) -> bool:
        """An empty gold result equals every empty result: reward would teach to return nothing."""
        return self.scored.verdicts is not None and not self.scored.gold_empty

    @property
    def teaches(self) -> bool:
        return self.usable and max(self.rewards) - min(self.rewards) > 1e-6


class Sampler:
    """Answers by the policy, and their worth."""

    def __init__(self, tokenizer: Tokenizer, scorer: Scorer, config: GrpoConfig):
        self.tokenizer, self.scorer, self.config = tokenizer, scorer, config
        self.end = tokenizer.token_to_id("<|im_end|>")
        self.weights = Weights(config.reward_runs, config.reward_tables)
        self.sampling_seconds = 0.0

    def groups(self, model: Decoder, examples: list[Example], samples: int, seed: str) -> list[Group]:
        c = self.config
        begun = time.monotonic()
        generator = torch.Generator().manual_seed(random.Random(seed).getrandbits(62))
        answers = sample(model, [Prompt(x.prefix, x.suffix) for x in examples], samples, self.end, c.answer_tokens, c.temperature, generator)
        self.sampling_seconds = time.monotonic() - begun
        texts = [[self.sql(tokens) for tokens in group] for group in answers]
        scored = self.scorer.score([(x.id, group) for x, group in zip(examples, texts, strict=True)])
        return [
            Group(x, [tuple(t) for t in group], s, [self.weights.reward(v) for v in s.verdicts or ()])
            for x, group, s in zip(examples, answers, scored, strict=True)
        ]

    def sql(self, tokens: list[int]) -> str:
        """The answer's text; none where it did not end within its tokens, so that a cut query earns nothing."""
        return self.tokenizer.decode(tokens[:-1], skip_special_tokens=False).strip() if tokens[-1] == self.end else ""


def next_questions(prompts: Prompts, sampler: Sampler, count: int) -> tuple[list[Example], int]:
    """The next `count` questions whose gold query runs and gives rows, and how many others were passed over. Raises BadExamples where there are none."""
    out: list[Example] = []
    passed, begun = 0, prompts.epoch
    while len(out) < count:
        if not out and prompts.epoch > begun + 1:
            raise BadExamples("No question's gold query runs and gives rows: give the data and the Spider folder that belong together.")
        part = prompts.next(count - len(out))
        kept = [x for x, s in zip(part, sampler.scorer.score([(x.id, []) for x in part]), strict=True) if s.verdicts is not None and not s.gold_empty]
        out, passed = out + kept, passed + len(part) - len(kept)
    # Neighbours share the schema's computation.
    return sorted(out, key=lambda x: x.prefix), passed


def figures(groups: list[Group]) -> dict[str, Any]:
    """Means over the answers of the groups that could be scored."""
    usable = [g for g in groups if g.usable]
    verdicts = [v for g in usable for v in g.scored.verdicts or ()]
    answers = max(1, len(verdicts))
    return {
        "reward": round(sum(r for g in usable for r in g.rewards) / answers, 4), "equal": round(sum(v.equal for v in verdicts) / answers, 4),
        "runs": round(sum(v.runs for v in verdicts) / answers, 4), "tables": round(sum(v.tables for v in verdicts) / answers, 4),
        "length": round(sum(len(a) for g in usable for a in g.answers) / answers, 2),
    }  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """A pack of answers with, by token, the advantage of its answer and how many answers of the group are the same text (computed once)."""

    pack: Pack
    advantage: Tensor
    count: Tensor


def batches(groups: list[Group], divide_by_deviation: bool) -> list[Batch]:
    """The answers of each group that teaches, packed behind its prompt (all but the last token, whose hidden state predicts an answer's first)."""
    out = []
    for group in groups:
        if not group.teaches:
            continue
        by_answer = dict(zip(group.answers, advantages(group.rewards, divide_by_deviation), strict=True))
        prompt = group.example.prefix + group.example.suffix
        counts = Counter(group.answers)
        by_token = [(by_answer[answer], float(times)) for answer, times in counts.items() for _ in answer]
        advantage, count = torch.tensor(by_token).T
        out.append(Batch(Pack(prompt[:-1], tuple((prompt[-1:], answer) for answer in counts)), advantage, count))
    return out


@dataclass(frozen=True)
class Update:
    """Of one step's inner steps: mean loss and KL by token, share of tokens whose ratio was clipped, gradient norm of the last."""

    loss: float
    kl: float
    clipped: float
    norm: float


def update(model: Decoder, reference: Decoder, optimizer: MasterAdamW, work: list[Batch], config: GrpoConfig, rate: float) -> Update:
    """`inner_steps` updates on the same answers. The old policy is the one that the first of them computes: the sampler's, without its rounding."""
    total = sum(float(b.count.sum()) for b in work)
    with torch.no_grad():
        fixed = [token_log_probabilities(reference, b.pack, config.temperature) for b in work]
    old: list[Tensor] = []
    loss_sum = kl_sum = clipped = norm = 0.0
    for inner in range(config.inner_steps):
        for i, batch in enumerate(work):
            policy = token_log_probabilities(model, batch.pack, config.temperature)
            if inner == 0:
                old.append(policy.detach())
            losses = token_losses(policy, old[i], fixed[i], batch.advantage, config.clip, config.kl) * batch.count
            losses.sum().backward()
            with torch.no_grad():
                loss_sum += float(losses.sum())
                kl_sum += float((kl_estimate(policy, fixed[i]) * batch.count).sum())
                clipped += float((((policy - old[i]).exp() - 1).abs() > config.clip).float().mul(batch.count).sum())
        norm = optimizer.step(rate, 1 / total, config.bits)
    n = total * config.inner_steps
    return Update(loss_sum / n, kl_sum / n, clipped / n, norm)


@dataclass(frozen=True)
class Questions:
    """The questions of a run, those kept out of it to measure on, and the ids of those left out for their length."""

    asked: list[Example]
    held_out: list[Example]
    too_long: list[str]


def read_questions(config: GrpoConfig, data: Path, tokenizer: Tokenizer) -> Questions:
    """Left out are questions whose prompt leaves no room for an answer or whose gold query is longer than one may be. Raises BadExamples."""
    examples, too_long = tokenize(read_examples(data), tokenizer, config.context)
    if dev := next((x for x in examples if x.id.startswith("dev-")), None):
        raise BadExamples(f"{data} has {dev.id}, a question that students are measured on: give training questions.")

    def fits(x: Example) -> bool:
        return len(x.prefix) + len(x.suffix) + config.answer_tokens <= config.context and len(x.completion) <= config.answer_tokens

    fitting = [x for x in examples if fits(x)]
    if len(fitting) <= config.held_out:
        raise BadExamples(
            f"{data} has {len(fitting)} questions of at most {config.context} tokens, and {config.held_out} are held out: raise context or lower held_out."
        )
    held_out = sorted(random.Random(config.seed).sample(fitting, config.held_out), key=lambda x: x.prefix)
    taken = {x.id for x in held_out}
    return Questions([x for x in fitting if x.id not in taken], held_out, too_long + [x.id for x in examples if not fits(x)])


def grpo(config: GrpoConfig, model_folder: Path, data: Path, scorer: Scorer, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(config.threads)
    tokenizer = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
    questions = read_questions(config, data, tokenizer)
    held_out = questions.held_out
    dtype = fast_precision(config.precision)
    model, reference = load(model_folder, dtype), load(model_folder, dtype).requires_grad_(False)
    model.embedding.requires_grad_(config.train_embedding)
    optimizer = MasterAdamW(model, (config.betas[0], config.betas[1]), config.weight_decay, config.gradient_clip)
    identity = fingerprint(config, model_folder, data)

    step, seen, before = 0, 0, 0.0
    prompts = Prompts(questions.asked, config.seed, config.prompts_per_schema)
    if path := newest_checkpoint(out):
        state = load_checkpoint(path)
        if state["identity"] != identity:
            raise BadConfig(f"{path} comes from other data, another model or other settings: choose a new --out, or restore them.")
        step, seen, before = state["step"], state["seen"], state["seconds"]
        with torch.no_grad():
            for name, w in optimizer.master.items():
                w.copy_(state["master"][name])
        optimizer.adam.load_state_dict(state["adam"])
        prompts = Prompts(questions.asked, config.seed, config.prompts_per_schema, *state["prompts"])
        del state
    optimizer.write_copies(config.bits)
    sampler = Sampler(tokenizer, scorer, config)
    log = Log(out / "log.jsonl")
    if questions.too_long:
        log.write(event="too-long", count=len(questions.too_long), context=config.context, first=questions.too_long[:5])
    log.write(
        event="resumed" if step else "started", step=step, examples=len(questions.asked), held_out=len(held_out), precision=str(dtype),
        trained=sum(w.numel() for w in optimizer.master.values()), config=asdict(config),
    )  # fmt: skip

    def measure() -> None:
        """The same questions and the same random numbers each time."""
        if not held_out:
            return
        at = time.monotonic()
        groups = []
        for i in range(0, len(held_out), config.prompts_per_step):
            groups += sampler.groups(model, held_out[i : i + config.prompts_per_step], config.held_out_samples, f"{config.seed}-held-out-{i}")
        equal = {g.example.id: sum(v.equal for v in g.scored.verdicts or ()) for g in groups if g.usable}
        log.write(event="held-out", step=step, **figures(groups), seconds=round(time.monotonic() - at, 2), equal_by_question=equal)

    def checkpoint() -> None:
        state = {
            "step": step, "seen": seen, "seconds": before + time.monotonic() - begun, "identity": identity, "prompts": (prompts.epoch, prompts.done),
            "master": {n: w.detach() for n, w in optimizer.master.items()}, "adam": optimizer.adam.state_dict(), "config": model.config,
            "settings": asdict(config),
        }  # fmt: skip
        save_checkpoint(out, state)

    begun = saved = time.monotonic()
    if step == 0:
        measure()
    while step < config.steps:
        at = time.monotonic()
        asked, passed = next_questions(prompts, sampler, config.prompts_per_step)
        groups = sampler.groups(model, asked, config.samples, f"{config.seed}-{step}")
        scored_at = time.monotonic()
        rate = learning_rate(config.peak_learning_rate, config.final_learning_rate, config.warmup_steps, step, step / config.steps)
        work = batches(groups, config.divide_by_deviation)
        result = update(model, reference, optimizer, work, config, rate) if work else Update(0.0, 0.0, 0.0, 0.0)
        if not math.isfinite(result.loss) or not math.isfinite(result.norm):
            raise FloatingPointError(f"The loss or its gradient is not finite at step {step + 1}: lower peak_learning_rate and start again.")
        step += 1
        seen += len(groups)
        sampled = sum(len(a) for g in groups for a in g.answers)
        log.write(
            event="step", step=step, **figures(groups), kl=round(result.kl, 6), loss=round(result.loss, 6), norm=round(result.norm, 3),
            clipped=round(result.clipped, 4), rate=rate, taught=sum(g.teaches for g in groups), all_the_same=sum(g.usable and not g.teaches for g in groups),
            not_scored=passed + sum(not g.usable for g in groups), tokens=sampled, tokens_per_second=round(sampled / max(1e-9, sampler.sampling_seconds), 1),
            seconds_sampling=round(sampler.sampling_seconds, 2), seconds_scoring=round(scored_at - at - sampler.sampling_seconds, 2),
            seconds_training=round(time.monotonic() - scored_at, 2), seconds=round(time.monotonic() - at, 2),
        )  # fmt: skip
        last = step == config.steps
        if last or (config.held_out_every and step % config.held_out_every == 0):
            measure()
        if last or time.monotonic() - saved > config.checkpoint_minutes * 60:
            checkpoint()
            saved = time.monotonic()
    log.write(event="ended", step=step, prompts=seen, minutes=round((before + time.monotonic() - begun) / 60, 1))


def main() -> None:
    # An idle thread of OpenMP spins by default and takes the core from whoever else works here.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("config", type=Path)
    arguments.add_argument("--model", type=Path, required=True, help="Hugging Face folder of the fine-tuned model; KL is measured to it")
    arguments.add_argument("--data", type=Path, required=True, help="examples JSONL of training questions")
    arguments.add_argument("--spider", type=Path, required=True, help="Spider as published, with the databases")
    arguments.add_argument("--out", type=Path, required=True, help="folder of the run")
    arguments.add_argument("--root", type=Path, default=ROOT, help="the repository, whose evaluator scores (default: this one)")
    arguments.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="override a setting")
    a = arguments.parse_args()
    try:
        config = read_grpo_config(a.config, a.set)
        with Scorer(a.spider, a.root, config.query_seconds) as scorer:
            grpo(config, a.model, a.data, scorer, a.out)
    except (BadConfig, BadExamples, ScorerFailed, FloatingPointError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
