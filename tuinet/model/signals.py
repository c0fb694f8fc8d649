"""From raw rows of a data set to what a network is given, and to what it should answer.

A network whose samples are sequences is given a packed `Sequence`; one that translates is given a `Pair`, whose
decoder is fed the target one step behind. Targets come out with one row for each row of the network's output.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tuinet.data.preparation import prepare, prepared_shape
from tuinet.data.vocabulary import END, START
from tuinet.model.meta import Meta
from tuinet.nn.context import Context
from tuinet.nn.params import Array
from tuinet.nn.seq2seq import Pair
from tuinet.nn.sequence import Ragged, Sequence, pack


class Signals(NamedTuple):
    """`inputs` as the network takes them; `targets`: ids (N,) or values (N, S), one row a row of the output."""

    inputs: Any
    targets: Array


def inputs_of(meta: Meta, x: Array | Ragged, ctx: Context, dtype: npt.DTypeLike) -> Any:
    """Raw inputs, prepared: an array (B, …), or a `Sequence` where a sample is one. May lie in the context's arena."""
    shape = meta.input_shape
    if shape.sequence:
        values, steps = pack(x)
        if shape.kind == "id":
            return Sequence(values, steps)
        return Sequence(prepare(meta.preparation, values, shape.step, dtype), steps)
    assert not isinstance(x, Ragged)
    sizes = prepared_shape(meta.preparation, shape).sizes
    if not meta.preparation and x.dtype == dtype and x.shape[1:] == sizes:
        return x  # nothing to do, and layers change no input
    return prepare(meta.preparation, x, shape, out=ctx.empty((len(x), *sizes), dtype))


def signals(meta: Meta, x: Array | Ragged, y: Array | Ragged, ctx: Context, dtype: npt.DTypeLike) -> Signals:
    """What the network is given for raw inputs and targets, and what it should answer."""
    inputs = inputs_of(meta, x, ctx, dtype)
    if meta.task == "seq2seq":
        assert isinstance(y, Ragged)
        fed, asked = fed_and_asked(y)
        return Signals(Pair(inputs, pack(fed)), pack(asked).values)
    targets = pack(y).values if meta.task in ("tagging", "next-symbol") else y
    assert not isinstance(targets, Ragged)
    return Signals(inputs, targets)


def fed_and_asked(targets: Ragged) -> tuple[Ragged, Ragged]:
    """Of each target: the start symbol and its symbols; its symbols and the end symbol."""
    values, count = targets.values, len(targets)
    offsets = targets.offsets + np.arange(count + 1)
    begin, end = targets.offsets[:-1], targets.offsets[1:]
    fed, asked = np.insert(values, begin, START), np.insert(values, end, END)
    return Ragged(fed, offsets), Ragged(asked, offsets)


def target_count(meta: Meta, y: Array | Ragged) -> int:
    """How many answers a batch is asked for: samples, or steps of its targets."""
    if meta.task == "seq2seq":
        assert isinstance(y, Ragged)
        return len(y.values) + len(y)
    if meta.task in ("tagging", "next-symbol"):
        return len(y.values) if isinstance(y, Ragged) else y.size
    return len(y)


def answers(outputs: Any) -> Array:
    """(N, S): the rows of a network's output."""
    return outputs.values if isinstance(outputs, Sequence) else outputs
