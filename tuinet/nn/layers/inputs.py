"""What the inputs of all steps add to the sums of a recurrent layer, x U + b: one product before the loop.

Where the inputs are symbols looked up in a table, their share is worked out once for each symbol, not for each step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.layer import Cache, Layer, Shape
from tuinet.nn.layers.embedding import Embedding, one_hot
from tuinet.nn.layers.numeric import add_bias, sum_rows
from tuinet.nn.params import Array, Params, ParamSpec


class Lookup(NamedTuple):
    """The vectors table[ids] of N steps, not yet looked up."""

    ids: Array
    """(N,) from 0 to V − 1."""
    table: Array
    """(V, C)"""


class LateEmbedding(Layer, frozen=True):
    """An embedding before a recurrent layer: a `Lookup` where symbols come again and again, else the vectors."""

    embedding: Embedding

    def output_shape(self, shape: Shape) -> Shape:
        return self.embedding.output_shape(shape)

    def param_shapes(self, shape: Shape) -> dict[str, ParamSpec]:
        return dict(self.embedding.param_shapes(shape))

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array | Lookup, Cache]:
        table = params["weight"]
        if pays(len(x), *table.shape):
            return Lookup(x, table), None
        return self.embedding.forward(params, x, ctx)

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        if cache is not None:
            return self.embedding.backward(params, cache, dy, grads, ctx, need_dx)
        grads["weight"][...] = dy
        return None  # ids have no gradient


def pays(steps: int, symbols: int, size: int) -> bool:
    """Whether a table of the sums is less work: symbols come more than once, and their gradient is gathered by a
    product with one-hot vectors (N, V), which takes the place of two with vectors (N, C)."""
    return 2 * symbols <= steps and symbols <= 2 * size


def sums(x: Array | Lookup, weight: Array, bias: Array | None, out: Array) -> None:
    """out (N, S) = x U + b, for x (N, C), U = weight (C, S) and b (S,)."""
    if isinstance(x, Lookup):
        table = x.table @ weight  # (V, S)
        if bias is not None:
            table += bias
        np.take(table, x.ids, axis=0, out=out, mode="clip")  # mode "raise" would buffer; ids were checked
        return
    np.matmul(x, weight, out=out)
    if bias is not None:
        add_bias(out, bias)


def sums_back(x: Array | Lookup, da: Array, params: Params, grads: Params, ctx: Context, need_dx: bool) -> Array | None:
    """OVERWRITES the gradients of `input_weight` and, if there is one, `bias`, given dJ/d(sums) da (N, S).

    Gives dJ/dx (N, C); of a `Lookup` that of its table, (V, C).
    """
    weight = params["input_weight"]
    if isinstance(x, Lookup):
        hot = one_hot(x.ids, ctx.empty((len(x.ids), len(x.table)), da.dtype))
        da = np.matmul(hot.T, da, out=ctx.empty((len(x.table), da.shape[1]), da.dtype))  # (V, S): of each symbol
        x = x.table
    np.matmul(x.T, da, out=grads["input_weight"])
    if "bias" in grads:
        sum_rows(da, grads["bias"])
    return np.matmul(da, weight.T, out=ctx.empty(x.shape, da.dtype)) if need_dx else None
