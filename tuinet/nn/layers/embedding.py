"""Symbols as vectors: one-hot or learnt."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.initializers import Initializer, Normal
from tuinet.nn.layer import Cache, Layer, Shape, ShapeError, Value
from tuinet.nn.layers.windows import Size
from tuinet.nn.params import Array, Params, ParamSpec

FEW = 256
"""Up to so many symbols, gradients are gathered by a product with one-hot vectors; above, by sorting the ids."""


class Embedding(Layer, frozen=True, tag="embedding"):
    """y = weight[x]: a learnt vector for each symbol, as if its one-hot vector were multiplied by `weight`.

    x (B,) ids from 0 to V − 1, weight (V, S), y (B, S), with S = `units` and V the size of the vocabulary.
    Bengio et al., "A neural probabilistic language model" (2003).
    """

    stem = "embedding"

    units: Size
    """How long the vector of a symbol is."""
    initializer: Initializer | None = None
    """How the vectors start. Unset: normal with a deviation of 1, which the gates of a recurrent layer feel at once."""

    def output_shape(self, shape: Shape) -> Shape:
        require_ids("embedding", shape)
        return Shape.vector(self.units)

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        return {"weight": ParamSpec((shape.ids, self.units), "weight", 1, self.units, self.initializer or Normal(1.0))}

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        weight = params["weight"]
        y = ctx.empty((len(x), self.units), weight.dtype)
        return np.take(weight, x, axis=0, out=y, mode="clip"), x  # mode "raise" would buffer; ids were checked

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        x: Array = cache
        into = grads["weight"]
        if len(into) <= FEW:
            hot = ctx.empty((len(x), len(into)), dy.dtype)
            np.matmul(one_hot(x, hot).T, dy, out=into)
        else:
            into[...] = 0
            order = np.argsort(x, kind="stable")
            found, starts = np.unique(x[order], return_index=True)
            if len(found):
                into[found] = np.add.reduceat(dy[order], starts, axis=0)
        return None  # ids have no gradient

    def values(self, params: Params, x: Array, y: Array, cache: Cache) -> Mapping[str, Value]:
        return {"output": Value(y, ("sample", "unit")), "weight": Value(params["weight"], ("symbol", "unit"))}


class OneHot(Layer, frozen=True, tag="one-hot"):
    """y = 1 at the symbol's place, 0 elsewhere: x (B,) ids from 0 to V − 1, y (B, V)."""

    stem = "onehot"

    symbols: Size | None = None
    """V, how many symbols there are. Unset: as many as the vocabulary of the data has."""

    def output_shape(self, shape: Shape) -> Shape:
        require_ids("one-hot", shape)
        if self.symbols is not None and self.symbols != shape.ids:
            raise ShapeError(f"{self.symbols} symbols, but the vocabulary has {shape.ids}", "leave it unset", "symbols")
        return Shape.vector(shape.ids)

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        assert self.symbols is not None, "filled in when the model is made"
        return one_hot(x, ctx.empty((len(x), self.symbols), params.vector.dtype)), None

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        return None  # ids have no gradient

    def values(self, params: Params, x: Array, y: Array, cache: Cache) -> Mapping[str, Value]:
        return {"output": Value(y, ("sample", "unit"))}


def one_hot(ids: Array, out: Array) -> Array:
    """out (B, V) = 1 at each id, 0 elsewhere."""
    out[...] = 0
    out[np.arange(len(ids)), ids] = 1
    return out


def require_ids(kind: str, shape: Shape) -> None:
    """Raises ShapeError unless each step or sample is one id."""
    if shape.kind != "id":
        raise ShapeError(f"{kind} takes ids of symbols, and its input {shape} holds numbers", "leave it out")
    if shape.sizes:
        raise ShapeError(f"{kind} takes one id a step, not {shape.step}")
