"""How time and memory grow with the batch, the width, the data's size and the threads.

    python benchmarks/growth.py [--seconds 2]

Every row is a process of its own that trains through `fit`. "memory" is what its peak grew by after the libraries
were loaded, the random data included; "memory-mapped" trains on a mapped file and shows the anonymous memory, the last
two tables train a language model of 128 units on texts and show the anonymous memory while it trains.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent

TABLES = {
    "mlp, batch": ("mlp", "batch", (1, 16, 128, 1024, 8192)),
    "mlp, width": ("mlp", "width", (64, 256, 1024, 2048)),
    "mlp, threads": ("mlp", "threads", (1, 2)),
    "cnn, batch": ("cnn", "batch", (1, 16, 64, 256, 1024)),
    "cnn, threads": ("cnn", "threads", (1, 2)),
    "mlp, samples": ("mlp", "samples", (2_000, 20_000, 60_000)),
}

MAPPED = """
import resource, sys
from pathlib import Path
from tuinet.training.build import build
from tuinet.training.fit import fit
from tuinet.training.events import StepDone
from tuinet.experiment.decode import decode
folder = Path(sys.argv[1])
experiment = decode('''
name = "mapped"
[data]
source = { kind = "npy", inputs = "x.npy", targets = "y.npy" }
[model]
layers = [{ kind = "flatten" }, { kind = "dense", units = 64 }, { kind = "relu" }, { kind = "dense", units = 10 }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "sgd" }
epochs = 1
batch_size = 256
''', "mapped")
for event in fit(*build(experiment, folder)):
    pass
status = Path("/proc/self/status").read_text().split("\\n")
print(next(line.split()[1] for line in status if line.startswith("RssAnon")))
"""


TEXT = """
import sys
from itertools import islice
from pathlib import Path
from tuinet.training.build import build
from tuinet.training.fit import fit
from tuinet.experiment.decode import decode
folder, window = Path(sys.argv[1]), sys.argv[2]
experiment = decode('''
name = "text"
[data]
source = { kind = "text", path = "text.txt" }
window = WINDOW
[model]
layers = [{ kind = "embedding", units = 64 }, { kind = "lstm", units = 128 }, { kind = "dense" }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam" }
epochs = 1
batch_size = 32
'''.replace("WINDOW", window), "text")
run = fit(*build(experiment, folder), threads=1)
steps = list(islice(run, 20))
status = Path("/proc/self/status").read_text().split("\\n")
print(next(line.split()[1] for line in status if line.startswith("RssAnon")))
"""


def table(title: str, kind: str, key: str, values: tuple[int, ...], seconds: float) -> None:
    print(f"\n{title:>14} {'samples/s':>11} {'memory MB':>10}")
    for value in values:
        command = [sys.executable, str(HERE / "contestants.py"), "tuinet", kind, f"{key}={value}"]
        done = subprocess.run(command, input=f"{seconds}\n", capture_output=True, text=True, check=True)
        samples, taken, _, added = done.stdout.split()[1:]
        print(f"{value:14,} {int(samples) / float(taken):11,.0f} {added:>10}")


def mapped() -> None:
    print(f"\nmemory-mapped .npy, one epoch\n{'file MB':>14} {'anonymous MB':>13}")
    for samples in (2_000, 20_000, 200_000):
        with tempfile.TemporaryDirectory() as folder:
            x = np.lib.format.open_memmap(Path(folder) / "x.npy", "w+", np.uint8, (samples, 28, 28))
            x[:] = np.arange(784, dtype=np.uint32).reshape(28, 28) % 251
            x.flush()
            np.save(Path(folder) / "y.npy", np.arange(samples) % 10)
            done = subprocess.run([sys.executable, "-c", MAPPED, folder], capture_output=True, text=True, check=True)
            print(f"{samples * 784 / 2**20:14,.1f} {int(done.stdout) / 1024:13,.1f}")


def texts(title: str, sizes: tuple[tuple[int, int], ...]) -> None:
    """`sizes`: characters of the text, and of a window."""
    print(f"\n{title}\n{'characters':>14} {'window':>8} {'anonymous MB':>13}")
    rng = np.random.default_rng(0)
    for characters, window in sizes:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "text.txt").write_bytes(rng.integers(97, 123, characters, np.uint8).tobytes())
            command = [sys.executable, "-c", TEXT, folder, str(window)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            print(f"{characters:14,} {window:8} {int(done.stdout) / 1024:13,.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    for title, (kind, key, values) in TABLES.items():
        table(title, kind, key, values, options.seconds)
    mapped()
    texts("texts, window", tuple((500_000, window) for window in (25, 50, 100, 200, 400)))
    texts("texts, size", tuple((size, 64) for size in (200_000, 2_000_000, 20_000_000)))


if __name__ == "__main__":
    main()
