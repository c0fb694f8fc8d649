"""Gradients by measurement: is what `backward` calculates really the slope?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.params import Array, Params

STEP = 1e-6
"""The half-width of the central difference. In float64 its error, of order STEP² + 1e-16 / STEP, is least near here."""

TOLERANCE = 1e-6
"""The relative error above which a gradient counts as wrong."""


def numerical_gradient(f: Callable[[Array], float], x: Array, eps: float = STEP) -> Array:
    """∂f/∂x by central differences, (f(x + ε) − f(x − ε)) / 2ε for one value at a time. x stays unchanged."""
    x = x.copy()
    gradient = np.empty_like(x)
    values, slopes = x.reshape(-1), gradient.reshape(-1)
    for i, value in enumerate(values.tolist()):
        values[i] = value + eps
        above = f(x)
        values[i] = value - eps
        below = f(x)
        values[i] = value
        slopes[i] = (above - below) / (2 * eps)
    return gradient


def relative_error(a: Array, b: Array) -> float:
    """‖a − b‖ / (‖a‖ + ‖b‖): 0 for equal arrays, 1 for opposite ones."""
    scale = float(np.linalg.norm(a)) + float(np.linalg.norm(b))
    difference = float(np.linalg.norm(a - b))
    return 0.0 if difference == 0 else difference / scale


def check_layer(
    layer: Layer, shape: Shape, *, batch: int = 2, seed: int = 0, training: bool = False, plain: bool = False
) -> dict[str, float]:
    """Relative error of every gradient of `layer` for random inputs of `shape`: {"input": …, "weight": …}.

    All in float64, for J = Σ r·y with random r, parameters drawn from N(0, ½). With `training` the random numbers of
    dropout and noise are the same in every pass. A gradient that `backward` forgets to write gives NaN.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(batch, *shape.sizes))
    params = Params.zeros(layer.param_shapes(shape), np.float64)
    params.vector[:] = rng.normal(0.0, 0.5, params.vector.shape)
    weights = rng.normal(size=(batch, *layer.output_shape(shape).sizes))

    def loss(x: Array, vector: Array) -> float:
        ctx = Context(training=training, plain=plain, key=(seed, 1, 0))
        return float(np.sum(weights * layer.forward(params.like(vector), x, ctx)[0]))

    ctx = Context(training=training, plain=plain, key=(seed, 1, 0))
    _, cache = layer.forward(params, x, ctx)
    grads = params.like(np.full(params.vector.shape, np.nan))
    dx = layer.backward(params, cache, weights, grads, ctx)
    assert dx is not None
    errors = {"input": relative_error(dx, numerical_gradient(lambda changed: loss(changed, params.vector), x))}
    measured = params.like(numerical_gradient(lambda changed: loss(x, changed), params.vector))
    return errors | {name: relative_error(grads[name], measured[name]) for name in params}


def wrong(errors: Mapping[str, float]) -> list[str]:
    """The names whose gradients are not right (NaN counts as wrong)."""
    return [name for name, error in errors.items() if not error <= TOLERANCE]
