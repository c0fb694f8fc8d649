"""Gradients by measurement: is what `backward` calculates really the slope?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.layer import Cache, Layer, Shape
from tuinet.nn.params import Array, Params
from tuinet.nn.recurrent import OverTime, State
from tuinet.nn.seq2seq import Pair, Seq2Seq
from tuinet.nn.sequence import Sequence, steps_of

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


def random_input(layer: Layer, shape: Shape, batch: int, rng: np.random.Generator, dtype: Any = np.float64) -> Any:
    """What `layer` takes as input of `shape`: `batch` samples, sequences of 1 to 5 steps in no order of length."""
    if isinstance(layer, Seq2Seq):
        fed = _signal(layer.target_shape(), batch, rng, dtype)
        return Pair(_signal(shape, batch, rng, dtype), fed)
    return _signal(shape, batch, rng, dtype)


def _signal(shape: Shape, batch: int, rng: np.random.Generator, dtype: Any) -> Any:
    steps = steps_of(rng.integers(1, 6, batch)) if shape.sequence else None
    size = (batch if steps is None else steps.total, *shape.sizes)
    values: Array = rng.integers(0, shape.ids, size) if shape.kind == "id" else rng.normal(size=size).astype(dtype)
    return values if steps is None else Sequence(values, steps)


def values_of(signal: Any) -> Array:
    """The numbers of a signal: an array itself, the values of a `Sequence`."""
    return signal.values if isinstance(signal, Sequence) else signal


def with_values(signal: Any, values: Array) -> Any:
    """The same signal with other numbers."""
    return Sequence(values, signal.steps) if isinstance(signal, Sequence) else values


def check_layer(
    layer: Layer, shape: Shape, *, batch: int = 2, seed: int = 0, training: bool = False, plain: bool = False
) -> dict[str, float]:
    """Relative error of every gradient of `layer` for random inputs of `shape`: {"input": …, "weight": …}.

    All in float64, for J = Σ r·y with random r, parameters drawn from N(0, ½). With `training` the random numbers of
    dropout and noise are the same in every pass. A gradient that `backward` forgets to write gives NaN. Ids have no
    gradient. A recurrent layer begins with a random state, J counts its last state too, and the errors hold its first
    state's ("first hidden").
    """
    rng = np.random.default_rng(seed)
    x = random_input(layer, shape, batch, rng)
    params = Params.zeros(layer.param_shapes(shape), np.float64)
    params.vector[:] = rng.normal(0.0, 0.5, params.vector.shape)
    first = _random_state(layer, batch, rng)

    def forward(x: Any, vector: Array, state: State) -> tuple[Any, State, Cache]:
        ctx = Context(training=training, plain=plain, key=(seed, 1, 0))
        if isinstance(layer, OverTime):
            return layer.run(params.like(vector), x, state, ctx)
        y, cache = layer.forward(params.like(vector), x, ctx)
        return y, (), cache

    y, last, cache = forward(x, params.vector, first)
    weights = rng.normal(size=values_of(y).shape)
    of_last = tuple(rng.normal(size=part.shape) for part in last)
    moving = [part not in layer.counters for part in layer.state_sizes()] if isinstance(layer, OverTime) else []

    def loss(x: Any, vector: Array, state: State) -> float:
        y, last, _ = forward(x, vector, state)
        ends = zip(moving, of_last, last, strict=True)
        return float(np.sum(weights * values_of(y))) + sum(float(np.sum(r * end)) for moves, r, end in ends if moves)

    def begun(index: int, part: Array) -> float:
        return loss(x, params.vector, (*first[:index], part, *first[index + 1 :]))

    ctx = Context(training=training, plain=plain, key=(seed, 1, 0))
    grads = params.like(np.full(params.vector.shape, np.nan))
    errors: dict[str, float] = {}
    if isinstance(layer, OverTime):
        dx, dfirst = layer.run_back(params, cache, with_values(y, weights), of_last, grads, ctx)
        for k, name in enumerate(layer.state_sizes()):
            if moving[k]:
                errors[f"first {name}"] = relative_error(dfirst[k], numerical_gradient(partial(begun, k), first[k]))
    else:
        dx = layer.backward(params, cache, with_values(y, weights), grads, ctx)
    if shape.kind == "number" and not isinstance(layer, Seq2Seq):
        measured = numerical_gradient(lambda part: loss(with_values(x, part), params.vector, first), values_of(x))
        errors["input"] = relative_error(values_of(dx), measured)
    slopes = params.like(numerical_gradient(lambda changed: loss(x, changed, first), params.vector))
    return errors | {name: relative_error(grads[name], slopes[name]) for name in params}


def _random_state(layer: Layer, batch: int, rng: np.random.Generator) -> State:
    """A state to begin with; counters stand differently for each sequence."""
    if not isinstance(layer, OverTime):
        return ()
    found: list[Array] = []
    for name, size in layer.state_sizes().items():
        drawn = rng.integers(0, 9, (batch, size)) if name in layer.counters else rng.normal(size=(batch, size))
        found.append(drawn.astype(np.float64))
    return tuple(found)


def wrong(errors: Mapping[str, float]) -> list[str]:
    """The names whose gradients are not right (NaN counts as wrong)."""
    return [name for name, error in errors.items() if not error <= TOLERANCE]
