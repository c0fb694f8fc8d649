"""How long drawing takes, layout and codes for the terminal included: `python benchmarks/drawing.py`.

Where a time was asked for it is said, and beyond it this ends with 1.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np

from tuinet.inspection.view import Axis, View
from tuinet.render.chart import Series
from tuinet.render.draw import Colors, Lines, Paper, ansi, draw
from tuinet.render.live_chart import live_chart

ROUNDS = 30
COLORS: tuple[Colors, ...] = ("256", "none")


def milliseconds(work: Callable[[], object]) -> float:
    """The median of the rounds, after three that fill the caches of styles."""
    rounds: list[float] = []
    for _ in range(ROUNDS + 3):
        begin = time.perf_counter()
        work()
        rounds.append((time.perf_counter() - begin) * 1000)
    return median(rounds[3:])


def curves(paper: Paper) -> Lines:
    """A frame of the Train screen: two series of 200 points, a cursor and a mark."""
    x = np.arange(200.0)
    noise = np.random.default_rng(1).random((2, 200))
    train, valid = (np.exp(-x / 40) + 0.1 * noise).tolist()
    series = [Series("train", x.tolist(), train, "blue"), Series("valid", x.tolist(), valid, "orange", "o")]
    return live_chart(series, paper.width, 16, marks=[(90.0, "lr")], cursor=120.0, paper=paper).lines


def whole(drawn: Callable[[Paper], Lines], paper: Paper) -> str:
    return ansi(drawn(paper), paper)


def main() -> int:
    """1 if something took longer than was asked for."""
    rng = np.random.default_rng(0)
    # noise has no runs to merge: real maps are faster
    maps = View(
        "maps", "images", (Axis("map"), Axis("row"), Axis("column")), rng.standard_normal((16, 8, 8)).astype(np.float32)
    )
    cells = View("cells", "matrix", (Axis("row"), Axis("column")), rng.standard_normal((128, 128)).astype(np.float32))
    gates = View(
        "gates", "matrix", (Axis("step"), Axis("unit")), rng.random((40, 192)).astype(np.float32), low=0.0, high=1.0
    )
    cases = (
        ("16 maps of 8×8, 80 columns", partial(draw, maps), 80, 10),
        ("128×64 cells of two values", partial(draw, cells), 140, 30),
        ("gates, 40 steps × 192 units, 120 columns", partial(draw, gates), 120, None),
        ("two curves of 200 points, 120×16", curves, 120, 10),
    )
    kept = True
    print(f"{'milliseconds':44} {'lines':>7} {'codes':>7} {'256':>7} {'none':>7}")
    for name, drawn, width, limit in cases:
        paper = Paper(width)
        lines = drawn(paper)
        times = [
            milliseconds(partial(drawn, paper)),
            milliseconds(partial(ansi, lines, paper)),
            *(milliseconds(partial(whole, drawn, Paper(width, colors))) for colors in COLORS),
        ]
        asked = "" if limit is None else f" (asked: ≤ {limit})"
        slow = limit is not None and max(times) > limit
        kept &= not slow
        print(f"{name + asked:44} " + " ".join(f"{value:7.2f}" for value in times) + " TOO SLOW" * slow)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
