"""Activations: what a unit makes of its net input n, value by value (softmax: vector by vector)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.layer import Cache, Layer, Shape, Value
from tuinet.nn.layers.checks import output_value, require_numbers
from tuinet.nn.layers.numeric import pass_positive, relu
from tuinet.nn.params import Array, Params


class _Activation(Layer, frozen=True):
    def output_shape(self, shape: Shape) -> Shape:
        require_numbers(self.stem, shape)
        return shape

    def values(self, params: Params, x: Array, y: Array, cache: Cache) -> Mapping[str, Value]:
        return {"output": output_value(y)}


class _Threshold(_Activation, frozen=True):
    """Flat but for one jump, so its derivative is 0 wherever there is one: nothing can be learnt through it."""

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        return np.zeros(dy.shape, dy.dtype) if need_dx else None


class Step(_Threshold, frozen=True, tag="step"):
    """y = 1 where n ≥ 0, else 0."""

    stem = "step"

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return np.greater_equal(x, 0, out=ctx.empty(x.shape, x.dtype), casting="unsafe"), None


class Sign(_Threshold, frozen=True, tag="sign"):
    """y = +1 where n ≥ 0, else −1 (0 counts as positive)."""

    stem = "sign"

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y = np.greater_equal(x, 0, out=ctx.empty(x.shape, x.dtype), casting="unsafe")
        y *= 2
        y -= 1
        return y, None


class Sigmoid(_Activation, frozen=True, tag="sigmoid"):
    """y = 1 / (1 + e⁻ⁿ), dy/dn = y (1 − y)."""

    stem = "sigmoid"

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y = np.multiply(x, 0.5, out=ctx.empty(x.shape, x.dtype))
        np.tanh(y, out=y)  # ½ tanh(n / 2) + ½ is the same function, faster, and cannot overflow
        y *= 0.5
        y += 0.5
        return y, y

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        if not need_dx:
            return None
        y: Array = cache
        dx = np.subtract(1, y, out=ctx.empty(dy.shape, dy.dtype))
        dx *= y
        dx *= dy
        return dx


class Tanh(_Activation, frozen=True, tag="tanh"):
    """y = tanh n, dy/dn = 1 − y²."""

    stem = "tanh"

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y = np.tanh(x, out=ctx.empty(x.shape, x.dtype))
        return y, y

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        if not need_dx:
            return None
        dx = np.multiply(cache, cache, out=ctx.empty(dy.shape, dy.dtype))
        np.subtract(1, dx, out=dx)
        dx *= dy
        return dx


class Relu(_Activation, frozen=True, tag="relu"):
    """y = max(n, 0), dy/dn = 1 where n > 0, else 0."""

    stem = "relu"

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y = relu(x, ctx.empty(x.shape, x.dtype))
        return y, y

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        if not need_dx:
            return None
        return pass_positive(dy, cache, ctx)


class Linear(_Activation, frozen=True, tag="linear"):
    """y = n."""

    stem = "linear"

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return x, None

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        return dy if need_dx else None


class Softmax(_Activation, frozen=True, tag="softmax"):
    """yⱼ = e^{nⱼ} / Σₖ e^{nₖ} along the last axis; dJ/dnⱼ = yⱼ (dyⱼ − Σₖ dyₖ yₖ)."""

    stem = "softmax"

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        largest = x.max(axis=-1, keepdims=True)  # subtracted so that e^n cannot overflow
        y = np.subtract(x, largest, out=ctx.empty(x.shape, x.dtype))
        np.exp(y, out=y)
        y /= y.sum(axis=-1, keepdims=True)
        return y, y

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        if not need_dx:
            return None
        y: Array = cache
        dx = np.multiply(dy, y, out=ctx.empty(dy.shape, dy.dtype))
        total = dx.sum(axis=-1, keepdims=True)
        np.subtract(dy, total, out=dx)
        dx *= y
        return dx
