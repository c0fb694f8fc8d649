"""From the tensors of another program to the parameters of a network: shapes, axes, gates, biases.

PyTorch's, of which tuinet's are made (docs/model-file.md says how tuinet's lie):

    Linear         (out, in) → (in, out); behind a flatten of an image, the inputs from (C, H, W) to (H, W, C)
    Conv2d         (F, C, kh, kw) → (kh, kw, C, F)
    Embedding      as it is
    LSTM           weight_ih (4H, C), weight_hh (4H, H), gates i f g o → f i o C̃, turned; bias_ih + bias_hh
    GRU            gates r z n → z r h̃, turned; the n part of bias_hh stands inside r ⊙ (h W + c), apart
    RNN            turned; bias_ih + bias_hh
    bidirectional  the tensors of the forward layer, then those whose names end in _reverse
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from tuinet.errors import TuinetError
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.embedding import Embedding, OneHot
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep, MaxOverTime, MeanOverTime
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.network import Sequential
from tuinet.nn.params import Array

Layout = Literal["pytorch", "tuinet"]

GATES = {"lstm": (1, 0, 3, 2), "gru": (1, 0, 2), "rnn": (0,)}
"""Where each of tuinet's gates stands among PyTorch's."""

_KEEPS_ORDER = (
    Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh, Dropout, GaussianNoise, LastStep, MaxOverTime, MeanOverTime,
)  # fmt: skip
"""Layers that hand every value on in the place in which it came."""


class Inputs(NamedTuple):
    """In which order another program's layer has its `total` inputs: `rows[i]` is the place there of the input i here,
    −1 of one that it does not have."""

    rows: Array
    total: int

    def of(self, weight: Array) -> Array:
        """A weight (total, …) with its rows as tuinet has them; zero where there is none."""
        found = weight[self.rows]
        found[self.rows < 0] = 0
        return found


class Need(NamedTuple):
    """A parameter, and of what it is made.

    path    its name in the network (`lstm1/bias`)
    shapes  those of the tensors that it is made of, in the file's layout
    make    makes of the tensors the parameter, and whatever else they hold, each under its path
    """

    path: str
    shapes: tuple[tuple[int, ...], ...]
    make: Callable[[Sequence[Array]], dict[str, Array]]


def needs(network: Sequential, shape: Shape, layout: Layout, symbols: Inputs | None) -> list[Need]:
    """What a network for inputs of `shape` needs, in its order. `symbols`: the rows of vectors of symbols in the file.

    Raises TuinetError for a layer that PyTorch does not have.
    """
    found: list[Need] = []
    order: Inputs | None = None  # of the values that come into the layer
    shapes = network.shapes(shape)
    for name, layer, before in zip(network.names(), network.layers, shapes[:-1], strict=True):
        if isinstance(layer, Embedding):
            order = symbols
        if layout == "pytorch":
            found += _pytorch(layer, name, before, order)
        else:
            found += _as_it_is(layer, name, before, order)
        order = _after(layer, before, order, layout, symbols)
    return found


def _after(layer: Layer, before: Shape, order: Inputs | None, layout: Layout, symbols: Inputs | None) -> Inputs | None:
    if isinstance(layer, OneHot):
        return symbols
    if isinstance(layer, Flatten) and layout == "pytorch" and len(before.sizes) == 3:
        height, width, channels = before.sizes
        rows = np.arange(before.size).reshape(channels, height, width).transpose(1, 2, 0).reshape(-1)
        return Inputs(rows, before.size)
    return order if isinstance(layer, _KEEPS_ORDER) else None


def _as_it_is(layer: Layer, name: str, before: Shape, order: Inputs | None) -> list[Need]:
    """Tensors in tuinet's own layout; only symbols may stand in another order."""
    found: list[Need] = []
    for key, spec in layer.param_shapes(before).items():
        sees_inputs = key.rpartition("/")[2] in ("weight", "input_weight")
        mapped = order if sees_inputs else None
        shape = spec.shape if mapped is None else (mapped.total, *spec.shape[1:])
        found.append(_one(f"{name}/{key}", shape, lambda tensor: tensor, mapped))
    return found


def _pytorch(layer: Layer, name: str, before: Shape, order: Inputs | None) -> list[Need]:
    inputs = order.total if order is not None else before.size
    match layer:
        case Dense():
            (weight, *bias) = layer.param_shapes(before).values()
            units = weight.shape[1]
            found = [_one(f"{name}/weight", (units, inputs), lambda tensor: tensor.T, order)]
            return found + [_one(f"{name}/bias", (units,), lambda tensor: tensor) for _ in bias]
        case Conv2D():
            (weight, *bias) = layer.param_shapes(before).values()
            rows, columns, channels, filters = weight.shape
            shape = (filters, channels, rows, columns)
            found = [_one(f"{name}/weight", shape, lambda tensor: tensor.transpose(2, 3, 1, 0))]
            return found + [_one(f"{name}/bias", (filters,), lambda tensor: tensor) for _ in bias]
        case Embedding():
            symbols = order.total if order is not None else before.ids
            return [_one(f"{name}/weight", (symbols, layer.units), lambda tensor: tensor, order)]
        case Bidirectional():
            ways = ("forward", "backward")
            return [need for way in ways for need in _recurrent(layer.layer, f"{name}/{way}", inputs, order)]
        case _:
            return _recurrent(layer, name, inputs, order) if layer.param_shapes(before) else []


def _recurrent(layer: Layer, name: str, inputs: int, order: Inputs | None) -> list[Need]:
    kind = str(layer.__struct_config__.tag)
    match layer:
        case LSTM(peephole="none", coupled=False) | RNN() | GRU(form="pytorch"):
            units, gates = layer.units, GATES[kind]
        case GRU():
            raise _no_such(name, "a GRU whose r acts before the product", 'set form = "pytorch" of the layer')
        case LSTM():
            raise _no_such(name, "an LSTM with peepholes or coupled gates", "leave them out")
        case _:
            raise _no_such(name, f"a {kind} layer", 'take layout = "tuinet" for tensors in that form')
    count = len(gates) * units

    def turned(tensor: Array) -> Array:
        return np.concatenate([np.split(tensor, len(gates))[gate] for gate in gates]).T

    found = [
        _one(f"{name}/input_weight", (count, inputs), turned, order),
        _one(f"{name}/recurrent_weight", (count, units), turned),
    ]
    if isinstance(layer, GRU) and not layer.bias:
        return found

    def biases(tensors: Sequence[Array]) -> dict[str, Array]:
        ours, theirs = (turned(tensor) for tensor in tensors)
        if not isinstance(layer, GRU):
            return {f"{name}/bias": ours + theirs}
        apart = theirs[2 * units :].copy()
        theirs[2 * units :] = 0
        return {f"{name}/bias": ours + theirs, f"{name}/recurrent_bias": apart}

    return [*found, Need(f"{name}/bias", ((count,), (count,)), biases)]


def _one(path: str, shape: tuple[int, ...], turn: Callable[[Array], Array], order: Inputs | None = None) -> Need:
    """A parameter that is one tensor of the file, of this shape there, its axes moved by `turn`."""

    def make(tensors: Sequence[Array]) -> dict[str, Array]:
        weight = turn(tensors[0])
        return {path: weight if order is None else order.of(weight)}

    return Need(path, (shape,), make)


def _no_such(name: str, what: str, hint: str) -> TuinetError:
    return TuinetError(f"{name}: PyTorch has no such layer as {what}", hint)
