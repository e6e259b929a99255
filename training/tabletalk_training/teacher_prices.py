"""What a teacher costs, and the cap on it. Prices are a table that a person keeps: configs/teacher-prices.yaml."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from .config import BadConfig

TABLE = Path(__file__).parent.parent / "configs" / "teacher-prices.yaml"
# A prompt's tokens before it was asked, for the cap and the rate limits. Spider's prompts have 3.4 bytes a token of GPT-4o mini's vocabulary, the densest
# schema 2.7 (reports/teacher.md): this is too many rather than too few.
BYTES_A_TOKEN = 2.5


class TeacherRefused(RuntimeError):
    """The teacher cannot be asked (on); the message says why and what to do. What was answered is kept."""


@dataclass(frozen=True)
class Price:
    """Dollars for a million tokens; `batch` is what the batch API takes of them."""

    prompt: float
    completion: float
    cached_prompt: float
    batch: float = 1.0

    def cost(self, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0, batch: bool = False) -> float:
        """Dollars. `cached_tokens` are among the prompt's."""
        full = (prompt_tokens - cached_tokens) * self.prompt + cached_tokens * self.cached_prompt + completion_tokens * self.completion
        return full / 1e6 * (self.batch if batch else 1.0)


FREE = Price(0.0, 0.0, 0.0)


def price_of(model: str, free: bool, table: Path = TABLE) -> Price:
    """Raises BadConfig for a model without a price, unless it is said to be free."""
    if free:
        return FREE
    prices = yaml.safe_load(table.read_text())
    if model not in prices:
        raise BadConfig(f"{table.name} has no price for {model}: add it there, or set free: true for a model that costs nothing (a local one).")
    x = prices[model]
    try:
        return Price(float(x["prompt"]), float(x["completion"]), float(x.get("cached_prompt", x["prompt"])), float(x.get("batch", 1)))
    except (KeyError, TypeError, ValueError):
        raise BadConfig(f"{table.name}: {model} needs prompt and completion, in dollars for a million tokens.") from None


def prompt_tokens(messages: list[dict]) -> int:
    """More than the prompt has, see BYTES_A_TOKEN."""
    return int(sum(len(x["content"].encode()) for x in messages) / BYTES_A_TOKEN) + 10


class Budget:
    """Dollars that may still be spent. What is being asked is counted at the most that it can cost until its bill is there."""

    def __init__(self, cap: float | None, spent: float):
        self.cap, self.spent, self.reserved = cap, spent, 0.0

    def reserve(self, dollars: float) -> None:
        """Raises TeacherRefused where the cap would be passed."""
        if self.cap is not None and self.spent + self.reserved + dollars > self.cap:
            raise TeacherRefused(
                f"Out of money: ${self.spent:.4f} of the cap of ${self.cap:.2f} is spent and what comes next may cost ${self.reserved + dollars:.4f}. "
                "Raise dollar_cap and start again: what was answered is kept and not paid twice."
            )
        self.reserved += dollars

    def settle(self, reserved: float, cost: float) -> None:
        self.reserved = max(0.0, self.reserved - reserved)
        self.spent += cost
