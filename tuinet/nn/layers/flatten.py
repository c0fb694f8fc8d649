"""Flatten: from an image to a vector."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tuinet.nn.context import Context
from tuinet.nn.layer import Cache, Layer, Shape, Value
from tuinet.nn.layers.checks import output_value, require_numbers
from tuinet.nn.params import Array, Params


class Flatten(Layer, frozen=True, tag="flatten"):
    """All values of a sample in one row: x (B, ...) to y (B, product of the sizes); the last axis runs fastest."""

    stem = "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        require_numbers("flatten", shape)
        return Shape.vector(shape.size)

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return x.reshape(x.shape[0], math.prod(x.shape[1:])), x.shape

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        return dy.reshape(cache) if need_dx else None

    def values(self, params: Params, x: Array, y: Array, cache: Cache) -> Mapping[str, Value]:
        return {"output": output_value(y)}
