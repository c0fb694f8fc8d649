"""How good predictions are. Shapes: N samples, S classes or outputs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np

from tuinet.nn.params import Array


def errors(ids: Array, predicted: Array) -> int:
    """How many of the N predicted class ids are wrong."""
    _same_length(ids, predicted)
    return int(np.count_nonzero(ids != predicted))


def accuracy(ids: Array, predicted: Array) -> float:
    """The part of the N predicted class ids that is right, 0 … 1."""
    return (len(ids) - errors(ids, predicted)) / len(ids)


def confusion(ids: Array, predicted: Array, classes: int) -> Array:
    """(classes, classes) counts: row = true class, column = predicted class.

    Raises ValueError for an id outside 0 … classes − 1.
    """
    _same_length(ids, predicted)
    for each in (ids, predicted):
        if each.min() < 0 or each.max() >= classes:
            raise ValueError(f"class ids must lie in 0 … {classes - 1}")
    cells = ids.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def top_k(scores: Array, ids: Array, k: int) -> float:
    """The part of samples whose true class is among the k largest of their scores (N, S).

    Among equal scores the lower id comes first, as with argmax, so `top_k(…, 1)` is the accuracy of argmax.
    A score that is not a number is never among the largest.
    """
    _same_length(ids, scores)
    own = np.take_along_axis(scores, ids[:, None], axis=1)  # (N, 1)
    classes = np.arange(int(scores.shape[1]))
    earlier: Array = np.less(classes, ids[:, None])  # (N, S)
    before = np.where(earlier, scores >= own, scores > own)  # (N, S); at the class itself false
    rank: Array = before.sum(axis=1)  # (N,)
    return float(np.mean(np.logical_and(rank < k, ~np.isnan(own[:, 0]))))


def edit_distance(first: Iterable[Hashable], second: Iterable[Hashable]) -> int:
    """The fewest insertions, deletions and replacements that make one sequence of the other (Levenshtein 1965).

    A column of the table of distances is kept as two bit vectors, where it rises and where it falls from row to row,
    so that a step costs a few operations on whole columns (Myers 1999, as simplified by Hyyrö 2003).
    """
    rows, columns = list(first), list(second)
    if not rows:
        return len(columns)
    matches: dict[Hashable, int] = {}
    for place, symbol in enumerate(rows):
        matches[symbol] = matches.get(symbol, 0) | 1 << place
    last, every = 1 << (len(rows) - 1), (1 << len(rows)) - 1
    rises, falls, distance = every, 0, len(rows)
    for symbol in columns:
        match = matches.get(symbol, 0)
        diagonal = (((match & rises) + rises) ^ rises) | match | falls  # where the distance does not grow
        right_up, right_down = falls | (every & ~(diagonal | rises)), rises & diagonal
        distance += bool(right_up & last) - bool(right_down & last)
        right_up, right_down = right_up << 1 | 1, right_down << 1
        rises, falls = (right_down | ~(diagonal | right_up)) & every, right_up & diagonal & every
    return distance


class RegressionSums:
    """MSE and R² of targets and outputs that arrive in batches, in memory that does not grow.

    mse = Σ(y − a)² / (N·S);  R² = the mean over outputs of 1 − Σ(y − a)² / Σ(y − ȳ)².
    An output whose targets are all equal counts 1 if every prediction is exact, else 0 (as in scikit-learn).
    Means and spreads of batches are joined as in Chan, Golub & LeVeque (1983), which loses no digits to large means.
    """

    def __init__(self, outputs: int) -> None:
        self.samples = 0
        self._error = np.zeros(outputs)  # (S,) Σ(y − a)²
        self._mean = np.zeros(outputs)  # (S,) ȳ
        self._spread = np.zeros(outputs)  # (S,) Σ(y − ȳ)²

    def add(self, y: Array, a: Array) -> None:
        """Count a batch: targets y and outputs a, both (B, S) or (B,)."""
        if y.shape != a.shape:
            raise ValueError(f"targets {y.shape} and outputs {a.shape} must have one shape")
        if not len(y):
            return
        y = y.reshape(len(y), -1).astype(np.float64)  # (B, S)
        a = a.reshape(len(a), -1).astype(np.float64)  # (B, S)
        total = self.samples + len(y)
        mean = y.mean(axis=0)
        shift = mean - self._mean
        self._error += np.square(y - a).sum(axis=0)
        self._spread += np.square(y - mean).sum(axis=0) + np.square(shift) * (self.samples * len(y) / total)
        self._mean += shift * (len(y) / total)
        self.samples = total

    @property
    def mse(self) -> float:
        return float(self._error.mean() / self.samples)

    @property
    def r2(self) -> float:
        exact = (self._error == 0.0).astype(np.float64)
        varied = self._spread > 0.0
        return float(np.where(varied, 1.0 - self._error / np.where(varied, self._spread, 1.0), exact).mean())


def mse(y: Array, a: Array) -> float:
    """Mean squared error over all samples and outputs."""
    return _sums(y, a).mse


def r2(y: Array, a: Array) -> float:
    """The coefficient of determination: 1 for exact predictions, 0 for always predicting the mean; may be negative."""
    return _sums(y, a).r2


def _sums(y: Array, a: Array) -> RegressionSums:
    _same_length(y, a)
    sums = RegressionSums(y[0].size)
    sums.add(y, a)
    return sums


def _same_length(first: Array, second: Array) -> None:
    if len(first) != len(second) or not len(first):
        raise ValueError(f"{len(first)} targets and {len(second)} predictions: as many, and at least one, are needed")
