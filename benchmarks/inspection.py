"""How long looking takes: a trace, a sum, gates, why, and the confusion of MNIST's 10,000 test images. Medians.

python benchmarks/inspection.py             needs `tuinet data fetch mnist` for its last line

Where a time was asked for it is said, and beyond it this ends with 1.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import tuinet
from tuinet.data.dataset import Split
from tuinet.data.sources import DATASETS, load
from tuinet.data.splits import SplitSettings
from tuinet.errors import TuinetError
from tuinet.inspection.catalog import look
from tuinet.inspection.explain import explain
from tuinet.inspection.question import Choice, Question, Samples
from tuinet.model.blas import one_blas_thread
from tuinet.model.model import Model

ROUNDS = 15


def median(work: Callable[[], object]) -> float:
    """Milliseconds; the first call warms up."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def say(what: str, milliseconds: float, limit: float | None = None) -> bool:
    """Whether it is within the limit, if there is one."""
    asked = "" if limit is None else f" (asked: ≤ {limit:,g} ms)"
    kept = limit is None or milliseconds <= limit
    sys.stdout.write(f"{milliseconds:8.1f} ms  {what}{asked}{'' if kept else ': TOO SLOW'}\n")
    return kept


def mnist() -> Split | None:
    try:
        return load(DATASETS["mnist"].source, SplitSettings(), 0, Path.cwd()).splits["test"]
    except TuinetError as error:
        sys.stdout.write(f"{'':11}  MNIST's confusion: {error.message}\n")
        return None


def asked(model: Model, layer: str, samples: Samples, **choice: object) -> Question:
    """A new question each time, so that nothing is remembered from the one before."""
    return Question(model, layer, samples, choice=Choice(**choice))  # pyright: ignore[reportArgumentType]


def main() -> int:
    """1 if something took longer than was asked for."""
    digits = tuinet.load("digits-cnn")
    test = load(DATASETS["digits"].source, SplitSettings(), 0, Path.cwd()).splits["train"]
    image, target = test.take([17])
    one = Samples(digits.raw(image), target, ("17",))
    kept = say("trace of an image through digits-cnn", median(lambda: tuinet.trace(digits, image)), 20)
    say("its maps before and after ReLU and pooling", median(lambda: look(asked(digits, "conv1", one), "maps")))
    cell = {"units": (3,), "at": (2, 5)}
    say("the sum of one of their cells", median(lambda: explain(asked(digits, "conv1", one, **cell), "output")))
    say("the gradient of a weight, with the numerical one",
        median(lambda: explain(asked(digits, "dense1", one, units=(3,), at=(5,)), "weight-gradient")))  # fmt: skip
    for view in ("gradient-input", "occlusion", "grad-cam"):
        say(f"{view} of the image", median(lambda view=view: look(asked(digits, "", one), view)))
    speaker = tuinet.load("cmudict-seq2seq")
    word = Samples(speaker.raw("thought"), None, ("thought",))
    say(
        "gates of cmudict-seq2seq over a word",
        median(lambda: look(asked(speaker, "seq2seq1/encoder/lstm1", word), "gates")),
    )
    part = mnist()
    if part is not None:
        model = tuinet.load("mnist-small-cnn")
        start = time.perf_counter()
        counts: np.ndarray = model.confusion(part)
        kept &= say(f"confusion of {int(counts.sum()):,} MNIST images", 1000 * (time.perf_counter() - start), 3000)
    return 0 if kept else 1


if __name__ == "__main__":
    with one_blas_thread:  # as the command does
        sys.exit(main())
