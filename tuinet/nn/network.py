"""Networks: layers one after the other, their names, shapes and parameters, and how a signal runs through them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tuinet.nn.context import Context
from tuinet.nn.initializers import Glorot, He, Initializer, Zeros, draw
from tuinet.nn.layer import Cache, Layer, Shape, ShapeError, Value
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.fused import ConvPool, DenseRelu
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.params import Array, Params, ParamSpec

AnyLayer = (
    Dense
    | Conv2D
    | MaxPool
    | AveragePool
    | SumPool
    | Flatten
    | Dropout
    | GaussianNoise
    | Step
    | Sign
    | Sigmoid
    | Tanh
    | Relu
    | Linear
    | Softmax
)

_ACTIVATIONS = (Step, Sign, Sigmoid, Tanh, Relu, Linear, Softmax)


class LayerShapeError(ShapeError):
    """A layer of a network cannot take what reaches it: `index` says which, `field` which setting to change."""

    def __init__(self, index: int, field: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint, field)
        self.index = index


class LayerTrace(NamedTuple):
    """One layer of one plain pass: what came in, what went out, and what the layer kept."""

    name: str
    layer: Layer
    x: Array
    y: Array
    cache: Cache


class Sequential(Layer, frozen=True, tag="sequential"):
    """Layers one after the other: the output of each is the input of the next.

    Their names are their stems and a count: conv1, relu1, pool1, dense1, …; their parameters lie under these names.
    """

    stem = "sequential"

    layers: tuple[AnyLayer, ...]

    def names(self) -> tuple[str, ...]:
        """The name of every layer."""
        return _names(self.layers)

    def shapes(self, input_shape: Shape) -> tuple[Shape, ...]:
        """The shape before the first layer, and after every layer. Raises LayerShapeError."""
        shapes = [input_shape]
        for index, layer in enumerate(self.layers):
            try:
                shapes.append(layer.output_shape(shapes[-1]))
            except ShapeError as error:
                message = f"{self.names()[index]}: {error.message}"
                raise LayerShapeError(index, error.field, message, error.hint) from None
        return tuple(shapes)

    def output_shape(self, shape: Shape) -> Shape:
        return self.shapes(shape)[-1]

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        specs: dict[str, ParamSpec] = {}
        for index, (name, layer, before) in enumerate(zip(self.names(), self.layers, self.shapes(shape), strict=False)):
            default = _default_initializer(self.layers[index + 1 :])
            for key, spec in layer.param_shapes(before).items():
                chosen = spec.initializer or (Zeros() if spec.role == "bias" else default)
                specs[f"{name}/{key}"] = ParamSpec(spec.shape, spec.role, spec.fan_in, spec.fan_out, chosen)
        return specs

    def multiply_adds(self, shape: Shape) -> int:
        return sum(layer.multiply_adds(before) for layer, before in zip(self.layers, self.shapes(shape), strict=False))

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        names = self.names()
        steps = _plain_plan(self.layers) if ctx.plain else _plan(self.layers, x.shape[1:], x.dtype.kind in "iu")
        caches: list[Cache] = []
        for step in steps:
            x, kept = step.layer.forward(params.scope(names[step.start]), x, ctx)
            caches.append(kept)
        return x, (steps, caches)

    def backward(
        self,
        params: Params,
        cache: Cache,
        dy: Array,
        grads: Params,
        ctx: Context,
        need_dx: bool = True,
        first_trainable: int = 0,
    ) -> Array | None:
        """As `Layer.backward`; layers before `first_trainable` (an index) get no gradients: theirs stay untouched.

        Without `need_dx` it stops at the first layer that has something to learn.
        """
        names = self.names()
        steps: tuple[PlanStep, ...]
        steps, caches = cache
        learning = (step.start for step in steps if step.start >= first_trainable and params.scope(names[step.start]))
        first = next(learning, len(self.layers))
        gradient: Array | None = dy
        for step, kept in zip(reversed(steps), reversed(caches), strict=True):
            if gradient is None or not (need_dx or step.start >= first):
                return None
            name = names[step.start]  # the parameters of a step are those of its first layer
            scope = params.scope(name)
            frozen = step.start < first_trainable
            into = scope.like(ctx.empty(scope.vector.shape, scope.vector.dtype)) if frozen else grads.scope(name)
            gradient = step.layer.backward(scope, kept, gradient, into, ctx, need_dx or step.start > first)
        return gradient if need_dx else None

    def trace(self, params: Params, x: Array, ctx: Context) -> list[LayerTrace]:
        """The plain list of layers, one by one, with all that went in and out."""
        found: list[LayerTrace] = []
        for name, layer in zip(self.names(), self.layers, strict=True):
            y, kept = layer.forward(params.scope(name), x, ctx)
            found.append(LayerTrace(name, layer, x, y, kept))
            x = y
        return found

    def values(self, params: Params, x: Array, y: Array, cache: Cache) -> Mapping[str, Value]:
        """The values of every layer, under layer/value (`conv1/output`), from a plain pass of their own."""
        found: dict[str, Value] = {}
        for part in self.trace(params, x, Context(plain=True)):
            inside = part.layer.values(params.scope(part.name), part.x, part.y, part.cache)
            found |= {f"{part.name}/{key}": value for key, value in inside.items()}
        return found


class PlanStep(NamedTuple):
    """Layers start … stop − 1 done by one operation, whose parameters are those of the first."""

    start: int
    stop: int
    layer: Layer


@cache
def _names(layers: tuple[AnyLayer, ...]) -> tuple[str, ...]:
    count: Counter[str] = Counter()
    names: list[str] = []
    for layer in layers:
        count[layer.stem] += 1
        names.append(f"{layer.stem}{count[layer.stem]}")
    return tuple(names)


@cache
def _plain_plan(layers: tuple[AnyLayer, ...]) -> tuple[PlanStep, ...]:
    return tuple(PlanStep(i, i + 1, layer) for i, layer in enumerate(layers))


@lru_cache(maxsize=256)
def _plan(layers: tuple[AnyLayer, ...], sizes: tuple[int, ...], ids: bool) -> tuple[PlanStep, ...]:
    """Which neighbours are done as one: a pure function of the layers and the input's sizes."""
    steps: list[PlanStep] = []
    shapes = Sequential(layers).shapes(Shape(sizes, ("",) * len(sizes), "id" if ids else "number"))
    start = 0
    while start < len(layers):
        stop, operation = _fuse(layers[start : start + 3], shapes[start])
        steps.append(PlanStep(start, start + stop, operation))
        start += stop
    return tuple(steps)


def _fuse(layers: tuple[AnyLayer, ...], shape: Shape) -> tuple[int, Layer]:
    """How many of the next layers are done as one, and by what."""
    match layers:
        case (Conv2D() as conv, Relu(), MaxPool() as pool) if ConvPool.fits(conv, pool, shape):
            return 3, ConvPool(conv, pool, True)
        case (Conv2D() as conv, MaxPool() as pool, Relu()) if ConvPool.fits(conv, pool, shape):
            return 3, ConvPool(conv, pool, True)
        case (Conv2D() as conv, MaxPool() as pool, *_) if ConvPool.fits(conv, pool, shape):
            return 2, ConvPool(conv, pool, False)
        case (Dense() as dense, Relu(), *_):
            return 2, DenseRelu(dense)
        case _:
            return 1, layers[0]


def _default_initializer(following: tuple[AnyLayer, ...]) -> Initializer:
    """He before ReLU, Glorot before everything else: pooling, flatten, dropout and noise in between do not count."""
    for layer in following:
        if isinstance(layer, Relu):
            return He()
        if isinstance(layer, (*_ACTIVATIONS, Dense, Conv2D)):
            break
    return Glorot()


def initialize(network: Sequential, input_shape: Shape, seed: int, dtype: npt.DTypeLike = np.float32) -> Params:
    """New parameters, drawn in their order from one generator. Raises LayerShapeError."""
    specs = network.param_shapes(input_shape)
    params = Params.zeros(specs, dtype)
    rng = np.random.default_rng(seed)
    for path, spec in specs.items():
        assert spec.initializer is not None
        params[path][...] = draw(spec.initializer, spec.shape, spec.fan_in, spec.fan_out, rng, dtype)
    return params
