"""The same work in tuinet, PyTorch and scikit-learn: each contestant trains for a while and says how much it did.

Run as a worker: `python contestants.py NAME` prepares, prints "ready", then for every line with a number of seconds
on standard input trains that long and prints `samples seconds`. Two arguments, NAME and a key=value … list, change
the sizes (batch, width, threads, samples).
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import recurrent

IMAGE = 28
CLASSES = 10

WARM_UP = 1.5
"""Seconds of work before "ready": whatever a contestant starts is then there."""


def data(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Random images and classes: speed does not depend on what they show."""
    rng = np.random.default_rng(0)
    x = rng.random((samples, IMAGE, IMAGE), np.float32)
    return x, rng.integers(0, CLASSES, samples)


Work = Iterator[int]
"""Yields the number of samples after every training step, for ever."""


def tuinet(kind: str, batch: int, width: int, threads: int, samples: int) -> Work:
    """Through `fit`, as a user trains."""
    from tuinet.data.dataset import Dataset, Split
    from tuinet.experiment.spec import TrainingSettings
    from tuinet.model.model import new_model
    from tuinet.nn.layer import Shape
    from tuinet.nn.layers.activation import Relu
    from tuinet.nn.layers.conv import Conv2D
    from tuinet.nn.layers.dense import Dense
    from tuinet.nn.layers.flatten import Flatten
    from tuinet.nn.layers.pool import MaxPool
    from tuinet.nn.losses import CrossEntropy
    from tuinet.nn.network import Sequential
    from tuinet.nn.optimizers import Adam
    from tuinet.training.events import StepDone
    from tuinet.training.fit import fit

    x, y = data(samples)
    if kind == "mlp":
        layers = (Flatten(), Dense(width), Relu(), Dense(width // 2), Relu(), Dense(CLASSES))
    else:
        same = {"kernel": 3, "padding": "same"}
        layers = (Conv2D(16, **same), Relu(), MaxPool(), Conv2D(32, **same), Relu(), MaxPool())
        layers = (*layers, Flatten(), Dense(128), Relu(), Dense(CLASSES))
    labels = tuple(map(str, range(CLASSES)))
    dataset = Dataset("random", "classification", Shape.image(IMAGE, IMAGE, 1), {"train": Split(x, y)}, labels)
    loss = CrossEntropy()
    model = new_model(Sequential(layers), dataset.info, (), loss, seed=0, name="bench")
    settings = TrainingSettings(loss=loss, optimizer=Adam(0.001), epochs=10**6, batch_size=batch)
    for event in fit(model, dataset, settings, threads=threads):
        if isinstance(event, StepDone):
            yield event.samples


def torch(kind: str, batch: int, width: int, threads: int, samples: int, *, fused: bool, channels_last: bool) -> Work:
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    images, classes = data(samples)
    x, y = torch.from_numpy(images), torch.from_numpy(classes)
    if kind == "mlp":
        x = x.reshape(samples, -1)
        model = nn.Sequential(
            nn.Linear(IMAGE * IMAGE, width),
            nn.ReLU(),
            nn.Linear(width, width // 2),
            nn.ReLU(),
            nn.Linear(width // 2, CLASSES),
        )
    else:
        x = x.reshape(samples, 1, IMAGE, IMAGE)
        model = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 128), nn.ReLU(), nn.Linear(128, CLASSES),
        )  # fmt: skip
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 0.001, fused=fused)
    loss = nn.CrossEntropyLoss()
    while True:
        order = torch.randperm(samples)
        for start in range(0, samples - batch + 1, batch):
            rows = order[start : start + batch]
            optimizer.zero_grad()
            loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
            yield batch


def sklearn(kind: str, batch: int, width: int, threads: int, samples: int) -> Work:
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    x, y = data(samples)
    x = x.reshape(samples, -1)
    rng = np.random.default_rng(0)
    model = MLPClassifier((width, width // 2), alpha=0.0, batch_size=batch, random_state=0)
    classes = np.arange(CLASSES)
    while True:
        order = rng.permutation(samples)
        for start in range(0, samples - batch + 1, batch):
            rows = order[start : start + batch]
            model.partial_fit(x[rows], y[rows], classes=classes)
            yield batch


SEQUENCES = {
    "lstm-128": {"batch": 32, "width": 128},
    "lstm-256": {"batch": 32, "width": 256},
    "gru": {"batch": 32, "width": 256},
    "peephole": {"batch": 32, "width": 128},
    "seq2seq": {"batch": 64, "width": 256},
    "decode": {"batch": 100, "width": 256},
}
"""The kinds of work over sequences."""

CONTESTANTS: dict[str, Callable[..., Work]] = {
    "tuinet": tuinet,
    "torch-plain": lambda *a: torch(*a, fused=False, channels_last=False),
    "torch-fused": lambda *a: torch(*a, fused=True, channels_last=False),
    "torch-plain-nhwc": lambda *a: torch(*a, fused=False, channels_last=True),
    "torch-fused-nhwc": lambda *a: torch(*a, fused=True, channels_last=True),
    "scikit-learn": sklearn,
}

OVER_SEQUENCES: dict[str, Callable[..., Work]] = {
    "tuinet": recurrent.tuinet,
    "torch-plain": lambda *a: recurrent.torch(*a, fused=False),
    "torch-fused": lambda *a: recurrent.torch(*a, fused=True),
    "torch-fused-padded": lambda *a: recurrent.torch(*a, fused=True, packed=False),
}


def peak_memory() -> int:
    """Of this process and of those it has started, in KiB. What they share is counted for each."""
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            if int(lines["PPid"]) == os.getpid():
                found += int(lines.get("VmHWM", "0").split()[0])
    return found


def main() -> None:
    name, kind = sys.argv[1:3]
    sizes = {"batch": 128 if kind == "mlp" else 64, "width": 256, "threads": 2, "samples": 10_000}
    sizes |= SEQUENCES.get(kind, {})
    for given in sys.argv[3:]:
        key, _, value = given.partition("=")
        sizes[key] = int(value)
    if kind in SEQUENCES:
        work = OVER_SEQUENCES[name](kind, sizes["batch"], sizes["width"], sizes["threads"])
    else:
        work = CONTESTANTS[name](kind, sizes["batch"], sizes["width"], sizes["threads"], sizes["samples"])
    before = peak_memory()
    for _ in range(5):
        next(work)
    until = time.perf_counter() + WARM_UP
    while time.perf_counter() < until:
        next(work)
    print("ready", flush=True)
    for line in sys.stdin:
        until = time.perf_counter() + float(line)
        begin, done = time.perf_counter(), 0
        while time.perf_counter() < until:
            done += next(work)
        taken, peak = time.perf_counter() - begin, peak_memory()
        print(done, taken, peak // 1024, (peak - before) // 1024, flush=True)


if __name__ == "__main__":
    main()
