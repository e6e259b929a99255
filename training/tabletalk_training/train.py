"""Supervised fine-tuning on the CPU, of all weights or of a LoRA adapter (`full` in the config), resumable.

    python -m tabletalk_training.train CONFIG [--model BASE] --data train.jsonl --out RUN [--set name=value ...]

RUN gets log.jsonl (one line a step) and checkpoints, and with LoRA adapter/, the newest checkpoint's adapter in PEFT's format. Started again with the same arguments it goes on from the newest checkpoint, to the same losses.
"""

import hashlib
import math
import os
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from .adapter import write_peft
from .checkpoint import Log, load_checkpoint, newest_checkpoint, read_log, save_checkpoint
from .config import BadConfig, Config, arm_arguments, read_config
from .examples import BadExamples, Example, read_examples, tokenize
from .hub import model_folder
from .lora import LoraAdamW, add_lora, to_adapter
from .model import Decoder, load
from .optimizer import MasterAdamW, WeightAverage, learning_rate
from .packing import Pack, attend_packed, layout, together
from .schedule import Epochs, epoch_packs


def packed_loss(model: Decoder, *packs: Pack) -> tuple[Tensor, int, int]:
    """Summed cross-entropy of the packs' completions, their number of tokens, and the tokens computed."""
    plans = [layout(pack) for pack in packs]
    ids, positions, targets = (torch.cat([getattr(plan, name) for plan in plans]) for name in ("ids", "positions", "targets"))
    hidden = model.hidden(ids, positions, attend_packed(*plans)).split([len(plan.ids) for plan in plans])
    predicting = torch.cat([h[plan.predicts] for h, plan in zip(hidden, plans, strict=True)])
    loss = F.cross_entropy(model.logits(predicting), targets, reduction="sum")
    return loss, len(targets), len(ids)


def fast_precision(wanted: str) -> torch.dtype:
    """bf16 only where the CPU multiplies it: elsewhere it is emulated, six times slower than f32 (measured on Cascade Lake: 23 against 142 GFLOP/s)."""
    if wanted != "auto":
        return getattr(torch, wanted)
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text() if cpuinfo.exists() else ""
    return torch.bfloat16 if "avx512_bf16" in flags or "amx_bf16" in flags else torch.float32


class Batches(Epochs[Pack]):
    def __init__(self, examples: list[Example], config: Config, epoch: int = 0, done: int = 0):
        self.examples, self.config = examples, config
        super().__init__(epoch, done)

    def order(self, epoch: int) -> list[Pack]:
        return epoch_packs(self.examples, self.config, epoch)

    def next(self) -> list[Pack]:
        """Packs with at least questions_per_step questions."""
        out: list[Pack] = []
        while sum(len(p.questions) for p in out) < self.config.questions_per_step:
            out.append(self.take())
        return out


def fingerprint(config: Config, model: Path, data: Path) -> str:
    """What a resumed run must share with the one it goes on from."""
    hash = hashlib.sha256(repr(sorted(config.identity().items())).encode())
    for file in (data, model / "config.json", model / "tokenizer.json"):
        hash.update(file.read_bytes())
    return hash.hexdigest()


def spent(config: Config, step: int, epochs: float, seconds: float) -> float:
    """Share of the run's budget that is used up (1: the run is over), by the first of steps, epochs and minutes that is set."""
    if config.steps:
        return step / config.steps
    if config.epochs:
        return min(1.0, epochs / config.epochs)
    return seconds / 60 / config.minutes if config.minutes else 0.0


def train(config: Config, base: Path, data: Path, out: Path) -> None:
    if config.four_bit_base:
        raise BadConfig("The CPU arm keeps its base in bf16 or f32: set four_bit_base to false.")
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    examples, too_long = tokenize(read_examples(data), tokenizer, config.context)
    if not examples:
        raise BadExamples(f"All {len(too_long)} examples of {data} are longer than {config.context} tokens: raise `context`.")
    model = load(base, fast_precision(config.precision))
    if config.full:
        for table in (model.embedding, model.head):
            if table is not None:
                table.requires_grad_(config.train_embedding)
    else:
        add_lora(model, config.lora_rank, config.lora_alpha)
    optimizer = (MasterAdamW if config.full else LoraAdamW)(model, (config.betas[0], config.betas[1]), config.weight_decay, config.gradient_clip)
    identity = fingerprint(config, base, data)

    step, seen, before, progress = 0, 0, 0.0, 0.0
    average: WeightAverage | None = None
    batches = Batches(examples, config)
    recorded: dict[int, float] = {}
    log_path = out / "log.jsonl"
    if path := newest_checkpoint(out):
        state = load_checkpoint(path)
        if state["identity"] != identity:
            raise BadConfig(f"{path} comes from other data, another base model or other settings: choose a new --out, or restore them.")
        step, seen, before, progress = state["step"], state["seen"], state["seconds"], state["progress"]
        with torch.no_grad():
            for name, w in optimizer.master.items():
                w.copy_(state["master"][name])
        optimizer.adam.load_state_dict(state["adam"])
        if "average" in state:
            average = WeightAverage(optimizer.master, state["averaged"], state["average"])
        batches = Batches(examples, config, *state["batches"])
        if all(getattr(config, name) == state["settings"].get(name) for name in config.BUDGET):
            # Steps that were made after the checkpoint and lost: made again at the same point of the schedule, so the curve is the same.
            recorded = {x["step"]: x["progress"] for x in read_log(log_path) if x.get("event") == "step" and x["step"] > step}
        else:
            # Another budget is another schedule: a run that had ended goes on from the share of it that is used up, its rate rising to that point's.
            progress = spent(config, step, seen / len(examples), before)
        optimizer.write_copies(config.quantization(progress))
        del state
    log = Log(log_path)
    if too_long:
        log.write(event="too-long", count=len(too_long), context=config.context, first=too_long[:5])
    log.write(
        event="resumed" if step else "started", step=step, examples=len(examples), precision=str(next(model.parameters()).dtype),
        trained=sum(w.numel() for w in optimizer.master.values()), config=config.as_dict(),
    )  # fmt: skip

    def checkpoint() -> None:
        state = {
            "step": step, "seen": seen, "seconds": before + time.monotonic() - begun, "progress": progress, "identity": identity,
            "batches": (batches.epoch, batches.done), "master": {n: w.detach() for n, w in optimizer.master.items()},
            "adam": optimizer.adam.state_dict(), "config": model.config, "settings": config.as_dict(),
        }  # fmt: skip
        if average:
            state |= {"averaged": average.count, "average": average.mean}
        # The adapter first: a run that ends between the two makes both again.
        if not config.full:
            write_peft(to_adapter(optimizer.master, model.config, config.lora_rank, config.lora_alpha), out / "adapter", str(base))
        save_checkpoint(out, state)

    begun = saved = time.monotonic()
    while progress < 1:
        at = time.monotonic()
        loss_sum, targets, tokens = 0.0, 0, 0
        packs = batches.next()
        questions = sum(len(pack.questions) for pack in packs)
        for group in together(packs):
            loss, n, all_tokens = packed_loss(model, *group)
            loss.backward()
            loss_sum, targets, tokens = loss_sum + float(loss.detach()), targets + n, tokens + all_tokens
        # The rate of this step comes from the progress at its start; the rounding of the copy that it leaves, from the progress at its end.
        rate = learning_rate(config.peak_learning_rate, config.final_learning_rate, config.warmup_steps, step, progress)
        step += 1
        seen += questions
        if step in recorded:
            progress = recorded[step]
        else:
            progress = max(progress, spent(config, step, seen / len(examples), before + time.monotonic() - begun))
        norm = optimizer.step(rate, 1 / targets, config.quantization(progress))
        if not math.isfinite(loss_sum) or not math.isfinite(norm):
            raise FloatingPointError(f"The loss or its gradient is not finite at step {step}: lower peak_learning_rate and start again.")
        if config.average_from < 1 and config.average_from <= progress:
            average = average or WeightAverage(optimizer.master)
            average.add()
        log.write(
            event="step", step=step, epoch=round(seen / len(examples), 4), progress=progress, loss=loss_sum / targets, norm=round(norm, 3), rate=rate,
            quantized=config.quantization(progress) is not None, questions=questions, tokens=tokens, seconds=round(time.monotonic() - at, 2),
        )  # fmt: skip
        if progress >= 1 or time.monotonic() - saved > config.checkpoint_minutes * 60:
            checkpoint()
            saved = time.monotonic()
    log.write(event="ended", step=step, epoch=round(seen / len(examples), 4), minutes=round((before + time.monotonic() - begun) / 60, 1))


def main() -> None:
    # An idle thread of OpenMP spins by default and takes the core from whoever else works here.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    arguments = arm_arguments(__doc__)
    a = arguments.parse_args()
    try:
        config = read_config(a.config, a.set)
        train(config, model_folder(a.model or config.base_model or ""), a.data, a.out)
    except (BadConfig, BadExamples, FloatingPointError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
