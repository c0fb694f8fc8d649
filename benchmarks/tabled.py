"""The table of benchmarks/README.md, from what several runs of compare.py printed:

    for run in 1 2 3; do python benchmarks/compare.py --json > $run.json; done
    python benchmarks/tabled.py 1.json 2.json 3.json

A figure is the median of the runs' medians, a ratio the median of the runs' ratios, with the lowest and the highest.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from figures import number
from works import WORKS

HEAD = """\
| forward, backward, Adam; float32 | tuinet | best PyTorch | ratio (runs) | wanted | another, if better than PyTorch |
|---|---|---|---|---|---|"""


def line(runs: Sequence[Mapping[str, Any]]) -> str:
    """One row of the comparison, as each run found it."""
    first = runs[0]
    own = f"{number(median(run['tuinet'] for run in runs))} {first['unit']}"
    other = shown = wanted = better = "–"
    if first["pytorch"]["peer"] is not None:
        # Which of its configurations is best may change from run to run: the one that was most often.
        peers = [run["pytorch"]["peer"] for run in runs]
        other = f"{number(median(run['pytorch']['best_peer'] for run in runs))} ({max(peers, key=peers.count)})"
        shown = _span([run["pytorch"]["ratio"] for run in runs])
    if first["pytorch"]["wanted"] is not None:
        wanted = f"{first['pytorch']['wanted']:.1f}"
    if all(run["peer"] != run["pytorch"]["peer"] for run in runs):
        better = f"{first['peer']}: {_span([run['ratio'] for run in runs])}"
    return f"| {WORKS[first['work']].title} | {own} | {other} | {shown} | {wanted} | {better} |"


def _span(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> None:
    runs = [json.loads(Path(path).read_text("utf-8"))["rows"] for path in sys.argv[1:]]
    print(HEAD)
    for rows in zip(*runs, strict=True):
        print(line(rows))


if __name__ == "__main__":
    main()
