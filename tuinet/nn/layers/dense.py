"""The dense (fully connected) layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.initializers import Initializer
from tuinet.nn.layer import Cache, Layer, Shape, ShapeError, Value
from tuinet.nn.layers.checks import output_value, require_vector
from tuinet.nn.layers.numeric import add_bias, sum_rows
from tuinet.nn.layers.windows import Size
from tuinet.nn.params import Array, Params, ParamSpec


class Dense(Layer, frozen=True, tag="dense"):
    """y = x W + b: every output sees every input.

    x (B, P), W = weight (P, S), b = bias (S,), y (B, S), with S = `units`.
    """

    stem = "dense"

    units: Size | None = None
    """How many neurons, and so outputs, there are. Unset, in the last layer: as many as the targets need."""
    bias: bool = True
    """Whether each neuron has a bias."""
    initializer: Initializer | None = None
    """How the weights start. Unset: He before a ReLU, Glorot before anything else."""

    def output_shape(self, shape: Shape) -> Shape:
        require_vector("dense", shape)
        return Shape.vector(self._units)

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        inputs, units = shape.size, self._units
        specs = {"weight": ParamSpec((inputs, units), "weight", inputs, units, self.initializer)}
        if self.bias:
            specs["bias"] = ParamSpec((units,), "bias", inputs, units)
        return specs

    def multiply_adds(self, shape: Shape) -> int:
        return shape.size * self._units

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y = ctx.empty((x.shape[0], self._units), x.dtype)  # (B, S)
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

    @property
    def _units(self) -> int:
        if self.units is None:
            raise ShapeError("the number of its units is not set", "only in the last layer it can be left out", "units")
        return self.units

    def values(self, params: Params, x: Array, y: Array, cache: Cache) -> Mapping[str, Value]:
        return {"output": output_value(y), "weight": Value(params["weight"], ("input", "unit"))}
