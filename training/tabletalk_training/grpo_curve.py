"""Draws a GRPO run's log as an SVG: reward and shares by step, each a mean over the steps around it, and the KL divergence from the start.

    python -m tabletalk_training.grpo_curve RUN/log.jsonl --out curve.svg

Text and lines alone, like src/evaluation/figures.ts: no scripts, no fonts from elsewhere.
"""

import argparse
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from .run_log import read_log

# Okabe and Ito's palette, as in figures.ts.
SERIES = {"reward": ("reward", "#0072b2"), "equal": ("rows equal gold's", "#009e73"), "runs": ("runs", "#e69f00")}
KL_COLOUR = "#cc79a7"
WIDTH, LEFT, RIGHT, TOP, HEIGHT, GAP, KL_HEIGHT = 760, 60, 150, 70, 240, 40, 80
# Steps on either side that a point of a line is the mean of: one step's 64 answers are about 8 questions, which differ in difficulty.
AROUND = 4


def smooth(values: list[float], around: int) -> list[float]:
    """Each value's mean with its neighbours, `around` on either side, fewer at the ends."""
    parts = [values[max(0, i - around) : i + around + 1] for i in range(len(values))]
    return [sum(part) / len(part) for part in parts]


def text(x: float, y: float, content: str, size: int = 12, anchor: str = "start", fill: str = "#1a1a1a") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}">{escape(content)}</text>'


def line(points: list[tuple[float, float]], colour: str) -> str:
    return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def curve(log: list[dict[str, Any]], title: str) -> str:
    """The SVG of a log's lines. A step made twice (before and after a kill) counts as made last. Raises ValueError where there is no step."""
    steps = {x["step"]: x for x in log if x["event"] == "step"}
    held_out = {x["step"]: x for x in log if x["event"] == "held-out"}
    if not steps:
        raise ValueError("The log has no step yet: wait for one.")
    last = max(steps)
    ordered = [steps[n] for n in sorted(steps)]
    top = 1.2 * max(x[name] for x in ordered for name in SERIES)

    def at(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / last

    def height(share: float) -> float:
        return TOP + HEIGHT * (1 - share / top)

    parts = [text(20, 26, title, 16), text(20, 46, f"Lines: mean of {2 * AROUND + 1} steps. Circles: questions that are not trained on.")]
    for tick in [t / 10 for t in range(int(top * 10) + 1)]:
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height(tick):.1f}" y2="{height(tick):.1f}" stroke="#dddddd"/>')
        parts.append(text(LEFT - 8, height(tick) + 4, f"{tick:.1f}", 11, "end"))
    ends = []
    for name, (label, colour) in SERIES.items():
        values = smooth([x[name] for x in ordered], AROUND)
        points = [(at(x["step"]), height(value)) for x, value in zip(ordered, values, strict=True)]
        parts += [f'<circle cx="{at(x["step"]):.1f}" cy="{height(x[name]):.1f}" r="1.5" fill="{colour}" opacity="0.4"/>' for x in ordered]
        parts.append(line(points, colour))
        parts += [
            f'<circle cx="{at(n):.1f}" cy="{height(x[name]):.1f}" r="5" fill="#ffffff" stroke="{colour}" stroke-width="2"/>'
            for n, x in held_out.items()
        ]
        ends.append((points[-1][1], label, colour))
    below = -1e9
    for y, label, colour in sorted(ends):
        below = max(y, below + 15)
        parts.append(text(WIDTH - RIGHT + 12, below + 4, label, 12, "start", colour))
    base = TOP + HEIGHT + GAP + KL_HEIGHT
    highest = max(max(x["kl"] for x in ordered), 1e-9)
    parts.append(line([(at(x["step"]), base - KL_HEIGHT * x["kl"] / highest) for x in ordered], KL_COLOUR))
    parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}" stroke="#888888"/>')
    parts.append(text(LEFT - 8, base - KL_HEIGHT + 8, f"{highest:.3f}", 11, "end"))
    parts.append(text(WIDTH - RIGHT + 12, base - KL_HEIGHT / 2, "KL by token", 12, "start", KL_COLOUR))
    parts += [text(at(n), base + 18, str(n), 11, "middle") for n in range(0, last + 1, max(1, last // 8))]
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, base + 36, "step", 12, "middle"))
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {base + 50}" role="img" aria-label="{escape(title)}" font-family="system-ui, sans-serif">'
    return "\n".join([opening, f'<rect width="{WIDTH}" height="{base + 50}" fill="#ffffff"/>', *parts, "</svg>", ""])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("log", type=Path)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--title", default="GRPO: reward by step")
    a = arguments.parse_args()
    try:
        a.out.write_text(curve(read_log(a.log), a.title))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
