"""How speed and memory grow with the batch, the width, the depth, the length, the data and the threads.

    python benchmarks/growth.py [--only batch | width | depth | length | data | threads]
                                [--seconds 1] [--rounds 3] [--json FILE] [--plots FOLDER]

Every point is a process of its own that trains through `fit` (`growing.py`). Figures are medians of the rounds, with
the lowest and the highest. Memory is what the trainer and its worker process have besides the pages of files, what
they share counted once; of it, about 25 MB each are Python and its libraries. GFLOP/s count what the layers' products
take, as `tuinet bench` does: of an LSTM, also the product of the embedding, which is looked up in a table instead.

`--json` keeps the figures, `--plots` draws a picture of each axis (`curves.py`). All takes about six minutes, and
1.5 GB of the disk for the largest file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import growing
from curves import Curve, Panel, picture
from figures import number

HERE = Path(__file__).parent
MB = 2**20


class Line(NamedTuple):
    """One kind of work, measured while one of its sizes grows.

    `kind`, `key` and `sizes` are what each point's process is told (`growing.py`); `scale`: what one more of `key` is
    on the axis.
    """

    title: str
    kind: str
    key: str
    values: tuple[int, ...]
    sizes: Mapping[str, int] = {}
    unit: str = "samples/s"
    scale: float = 1.0


class Axis(NamedTuple):
    """`across`: what grows. `products`: speed is drawn in GFLOP/s, as a step of another network is another work."""

    across: str
    lines: tuple[Line, ...]
    products: bool = False


MLP, CNN, LSTM = "MLP 784-256-128-10, batch 128", "CNN of two convolutions, batch 64", "LSTM of 128 units, batch 32"
SYMBOLS = "symbols/s"

AXES = {
    "batch": Axis(
        "samples of a batch",
        (
            Line("MLP 784-256-128-10", "mlp", "batch", (1, 8, 32, 128, 512, 2048, 8192), {"samples": 16_384}),
            Line("CNN of two convolutions", "cnn", "batch", (1, 8, 64, 256, 1024), {"samples": 8_192}),
        ),
    ),
    "width": Axis(
        "units W of a layer",
        (
            Line("MLP 784-W-W/2-10, batch 128", "mlp", "width", (64, 128, 256, 512, 1024, 2048)),
            Line("LSTM of W units, batch 32", "lstm", "width", (32, 64, 128, 256, 512), unit=SYMBOLS),
        ),
        products=True,
    ),
    "depth": Axis(
        "hidden layers",
        (
            Line("MLP, 256 units each, batch 128", "mlp", "depth", (1, 2, 4, 8, 16)),
            Line("LSTM, 128 units each, batch 32", "lstm", "depth", (1, 2, 3, 4), {"width": 128}, SYMBOLS),
        ),
        products=True,
    ),
    "length": Axis(
        "symbols of a window",
        (Line(LSTM, "text", "window", (25, 50, 100, 200, 400, 800), {"characters": 500_000}, SYMBOLS),),
    ),
    "data": Axis(
        "MB of data",
        (
            Line(MLP, "mlp", "samples", (2_000, 20_000, 200_000), scale=784 * 4 / MB),
            Line("MLP 784-64-10 on a mapped file", "mapped", "samples", (2_000, 20_000, 200_000, 2_000_000),
                 scale=784 / MB),
            Line(f"{LSTM}, on text", "text", "characters", (200_000, 2_000_000, 20_000_000), {"window": 64},
                 SYMBOLS, 1 / MB),
        ),
    ),
    "threads": Axis(
        "threads",
        (
            Line(MLP, "mlp", "threads", (1, 2)),
            Line(CNN, "cnn", "threads", (1, 2)),
            Line(LSTM, "lstm", "threads", (1, 2), {"width": 128}, SYMBOLS),
        ),
    ),
}  # fmt: skip


class Point(NamedTuple):
    """Where on the axis, and the figures of each round: samples or symbols a second, and MB. `operations`: of the
    products of a sample or symbol, where they are counted."""

    x: float
    speeds: Sequence[float]
    memory: Sequence[float]
    operations: float | None

    @property
    def gflops(self) -> list[float]:
        return [speed * self.operations / 1e9 for speed in self.speeds] if self.operations else []


def measured(line: Line, value: int, seconds: float, rounds: int) -> Point:
    """Raises SystemExit if the work fails."""
    sizes = {**line.sizes, line.key: value}
    given = [f"{key}={size}" for key, size in sizes.items()]
    with tempfile.TemporaryDirectory() as folder:
        growing.write(line.kind, sizes, Path(folder))
        command = [sys.executable, str(HERE / "growing.py"), line.kind, str(seconds), str(rounds), *given]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{line.title}, {line.key} {value}: it failed; see its error above")
    found = json.loads(done.stdout)
    return Point(value * line.scale, found["speed"], found["memory"], found["operations"])


def span(figures: Sequence[float]) -> str:
    """The median, the lowest and the highest, each in its column."""
    columns = (median(figures), min(figures), max(figures)) if figures else ()
    return "".join(f"{number(each):>10}" for each in columns) or " " * 30


def row(axis: str, line: Line, point: Point) -> dict[str, object]:
    """For JSON."""
    low, high = min(point.speeds), max(point.speeds)
    return {
        "axis": axis, "work": line.title, "x": point.x, "across": AXES[axis].across,
        "speed": median(point.speeds), "low": low, "high": high, "unit": line.unit,
        "gflops": median(point.gflops) if point.operations else None,
        "memory": median(point.memory), "memory_low": min(point.memory), "memory_high": max(point.memory),
    }  # fmt: skip


def panels(axis: Axis, points: Mapping[str, Sequence[Point]]) -> tuple[Panel, Panel]:
    """Speed and memory, `points` by the title of their line."""

    def curves(of: str) -> list[Curve]:
        return [
            Curve(name, [at.x for at in found], [getattr(at, of) for at in found]) for name, found in points.items()
        ]

    units = " or ".join(dict.fromkeys(line.unit for line in axis.lines))
    speed = Panel("GFLOP/s", curves("gflops")) if axis.products else Panel(units, curves("speeds"))
    return speed, Panel("memory, MB", curves("memory"))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=AXES, help="one axis; else all")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long a round lasts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="where to draw a picture NAME.png of each axis")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds: at least 1; --seconds: above 0")
    if options.json and not options.json.parent.is_dir():
        parser.error(f"--json {options.json}: there is no such folder")  # better now than when all is measured
    rows: list[dict[str, object]] = []
    for name in [options.only] if options.only else AXES:
        axis, points = AXES[name], {line.title: [] for line in AXES[name].lines}
        for line in axis.lines:
            heads = "".join(f"{each:>10}{'lowest':>10}{'highest':>10}" for each in (line.unit, "GFLOP/s", "MB"))
            print(f"\n{name}: {line.title}\n{axis.across:>20}{heads}")
            for value in line.values:
                point = measured(line, value, options.seconds, options.rounds)
                points[line.title].append(point)
                rows.append(row(name, line, point))
                print(f"{number(point.x):>20}{span(point.speeds)}{span(point.gflops)}{span(point.memory)}", flush=True)
        if options.plots:
            options.plots.mkdir(parents=True, exist_ok=True)
            picture(axis.across, panels(axis, points)).save(options.plots / f"{name}.png", optimize=True)
    if options.json:
        options.json.write_text(json.dumps({"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
