"""How time and memory grow with the batch, the width, the data's size and the threads.

    python benchmarks/growth.py [--seconds 2]

Every row is a process of its own that trains through `fit`. "memory" is what its peak grew by after the libraries
were loaded, the random data included; the last table trains on a memory-mapped file and shows the anonymous memory.
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    for title, (kind, key, values) in TABLES.items():
        table(title, kind, key, values, options.seconds)
    mapped()


if __name__ == "__main__":
    main()
