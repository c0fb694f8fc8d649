"""Samples that are sequences, of different lengths in one batch: how their steps lie in memory.

Sequences are *packed*, not padded: first step 0 of every sequence, then step 1 of every sequence that has one, and so
on, the longest sequence first within each step. What a padded step would be does not exist, so it can change nothing;
a layer that does not look across time sees the N steps of the batch as N samples; and the sequences still running at
step t are the first `counts[t]` of those at step t − 1. Shapes: B sequences, T steps in the longest, N steps in all.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tuinet.nn.params import Array

Indices = npt.NDArray[np.intp]

KEPT = 1 << 15
"""Steps of a layout that is worth keeping for the next batch of the same form; larger ones would take megabytes."""


class Steps:
    """Where the steps of B sequences lie, from their lengths (B,), each at least 1. Made by `steps_of`."""

    def __init__(self, lengths: Indices) -> None:
        self.lengths = lengths
        self.order: Indices = np.argsort(-lengths, kind="stable")
        """(B,) the sample at each place: the longest first."""
        self.is_ordered = bool((self.order[1:] > self.order[:-1]).all())
        self.place: Indices = np.empty_like(self.order)
        """(B,) the place of each sample."""
        self.place[self.order] = np.arange(len(lengths))
        falling = lengths[self.order]
        longest = int(falling[0]) if len(falling) else 0
        self.times, self.places = np.nonzero(np.arange(longest)[:, None] < falling)
        """(N,) the time and the place of every row."""
        counts = np.bincount(self.times, minlength=longest)
        self.counts: list[int] = counts.tolist()
        """[T] how many sequences have a step t."""
        self.starts: list[int] = [0, *np.cumsum(counts).tolist()]
        """[T + 1] the row at which step t begins."""

    def __len__(self) -> int:
        """B: the number of sequences."""
        return len(self.lengths)

    @property
    def total(self) -> int:
        """N: the number of steps of all sequences."""
        return len(self.times)

    def rows(self, t: int) -> slice:
        """The rows of step t."""
        return slice(self.starts[t], self.starts[t + 1])

    def row(self, sample: int, t: int) -> int:
        """The row of step t of a sample. Raises IndexError if it has no such step."""
        if not 0 <= t < self.lengths[sample]:
            raise IndexError(f"sample {sample} has {self.lengths[sample]} steps, and none numbered {t}")
        return int(self.starts[t] + self.place[sample])

    def rows_of(self, sample: int) -> Indices:
        """(T,) the rows of the T steps of a sample, first to last."""
        return self._row(self.place[sample], np.arange(int(self.lengths[sample])))

    @cached_property
    def source(self) -> Indices:
        """(N,) where each row is found when the sequences lie one after the other."""
        offsets = np.cumsum(self.lengths) - self.lengths
        return offsets[self.order][self.places] + self.times

    @cached_property
    def last(self) -> Indices:
        """(B,) the row of each sample's last step."""
        return self._row(self.place, self.lengths - 1)

    @cached_property
    def reversal(self) -> Indices:
        """(N,) the row of the step as far from the end as this one is from the start."""
        return self._row(self.places, self.lengths[self.order][self.places] - 1 - self.times)

    @cached_property
    def before(self) -> Indices:
        """(N − B,) the row of the step before, for each row from step 1 on."""
        later = slice(len(self), None)
        return self._row(self.places[later], self.times[later] - 1)

    @cached_property
    def samples(self) -> Indices:
        """(N,) the sample each row belongs to."""
        return self.order[self.places]

    def _row(self, places: Indices | np.intp, times: Indices) -> Indices:
        return np.asarray(self.starts, np.intp)[times] + places


@lru_cache(maxsize=64)
def _equal(count: int, length: int) -> Steps:
    return Steps(np.full(count, length, np.intp))


def steps_of(lengths: npt.ArrayLike) -> Steps:
    """The layout of sequences of these lengths. Raises ValueError if one is below 1."""
    given = np.ascontiguousarray(lengths, np.intp)
    if given.size and given.min() < 1:
        raise ValueError("a sequence has at least one step")
    # Only equal lengths come again: those of windows, of rows of images, of single steps.
    if 0 < given.sum() <= KEPT and bool((given == given[0]).all()):
        return _equal(len(given), int(given[0]))
    return Steps(given)


class Sequence(NamedTuple):
    """A batch of sequences: `values` (N, *one step), packed as `steps` says."""

    values: Array
    steps: Steps


@dataclass(frozen=True, eq=False)
class Ragged:
    """M sequences, one after the other: sequence i is values[offsets[i] : offsets[i + 1]].

    values   (N, *one step), may be memory-mapped
    offsets  (M + 1,) ascending, from 0 to N
    """

    values: Array
    offsets: Indices

    @classmethod
    def of(cls, sequences: Several[npt.ArrayLike], dtype: npt.DTypeLike | None = None) -> Ragged:
        """These sequences, copied together. `dtype` None: the dtype they have."""
        arrays = [np.asarray(each, dtype) for each in sequences]
        offsets = np.concatenate([[0], np.cumsum([len(each) for each in arrays])]).astype(np.intp)
        return cls(np.concatenate(arrays) if arrays else np.empty(0, dtype), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Indices:
        """(M,)"""
        return np.diff(self.offsets)

    def row(self, index: int) -> Array:
        """The sequence at `index`, a view."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def __getitem__(self, where: slice | npt.ArrayLike) -> Ragged:
        """These sequences, in this order."""
        rows: Indices = np.arange(len(self))[where] if isinstance(where, slice) else np.asarray(where, np.intp)
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)
        begins: Indices = self.offsets[rows] - offsets[:-1]
        index = np.asarray(np.repeat(begins, lengths) + np.arange(offsets[-1]), np.intp)
        return Ragged(self.values[index], offsets)


def pack(data: Ragged | Array) -> Sequence:
    """The sequences as layers take them. An array (B, T, *one step) holds B sequences of T steps."""
    if isinstance(data, Ragged):
        steps = steps_of(data.lengths)
        values = data.values
    else:
        steps = steps_of(np.full(len(data), data.shape[1], np.intp))
        values = data.reshape(-1, *data.shape[2:])
    return Sequence(values[steps.source], steps)


def unpack(sequence: Sequence) -> Ragged:
    """The sequences one after the other, in the order of the samples: the opposite of `pack`."""
    values, steps = sequence
    out = np.empty_like(values)
    out[steps.source] = values
    return Ragged(out, np.concatenate([[0], np.cumsum(steps.lengths)]).astype(np.intp))
