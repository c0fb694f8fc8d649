"""The loss of a pass and its slope, in float64 and without cancellation, however sure an answer is.

In training, p − 1 of a class that is as good as certain may round to 0, which harms nobody; whoever looks at the
gradient of such an answer would see nothing, or the wrong sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tuinet.inspection.passes import Pass
from tuinet.model.model import Model
from tuinet.model.signals import answers, signals, target_count
from tuinet.nn.context import Context
from tuinet.nn.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Hinge,
    MeanSquaredError,
    Perceptron,
    SquaredError,
)
from tuinet.nn.losses import Loss as AnyLoss
from tuinet.nn.params import Array
from tuinet.nn.sequence import Ragged, Sequence


@dataclass(frozen=True, eq=False)
class Loss:
    """J, the mean loss over the answers that were asked for, and dJ/d(outputs) in the form of the outputs.

    values  (N,) the loss of each row of the output
    """

    value: float
    values: Array
    dy: Any


def loss_of(model: Model, run: Pass, inputs: Array | Ragged, targets: Array | Ragged) -> Loss:
    """The loss of a pass for raw targets. Penalties on the weights are not part of it."""
    dtype = model.params.vector.dtype
    count = target_count(model.meta, targets)
    outputs = answers(run.outputs).astype(np.float64)
    with np.errstate(all="ignore"):
        coded = _coded(model, inputs, targets)
        if isinstance(model.meta.loss, CrossEntropy):
            values, dy = cross_entropy(outputs, coded)
        else:
            values, dy = model.meta.loss.value_and_gradient(outputs, coded, Context())
        dy = (dy / count).astype(dtype)
    shaped = Sequence(dy, run.outputs.steps) if isinstance(run.outputs, Sequence) else dy
    return Loss(float(values.sum()) / count, values, shaped)


def loss_change(model: Model, above: Pass, below: Pass, inputs: Array | Ragged, targets: Array | Ragged) -> float:
    """J of one pass less J of another that is close by, for raw targets, as exact as the outputs are."""
    one, other = (answers(run.outputs).astype(np.float64) for run in (above, below))
    with np.errstate(all="ignore"):
        values = change(model.meta.loss, one, other, _coded(model, inputs, targets))
    return float(values.sum()) / target_count(model.meta, targets)


def _coded(model: Model, inputs: Array | Ragged, targets: Array | Ragged) -> Array:
    """The targets as the loss takes them."""
    asked = signals(model.meta, inputs, targets, Context(), model.params.vector.dtype).targets
    return model.meta.coding.encode(asked, np.dtype(np.float64))


def change(loss: AnyLoss, above: Array, below: Array, target: Array) -> Array:
    """(N,) J(above) − J(below) of outputs n (N, S) that are close by, from Δ = above − below.

    Two losses of like size subtracted would leave nothing but their rounding where Δ changes them by less:

    cross-entropy         log(1 + Σ_k a_k (e^{d_k} − 1)), a = softmax(below), d = Δ − Δ_y
    binary cross-entropy  Σ (1 − y) log(1 + a (e^Δ − 1)) + y log(1 + (1 − a) (e^{−Δ} − 1)), a = sigmoid(below)
    squared error         Σ Δ (above + below − 2y), and its mean
    hinge, perceptron     Δ times the slope, where there is no kink between the two
    """
    moved = above - below
    rows = np.arange(len(moved))
    match loss:
        case CrossEntropy():
            parts = np.exp(below - below.max(axis=1, keepdims=True))
            moved -= moved[rows, target][:, None]
            return np.log1p((parts * np.expm1(moved)).sum(axis=1) / parts.sum(axis=1))
        case BinaryCrossEntropy():
            of_one, of_none = (np.log1p(np.expm1(side * moved) / (1 + np.exp(-side * below))) for side in (-1, 1))
            return (target * of_one + (1 - target) * of_none).reshape(len(moved), -1).sum(axis=1)
        case SquaredError() | MeanSquaredError():
            values = (moved * (above + below - 2 * target)).reshape(len(moved), -1).sum(axis=1)
            return values / (max(1, above[0].size) if isinstance(loss, MeanSquaredError) else 1)
        case Hinge():
            reach = [loss.margin + n - n[rows, target][:, None] for n in (above, below)]
            slopes = moved - moved[rows, target][:, None]
            terms = np.where((reach[0] > 0) & (reach[1] > 0), slopes, np.maximum(reach[0], 0) - np.maximum(reach[1], 0))
            terms[rows, target] = 0
            return terms.sum(axis=1)
        case Perceptron():
            sign = np.sign(below)
            same = sign == np.sign(above)
            terms = np.where(same, moved * (sign - target), np.abs(above) - np.abs(below) - target * moved)
            return terms.reshape(len(moved), -1).sum(axis=1)


def cross_entropy(outputs: Array, ids: Array) -> tuple[Array, Array]:
    """J (N,) and dJ/dn (N, S) of J = −log softmax(n)_y, from the distances d = n − n_y:

    J = log(1 + r), r = Σ_{k≠y} e^{d_k};  dJ/dn_k = e^{d_k} / (1 + r) for k ≠ y,  dJ/dn_y = −r / (1 + r).

    All terms have one sign, so both keep their digits where r is far below 1. Large d are moved down by their maximum.
    """
    rows = np.arange(len(outputs))
    parts = outputs - outputs[rows, ids][:, None]  # (N, S) d
    parts[rows, ids] = -np.inf
    top = np.maximum(parts.max(axis=1, initial=0.0), 0.0)[:, None]  # (N, 1)
    np.exp(parts - top, out=parts)
    rest = parts.sum(axis=1, keepdims=True)  # r e^{−top}
    whole = np.exp(-top) + rest
    values = np.where(top > 0, top + np.log(whole), np.log1p(rest))[:, 0]
    slopes = parts / whole
    slopes[rows, ids] = (-rest / whole)[:, 0]
    return values, slopes
