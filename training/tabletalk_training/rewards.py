"""What samples are worth: the TypeScript evaluator, run as a process and asked by JSON lines (cli/score-samples.ts). Nothing is scored in Python."""

import json
import queue
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
# The first start on a machine compiles; a reply waits for the queries before it, each with a time limit of its own.
START_SECONDS, REPLY_SECONDS = 120, 300


class ScorerFailed(RuntimeError):
    """The scorer cannot be started or dies again and again; the message says what it said last and what to do."""


@dataclass(frozen=True)
class Verdict:
    """One sample: rows equal gold's; ran to its end; share of right tables (0 to 1). See SampleVerdict in cli/sample-scorer.ts."""

    equal: bool
    runs: bool
    tables: float


@dataclass(frozen=True)
class Weights:
    """Reward of a sample whose rows are not gold's, for running and for the right tables; one whose rows are gets 1."""

    runs: float
    tables: float

    def reward(self, verdict: Verdict) -> float:
        return 1.0 if verdict.equal else self.runs * verdict.runs + self.tables * verdict.tables


@dataclass(frozen=True)
class Scored:
    """The verdicts of one question's samples, in their order. `reason` says why there are none."""

    verdicts: tuple[Verdict, ...] | None
    gold_empty: bool = False
    reason: str = ""


class Scorer:
    """Owns the process; starts it at the first question and again where it has died. Use as a context manager."""

    def __init__(self, spider: Path, root: Path = ROOT, timeout: int = 3):
        if not (root / "cli" / "score-samples.ts").exists():
            raise ScorerFailed(f"There is no cli/score-samples.ts in {root}: give the repository's root.")
        tsx = root / "node_modules" / ".bin" / "tsx"
        if not tsx.exists():
            raise ScorerFailed(f"The evaluator is not installed in {root}: run `npm ci` there.")
        self.root = root
        self.command = [tsx, "cli/score-samples.ts", "--spider", str(spider.resolve()), "--timeout", str(timeout)]
        self.process: subprocess.Popen | None = None
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.words = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def score(self, samples: list[tuple[str, list[str]]]) -> list[Scored]:
        """(question id, its samples) -> what each question's samples are worth, in the same order. Raises ScorerFailed."""
        out: dict[int, Scored] = {}
        for attempt in range(3):
            if self.process is None:
                self.start()
            # Ids may repeat: each request goes out under its place in the list, after the question's id.
            waiting: dict[str, list[int]] = {}
            for place, (id, _) in enumerate(samples):
                if place not in out:
                    waiting.setdefault(id, []).append(place)
            if self.ask(samples, waiting, out):
                return [out[place] for place in range(len(samples))]
            self.close()
        raise ScorerFailed(f"The scorer died {attempt + 1} times on the same samples: {self.words or 'it said nothing'}")

    def ask(self, samples: list[tuple[str, list[str]]], waiting: dict[str, list[int]], out: dict[int, Scored]) -> bool:
        """Sends all samples of `waiting` (places by id) and collects the replies; False where the process died or hangs."""
        merged = {id: [sql for place in places for sql in samples[place][1]] for id, places in waiting.items()}
        try:
            for id, sqls in merged.items():
                self.process.stdin.write(json.dumps({"id": id, "sqls": sqls}) + "\n")
            self.process.stdin.flush()
        except OSError:
            return False
        for _ in merged:
            reply = self.reply(REPLY_SECONDS)
            if reply is None:
                return False
            if "error" in reply:
                raise ScorerFailed(reply["error"])
            places = waiting[reply["id"]]
            if "could_not_score" in reply:
                out.update({place: Scored(None, reason=reply["could_not_score"]) for place in places})
                continue
            verdicts = [Verdict(bool(x["equal"]), bool(x["runs"]), float(x["tables"])) for x in reply["rewards"]]
            for place in places:
                count = len(samples[place][1])
                out[place], verdicts = Scored(tuple(verdicts[:count]), reply["gold_empty"]), verdicts[count:]
        return True

    def start(self) -> None:
        self.lines, self.words = queue.Queue(), ""
        self.process = subprocess.Popen(
            self.command, cwd=self.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        # Read all the time: a full pipe in either direction would stop both sides.
        threading.Thread(target=self.listen, args=(self.process.stdout, self.lines), daemon=True).start()
        threading.Thread(target=self.overhear, args=(self.process.stderr,), daemon=True).start()
        ready = self.reply(START_SECONDS)
        if ready != {"ready": True}:
            self.process.wait(5) if ready is None and self.process.poll() is not None else None
            self.close()
            raise ScorerFailed(f"The scorer did not start: {self.words or 'it said nothing in ' + str(START_SECONDS) + ' s'}")

    @staticmethod
    def listen(stream, lines: queue.Queue) -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    def overhear(self, stream) -> None:
        for line in stream:
            self.words = (self.words + line)[-2000:]

    def reply(self, seconds: float) -> dict | None:
        """The next line; None where the process ended or said nothing for so long."""
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            return None
        return None if line is None else json.loads(line)

    def close(self) -> None:
        if self.process is None:
            return
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
