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
from tuinet.nn.losses import CrossEntropy
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
    asked = signals(model.meta, inputs, targets, Context(), dtype).targets
    outputs = answers(run.outputs).astype(np.float64)
    with np.errstate(all="ignore"):
        coded = model.meta.coding.encode(asked, np.dtype(np.float64))
        if isinstance(model.meta.loss, CrossEntropy):
            values, dy = cross_entropy(outputs, coded)
        else:
            values, dy = model.meta.loss.value_and_gradient(outputs, coded, Context())
        dy = (dy / count).astype(dtype)
    shaped = Sequence(dy, run.outputs.steps) if isinstance(run.outputs, Sequence) else dy
    return Loss(float(values.sum()) / count, values, shaped)


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
