"""The dense (fully connected) layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.initializers import Initializer
from tuinet.nn.layer import Cache, Layer, Shape, Value
from tuinet.nn.layers.checks import output_value, require_vector
from tuinet.nn.layers.numeric import add_bias, sum_rows
from tuinet.nn.layers.windows import Size
from tuinet.nn.params import Array, Params, ParamSpec


class Dense(Layer, frozen=True, tag="dense"):
    """y = x W + b: every output sees every input.

    x (B, P), W = weight (P, S), b = bias (S,), y (B, S), with S = `units`.
    """

    stem = "dense"

    units: Size
    """How many neurons, and so outputs, there are."""
    bias: bool = True
    """Whether each neuron has a bias."""
    initializer: Initializer | None = None
    """How the weights start. Unset: He before a ReLU, Glorot before anything else."""

    def output_shape(self, shape: Shape) -> Shape:
        require_vector("dense", shape)
        return Shape.vector(self.units)

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        inputs = shape.size
        specs = {"weight": ParamSpec((inputs, self.units), "weight", inputs, self.units, self.initializer)}
        if self.bias:
            specs["bias"] = ParamSpec((self.units,), "bias", inputs, self.units)
        return specs

    def multiply_adds(self, shape: Shape) -> int:
        return shape.size * self.units

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y = ctx.empty((x.shape[0], self.units), x.dtype)  # (B, S)
        np.matmul(x, params["weight"], out=y)
        if self.bias:
            add_bias(y, params["bias"])
        return y, x

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        x: Array = cache
        np.matmul(x.T, dy, out=grads["weight"])  # (P, S)
        if self.bias:
            sum_rows(dy, grads["bias"])
        if not need_dx:
            return None
        dx = ctx.empty(x.shape, dy.dtype)
        return np.matmul(dy, params["weight"].T, out=dx)  # (B, P)

    def values(self, params: Params, x: Array, y: Array, cache: Cache) -> Mapping[str, Value]:
        return {"output": output_value(y), "weight": Value(params["weight"], ("input", "unit"))}
