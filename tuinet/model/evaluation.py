"""How good a model is on a part of a data set, in one pass of batches: memory does not grow with the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tuinet.data.dataset import Split
from tuinet.errors import TuinetError
from tuinet.model.prediction import decode
from tuinet.nn import metrics
from tuinet.nn.losses import apply_activation
from tuinet.nn.params import Array

if TYPE_CHECKING:
    from tuinet.model.model import Model


def evaluate(
    model: Model, split: Split, batch_size: int | None = None, top: int | None = None
) -> dict[str, float | int]:
    """`samples`, `loss`, and for classification `accuracy`, `errors` (and with `top` k `top-k`), else `mse`, `r2`.

    The loss is the mean over the samples, by the formula of training, without penalties. Raises TuinetError if the
    split is empty or does not fit the model.
    """
    meta = model.meta
    if meta.task == "regression":
        return _regression(model, split, batch_size)
    loss, errors, found = 0.0, 0, 0.0
    for outputs, targets, values in _batches(model, split, batch_size):
        loss += float(values.sum())
        errors += metrics.errors(targets, decode(meta, outputs))
        if top is not None:
            found += _found(model, outputs, targets, top)
    count = len(split)
    result: dict[str, float | int] = {
        "samples": count,
        "loss": loss / count,
        "accuracy": (count - errors) / count,
        "errors": errors,
    }
    return result if top is None else result | {f"top-{top}": found / count}


def confusion(model: Model, split: Split, batch_size: int | None = None) -> Array:
    """(C, C) counts: row = true class, column = predicted class. Raises as `evaluate`."""
    classes = len(model.meta.labels)
    if not classes:
        raise TuinetError("a regression has no classes to confuse")
    counts = np.zeros((classes, classes), np.int64)
    for outputs, targets, _ in _batches(model, split, batch_size):
        counts += metrics.confusion(targets, decode(model.meta, outputs), classes)
    return counts


def _regression(model: Model, split: Split, batch_size: int | None) -> dict[str, float | int]:
    loss = 0.0
    sums = metrics.RegressionSums(model.output_size)
    for outputs, targets, values in _batches(model, split, batch_size):
        loss += float(values.sum())
        sums.add(targets.reshape(outputs.shape), apply_activation(model.meta.loss, outputs))
    return {"samples": len(split), "loss": loss / len(split), "mse": sums.mse, "r2": sums.r2}


def _found(model: Model, outputs: Array, targets: Array, k: int) -> float:
    """How many of the samples have their class among the k likeliest."""
    ranking = model.interpret(outputs).ranking(k)
    return float((ranking == targets[:, None]).any(axis=1).sum())


def _batches(model: Model, split: Split, batch_size: int | None) -> Iterator[tuple[Array, Array, Array]]:
    """Outputs, raw targets and losses (B,) batch after batch; the outputs are valid until the next."""
    if not len(split):
        raise TuinetError(f"there are no samples to evaluate {model.meta.name} on")
    meta = model.meta
    if meta.task == "classification" and (split.targets.ndim != 1 or split.targets.dtype.kind not in "iu"):
        raise TuinetError(f"{meta.name} tells classes apart, but these data have real values as targets")
    waiting: list[Array] = []

    def inputs() -> Iterator[Array]:
        for raw, targets in split.batches(batch_size or model.batch_size):
            waiting.append(targets)
            yield raw

    for outputs in model.run(inputs()):
        targets = waiting.pop()
        coded = meta.coding.encode(targets, outputs.dtype)
        if meta.coding.kind != "ids" and coded.shape != outputs.shape:
            raise TuinetError(f"{coded.shape[1]} target values a sample, but the model gives {outputs.shape[1]}")
        with np.errstate(all="ignore"):
            values = meta.loss.value(outputs, coded)
        yield outputs, targets, values
