"""How good a model is on a part of a data set, in one pass of batches: memory does not grow with the data."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tuinet.data.dataset import Split
from tuinet.data.encoding import encode_split
from tuinet.errors import TuinetError
from tuinet.model.lengths import groups
from tuinet.model.prediction import decode
from tuinet.model.signals import answers, signals
from tuinet.nn import metrics
from tuinet.nn.context import Arena, Context
from tuinet.nn.losses import apply_activation
from tuinet.nn.params import Array
from tuinet.nn.recurrent import State
from tuinet.nn.sequence import Ragged

ROW, MOST_ROWS = 4096, 64
"""A text is evaluated in rows of at least so many symbols, as far as it has them, and in at most so many rows."""

PIECE = 256
"""Symbols of each row that are computed at a time."""

if TYPE_CHECKING:
    from tuinet.model.model import Model


def evaluate(
    model: Model,
    split: Split,
    batch_size: int | None = None,
    top: int | None = None,
    threads: int | None = None,
) -> dict[str, float | int]:
    """`samples`, `loss`, and for classification `accuracy`, `errors` (and with `top` k `top-k`), else `mse`, `r2`.

    The loss is the mean over the samples, by the formula of training, without penalties. Raises TuinetError if the
    split is empty or does not fit the model.
    """
    meta = model.meta
    if meta.task == "regression":
        return _regression(model, split, batch_size, threads)
    if meta.answers_steps:
        return _every_step(model, split, batch_size)
    loss, errors, found = 0.0, 0, 0.0
    for outputs, targets, values in _batches(model, split, batch_size, threads):
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
    for outputs, targets, _ in _batches(model, split, batch_size, None):
        counts += metrics.confusion(targets, decode(model.meta, outputs), classes)
    return counts


def _regression(model: Model, split: Split, batch_size: int | None, threads: int | None) -> dict[str, float | int]:
    loss = 0.0
    sums = metrics.RegressionSums(model.output_size)
    for outputs, targets, values in _batches(model, split, batch_size, threads):
        loss += float(values.sum())
        sums.add(targets.reshape(outputs.shape), apply_activation(model.meta.loss, outputs))
    return {"samples": len(split), "loss": loss / len(split), "mse": sums.mse, "r2": sums.r2}


def _every_step(model: Model, split: Split, batch_size: int | None) -> dict[str, float | int]:
    """`samples`, `targets` (symbols asked for), and per target: `loss`, `accuracy`, `errors`.

    A decoder is fed the true symbols, as in training. Of a text, `perplexity` = e^loss and `bits` = loss / ln 2 too.
    """
    meta, dtype = model.meta, model.params.vector.dtype
    split = encode_split(split, meta.task, meta.vocabulary, meta.target_vocabulary, meta.window)
    if not len(split):
        raise TuinetError(f"there are no samples to evaluate {meta.name} on")
    loss, errors, count = 0.0, 0, 0
    ctx = Context(arena=Arena())
    states: dict[str, State] | None = None
    parts = _text(split) if meta.task == "next-symbol" else _by_length(split, batch_size or model.batch_size)
    for x, y, carry in parts:
        ctx.restart((0, 0, 0))
        begin = None
        if states is not None and carry is not None:
            begin = {name: tuple(array[carry] for array in state) for name, state in states.items()}
        with np.errstate(all="ignore"):
            inputs, targets = signals(meta, x, y, ctx, dtype)
            outputs, states, _ = model.network.run(model.params, inputs, begin, ctx)
            scores = answers(outputs)
            loss += float(meta.loss.value(scores, meta.coding.encode(targets, dtype)).sum())
        errors += metrics.errors(targets, decode(meta, scores))
        count += len(targets)
    mean = loss / count
    found: dict[str, float | int] = {
        "samples": len(split),
        "targets": count,
        "loss": mean,
        "accuracy": (count - errors) / count,
        "errors": errors,
    }
    if meta.task == "next-symbol":
        with np.errstate(over="ignore"):
            found |= {"perplexity": float(np.exp(mean)), "bits": mean / math.log(2)}
    return found


Batch = tuple[Array | Ragged, Array | Ragged, slice | None]
"""Raw inputs, raw targets, and which of the states that the batch before ended in this one begins with (None: none)."""


def _by_length(split: Split, size: int) -> Iterator[Batch]:
    """Sequences of like length together, fewer where they are very long."""
    x, _ = split.take(slice(None))
    for places in groups(x, size):
        yield *split.take(places), None


def _text(split: Split) -> Iterator[Batch]:
    """The windows of a text as one text again, read in a few long rows side by side, each from a zero state.

    How many follows from the text alone, so the figure does not depend on how it was cut or on a batch size; the state
    is always carried along a row, also if it was not in training.
    """
    x, y = (np.asarray(each).reshape(-1) for each in split.take(slice(None)))
    rows = max(1, min(MOST_ROWS, len(x) // ROW))
    length = len(x) // rows
    whole = rows * length
    wide_x, wide_y = x[:whole].reshape(rows, length), y[:whole].reshape(rows, length)
    for start in range(0, length, PIECE):
        piece = slice(start, start + PIECE)
        yield wide_x[:, piece], wide_y[:, piece], slice(None) if start else None
    if whole < len(x):  # what is left over goes on behind the last row
        yield x[None, whole:], y[None, whole:], slice(-1, None)


def _found(model: Model, outputs: Array, targets: Array, k: int) -> float:
    """How many of the samples have their class among the k likeliest."""
    ranking = model.interpret(outputs).ranking(k)
    return float((ranking == targets[:, None]).any(axis=1).sum())


def _batches(
    model: Model, split: Split, batch_size: int | None, threads: int | None
) -> Iterator[tuple[Array, Array, Array]]:
    """Outputs, raw targets and losses (B,) batch after batch; the outputs are valid until the next."""
    if not len(split):
        raise TuinetError(f"there are no samples to evaluate {model.meta.name} on")
    meta = model.meta
    split = encode_split(split, meta.task, meta.vocabulary)
    if meta.task == "classification" and (split.targets.ndim != 1 or split.targets.dtype.kind not in "iu"):
        raise TuinetError(f"{meta.name} tells classes apart, but these data have real values as targets")
    waiting: deque[Array] = deque()
    size = batch_size or model.batch_size

    def inputs() -> Iterator[Array]:
        for raw, targets in split.batches(size):
            waiting.append(targets)
            yield raw

    for outputs in model.run(inputs(), model.threads_for(len(split), size, threads)):
        targets = waiting.popleft()
        coded = meta.coding.encode(targets, outputs.dtype)
        if meta.coding.kind != "ids" and coded.shape != outputs.shape:
            raise TuinetError(f"{coded.shape[1]} target values a sample, but the model gives {outputs.shape[1]}")
        with np.errstate(all="ignore"):
            values = meta.loss.value(outputs, coded)
        yield outputs, targets, values
