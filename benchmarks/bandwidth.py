"""How near the products of one decoded sentence come to the speed of memory: `python benchmarks/bandwidth.py`.

    python benchmarks/bandwidth.py [--seconds 0.5] [--json]

The work is `one-sentence` of `works.py`. A product of one row does two operations with each weight that it reads, far
fewer than the processor has time for: what counts is how fast the weights come. So their bytes a second stand beside
those of operations that do nothing but read, or read and write, over as many bytes and over far more than any cache
holds. All on one thread.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import recurrent
from answers import LENGTH, tuinet

from tuinet.model.blas import one_blas_thread

UNITS, GATES = 256, 4
LARGE = 256_000_000
"""Bytes."""


def seconds_of(work: Callable[[], object], seconds: float) -> float:
    """The median of its calls, at least three."""
    found: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(found) < 3:
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return median(found)


def products() -> tuple[Callable[[], None], int, int]:
    """The products of one sentence, one row each but those of the encoder's inputs; the bytes of weights that they
    read in all, and those of a step of the decoder."""
    words, steps, wide = recurrent.WORDS, recurrent.LONGEST, GATES * UNITS
    sentence, hidden = np.ones((LENGTH, UNITS), np.float32), np.ones((1, UNITS), np.float32)
    inputs, recurs, sees, again = (np.ones((UNITS, wide), np.float32) for _ in range(4))
    last = np.ones((UNITS, words), np.float32)
    sums, gates, scores = (np.empty(shape, np.float32) for shape in ((LENGTH, wide), (1, wide), (1, words)))

    def work() -> None:
        np.matmul(sentence, inputs, out=sums)
        for _ in range(LENGTH):
            np.matmul(hidden, recurs, out=gates)
        for _ in range(steps):
            np.matmul(hidden, sees, out=gates)
            np.matmul(hidden, again, out=gates)
            np.matmul(hidden, last, out=scores)

    step = sees.nbytes + again.nbytes + last.nbytes
    return work, inputs.nbytes + LENGTH * recurs.nbytes + steps * step, step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.5, help="how long each is measured")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    options = parser.parse_args()
    with one_blas_thread:
        work, size, step = products()
        alone = seconds_of(work, options.seconds)
        answers = tuinet("one-sentence", {"width": UNITS}, set())
        whole = seconds_of(lambda: next(answers), options.seconds)
        speeds = {"products": size / alone / 1e9}
        for name, count in (("as many", step), ("256 MB", LARGE)):
            x = np.ones(count // 4, np.float32)
            y = np.empty_like(x)
            speeds[f"read, {name} (x @ x)"] = count / seconds_of(lambda x=x: x @ x, options.seconds) / 1e9
            both = seconds_of(lambda x=x, y=y: np.copyto(y, x), options.seconds)
            speeds[f"read and write, {name} (copyto)"] = 2 * count / both / 1e9
    found = {"sentence": whole * 1e6, "products": alone * 1e6, "bytes": size, "step": step, "speeds": speeds}
    if options.json:
        print(json.dumps(found))
        return
    print(f"one sentence: {whole * 1e6:,.0f} µs, its products alone {alone * 1e6:,.0f} µs ({alone / whole:.0%})")
    print(f"weights read: {size / 1e6:.1f} MB, {step / 1e6:.1f} MB by each step of the decoder")
    for name, speed in speeds.items():
        print(f"  {name:36} {speed:6.1f} GB/s")


if __name__ == "__main__":
    main()
