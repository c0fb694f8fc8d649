"""tuinet beside its peers: the same work, in turns, in one run.

    python benchmarks/compare.py [--rounds 7] [--seconds 1.0] [--only mlp | lstm | …]

Each contestant is a process of its own that waits while another works. A figure is the median of the rounds; the
ratio is the median of tuinet's figure over the best peer's in the same round. PyTorch and scikit-learn come from the
`parity` dependency group; those that are not installed are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
PEERS = {
    "mlp": ("torch-plain", "torch-fused", "scikit-learn"),
    "cnn": ("torch-plain", "torch-fused", "torch-plain-nhwc", "torch-fused-nhwc"),
    "lstm-128": ("torch-plain", "torch-fused"),
    "lstm-256": ("torch-plain", "torch-fused"),
    "gru": ("torch-plain", "torch-fused"),
    "peephole": ("torch-plain", "torch-fused"),
    "seq2seq": ("torch-fused", "torch-fused-padded"),
    "decode": (),
}
LANGUAGE_MODEL = "language model of 64 symbols, embedding 64, 50 steps, batch 32, Adam; symbols"
TITLES = {
    "mlp": "MLP 784-256-128-10, batch 128: forward, backward, Adam, float32",
    "cnn": "CNN 28×28: conv 3×3×16, ReLU, pool, conv 3×3×32, ReLU, pool, 128, 10; batch 64",
    "lstm-128": f"LSTM 128, {LANGUAGE_MODEL}",
    "lstm-256": f"LSTM 256, {LANGUAGE_MODEL}",
    "gru": f"GRU 256 in PyTorch's form, {LANGUAGE_MODEL}",
    "peephole": f"LSTM 128 with peepholes (PyTorch: a loop), {LANGUAGE_MODEL}",
    "seq2seq": "translator: LSTM 256 to LSTM 256, 5,000 words, 3 to 15 words each, batch 64, Adam; pairs",
    "decode": "its greedy answers of 15 words, 100 sources at a time, one thread; sentences",
}
PAUSE = 0.3
"""Seconds between turns: threads of the last one may still spin for 200 ms."""


class Worker:
    """A contestant's process."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, str(HERE / "contestants.py"), *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._expect("ready")

    def run(self, seconds: float) -> tuple[float, int]:
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


def installed(name: str) -> bool:
    package = {"torch": "torch", "scikit": "sklearn"}.get(name.split("-")[0], "tuinet")
    return importlib.util.find_spec(package) is not None


def compare(kind: str, rounds: int, seconds: float) -> None:
    names = ["tuinet", *(peer for peer in PEERS[kind] if installed(peer))]
    workers = {name: Worker(name, kind) for name in names}
    figures: dict[str, list[float]] = {name: [] for name in names}
    peaks: dict[str, int] = {}
    for turn in range(rounds + 1):
        for name, worker in workers.items():
            time.sleep(PAUSE)
            speed, peaks[name] = worker.run(seconds)
            if turn > 0:  # the first round warms up
                figures[name].append(speed)
    for worker in workers.values():
        worker.end()
    print(f"\n{TITLES[kind]}\n  {'':18} {'a second':>10} {'slowest':>10} {'fastest':>10} {'peak MB':>8}")
    for name in names:
        row = figures[name]
        print(f"  {name:18} {median(row):10,.0f} {min(row):10,.0f} {max(row):10,.0f} {peaks[name]:8}")
    if len(names) > 1:
        ratios = [figures["tuinet"][i] / max(figures[name][i] for name in names[1:]) for i in range(rounds)]
        print(f"  tuinet / best peer in the same round: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--only", choices=(*PEERS, "lstm", "start-up", "size"))
    options = parser.parse_args()
    for kind in PEERS:
        if options.only is None or kind.startswith(options.only):
            compare(kind, options.rounds, options.seconds)
    if options.only in (None, "start-up"):
        start_up()
    if options.only in (None, "size"):
        installed_size()


if __name__ == "__main__":
    main()
