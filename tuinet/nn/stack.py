"""Layers one after the other: their names, shapes and parameters, and how a signal runs through them and back.

A signal is an array (B, …) or a `Sequence`. Of a sequence, layers that do not look across time are given the values of
all steps as one batch. Every network and every part of one (an encoder, a decoder) is such a stack.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from tuinet.nn.context import Context
from tuinet.nn.initializers import AnyInitializer, Glorot, He, Zeros
from tuinet.nn.layer import Cache, Layer, Shape, ShapeError, Value
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.fused import ConvPool, DenseRelu
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.inputs import LateEmbedding
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.params import Array, Params, ParamSpec
from tuinet.nn.recurrent import OverTime, State, over_time_value
from tuinet.nn.sequence import Sequence

Layers = tuple[Layer, ...]
States = Mapping[str, State]
"""The states of the recurrent layers of a stack, by the layer's name."""

_ENDS = (Step, Sign, Sigmoid, Tanh, Relu, Linear, Softmax, Dense, Conv2D, OverTime)
"""What decides how the layer before it begins: an activation, or the next layer of weights."""


class LayerShapeError(ShapeError):
    """A layer of a network cannot take what reaches it: `index` says which, `field` which setting to change."""

    def __init__(self, index: int, field: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint, field)
        self.index = index


class LayerTrace(NamedTuple):
    """One layer of one plain pass: what came in, what went out, what the layer kept; of a recurrent one, the states in
    which it began and ended."""

    name: str
    layer: Layer
    x: Any
    y: Any
    cache: Cache
    first: State | None = None
    last: State | None = None


class LayerBack(NamedTuple):
    """The same layer on the way back: dJ/dy and dJ/dx, None where nothing depends on it or ids have no gradient."""

    name: str
    dy: Any
    dx: Any


class PlanStep(NamedTuple):
    """Layers start … stop − 1 done by one operation, whose parameters are those of the first."""

    start: int
    stop: int
    layer: Layer


@cache
def names(layers: Layers) -> tuple[str, ...]:
    """Their stems and a count: conv1, relu1, pool1, conv2 …"""
    count: Counter[str] = Counter()
    found: list[str] = []
    for layer in layers:
        count[layer.stem] += 1
        found.append(f"{layer.stem}{count[layer.stem]}")
    return tuple(found)


@lru_cache(maxsize=256)
def shapes(layers: Layers, input_shape: Shape) -> tuple[Shape, ...]:
    """The shape before the first layer, and after every layer. Raises LayerShapeError."""
    found = [input_shape]
    for index, layer in enumerate(layers):
        try:
            found.append(output_shape(layer, found[-1]))
        except ShapeError as error:
            message = f"{names(layers)[index]}: {error.message}"
            raise LayerShapeError(index, error.field, message, error.hint) from None
    return tuple(found)


def output_shape(layer: Layer, shape: Shape) -> Shape:
    """As the layer says; of a sequence, for each of its steps, if the layer does not look across time."""
    if shape.sequence and not layer.over_time:
        return layer.output_shape(shape.step).over_time
    return layer.output_shape(shape)


def param_shapes(layers: Layers, shape: Shape) -> dict[str, ParamSpec]:
    """The parameters of every layer under layer/name, with the initializer of each chosen. Raises LayerShapeError."""
    specs: dict[str, ParamSpec] = {}
    for index, (name, layer, before) in enumerate(zip(names(layers), layers, shapes(layers, shape), strict=False)):
        default = _default_initializer(layers[index + 1 :])
        for key, spec in layer.param_shapes(before).items():
            chosen = spec.initializer or (Zeros() if spec.role == "bias" else default)
            specs[f"{name}/{key}"] = ParamSpec(spec.shape, spec.role, spec.fan_in, spec.fan_out, chosen)
    return specs


def multiply_adds(layers: Layers, shape: Shape) -> int:
    """Of one sample, or of one step of a sequence."""
    return sum(layer.multiply_adds(before) for layer, before in zip(layers, shapes(layers, shape), strict=False))


def recurrent(layers: Layers) -> dict[str, OverTime]:
    """The layers that have a state, by name."""
    return {name: layer for name, layer in zip(names(layers), layers, strict=True) if isinstance(layer, OverTime)}


def run(
    layers: Layers, params: Params, x: Any, states: States | None, ctx: Context
) -> tuple[Any, dict[str, State], Cache]:
    """What comes out, the states after each sequence's last step, and what `run_back` needs.

    `states`: where the recurrent layers begin; None, or a layer that is not in it: at zero.
    """
    labels = names(layers)
    after: dict[str, State] = {}
    kept: list[Cache] = []
    steps = _plain_plan(layers) if ctx.plain else _plan(layers, *_form(x))
    for step in steps:
        layer, name = step.layer, labels[step.start]
        scope = params.scope(name)
        if isinstance(layer, OverTime):
            first = states.get(name) if states is not None else None
            if first is None:
                first = layer.zero_state(len(x.steps), params.vector.dtype)
            x, after[name], own = layer.run(scope, x, first, ctx)
        else:
            x, own = _forward(layer, scope, x, ctx)
        kept.append(own)
    return x, after, (steps, kept)


def run_back(
    layers: Layers,
    params: Params,
    cache: Cache,
    dy: Any,
    dstates: States | None,
    grads: Params,
    ctx: Context,
    need_dx: bool = True,
    first_trainable: int = 0,
) -> tuple[Any, dict[str, State]]:
    """dJ/dx and dJ/d(first states), given dJ/dy and dJ/d(last states), either of which may be None for zero.

    Layers before `first_trainable` (an index) get no gradients: theirs stay untouched. Without `need_dx` it stops at
    the first layer that has something to learn.
    """
    labels = names(layers)
    steps: tuple[PlanStep, ...]
    steps, kept = cache
    learning = (step.start for step in steps if step.start >= first_trainable and params.scope(labels[step.start]))
    first = next(learning, len(layers))
    gradient, before = dy, dict[str, State]()
    for step, own in zip(reversed(steps), reversed(kept), strict=True):
        if not (need_dx or step.start >= first):
            return None, before
        layer, name = step.layer, labels[step.start]  # the parameters of a step are those of its first layer
        scope = params.scope(name)
        frozen = step.start < first_trainable
        into = scope.like(ctx.empty(scope.vector.shape, scope.vector.dtype)) if frozen else grads.scope(name)
        deeper = need_dx or step.start > first
        dstate = dstates.get(name) if dstates is not None else None
        if gradient is None and dstate is None:  # nothing depends on what this layer put out
            into.vector[...] = 0
        elif isinstance(layer, OverTime):
            gradient, before[name] = layer.run_back(scope, own, gradient, dstate, into, ctx, deeper)
        elif isinstance(gradient, Sequence) and not layer.over_time:
            inside = layer.backward(scope, own, gradient.values, into, ctx, deeper)
            gradient = None if inside is None else Sequence(inside, gradient.steps)
        else:
            gradient = layer.backward(scope, own, gradient, into, ctx, deeper)
    return (gradient if need_dx else None), before


def trace(layers: Layers, params: Params, x: Any, states: States | None, ctx: Context) -> list[LayerTrace]:
    """The plain list of layers, one by one, with all that went in and out."""
    found: list[LayerTrace] = []
    for name, layer in zip(names(layers), layers, strict=True):
        scope = params.scope(name)
        first = last = None
        if isinstance(layer, OverTime):
            first = states.get(name) if states is not None else None
            if first is None:
                first = layer.zero_state(len(x.steps), params.vector.dtype)
            y, last, kept = layer.run(scope, x, first, ctx)
        else:
            y, kept = _forward(layer, scope, x, ctx)
        found.append(LayerTrace(name, layer, x, y, kept, first, last))
        x = y
    return found


def trace_back(
    parts: Iterable[LayerTrace], params: Params, dy: Any, dstates: States | None, grads: Params, ctx: Context
) -> tuple[list[LayerBack], dict[str, State]]:
    """The way back through a trace, layer by layer, in the order of the trace, and dJ/d(first states).

    As `run_back`, but every layer's dJ/dx is found, and what was given stays as it is.
    """
    found: list[LayerBack] = []
    before: dict[str, State] = {}
    for name, layer, x, _, kept, *_ in reversed(list(parts)):
        scope, into = params.scope(name), grads.scope(name)
        dstate = dstates.get(name) if dstates is not None else None
        dx: Any = None
        if isinstance(layer, OverTime) and not (dy is None and dstate is None):
            dx, before[name] = layer.run_back(scope, kept, dy, dstate, into, ctx)
        elif dy is None:
            into.vector[...] = 0
        elif isinstance(x, Sequence) and not layer.over_time:
            inside: Any = layer.backward(scope, kept, dy.values, into, ctx)
            dx = None if inside is None else Sequence(inside, x.steps)
        else:
            dx = layer.backward(scope, kept, dy, into, ctx)
        found.append(LayerBack(name, dy, dx))
        dy = dx
    return found[::-1], before


def values(parts: Iterable[LayerTrace], params: Params) -> dict[str, Value]:
    """The values of every layer of a trace, under layer/value (`conv1/output`)."""
    found: dict[str, Value] = {}
    for name, layer, x, y, kept, *_ in parts:
        inside = layer_values(layer, params.scope(name), x, y, kept)
        found |= {f"{name}/{key}": value for key, value in inside.items()}
    return found


def _forward(layer: Layer, params: Params, x: Any, ctx: Context) -> tuple[Any, Cache]:
    if isinstance(x, Sequence) and not layer.over_time:
        y, kept = layer.forward(params, x.values, ctx)
        return Sequence(y, x.steps), kept
    return layer.forward(params, x, ctx)


def layer_values(layer: Layer, params: Params, x: Any, y: Any, kept: Cache) -> Mapping[str, Value]:
    """What can be seen of a layer of a stack: as the layer says; if it was given all steps as one batch, each value
    with the axis of time put back."""
    if not isinstance(x, Sequence) or layer.over_time:
        return layer.values(params, x, y, kept)
    found: dict[str, Value] = {}
    for name, value in layer.values(params, x.values, y.values, kept).items():
        found[name] = over_time_value(value.array, x.steps, value.axes[1:]) if value.axes[0] == "sample" else value
    return found


def _form(x: Any) -> tuple[tuple[int, ...] | None, bool]:
    """What `_plan` needs of a signal: the sizes of a sample or a step, None for ids and pairs."""
    array: Array | None = x.values if isinstance(x, Sequence) else None if isinstance(x, tuple) else x
    sizes = None if array is None or array.dtype.kind in "iu" else array.shape[1:]
    return sizes, isinstance(x, Sequence)


@cache
def _plain_plan(layers: Layers) -> tuple[PlanStep, ...]:
    return tuple(PlanStep(i, i + 1, layer) for i, layer in enumerate(layers))


@lru_cache(maxsize=256)
def _plan(layers: Layers, sizes: tuple[int, ...] | None, sequence: bool) -> tuple[PlanStep, ...]:
    """Which neighbours are done as one: a pure function of the layers and the input's sizes."""
    steps: list[PlanStep] = []
    known: list[Shape] = []
    if sizes is not None:
        plain = next((i for i, layer in enumerate(layers) if layer.over_time), len(layers))
        known = list(shapes(layers[:plain], Shape(sizes, ("",) * len(sizes), "number", sequence)))
    start = 0
    while start < len(layers):
        stop, operation = _fuse(layers[start : start + 3], known[start].step if start < len(known) else None)
        steps.append(PlanStep(start, start + stop, operation))
        start += stop
    return tuple(steps)


def _fuse(layers: Layers, shape: Shape | None) -> tuple[int, Layer]:
    """How many of the next layers are done as one, and by what."""
    match layers:
        case (Conv2D() as conv, Relu(), MaxPool() as pool) if shape and ConvPool.fits(conv, pool, shape):
            return 3, ConvPool(conv, pool, True)
        case (Conv2D() as conv, MaxPool() as pool, Relu()) if shape and ConvPool.fits(conv, pool, shape):
            return 3, ConvPool(conv, pool, True)
        case (Conv2D() as conv, MaxPool() as pool, *_) if shape and ConvPool.fits(conv, pool, shape):
            return 2, ConvPool(conv, pool, False)
        case (Dense() as dense, Relu(), *_):
            return 2, DenseRelu(dense)
        case (Embedding() as embedding, LSTM() | GRU() | RNN(), *_):
            return 1, LateEmbedding(embedding)
        case _:
            return 1, layers[0]


def _default_initializer(following: Layers) -> AnyInitializer:
    """He before ReLU, Glorot before everything else: pooling, flatten, dropout and noise in between do not count."""
    for layer in following:
        if isinstance(layer, Relu):
            return He()
        if isinstance(layer, _ENDS):
            break
    return Glorot()
