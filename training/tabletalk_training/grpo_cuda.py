"""GRPO on NVIDIA GPUs: trl's GRPOTrainer with the same questions, settings and scorer as the CPU arm (grpo.py), of all weights or of an adapter.

    python -m tabletalk_training.grpo_cuda CONFIG --model SFT --data train.jsonl --spider SPIDER --out RUN [--set name=value ...]

Runs in this process on one GPU, through accelerate (DDP, a process a GPU, each with a scorer) on more. RUN gets log.jsonl (one line a step), checkpoints and,
at the end, model/ or adapter/. Started again it goes on from the newest whole checkpoint. `--toy-cpu` makes the same steps without a GPU: for tests.

Questions kept out of the run (`held_out`) are the CPU arm's; they are not measured here: `sample_student` and `npm run evaluate` do that.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from .config import BadConfig
from .cuda_train import LINEARS, CheckpointTimer, check_same_run, whole_checkpoint
from .examples import BadExamples, read_examples
from .grpo import GrpoConfig, read_grpo_config, read_questions
from .hub import model_folder
from .optimizer import learning_rate
from .rewards import ROOT, Scorer, ScorerFailed, Verdict, Weights
from .run_log import Log
from .train import fingerprint

# What the trainer logs, by the names of the CPU arm's log.
LOGGED = {"loss": "loss", "grad_norm": "norm", "kl": "kl", "learning_rate": "rate", "completions/mean_length": "length", "reward": "reward"}


class ExecutionReward:
    """trl's reward function: (id of each question, its answer) -> reward, None where gold cannot be run or is empty (trl then leaves the answer out)."""

    __name__ = "execution"

    def __init__(self, scorer: Scorer, config: GrpoConfig, end: int):
        self.scorer, self.weights, self.end = scorer, Weights(config.reward_runs, config.reward_tables), end
        self.verdicts: list[Verdict] = []

    def __call__(self, completions: list[str], completion_ids: list[list[int]], id: list[str], **_) -> list[float | None]:
        # An answer that was cut at its longest is no query.
        texts = [text.strip() if self.end in ids[-1:] else "" for text, ids in zip(completions, completion_ids, strict=True)]
        rewards: list[float | None] = []
        for scored in self.scorer.score([(question, [text]) for question, text in zip(id, texts, strict=True)]):
            usable = () if scored.gold_empty else scored.verdicts or ()
            self.verdicts += usable
            rewards.append(self.weights.reward(usable[0]) if usable else None)
        return rewards

    def shares(self) -> dict[str, float]:
        """Share of equal and of running answers since the last call."""
        n = max(1, len(self.verdicts))
        out = {"equal": round(sum(v.equal for v in self.verdicts) / n, 4), "runs": round(sum(v.runs for v in self.verdicts) / n, 4)}
        self.verdicts = []
        return out


class StudentTrainer(GRPOTrainer):
    """trl's trainer with the rate that the CPU arm follows."""

    rate_at: Callable[[int], float]

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None):
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, self.rate_at)
        return self.lr_scheduler


class Recorder(TrainerCallback):
    """The log's line of each step."""

    def __init__(self, log: Log, reward: ExecutionReward):
        self.log, self.reward, self.at = log, reward, time.monotonic()

    def on_log(self, args, state, control, logs=None, **_):
        if state.is_world_process_zero and logs and "reward" in logs:
            now = time.monotonic()
            figures = {own: logs[name] for name, own in LOGGED.items() if name in logs}
            self.log.write(event="step", step=state.global_step, **figures, **self.reward.shares(), seconds=round(now - self.at, 2))
            self.at = now


def make_trainer(config: GrpoConfig, base: Path, data: Path, scorer: Scorer, out: Path, gpus: int) -> StudentTrainer:
    """Everything but the steps. `gpus` is 0 for a toy run on the CPU, in f32. Raises BadConfig, BadExamples."""
    if config.quantized:
        raise BadConfig("Only the CPU arm trains on rounded weights: set quantized: false, and round the student afterwards (calibrate).")
    if config.prompts_per_step % max(1, gpus):
        raise BadConfig(f"{config.prompts_per_step} prompts a step cannot be shared by {gpus} GPUs: set prompts_per_step to a multiple of {gpus}.")
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    questions = read_questions(config, data, tokenizer)
    out.mkdir(parents=True, exist_ok=True)
    check_same_run(out, fingerprint(config, base, data))
    log = Log(out / "log.jsonl", echo=False)
    if int(os.environ.get("RANK", "0")) == 0:
        if questions.too_long:
            log.write(event="too-long", count=len(questions.too_long), context=config.context, first=questions.too_long[:5])
        log.write(event="started", arm="cuda", gpus=gpus, examples=len(questions.asked), held_out=len(questions.held_out), config=config.as_dict())
    auto = "bfloat16" if gpus and torch.cuda.is_bf16_supported() else "float32"
    dtype = getattr(torch, auto if config.precision == "auto" else config.precision)
    updates = config.steps * config.inner_steps
    arguments = GRPOConfig(
        # A micro-batch is one group; a step is prompts_per_step of them, sampled at once.
        output_dir=str(out), max_steps=updates, num_iterations=config.inner_steps, per_device_train_batch_size=config.samples,
        gradient_accumulation_steps=config.prompts_per_step // max(1, gpus), num_generations=config.samples, temperature=config.temperature,
        max_completion_length=config.answer_tokens, beta=config.kl, epsilon=config.clip, loss_type="dapo",
        scale_rewards="group" if config.divide_by_deviation else "none", learning_rate=config.peak_learning_rate, adam_beta1=config.betas[0],
        adam_beta2=config.betas[1], weight_decay=config.weight_decay, max_grad_norm=config.gradient_clip, bf16=dtype == torch.bfloat16, use_cpu=gpus == 0,
        gradient_checkpointing=False, save_strategy="steps", save_steps=updates, save_total_limit=2, logging_steps=1, report_to="none", seed=config.seed,
        # Master weights stay f32 where all weights are trained: bf16 would swallow these rates.
        model_init_kwargs={"dtype": torch.float32 if config.full else dtype, "attn_implementation": "sdpa"},
    )  # fmt: skip
    text = {x["id"]: x["prompt"] for x in read_examples(data)}
    reward = ExecutionReward(scorer, config, tokenizer.token_to_id("<|im_end|>"))
    adapter = LoraConfig(r=config.lora_rank, lora_alpha=config.lora_alpha, lora_dropout=0.0, target_modules=LINEARS, task_type="CAUSAL_LM")
    trainer = StudentTrainer(
        model=str(base), reward_funcs=reward, args=arguments,
        train_dataset=Dataset.from_list([{"prompt": text[x.id], "id": x.id} for x in questions.asked]),
        processing_class=PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", padding_side="left"),
        peft_config=None if config.full else adapter, callbacks=[CheckpointTimer(config.checkpoint_minutes), Recorder(log, reward)],
    )  # fmt: skip
    trainer.rate_at = lambda step: learning_rate(1.0, config.final_learning_rate, config.warmup_steps, step, step / updates)
    return trainer


def train(config: GrpoConfig, base: Path, data: Path, scorer: Scorer, out: Path, gpus: int) -> None:
    trainer = make_trainer(config, base, data, scorer, out, gpus)
    checkpoint = whole_checkpoint(out)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    trainer.save_model(str(out / ("model" if config.full else "adapter")))


def launch(gpus: int) -> None:
    """Becomes accelerate's launcher of this same command, a process a GPU."""
    command = ["--multi_gpu", "--num_processes", str(gpus), "--module", "tabletalk_training.grpo_cuda", *sys.argv[1:]]
    os.execv(sys.executable, [sys.executable, "-m", "accelerate.commands.launch", *command])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("config", type=Path)
    arguments.add_argument("--model", required=True, help="Hugging Face folder or hub id of the fine-tuned model; KL is measured to it")
    arguments.add_argument("--data", type=Path, required=True, help="examples JSONL of training questions")
    arguments.add_argument("--spider", type=Path, required=True, help="Spider as published, with the databases")
    arguments.add_argument("--out", type=Path, required=True, help="folder of the run")
    arguments.add_argument("--root", type=Path, default=ROOT, help="the repository, whose evaluator scores (default: this one)")
    arguments.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="override a setting")
    arguments.add_argument("--toy-cpu", action="store_true", help="without a GPU, for tests")
    a = arguments.parse_args()
    gpus = 0 if a.toy_cpu else torch.cuda.device_count()
    if gpus == 0 and not a.toy_cpu:
        sys.exit("There is no NVIDIA GPU here: rent one (docs/cloud.md), or run GRPO on the CPU (grpo).")
    if gpus > 1 and "LOCAL_RANK" not in os.environ:
        launch(gpus)
    try:
        config = read_grpo_config(a.config, a.set, "cuda")
        with Scorer(a.spider, a.root, config.query_seconds) as scorer:
            train(config, model_folder(a.model), a.data, scorer, a.out, gpus)
    except (BadConfig, BadExamples, ScorerFailed) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
