"""Which samples make a batch: in what order an epoch goes through them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tuinet.data.dataset import Data, Split
from tuinet.nn.sequence import Ragged

Places = npt.NDArray[np.integer[Any]]

POOL = 50
"""Batches' worth of shuffled sequences that are sorted by length at a time: random enough to learn from, and the
sequences of a batch end at nearly the same step."""


def in_order(total: int) -> Places:
    """Every place once, first to last."""
    return np.arange(total, dtype=np.int64 if total >> 31 else np.int32)


def by_length(split: Split, places: Places) -> Places:
    """The places with the shortest sequences first; ties and samples that are no sequences in the order given."""
    lengths = [_lengths(split, data) for data in (split.inputs, split.targets) if isinstance(data, Ragged)]
    return places[np.lexsort([each[places] for each in lengths])] if lengths else places


def shuffled(split: Split, rng: np.random.Generator, batch_size: int) -> Places:
    """Every place once, at random; sequences of like length in the same batch, the batches in random order."""
    total = len(split)
    rows = in_order(total)
    rng.shuffle(rows)
    if not any(isinstance(data, Ragged) for data in (split.inputs, split.targets)):
        return rows
    pool = POOL * batch_size
    rows = np.concatenate([by_length(split, rows[start : start + pool]) for start in range(0, total, pool)])
    whole = total // batch_size * batch_size  # what is left over, fewer than a batch, stays last
    batches = rows[:whole].reshape(-1, batch_size)
    rng.shuffle(batches)
    return np.concatenate([batches.reshape(-1), rows[whole:]])


def side_by_side(total: int, batch_size: int) -> Places:
    """The windows of one long text, as `batch_size` texts side by side: each row of a batch goes on where the same row
    of the batch before ended. The last windows, fewer than a batch, are left out."""
    rows = min(batch_size, total)
    return np.arange(total // rows * rows).reshape(rows, -1).T.reshape(-1)


def _lengths(split: Split, data: Data) -> Places:
    assert isinstance(data, Ragged)
    return data.lengths if split.rows is None else data.lengths[split.rows]
