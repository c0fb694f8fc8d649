"""The gradient of one weight as a sum over rows: what went in times the sensitivity δ = dJ/dn of the unit it leads to.

    dJ/dw = Σ over samples, places and steps of (what the weight multiplied) · δ

A row is one use of the weight: a sample, a place of a kernel, a step of a sequence. N rows, H hidden units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tuinet.inspection.passes import Back, Pass, Place, back
from tuinet.nn.layer import Value
from tuinet.nn.layers.bidirectional import Bidirectional, Cell
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.params import Array
from tuinet.nn.recurrent import OverTime, State
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Indices, Sequence, Steps

Index = tuple[int, ...]


class Rows(NamedTuple):
    """dJ/dw = Σ of the products of `factors`, in float64.

    equation  the formula
    names     what each factor is
    factors   (M,) each
    axes      what `where` counts: sample, step, row, column
    where     (M, axes)
    """

    equation: str
    names: tuple[str, ...]
    factors: tuple[Array, ...]
    axes: tuple[str, ...]
    where: Indices

    @property
    def products(self) -> Array:
        """(M,)"""
        return np.prod(np.stack(self.factors), axis=0)


def place_of(run: Pass, path: str) -> Place:
    """The layer that a parameter belongs to; the weights of a bridge are those of the Seq2Seq itself."""
    return run.places[max((name for name in run.places if path.startswith(name + "/")), key=len)]


def gradient_rows(run: Pass, found: Back, dy: Any, path: str, index: Index) -> Rows:
    """The rows of the weight at `index` of a parameter; the way back `found` began with dJ/d(outputs) `dy`."""
    place = place_of(run, path)
    name = path.removeprefix(place.path + "/")
    if isinstance(place.layer, Seq2Seq):
        return _bridge(run, found, place, name, index)
    if isinstance(place.layer, OverTime):
        return _recurrent(run, dy, place, name, index)
    signal = found.of_output[place.path]
    x, axes, where = _laid(place.x)
    delta = _laid(signal)[0] if signal is not None else np.zeros_like(_laid(place.y)[0])
    if isinstance(place.layer, Conv2D):
        return _conv(place.layer, x, delta, axes, where, index)
    of_unit = _wide(delta[:, index[-1]])
    if isinstance(place.layer, Embedding):
        used = x == index[0]
        return _rows("dJ/dE = Σ δ over the rows that look the symbol up", {"δ": of_unit[used]}, axes, where[used])
    if len(index) == 1:
        return _rows("dJ/db = Σ δ", {"δ": of_unit}, axes, where)
    return _rows("dJ/dw = Σ x · δ", {"x": _wide(x[:, index[0]]), "δ": of_unit}, axes, where)


def sensitivity_of_sum(run: Pass, dy: Any, place: Place, way: str, column: int) -> Array:
    """(N,) δ, dJ/d(one of the sums that a recurrent layer feeds its gates with), of every packed row.

    No layer hands these out. But its own way back ends with dJ/dx = δ Uᵀ, and nothing else on the way back depends on
    the input weight U. So it goes back once more with a U that is 1 for this sum at the first input and 0 elsewhere:
    then dJ/dx₀ is δ, to the last bit. (What layers before it make of that is of no use.)
    """
    params = run.params.like(run.params.vector.copy())
    for name, array in params.scope(place.path).items():
        if name.split("/")[-1] == "input_weight":
            array[...] = 0
    params[f"{place.path}/{way}input_weight"][0, column] = 1
    places = {path: replace(each, params=params.scope(path)) for path, each in run.places.items()}
    with np.errstate(all="ignore"):
        dx = back(replace(run, params=params, places=places), dy).of_input[place.path]
    return np.zeros(place.x.steps.total) if dx is None else _wide(dx.values[:, 0])


class _Read(NamedTuple):
    """What one direction of a recurrent layer read and made, in packed rows in the order in which it read them."""

    cell: Cell
    way: str  # "", "forward/", "backward/"
    x: Array
    hidden: Array
    first: State
    values: Mapping[str, Value]
    steps: Steps
    order: Indices  # where its rows lie in the layer's input

    def value(self, name: str) -> Array:
        """(N, …) of every step."""
        return self.values[self.way + name].array[self.steps.samples, self.steps.times]

    def before(self, now: Array, state: int) -> Array:
        """(N, …): one step before; at step 0 the state in which the layer began."""
        return np.concatenate([self.first[state][self.steps.order], now[self.steps.before]])


def _read(place: Place, name: str) -> tuple[_Read, str]:
    """The direction that a parameter belongs to, and the parameter's name there."""
    values, steps = place.x
    order = np.arange(steps.total)
    assert place.first is not None
    if not isinstance(place.layer, Bidirectional):
        assert isinstance(place.layer, Cell)
        return _Read(place.layer, "", values, place.y.values, place.first, place.values, steps, order), name
    way, own = name.split("/")
    half, units = len(place.first) // 2, place.y.values.shape[1] // 2
    hidden, first = place.y.values[:, :units], place.first[:half]
    if way == "backward":
        order, hidden, first = steps.reversal, place.y.values[:, units:], place.first[half:]
    return _Read(place.layer.layer, way + "/", values[order], hidden[order], first, place.values, steps, order), own


def _recurrent(run: Pass, dy: Any, place: Place, name: str, index: Index) -> Rows:
    read, own = _read(place, name)
    cell, units = read.cell, read.cell.units
    column = index[-1]
    used = np.full(read.steps.total, True)
    start = 0
    if isinstance(cell, Clockwork):
        size = units // len(cell.periods)
        if own.startswith("recurrent_weight"):
            start = (int(own.removeprefix("recurrent_weight")) - 1) * size
            column += start
        used = read.value("ticked")[:, column // size] > 0
    elif own == "recurrent_bias":
        column += 2 * units
    elif own == "peephole" and isinstance(cell, LSTM) and cell.peephole == "diagonal":
        column += index[0] * units
    equation, factors = "dJ/db = Σₜ δₜ", dict[str, Array]()
    if own == "input_weight":
        equation, factors["x"] = "dJ/dU = Σₜ xₜ · δₜ", read.x[:, index[0]]
    elif own == "peephole" and isinstance(cell, LSTM):
        seen, now = index[0] if cell.peephole == "full" else index[1], read.value("cell")
        newest = column // units == len(cell.gates) - 2  # only the output gate sees the new cells
        equation = "dJ/dP = Σₜ Cₜ · δₜ" if newest else "dJ/dP = Σₜ Cₜ₋₁ · δₜ"
        factors["C" if newest else "C before"] = (now if newest else read.before(now, 1))[:, seen]
    elif own.startswith("recurrent_weight"):
        equation = "dJ/dW = Σₜ hₜ₋₁ · δₜ"
        factors["h before"] = read.before(read.hidden, 0)[:, start + index[0]]
    if isinstance(cell, GRU) and column >= 2 * units and own.startswith("recurrent"):
        pytorch = cell.form == "pytorch"
        seen = column - 2 * units if pytorch else index[0]  # r acts on the sum, or on each hidden unit
        factors["r"] = read.value("reset")[:, seen]
        equation = {"recurrent_bias": "dJ/dc = Σₜ rₜ · δₜ"}.get(own, "dJ/dW = Σₜ hₜ₋₁ · rₜ · δₜ")
    delta = sensitivity_of_sum(run, dy, place, read.way, column)[read.order]
    where = np.stack([read.steps.samples, read.steps.times], axis=1)[read.order]
    factors = {key: _wide(array[used]) for key, array in factors.items()} | {"δ": delta[used]}
    return _rows(equation, factors, ("sample", "step"), where[used])


def _conv(layer: Conv2D, x: Array, delta: Array, axes: tuple[str, ...], where: Indices, index: Index) -> Rows:
    """Σ over the windows: the cell of each that lay under the weight, times δ of that window's sum."""
    windows, kernel = layer.windows(x.shape[1:3]), index[-1]
    rows, columns = windows.output
    factors: dict[str, Array] = {}
    if len(index) > 1:
        (top, left), (high, wide) = windows.before, windows.image
        around = np.zeros((len(x), *windows.padded), x.dtype)
        around[:, top : top + high, left : left + wide] = x[..., index[2]]
        (i, j), (down, along) = index[:2], windows.stride
        under = around[:, i : i + down * (rows - 1) + 1 : down, j : j + along * (columns - 1) + 1 : along]
        factors["x"] = _wide(under.reshape(-1))
    factors["δ"] = _wide(delta[..., kernel].reshape(-1))
    grid = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1).reshape(-1, 2)
    found = np.concatenate([np.repeat(where, len(grid), axis=0), np.tile(grid, (len(where), 1))], axis=1)
    equation = "dJ/dw = Σ over windows of x · δ" if len(index) > 1 else "dJ/db = Σ over windows of δ"
    return _rows(equation, factors, (*axes, "row", "column"), found)


def _bridge(run: Pass, found: Back, place: Place, name: str, index: Index) -> Rows:
    """`bridge/lstm1/hidden/weight`: of h = tanh(context W + b), where the decoder's lstm1 begins."""
    assert run.translated is not None and run.translated.context is not None
    _, layer, state, kind = name.split("/")
    path = f"{place.path}/decoder/{layer}"
    decoder = run.places[path].layer
    assert isinstance(decoder, OverTime)
    which = list(decoder.state_sizes()).index(state)
    h = run.translated.states[layer][which][:, index[-1]]
    factors = {"dJ/dh": _wide(found.of_first[path][which][:, index[-1]])}
    factors["1 − h²"] = _wide(1 - h * h)  # rounded as the layer does it: near h = 1 few digits are left
    if kind == "weight":
        factors = {"context": _wide(run.translated.context[:, index[0]])} | factors
    equation = "dJ/dw = Σ context · dJ/dh · (1 − h²)" if kind == "weight" else "dJ/db = Σ dJ/dh · (1 − h²)"
    return _rows(equation, factors, ("sample",), np.arange(len(h))[:, None])


def _laid(signal: Any) -> tuple[Array, tuple[str, ...], Indices]:
    """The rows of a signal, and to which sample (and step) each belongs."""
    if isinstance(signal, Sequence):
        return signal.values, ("sample", "step"), np.stack([signal.steps.samples, signal.steps.times], axis=1)
    return signal, ("sample",), np.arange(len(signal))[:, None]


def _rows(equation: str, factors: dict[str, Array], axes: tuple[str, ...], where: Indices) -> Rows:
    return Rows(equation, tuple(factors), tuple(factors.values()), axes, where)


def _wide(array: Array) -> Array:
    return np.asarray(array, np.float64)
