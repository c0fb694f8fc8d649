"""The app in a real pseudo-terminal of 120×40: how soon it is there, how fast it answers, what it takes from a run.

    python benchmarks/tui.py [--only first keys training quiet] [--seconds 20] [--json FILE]

first     seconds from the start of `tuinet` to the first full frame of Home
keys      milliseconds from a key to what it changes on the screen: while a run goes on as fast as it can, while views
          are computed, with nothing going on
training  steps a second of a run that the app watches, as a share of the same run's beside nobody, in turns; the CPU
          time of the app, the bytes that it sends, and the CPU time of a frame's chart meanwhile
quiet     bytes in ten seconds in which nothing happens

What is asked for is said beside each figure; beyond it this ends with 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.tui.terminal import KEYS, Terminal  # noqa: E402
from tuinet.training.events import StepDone  # noqa: E402
from tuinet.training.log import read_events, whole_lines  # noqa: E402

TUINET = str(Path(sys.executable).parent / "tuinet")
COLUMNS, ROWS = 120, 40
ROUNDS = 4
LEASE = 6.0
"""Seconds after which a run has forgotten that somebody watched."""

COMPUTED = (("mnist-small-cnn", 6, "ideal"), ("mnist-small-cnn", 0, "confusion"), ("digits-cnn", 0, "occlusion"))
"""Models, how far down their layers, and views that take long."""

RECIPES = {
    "digits-cnn": ("digits-cnn", "training.epochs=1000000"),
    "an LSTM": ("shakespeare-lstm", "training.epochs=1000", "data.source.kind=shakespeare"),
}


class Figure(NamedTuple):
    """One result. `most`: whether `asked` is an upper limit, else a lower one; None: nothing was asked."""

    what: str
    value: float
    unit: str
    asked: float | None = None
    most: bool = True
    note: str = ""

    @property
    def kept(self) -> bool:
        return self.asked is None or (self.value <= self.asked if self.most else self.value >= self.asked)

    def say(self) -> None:
        asked = "" if self.asked is None else f" (asked: {'≤' if self.most else '≥'} {self.asked:g})"
        wrong = "" if self.kept else ": NOT KEPT"
        note = f"   {self.note}" if self.note else ""
        sys.stdout.write(f"{self.value:9.3g} {self.unit:7} {self.what}{asked}{wrong}{note}\n")
        sys.stdout.flush()


class Timed(Terminal):
    """A terminal that knows when what came, and looks at it only afterwards: an emulator takes its time."""

    def record(self, seconds: float) -> list[tuple[float, bytes]]:
        """What comes within so long, with its times."""
        until, found = time.perf_counter() + seconds, []
        while (left := until - time.perf_counter()) > 0:
            if not select.select([self.file], [], [], left)[0]:
                break
            try:
                block = os.read(self.file, 65536)
            except OSError:
                break
            found.append((time.perf_counter(), block))
        return found

    def bytes_in(self, seconds: float) -> int:
        return sum(len(block) for _, block in self.record(seconds))

    def first(self, blocks: Sequence[tuple[float, bytes]], seen: Callable[[], bool]) -> float | None:
        """When, of these blocks, it was first on the screen."""
        found = None
        for at, block in blocks:
            self.stream.feed(block)
            if found is None and seen():
                found = at
        return found

    def answer(self, key: str, seen: Callable[[], object], patience: float = 0.4) -> float:
        """Seconds from the key to the first change of what `seen` reads off the screen. Raises TimeoutError."""
        before, begin = seen(), time.perf_counter()
        os.write(self.file, KEYS.get(key, key).encode())
        for _ in range(5):
            found = self.first(self.record(patience), lambda: seen() != before)
            if found is not None:
                return found - begin
        raise TimeoutError(f"{key!r} did nothing\n{self.text}")


@contextlib.contextmanager
def app(folder: Path, *arguments: str, command: tuple[str, ...] = (TUINET,)) -> Iterator[Timed]:
    arguments = ("ui", *arguments) if arguments and command == (TUINET,) else arguments
    found = Timed(*arguments, cwd=folder, columns=COLUMNS, rows=ROWS, command=command)
    try:
        yield found
    finally:
        found.close()


@contextlib.contextmanager
def training(folder: Path, recipe: str, *settings: str) -> Iterator[Path]:
    """A run at full pace, on two cores."""
    out = folder / f"{recipe}-run"
    sets = [word for setting in settings for word in ("--set", setting)]
    line = [TUINET, "train", recipe, *sets, "--threads", "2", "--out", str(out), "--quiet"]
    process = subprocess.Popen(
        line, cwd=folder, start_new_session=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        while step_of(out) < 50:
            time.sleep(0.1)
            assert process.poll() is None, "the run has ended"
        yield out
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def step_of(run: Path) -> int:
    return max((event.step for event, _ in read_events(run / "events.jsonl")), default=0)


def pace(run: Path, seconds: float, meanwhile: Callable[[float], object] = time.sleep) -> float:
    """Steps a second by the run's own clock while something else is done."""
    offset = whole_lines(run / "events.jsonl")
    meanwhile(seconds)
    steps = [event for event, _ in read_events(run / "events.jsonl", offset) if isinstance(event, StepDone)]
    assert len(steps) > 1 and steps[0].time is not None and steps[-1].time is not None
    return (steps[-1].step - steps[0].step) / (steps[-1].time - steps[0].time)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ── what is measured ──────────────────────────────────────────────────────────────────────────────────────────────────


def is_home(terminal: Terminal) -> bool:
    """Whether Home is all there: its head, its list, its foot."""
    lines = terminal.lines
    return "1 Home" in lines[0] and "? all" in lines[-1] and all(
        word in terminal.text for word in ("recipes, runs, models", "Recipes", "digits-cnn", "cmudict-seq2seq")
    )  # fmt: skip


def first_frame(folder: Path, _: float) -> Iterator[Figure]:
    times: list[float] = []
    work: list[float] = []
    for _ in range(15):
        begin = time.perf_counter()
        with app(folder) as terminal:
            found, spent = None, 0.0
            while found is None:  # in slices, for the CPU time when it is there
                came = terminal.record(0.02)
                spent = cpu_seconds(terminal.pid)
                found = terminal.first(came, lambda terminal=terminal: is_home(terminal))
                assert time.perf_counter() < begin + 20, terminal.text
            times.append(found - begin)
            work.append(spent)
            terminal.press("q")
            terminal.ended()
    note = f"{min(times):.3f} to {max(times):.3f}, {statistics.median(work):.2f} of them at work"
    yield Figure("from `tuinet` to the first frame of Home", statistics.median(times), "s", 0.35, note=note)


def presses(terminal: Timed, keys: Sequence[str], seen: Callable[[], object], count: int = 60) -> list[float]:
    """Milliseconds of so many answers, at odd moments."""
    random.seed(0)
    found: list[float] = []
    for n in range(count):
        terminal.first(terminal.record(random.uniform(0.05, 0.35)), lambda: False)
        found.append(1000 * terminal.answer(keys[n % len(keys)], seen))
    return found


def answers(what: str, times: list[float], asked: float | None = 60.0) -> Figure:
    p95 = statistics.quantiles(times, n=20)[-1]
    note = f"median {statistics.median(times):.1f}, longest {max(times):.0f}"
    return Figure(f"key to change, 95 of 100: {what}", p95, "ms", asked, note=note)


def keys(folder: Path, _: float) -> Iterator[Figure]:
    with app(folder) as terminal:
        terminal.until(lambda: is_home(terminal))
        terminal.record(2.0)
        yield answers("Home, down the list", presses(terminal, ("down", "up"), lambda: cells(terminal, 56)))
    with training(folder, *RECIPES["digits-cnn"]) as run, app(folder, str(run)) as terminal:
        terminal.until("Inside: conv1 kernels")
        terminal.record(3.0)
        times = presses(terminal, ("left", "left", "right"), lambda: line_with(terminal, "cursor"))
        yield answers("Train, a run at full pace, the chart's cursor", times)
        times = presses(terminal, ("v",), lambda: line_with(terminal, "Inside:"))
        yield answers("the same, the next view of its inside", times)
    for model, layer, view in COMPUTED:
        with app(folder, model) as terminal:
            terminal.until("‹kernels›")
            terminal.press(*("up",) * 12, *("down",) * layer)
            while f"‹{view}›" not in terminal.text:
                terminal.press("v")
            terminal.first(terminal.record(2.0), lambda: False)
            times = presses(terminal, ("v", "V"), lambda terminal=terminal: terminal.lines[2])
            times += presses(terminal, ("down", "up"), lambda terminal=terminal: cells(terminal, 34))
            yield answers(f"Inspect, {view} of {model} and others being computed", times)


def line_with(terminal: Terminal, word: str) -> str:
    return next((line for line in terminal.lines if word in line), "")


def cells(terminal: Terminal, columns: int) -> list[object]:
    """What stands at the left, and in which colours."""
    return [terminal.screen.buffer[y][x] for y in range(2, ROWS - 2) for x in range(columns)]


def training_beside(folder: Path, seconds: float) -> Iterator[Figure]:
    for name, recipe in RECIPES.items():
        charts = folder / "charts.json"
        rounds: list[Watched] = []
        with training(folder, *recipe) as run:
            alone = pace(run, seconds)
            for _ in range(ROUNDS):
                rounds.append(watched(folder, run, charts, seconds))
                time.sleep(LEASE)
                before, alone = alone, pace(run, seconds)
                rounds[-1] = rounds[-1]._replace(steps=200 * rounds[-1].steps / (before + alone))
        took = json.loads(charts.read_text())
        for what, values, unit, asked, most in (
            ("steps a second beside the app, of those beside nobody", [each.steps for each in rounds], "%", 90, False),
            ("the app's share of a core", [each.cpu for each in rounds], "%", 5, True),
            ("to the terminal", [each.sent for each in rounds], "KiB/s", 100, True),
            ("a frame's chart, CPU time", took, "ms", 10, True),
        ):
            note = f"{min(values):.3g} to {max(values):.3g}"
            yield Figure(f"{name}: {what}", statistics.median(values), unit, asked, most, note)


class Watched(NamedTuple):
    """What a run does while the app watches it, and what the app takes and sends for that."""

    steps: float
    cpu: float
    sent: float


def watched(folder: Path, run: Path, charts: Path, seconds: float) -> Watched:
    """Steps a second, percents of a core, KiB a second; the milliseconds of the charts into a file."""
    with app(folder, "app", str(run), str(charts), command=(sys.executable, __file__)) as terminal:
        terminal.until("Inside: ")
        terminal.record(3.0)
        sent: list[int] = []
        before = cpu_seconds(terminal.pid)
        steps = pace(run, seconds, lambda length: sent.append(terminal.bytes_in(length)))
        cpu = 100 * (cpu_seconds(terminal.pid) - before) / seconds
        terminal.press("q", "l")
        terminal.ended()
    return Watched(steps, cpu, sent[0] / seconds / 1024)


def quiet(folder: Path, _: float) -> Iterator[Figure]:
    for place, arguments, keys_ in (
        ("Home", (), ()), ("Inspect", ("digits-cnn",), ()),
    ):  # fmt: skip
        with app(folder, *arguments) as terminal:
            terminal.record(4.0)
            terminal.press(*keys_)
            terminal.record(2.0)
            before = cpu_seconds(terminal.pid)
            sent = terminal.bytes_in(10.0)
            yield Figure(f"{place}, nothing going on", sent, "bytes", 0, note=note_of(before, terminal))
    with training(folder, *RECIPES["digits-cnn"]) as run, app(folder, str(run)) as terminal:
        terminal.until("Inside: conv1 kernels")
        terminal.press("space")
        terminal.until("PAUSED")
        terminal.record(7.0)
        before = cpu_seconds(terminal.pid)
        yield Figure("Train, a paused run", terminal.bytes_in(10.0), "bytes", 0, note=note_of(before, terminal))
        terminal.press("x", "l")
        terminal.until("ended: stopped")
        terminal.record(7.0)
        before = cpu_seconds(terminal.pid)
        yield Figure("Train, a run that ended", terminal.bytes_in(10.0), "bytes", 0, note=note_of(before, terminal))


def note_of(before: float, terminal: Terminal) -> str:
    return f"{10 * (cpu_seconds(terminal.pid) - before):.1f} % of a core"


PARTS = {"first": first_frame, "keys": keys, "training": training_beside, "quiet": quiet}


def timed_app(opened: str, file: str) -> None:
    """The app, which writes at its end how many milliseconds of CPU time each chart took."""
    from tuinet.render import live_chart as module
    from tuinet.tui.app import TuinetApp

    took: list[float] = []
    draw = module.live_chart

    def timed(*arguments: object, **settings: object) -> object:
        begin = time.thread_time()  # of its own: on two cores a run at full pace comes between
        found = draw(*arguments, **settings)  # pyright: ignore
        took.append(1000 * (time.thread_time() - begin))
        return found

    module.live_chart = timed  # pyright: ignore
    TuinetApp(opened).run()
    Path(file).write_text(json.dumps(took))


def main() -> int:
    """1 if something is beyond what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seconds", type=float, default=20.0, help="how long a run is watched each time")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and so end what was begun
    figures: list[Figure] = []
    sys.stdout.write(f"load {os.getloadavg()[0]:.1f}\n")
    for name in options.only:
        with tempfile.TemporaryDirectory() as folder:
            for figure in PARTS[name](Path(folder), options.seconds):
                figure.say()
                figures.append(figure)
    if options.json is not None:
        rows = [{**figure._asdict(), "kept": figure.kept} for figure in figures]
        options.json.write_text(json.dumps({"load": os.getloadavg(), "figures": rows}, indent=1) + "\n")
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["app"]:
        timed_app(*sys.argv[2:4])
        sys.exit()
    sys.exit(main())
