"""Networks: the union of all layers, the stack that every model is, and its first weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tuinet.nn import stack
from tuinet.nn.context import Context
from tuinet.nn.initializers import draw
from tuinet.nn.layer import Cache, Layer, Shape, Value
from tuinet.nn.layers.dropout import Dropout
from tuinet.nn.params import Params, ParamSpec
from tuinet.nn.parts import Part
from tuinet.nn.recurrent import State
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.stack import LayerShapeError, LayerTrace, States

__all__ = ["AnyLayer", "LayerShapeError", "LayerTrace", "Sequential", "has_dropout", "initialize", "with_dropout"]

AnyLayer = Part | Seq2Seq


class Sequential(Layer, frozen=True, tag="sequential"):
    """Layers one after the other: the output of each is the input of the next.

    Their names are their stems and a count: conv1, relu1, pool1, dense1, …; their parameters lie under these names.
    """

    stem = "sequential"
    over_time = True

    layers: tuple[AnyLayer, ...]

    def names(self) -> tuple[str, ...]:
        """The name of every layer."""
        return stack.names(self.layers)

    def shapes(self, input_shape: Shape) -> tuple[Shape, ...]:
        """The shape before the first layer, and after every layer. Raises LayerShapeError."""
        return stack.shapes(self.layers, input_shape)

    def output_shape(self, shape: Shape) -> Shape:
        return self.shapes(shape)[-1]

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        return stack.param_shapes(self.layers, shape)

    def multiply_adds(self, shape: Shape) -> int:
        return stack.multiply_adds(self.layers, shape)

    def zero_states(self, batch: int, dtype: npt.DTypeLike) -> dict[str, State]:
        """The states of `batch` sequences before their first step, by the layer's name."""
        return {name: layer.zero_state(batch, dtype) for name, layer in stack.recurrent(self.layers).items()}

    def run(self, params: Params, x: Any, states: States | None, ctx: Context) -> tuple[Any, dict[str, State], Cache]:
        """`forward` from these states (None: zero) on; gives the states after the last step too."""
        return stack.run(self.layers, params, x, states, ctx)

    def forward(self, params: Params, x: Any, ctx: Context) -> tuple[Any, Cache]:
        y, _, cache = stack.run(self.layers, params, x, None, ctx)
        return y, cache

    def backward(
        self,
        params: Params,
        cache: Cache,
        dy: Any,
        grads: Params,
        ctx: Context,
        need_dx: bool = True,
        first_trainable: int = 0,
    ) -> Any | None:
        """As `Layer.backward`; layers before `first_trainable` (an index) get no gradients: theirs stay untouched.

        Without `need_dx` it stops at the first layer that has something to learn.
        """
        return stack.run_back(self.layers, params, cache, dy, None, grads, ctx, need_dx, first_trainable)[0]

    def trace(self, params: Params, x: Any, ctx: Context) -> list[LayerTrace]:
        """The plain list of layers, one by one, with all that went in and out."""
        return stack.trace(self.layers, params, x, None, ctx)

    def values(self, params: Params, x: Any, y: Any, cache: Cache) -> Mapping[str, Value]:
        """The values of every layer, under layer/value (`conv1/output`), from a plain pass of their own."""
        return stack.values(self.trace(params, x, Context(plain=True)), params)


def initialize(network: Sequential, input_shape: Shape, seed: int, dtype: npt.DTypeLike = np.float32) -> Params:
    """New parameters, drawn in their order from one generator. Raises LayerShapeError."""
    specs = network.param_shapes(input_shape)
    params = Params.zeros(specs, dtype)
    rng = np.random.default_rng(seed)
    for path, spec in specs.items():
        assert spec.initializer is not None
        params[path][...] = draw(spec.initializer, spec.shape, spec.fan_in, spec.fan_out, rng, dtype)
    return params


def has_dropout(network: Sequential) -> bool:
    """Whether any layer is dropout, in an encoder or a decoder too."""
    return any(isinstance(layer, Dropout) for layer in _all_layers(network.layers))


def with_dropout(network: Sequential, rate: float) -> Sequential:
    """The same network with every dropout layer at `rate`, in encoders and decoders too; the same parameters fit it."""

    def changed(layer: Any) -> Any:
        if isinstance(layer, Dropout):
            return Dropout(rate)
        if isinstance(layer, Seq2Seq):
            encoder, decoder = (tuple(map(changed, part)) for part in (layer.encoder, layer.decoder))
            return msgspec.structs.replace(layer, encoder=encoder, decoder=decoder)
        return layer

    return Sequential(tuple(map(changed, network.layers)))


def _all_layers(layers: tuple[AnyLayer, ...]) -> Iterator[AnyLayer]:
    for layer in layers:
        yield layer
        if isinstance(layer, Seq2Seq):
            yield from _all_layers((*layer.encoder, *layer.decoder))
