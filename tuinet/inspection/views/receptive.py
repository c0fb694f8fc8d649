"""Which cells of the image a cell of a map sees: its receptive field."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tuinet.inspection.views.score import first_layer
from tuinet.model.model import Model
from tuinet.nn import stack
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.layers.windows import Windows, windows_on
from tuinet.nn.params import Array
from tuinet.nn.seq2seq import Seq2Seq

_PLACE_BY_PLACE = (Step, Sign, Sigmoid, Tanh, Relu, Linear, Softmax, Dropout, GaussianNoise)


class Line(NamedTuple):
    """The layers that an input runs through one by one: those of the network, or of its encoder. `prefix` is what
    their paths begin with."""

    layers: tuple[Layer, ...]
    shapes: tuple[Shape, ...]
    prefix: str

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self.prefix + name for name in stack.names(self.layers))


class Field(NamedTuple):
    """The cell i of a map sees `size` cells of the image from `start` + i · `jump` on, along rows and along columns."""

    start: tuple[int, int]
    jump: tuple[int, int]
    size: tuple[int, int]

    def centres(self, count: int, axis: int) -> Array:
        """(count,) the middle of what each cell sees."""
        return self.start[axis] + self.jump[axis] * np.arange(count) + (self.size[axis] - 1) / 2


def line_of(model: Model) -> Line:
    first = model.network.layers[0]
    layers = first.encoder if isinstance(first, Seq2Seq) else model.network.layers
    prefix = first_layer(model).removesuffix(stack.names(layers)[0])
    return Line(layers, stack.shapes(layers, model.prepared_shape), prefix)


def field_of(line: Line, index: int) -> Field | None:
    """Of the output of layer number `index`; None if a layer up to there keeps no places."""
    start, jump, size = [0, 0], [1, 1], [1, 1]
    if len(line.shapes[0].sizes) != 3:
        return None
    for layer, shape in zip(line.layers[: index + 1], line.shapes, strict=False):
        if isinstance(layer, _PLACE_BY_PLACE):
            continue
        windows = windows_of(layer, shape)
        if windows is None:
            return None
        for axis in (0, 1):
            start[axis] -= windows.before[axis] * jump[axis]
            size[axis] += (windows.kernel[axis] - 1) * jump[axis]
            jump[axis] *= windows.stride[axis]
    return Field((start[0], start[1]), (jump[0], jump[1]), (size[0], size[1]))


def enlarged(coarse: Array, field: Field, rows: int, columns: int) -> Array:
    """(…, h, w) → (…, rows, columns): each cell of the map at the middle of what it sees, linear between them."""
    for axis, count in ((-2, rows), (-1, columns)):
        at, wanted = field.centres(coarse.shape[axis], axis), np.arange(count)
        coarse = np.apply_along_axis(lambda values, at=at, wanted=wanted: np.interp(wanted, at, values), axis, coarse)
    return coarse


def windows_of(layer: Layer, shape: Shape) -> Windows | None:
    """Where a layer's windows lie on maps of `shape`; None if it has none."""
    if isinstance(layer, Conv2D):
        return windows_on(shape, layer.kernel, layer.stride, layer.padding, "kernel")
    if isinstance(layer, MaxPool | AveragePool | SumPool):
        stride = layer.window if layer.stride is None else layer.stride
        return windows_on(shape, layer.window, stride, "valid", "window")
    return None
