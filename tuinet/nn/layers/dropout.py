"""Layers that disturb training so that no unit relies on another: dropout and noise. They do nothing afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.layer import Cache, Layer, Shape, Value
from tuinet.nn.layers.checks import output_value, require_numbers
from tuinet.nn.params import Array, Params

Rate = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Deviation = Annotated[float, msgspec.Meta(ge=0)]


class Dropout(Layer, frozen=True, tag="dropout"):
    """In training each value is zeroed with probability `rate` and the others grow by 1 / (1 − rate), so that the
    expected value stays; otherwise y = x.

    Source: Srivastava et al., "Dropout" (2014), in the inverted form.
    """

    stem = "dropout"

    rate: Rate
    """p, the share of values that is set to 0 in training."""

    def output_shape(self, shape: Shape) -> Shape:
        require_numbers("dropout", shape)
        return shape

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        if not ctx.training or self.rate == 0:
            return x, None
        keep = ctx.empty(x.shape, x.dtype)
        ctx.rng.random(out=keep, dtype=x.dtype.type)
        np.greater_equal(keep, self.rate, out=keep, casting="unsafe")
        keep *= 1.0 / (1.0 - self.rate)
        y = ctx.empty(x.shape, x.dtype)
        return np.multiply(x, keep, out=y), keep

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        if not need_dx or cache is None:
            return dy if need_dx else None
        return np.multiply(dy, cache, out=ctx.empty(dy.shape, dy.dtype))

    def values(self, params: Params, x: Array, y: Array, cache: Cache) -> Mapping[str, Value]:
        found = {"output": output_value(y)}
        return found if cache is None else found | {"mask": output_value(cache)}


class GaussianNoise(Layer, frozen=True, tag="gaussian-noise"):
    """In training y = x + noise, drawn anew from a normal distribution with standard deviation `deviation`
    (in units of x); otherwise y = x.
    """

    stem = "noise"

    deviation: Deviation
    """The standard deviation of the noise."""

    def output_shape(self, shape: Shape) -> Shape:
        require_numbers("gaussian-noise", shape)
        return shape

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        if not ctx.training or self.deviation == 0:
            return x, None
        y = ctx.empty(x.shape, x.dtype)
        ctx.rng.standard_normal(out=y, dtype=x.dtype.type)
        y *= self.deviation
        y += x
        return y, None

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        return dy if need_dx else None

    def values(self, params: Params, x: Array, y: Array, cache: Cache) -> Mapping[str, Value]:
        found = {"output": output_value(y)}
        return found if y is x else found | {"noise": output_value(y - x)}
