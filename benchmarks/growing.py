"""One point of growth.py: trains through `fit` in a process of its own, and says how fast and in how much memory.

    python benchmarks/growing.py KIND SECONDS ROUNDS [KEY=VALUE …]

works on KIND for so many rounds of so many seconds, and prints the figures of each round as JSON: "speed" in samples
or symbols a second, "memory" in MB; and "operations", the floating-point operations of one of them. KIND is one of
contestants.py's, at its sizes, or one that reads the files in the working directory (which `write` makes):

text    a language model of one LSTM of 128 units: `window` symbols at a time
mapped  an MLP of 64 units on a memory-mapped .npy; the process may have no more than LIMIT bytes of its own
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import images
import numpy as np
import recurrent
from contestants import OF_KIND, SIZES, WARM_UP, contestant

LIMIT = 512 * 2**20
"""Bytes of private memory, reserved or used: a third of the largest file. A file's own pages do not count."""

EXPERIMENTS = {
    "text": """
name = "text"
[data]
source = { kind = "text", path = "text.txt" }
window = WINDOW
[model]
layers = [{ kind = "embedding", units = 64 }, { kind = "lstm", units = 128 }, { kind = "dense" }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam" }
epochs = 1_000_000
batch_size = 32
""",
    "mapped": """
name = "mapped"
[data]
source = { kind = "npy", inputs = "x.npy", targets = "y.npy" }
[model]
layers = [{ kind = "flatten" }, { kind = "dense", units = 64 }, { kind = "relu" }, { kind = "dense", units = 10 }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "sgd" }
epochs = 1_000_000
batch_size = 256
""",
}


def write(kind: str, sizes: Mapping[str, int], folder: Path) -> None:
    """The files that this kind of work reads, if it does: a text of so many characters, or so many images."""
    if kind == "text":
        letters = np.random.default_rng(0).integers(97, 123, sizes["characters"], np.uint8)
        (folder / "text.txt").write_bytes(letters.tobytes())
    elif kind == "mapped":
        size = sizes["samples"]
        x = np.lib.format.open_memmap(folder / "x.npy", "w+", np.uint8, (size, 28, 28))
        x[:] = np.arange(784, dtype=np.uint32).reshape(28, 28) % 251
        x.flush()
        np.save(folder / "y.npy", np.arange(size) % 10)


def limited() -> None:
    """This process, and those it starts, get no more private memory than LIMIT: the largest file could not be loaded,
    but only mapped."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))


def from_files(kind: str, sizes: Mapping[str, int]) -> Iterator[int]:
    """Through `build` and `fit`, as `tuinet train` does; yields symbols, or samples."""
    from tuinet.experiment.decode import decode
    from tuinet.training.build import build
    from tuinet.training.events import StepDone
    from tuinet.training.fit import fit

    window = sizes.get("window", 1)
    experiment = decode(EXPERIMENTS[kind].replace("WINDOW", str(window)), kind)
    for event in fit(*build(experiment, Path.cwd()), threads=sizes["threads"]):
        if isinstance(event, StepDone):
            yield event.samples * window


def operations(kind: str, sizes: Mapping[str, int]) -> float | None:
    """Of the products of one sample or symbol, forward and backward; None: not counted for work on files."""
    from tuinet.data.dataset import Split
    from tuinet.training.bench import training_operations

    if kind in EXPERIMENTS:
        return None
    if kind in images.SHAPES:
        model, info = images.tuinet_model(kind, sizes["width"], sizes.get("depth"))
        return training_operations(model.network, info.dataset({"train": Split(*images.data(kind, 1))}))
    model, data = recurrent.tuinet_model(kind, sizes["width"], sizes.get("depth", 1))
    return training_operations(model.network, data) / recurrent.STEPS


def memory() -> float:
    """MB of this process and those it has started that are no file's pages; what they share is counted once."""
    found, own = 0, os.getpid()
    for path in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):  # it has ended meanwhile, or is somebody else's
            status = in_kilobytes(path)
            if own in (status["Pid"], status["PPid"]):
                rollup = in_kilobytes(path.with_name("smaps_rollup"))
                found += rollup["Pss_Anon"] + rollup["Pss_Shmem"]
    return found / 1024


def in_kilobytes(path: Path) -> dict[str, int]:
    """The lines of a file of /proc that have a number."""
    lines = (line.split() for line in path.read_text().splitlines())
    return {line[0].removesuffix(":"): int(line[1]) for line in lines if len(line) > 1 and line[1].isdigit()}


def main() -> None:
    kind, seconds, rounds, *given = sys.argv[1:]
    sizes = SIZES | OF_KIND.get(kind, {})
    for each in given:
        key, _, value = each.partition("=")
        sizes[key] = int(value)
    if kind == "mapped":
        limited()
    work = from_files(kind, sizes) if kind in EXPERIMENTS else contestant("tuinet", kind, sizes)
    left = (sizes["samples"] if kind == "mapped" else 1) - next(work)  # after what only the first step takes
    until = time.perf_counter() + WARM_UP
    while time.perf_counter() < until or left > 0:  # and a mapped file is read once from end to end
        left -= next(work)
    speeds, used = [], []
    for _ in range(int(rounds)):
        begin, done, taken = time.perf_counter(), 0, 0.0
        while taken < float(seconds):
            done += next(work)
            taken = time.perf_counter() - begin
        speeds.append(done / taken)
        used.append(memory())
    print(json.dumps({"speed": speeds, "memory": used, "operations": operations(kind, sizes)}))


if __name__ == "__main__":
    main()
