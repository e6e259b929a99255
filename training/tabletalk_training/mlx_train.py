"""LoRA on Apple silicon: mlx-lm's layers and training loop, our examples, packs and schedule, resumable. (On Linux `mlx[cpu]` runs it, at toy size.)

    python -m tabletalk_training.mlx_train CONFIG [--model BASE] --data train.jsonl --out RUN [--set name=value ...]

RUN gets log.jsonl (one line a step), checkpoints, adapter/ in PEFT's format and adapter-mlx/ in mlx-lm's. Started again it goes on from the newest checkpoint.
"""

import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
import torch
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.tuner.callbacks import TrainingCallback
from mlx_lm.tuner.trainer import TrainingArgs
from mlx_lm.tuner.trainer import train as mlx_train
from mlx_lm.tuner.utils import linear_to_lora_layers
from mlx_lm.utils import load_model
from tokenizers import Tokenizer

from .adapter import Adapter, write_mlx, write_peft
from .checkpoint import Log
from .config import BadConfig, Config, arm_arguments, read_config
from .examples import BadExamples, Example, read_examples, tokenize
from .hub import model_folder
from .packing import Pack
from .schedule import check_adapter_arm, pack_stream, packs_per_step, total_steps
from .train import fingerprint

# Lengths are rounded up to this, so that fewer shapes are compiled.
PAD = 32


class PrefixCache:
    """A layer's keys and values of the shared prefix, in the place of mlx-lm's KV cache: questions attend to them and to themselves, from position `offset`."""

    def __init__(self):
        self.offset = 0
        self.keys = self.values = None

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """[rows, heads, tokens, head size]: the prefix's (one row) are kept, the questions' are put behind them."""
        if self.keys is None:
            self.keys, self.values, self.offset = keys, values, keys.shape[2]
            return keys, values
        both = []
        for prefix, own in ((self.keys, keys), (self.values, values)):
            both.append(mx.concatenate([mx.broadcast_to(prefix, (own.shape[0], *prefix.shape[1:])), own], axis=2))
        return both[0], both[1]

    def make_mask(self, tokens: int, **_) -> str | None:
        return "causal" if tokens > 1 else None


def arrays(pack: Pack, share: float) -> tuple[mx.array, ...]:
    """A pack as mlx-lm's loop hands it to the loss: prefix [1, P], tokens [questions, S + 1] padded, mask [questions, S] of targets that count, share."""
    rows = [suffix + completion for suffix, completion in pack.questions]
    width = -(-max(len(row) for row in rows) // PAD) * PAD
    tokens, mask = np.zeros((len(rows), width + 1), np.int32), np.zeros((len(rows), width), np.float32)
    for i, (suffix, completion) in enumerate(pack.questions):
        tokens[i, : len(rows[i])] = rows[i]
        mask[i, len(suffix) - 1 : len(suffix) + len(completion) - 1] = 1
    return mx.array([pack.prefix]), mx.array(tokens), mx.array(mask), mx.array(share)


def completion_loss(logits: mx.array, tokens: mx.array, mask: mx.array, share: mx.array) -> tuple[mx.array, mx.array]:
    """Cross-entropy of the targets under the mask, summed, times share; and their number. (mlx-lm's own loss also teaches the pad token after the end.)"""
    losses = nn.losses.cross_entropy(logits.astype(mx.float32), tokens[:, 1:]) * mask
    return losses.sum() * share, mask.sum()


def shared_loss(model: nn.Module, prefix: mx.array, tokens: mx.array, mask: mx.array, share: mx.array) -> tuple[mx.array, mx.array]:
    """The prefix is computed once, the questions behind it."""
    cache = [PrefixCache() for _ in model.layers]
    model(prefix, cache=cache)
    return completion_loss(model(tokens[:, :-1], cache=cache), tokens, mask, share)


def separate_loss(model: nn.Module, prefix: mx.array, tokens: mx.array, mask: mx.array, share: mx.array) -> tuple[mx.array, mx.array]:
    """Each question with a prefix of its own: more tokens, but mlx-lm's recomputation of activations cannot see through a cache."""
    length = prefix.shape[1]
    whole = mx.concatenate([mx.broadcast_to(prefix, (len(tokens), length)), tokens[:, :-1]], axis=1)
    return completion_loss(model(whole)[:, length:], tokens, mask, share)


class ClippedAdamW(optim.AdamW):
    """AdamW behind a bound on the gradient's norm, which mlx-lm's loop has no place for."""

    def __init__(self, clip: float, **settings):
        super().__init__(**settings)
        self.clip = clip

    def update(self, model: nn.Module, gradients: dict) -> None:
        super().update(model, optim.clip_grad_norm(gradients, self.clip)[0])


def rate_schedule(config: Config, steps: int):
    """optimizer.learning_rate (the function that the CPU arm follows), of MLX arrays."""

    def rate(step: mx.array) -> mx.array:
        cosine = config.final_learning_rate + (1 - config.final_learning_rate) * 0.5 * (1 + mx.cos(np.pi * mx.minimum(1.0, step / steps)))
        return config.peak_learning_rate * mx.minimum(1.0, (step + 1) / config.warmup_steps) * cosine

    return rate


def batches(examples: list[Example], config: Config, start: int) -> Iterator[tuple[mx.array, ...]]:
    """The packs from step `start` on. A step's packs share its number of targets, so that their mean is the mean over all its targets."""
    each = packs_per_step(config)
    stream = islice(pack_stream(examples, config), start * each, None)
    while True:
        packs = list(islice(stream, each))
        targets = sum(len(completion) for pack in packs for _, completion in pack.questions)
        for pack in packs:
            yield arrays(pack, each / targets)


def save_checkpoint(out: Path, step: int, identity: str, model: nn.Module, optimizer: optim.Optimizer, keep: int = 2) -> None:
    """Whole or not there, as checkpoint.py's."""
    state = {f"model.{k}": v for k, v in tree_flatten(model.trainable_parameters())} | {f"optimizer.{k}": v for k, v in tree_flatten(optimizer.state)}
    partial = out / "partial.safetensors"
    mx.save_safetensors(str(partial), state, {"step": str(step), "identity": identity})
    partial.replace(out / f"checkpoint-{step:06d}.safetensors")
    for old in sorted(out.glob("checkpoint-*.safetensors"))[:-keep]:
        old.unlink()


def resume(out: Path, identity: str, model: nn.Module, optimizer: optim.Optimizer) -> int:
    """Puts the newest checkpoint into model and optimizer; returns its step, 0 if there is none."""
    path = max(out.glob("checkpoint-*.safetensors"), default=None)
    if path is None:
        return 0
    state, about = mx.load(str(path), return_metadata=True)
    if about["identity"] != identity:
        raise BadConfig(f"{path} comes from other data, another base model or other settings: choose a new --out, or restore them.")
    parts = {kind: [(k.removeprefix(kind), v) for k, v in state.items() if k.startswith(kind)] for kind in ("model.", "optimizer.")}
    model.update(tree_unflatten(parts["model."]))
    optimizer.state = tree_unflatten(parts["optimizer."])
    return int(about["step"])


def to_adapter(model: nn.Module, config: Config) -> Adapter:
    """mlx-lm's trained factors, f32, transposed to PEFT's way."""
    halves: dict[str, dict[str, torch.Tensor]] = {}
    for name, value in tree_flatten(model.trainable_parameters()):
        module, half = name.rsplit(".", 1)
        halves.setdefault(module, {})[half] = torch.from_numpy(np.array(value.astype(mx.float32)).T.copy())
    return Adapter(config.lora_rank, config.lora_alpha, {name: (pair["lora_a"], pair["lora_b"]) for name, pair in halves.items()})


class Recorder(TrainingCallback):
    """Called after each step: the log's line, and a checkpoint when one is due."""

    def __init__(self, log: Log, config: Config, start: int, steps: int, save):
        self.log, self.config, self.start, self.steps, self.save = log, config, start, steps, save
        self.saved = self.at = time.monotonic()

    def on_train_loss_report(self, train_info: dict) -> None:
        step, now = self.start + train_info["iteration"] // packs_per_step(self.config), time.monotonic()
        self.log.write(
            event="step", step=step, progress=step / self.steps, loss=train_info["train_loss"], rate=train_info["learning_rate"],
            seconds=round(now - self.at, 2), peak_memory_gb=round(train_info["peak_memory"], 2),
        )  # fmt: skip
        if step == self.steps or now - self.saved > self.config.checkpoint_minutes * 60:
            self.save(step)
            self.saved = now
        self.at = now


def load_base(base: Path, config: Config) -> nn.Module:
    """The base, frozen, its linear layers with adapters whose scale is alpha / rank."""
    model, raw = load_model(base, lazy=True)
    if "quantization" not in raw:
        auto = mx.bfloat16 if mx.metal.is_available() else mx.float32
        model.set_dtype(auto if config.precision == "auto" else getattr(mx, config.precision))
        if config.four_bit_base:
            nn.quantize(model, group_size=32, bits=4)
    model.freeze()
    mx.random.seed(config.seed)
    linear_to_lora_layers(model, len(model.layers), {"rank": config.lora_rank, "scale": config.lora_alpha / config.lora_rank, "dropout": 0.0})
    mx.eval(model.parameters())
    return model


def train(config: Config, base: Path, data: Path, out: Path) -> None:
    check_adapter_arm(config, "MLX")
    out.mkdir(parents=True, exist_ok=True)
    if not mx.metal.is_available():
        mx.disable_compile()  # on a CPU it calls a C++ compiler for each shape
    examples, too_long = tokenize(read_examples(data), Tokenizer.from_file(str(base / "tokenizer.json")), config.context)
    if not examples:
        raise BadExamples(f"All {len(too_long)} examples of {data} are longer than {config.context} tokens: raise `context`.")
    model = load_base(base, config)
    steps = total_steps(examples, config)
    optimizer = ClippedAdamW(config.gradient_clip, learning_rate=rate_schedule(config, steps), betas=config.betas, weight_decay=config.weight_decay)
    optimizer.init(model.trainable_parameters())
    identity = fingerprint(config, base, data)
    start = resume(out, identity, model, optimizer)
    log = Log(out / "log.jsonl")
    if too_long:
        log.write(event="too-long", count=len(too_long), context=config.context, first=too_long[:5])
    log.write(event="resumed" if start else "started", arm="mlx", step=start, steps=steps, examples=len(examples), config=config.as_dict())

    def save(step: int) -> None:
        adapter = to_adapter(model, config)
        write_peft(adapter, out / "adapter", str(base))
        write_mlx(adapter, out / "adapter-mlx", len(model.layers))
        save_checkpoint(out, step, identity, model, optimizer)

    if start < steps:
        each = packs_per_step(config)
        (out / "adapter-mlx").mkdir(exist_ok=True)
        # mlx-lm never saves by itself but at the end, over what save() wrote there: the same factors.
        arguments = TrainingArgs(
            batch_size=1, iters=(steps - start) * each, steps_per_report=each, steps_per_save=10**9, max_seq_length=config.context,
            adapter_file=str(out / "adapter-mlx/adapters.safetensors"), grad_checkpoint=config.checkpoint_activations, grad_accumulation_steps=each,
        )  # fmt: skip
        mlx_train(
            model, optimizer, examples, args=arguments, loss=separate_loss if config.checkpoint_activations else shared_loss,
            iterate_batches=lambda **_: batches(examples, config, start), training_callback=Recorder(log, config, start, steps, save),
        )  # fmt: skip
    log.write(event="ended", step=steps)


def main() -> None:
    arguments = arm_arguments(__doc__, "Hugging Face or MLX folder, or hub id, of the base model")
    a = arguments.parse_args()
    try:
        config = read_config(a.config, a.set, "mlx")
        train(config, model_folder(a.model or config.base_model or ""), a.data, a.out)
    except (BadConfig, BadExamples) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
