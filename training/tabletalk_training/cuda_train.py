"""LoRA on NVIDIA GPUs: trl's trainer and peft over our examples, packs and schedule, resumable; a 4-bit base (QLoRA) where the config says so.

    python -m tabletalk_training.cuda_train CONFIG [--model BASE] --data train.jsonl --out RUN [--set name=value ...]

Runs in this process on one GPU, through accelerate (DDP, a process a GPU) on more. RUN gets log.jsonl (one line a step), checkpoints and adapter/ in PEFT's
format. Started again it goes on from the newest whole checkpoint. `--toy-cpu` makes the same steps without a GPU: for tests, at toy size.
"""

import json
import os
import shutil
import sys
import time
from itertools import islice
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig
from tokenizers import Tokenizer
from transformers import BitsAndBytesConfig, PreTrainedTokenizerFast, TrainerCallback
from trl import SFTConfig, SFTTrainer

from .checkpoint import Log
from .config import BadConfig, Config, arm_arguments, read_config
from .examples import BadExamples, read_examples, tokenize
from .hub import model_folder
from .optimizer import learning_rate
from .packing import Pack
from .schedule import check_adapter_arm, pack_stream, packs_per_step, total_steps
from .train import fingerprint

LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
IGNORED = -100  # a label that has no loss


def row(pack: Pack) -> dict[str, list[int]]:
    """A pack as one sequence: `segments` is 0 for the shared prefix and counts the questions from 1; positions restart after the prefix."""
    ids, positions, labels, segments = list(pack.prefix), list(range(len(pack.prefix))), [IGNORED] * len(pack.prefix), [0] * len(pack.prefix)
    for number, (suffix, completion) in enumerate(pack.questions, 1):
        ids += suffix + completion
        labels += [IGNORED] * len(suffix) + list(completion)
        positions += range(len(pack.prefix), len(pack.prefix) + len(suffix) + len(completion))
        segments += [number] * (len(suffix) + len(completion))
    return {"input_ids": ids, "position_ids": positions, "labels": labels, "segments": segments}


def collate(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """One pack, [1, N] each, and who sees whom [1, 1, N, N]: the prefix and one's own question, up to oneself."""
    [pack] = rows
    batch = {name: torch.tensor([pack[name]]) for name in ("input_ids", "position_ids", "labels")}
    segment = torch.tensor(pack["segments"])
    order = torch.arange(len(segment))
    visible = (order[:, None] >= order[None]) & ((segment[:, None] == segment[None]) | (segment[None] == 0))
    return batch | {"attention_mask": visible[None, None]}


class PackTrainer(SFTTrainer):
    """trl's trainer with the rate that the other arms follow."""

    config: Config

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None):
        c = self.config

        def share(step: int) -> float:
            return learning_rate(1.0, c.final_learning_rate, c.warmup_steps, step, step / num_training_steps)

        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, share)
        return self.lr_scheduler


class CheckpointTimer(TrainerCallback):
    """Asks for a checkpoint when one is due."""

    def __init__(self, minutes: float):
        self.minutes, self.saved = minutes, time.monotonic()

    def on_step_end(self, args, state, control, **_):
        if time.monotonic() - self.saved > self.minutes * 60:
            control.should_save = True

    def on_save(self, args, state, control, **_):
        self.saved = time.monotonic()


class Recorder(TrainerCallback):
    """The log's line of each step."""

    def __init__(self, log: Log):
        self.log, self.at = log, time.monotonic()

    def on_log(self, args, state, control, logs=None, **_):
        if state.is_world_process_zero and logs and "loss" in logs:
            now = time.monotonic()
            self.log.write(
                event="step", step=state.global_step, progress=state.global_step / state.max_steps, loss=logs["loss"], norm=logs.get("grad_norm"),
                rate=logs["learning_rate"], seconds=round(now - self.at, 2),
            )  # fmt: skip
            self.at = now


def whole_checkpoint(out: Path) -> Path | None:
    """The newest checkpoint that was written to its end; torn ones are removed. transformers writes trainer_state.json last."""
    for folder in sorted(out.glob("checkpoint-*"), key=lambda x: int(x.name.rsplit("-", 1)[1]), reverse=True):
        try:
            json.loads((folder / "trainer_state.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            shutil.rmtree(folder, ignore_errors=True)
            continue
        return folder
    return None


def check_same_run(out: Path, identity: str) -> None:
    """Raises BadConfig if `out` holds a run of other data, base or settings."""
    path = out / "identity.txt"
    if path.exists() and path.read_text() != identity:
        raise BadConfig(f"{out} holds a run of other data, another base model or other settings: choose a new --out, or restore them.")
    path.write_text(identity)


def make_trainer(config: Config, base: Path, data: Path, out: Path, gpus: int) -> PackTrainer:
    """Everything but the steps. `gpus` is 0 for a toy run on the CPU, in f32 and without a 4-bit base."""
    check_adapter_arm(config, "CUDA")
    each = packs_per_step(config)
    if each % max(1, gpus):
        raise BadConfig(f"{each} packs a step cannot be shared by {gpus} GPUs: set questions_per_step to pack_questions times a multiple of {gpus}.")
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    examples, too_long = tokenize(read_examples(data), tokenizer, config.context)
    if not examples:
        raise BadExamples(f"All {len(too_long)} examples of {data} are longer than {config.context} tokens: raise `context`.")
    steps = total_steps(examples, config)
    out.mkdir(parents=True, exist_ok=True)
    check_same_run(out, fingerprint(config, base, data))
    log = Log(out / "log.jsonl", echo=False)
    if int(os.environ.get("RANK", "0")) == 0:
        if too_long:
            log.write(event="too-long", count=len(too_long), context=config.context, first=too_long[:5])
        log.write(event="started", arm="cuda", gpus=gpus, steps=steps, examples=len(examples), config=config.as_dict())
    auto = "bfloat16" if gpus and torch.cuda.is_bf16_supported() else "float32"
    dtype = getattr(torch, auto if config.precision == "auto" else config.precision)
    four_bits = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype)
    settings = {"quantization_config": four_bits} if config.four_bit_base and gpus else {}
    arguments = SFTConfig(
        output_dir=str(out), max_steps=steps, per_device_train_batch_size=1, gradient_accumulation_steps=each // max(1, gpus),
        train_sampling_strategy="sequential", dataset_kwargs={"skip_prepare_dataset": True}, remove_unused_columns=False, max_length=None,
        learning_rate=config.peak_learning_rate, adam_beta1=config.betas[0], adam_beta2=config.betas[1], weight_decay=config.weight_decay,
        max_grad_norm=config.gradient_clip, gradient_checkpointing=config.checkpoint_activations, bf16=dtype == torch.bfloat16, use_cpu=gpus == 0,
        save_strategy="steps", save_steps=steps, save_total_limit=2, logging_steps=1, report_to="none", seed=config.seed, ddp_find_unused_parameters=False,
        model_init_kwargs={"dtype": dtype, "attn_implementation": "sdpa", "device_map": None if gpus != 1 else "auto", **settings},
    )  # fmt: skip
    trainer = PackTrainer(
        model=str(base), args=arguments, data_collator=collate, processing_class=PreTrainedTokenizerFast(tokenizer_object=tokenizer),
        train_dataset=Dataset.from_list([row(pack) for pack in islice(pack_stream(examples, config), steps * each)]),
        peft_config=LoraConfig(r=config.lora_rank, lora_alpha=config.lora_alpha, lora_dropout=0.0, target_modules=LINEARS, task_type="CAUSAL_LM"),
        callbacks=[CheckpointTimer(config.checkpoint_minutes), Recorder(log)],
    )  # fmt: skip
    trainer.config = config
    return trainer


def train(config: Config, base: Path, data: Path, out: Path, gpus: int) -> None:
    trainer = make_trainer(config, base, data, out, gpus)
    checkpoint = whole_checkpoint(out)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    trainer.save_model(str(out / "adapter"))


def launch(gpus: int) -> None:
    """Becomes accelerate's launcher of this same command, a process a GPU."""
    command = ["--multi_gpu", "--num_processes", str(gpus), "--module", "tabletalk_training.cuda_train", *sys.argv[1:]]
    os.execv(sys.executable, [sys.executable, "-m", "accelerate.commands.launch", *command])


def main() -> None:
    arguments = arm_arguments(__doc__)
    arguments.add_argument("--toy-cpu", action="store_true", help="without a GPU, for tests")
    a = arguments.parse_args()
    gpus = 0 if a.toy_cpu else torch.cuda.device_count()
    if gpus == 0 and not a.toy_cpu:
        sys.exit("There is no NVIDIA GPU here: rent one (docs/cloud.md), or train on Apple silicon (mlx_train) or on the CPU (train).")
    if gpus > 1 and "LOCAL_RANK" not in os.environ:
        launch(gpus)
    try:
        config = read_config(a.config, a.set, "cuda")
        train(config, model_folder(a.model or config.base_model or ""), a.data, a.out, gpus)
    except (BadConfig, BadExamples) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
