"""Sequences of very different lengths: how many are computed at a time, and how long a text may be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tuinet.data.dataset import Indices
from tuinet.nn.layer import Shape
from tuinet.nn.params import Array
from tuinet.nn.sequence import Ragged

MAX_STEPS = 10_000
"""Most symbols of a text that a model answers as a whole: it keeps the values of every step at once."""

BATCH_STEPS = 2 * MAX_STEPS
"""Most steps of all sequences that are computed at a time, so that memory does not grow with the input."""


def lengths_of(raw: Array | Ragged, shape: Shape) -> Indices:
    """(N,) the steps of each raw sample; 1 where a sample is no sequence."""
    if isinstance(raw, Ragged):
        return raw.lengths
    return np.full(len(raw), raw.shape[1] if shape.sequence else 1, np.intp)


def groups(raw: Array | Ragged, size: int) -> Iterator[Indices | slice]:
    """Places computed together, at most `size` at a time: neighbours; of sequences those of like length, the longest
    first, and fewer where they are very long."""
    if not isinstance(raw, Ragged):
        yield from (slice(start, start + size) for start in range(0, len(raw), size))
        return
    lengths = raw.lengths
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        fitting = max(1, min(size, BATCH_STEPS // max(1, int(lengths[order[start]]))))
        yield order[start : start + fitting]
        start += fitting
