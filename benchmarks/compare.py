"""tuinet beside its peers: the same work, in turns, in one run.

    python benchmarks/compare.py [--rounds 7] [--seconds 0.5] [--only mlp | cnn | lstm-128 | …] [--json]

Each contestant is a process of its own that waits while another works. A figure is the median of the rounds; a ratio is
the median of tuinet's figure over a peer's in the same round, and of seconds and memory the other way round: above 1,
tuinet is ahead. The peer is the configuration with the best median, of PyTorch, and of all if another is better.
`works.py` has the rows, with the ratio to PyTorch that is wanted of each; with `--check` this ends with 1 if one falls
short. `--only` takes a row's name, or the beginning of several; `start-up` and `size` are no rows.

`--json` prints the rows as one document instead; `tabled.py` makes a table of several. PyTorch, scikit-learn and JAX
come from the `parity` dependency group; those that are not installed are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

from figures import OURS, Row, plain, table
from starting import first_step
from works import WORKS, Work

HERE = Path(__file__).parent
PACKAGES = {"scikit": "sklearn"}
"""Where a package is not called as its contestants are."""

PAUSE = 0.3
"""Seconds between turns: threads of the last one may still spin for 200 ms."""


class Worker:
    """A contestant's process."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, str(HERE / "contestants.py"), *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._expect("ready")

    def run(self, seconds: float) -> tuple[float, float]:
        """Samples (symbols, pairs, sentences) a second over that time, and the peak memory so far in MB."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        samples, taken, peak, _ = self._expect("").split()
        return int(samples) / float(taken), int(peak)

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _expect(self, start: str) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith(start) or not line:
            raise SystemExit("a contestant ended early; see its error above")
        return line


def contestants(work: Work) -> list[str]:
    """tuinet and the peers that are installed."""
    return [OURS, *(peer for peer in work.peers if installed(peer.split("-")[0]))]


def installed(library: str) -> bool:
    return importlib.util.find_spec(PACKAGES.get(library, library)) is not None


def in_order(names: Sequence[str], turn: int) -> list[str]:
    """Who works after whom in that round: moved on by one each time, in a zigzag (0, 1, −1, 2, −2 …), after which
    nobody follows the same neighbour in more than two of as many rounds as there are names (E. J. Williams 1949)."""
    zigzag = ((k + 1) // 2 if k % 2 else -(k // 2) for k in range(len(names)))
    return [names[(place + turn) % len(names)] for place in zigzag]


def rounds_of(
    names: Sequence[str], rounds: int, work: Callable[[str], tuple[float, float]]
) -> dict[str, list[tuple[float, float]]]:
    """The two figures of each in each round, after one more that warms up."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        for name in in_order(names, turn):
            time.sleep(PAUSE)
            found[name].append(work(name))
    return {name: each[1:] for name, each in found.items()}


def speeds(name: str, work: Work, rounds: int, seconds: float) -> Row:
    """The row of a work that is done over and over."""
    sizes = [f"{key}={value}" for key, value in work.sizes.items()]
    workers = {each: Worker(each, work.kind, *sizes) for each in contestants(work)}
    found = rounds_of(list(workers), rounds, lambda each: workers[each].run(seconds))
    for worker in workers.values():
        worker.end()
    figures = {each: [speed for speed, _ in done] for each, done in found.items()}
    return Row(name, work, figures, {each: done[-1][1] for each, done in found.items()})


def starts(names: Sequence[str], rounds: int) -> list[Row]:
    """The rows of these works, both from the same first steps."""
    found = rounds_of(contestants(WORKS[names[0]]), rounds, first_step)
    column = {"first-step": 0, "memory": 1}
    return [
        Row(name, WORKS[name], {each: [both[column[name]] for both in done] for each, done in found.items()}, {})
        for name in names
    ]


def rows(names: Sequence[str], rounds: int, seconds: float) -> Iterator[Row]:
    starting = [name for name in names if WORKS[name].kind == "first-step"]
    for name in names:
        if name not in starting:
            yield speeds(name, WORKS[name], rounds, seconds)
    if starting:
        yield from starts(starting, rounds)


def start_up(times: int = 9) -> None:
    """Wall time of whole processes."""
    print("\nstart-up, median of", times)
    commands = {
        "python -c pass": ["-c", "pass"],
        "tuinet --help": ["-m", "tuinet", "--help"],
        "tuinet train --help": ["-m", "tuinet", "train", "--help"],
        "tuinet check digits-cnn": ["-m", "tuinet", "check", "digits-cnn"],
        "import tuinet; tuinet.load": ["-c", "import tuinet; tuinet.load"],
        "import torch": ["-c", "import torch"],
        "import sklearn.neural_network": ["-c", "import sklearn.neural_network"],
    }
    for title, arguments in commands.items():
        taken: list[float] = []
        for _ in range(times):
            begin = time.perf_counter()
            done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
            taken.append(time.perf_counter() - begin)
            if done.returncode:
                break
        else:
            print(f"  {title:32} {median(taken) * 1000:7.0f} ms")


def installed_size() -> None:
    """`du -sm` of a fresh virtual environment with the wheel and all it needs, less pip."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "venv"
        subprocess.run([sys.executable, "-m", "venv", fresh], check=True)
        pip = [fresh / "bin" / "python", "-m", "pip"]
        done = subprocess.run([*pip, "install", "-q", HERE.parent], capture_output=True, text=True, check=False)
        if done.returncode:
            print("\ninstalled size: not measured, the installation failed:", done.stderr.strip().splitlines()[-1])
            return
        subprocess.run([*pip, "uninstall", "-q", "-y", "setuptools", "pip"], capture_output=True, check=False)
        size = subprocess.run(["du", "-sm", fresh], capture_output=True, text=True, check=True).stdout.split()[0]
        print(f"\ninstalled size without pip: {size} MB")


def chosen(only: str | None) -> list[str]:
    """The names of the rows that are asked for: one that is called so, or all that begin so."""
    if only in WORKS:
        return [only]
    return [name for name in WORKS if name.startswith(only or "")]


def main() -> int:
    """1 if a row falls short of what is wanted, and that was to be checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="how long each contestant works in a round")
    parser.add_argument("--only", help="a row's name, or how several begin; or start-up, or size")
    parser.add_argument("--json", action="store_true", help="the rows as one JSON document; nothing else is measured")
    parser.add_argument("--check", action="store_true", help="end with 1 if a row falls short of what is wanted")
    options = parser.parse_args()
    names, tables = chosen(options.only), {"start-up": start_up, "size": installed_size}
    if not names and (options.json or options.only not in tables):
        parser.error(f"--only {options.only}: none is called so; rows: {', '.join(WORKS)}; besides: start-up, size")
    found: list[Row] = []
    for row in rows(names, options.rounds, options.seconds):
        found.append(row)
        if not options.json:
            print("", table(row), sep="\n", flush=True)
    if options.json:
        print(json.dumps({"rows": [plain(row) for row in found]}))
    else:
        for name, show in tables.items():
            if options.only in (None, name):
                show()
    return 1 if options.check and not all(row.kept for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
