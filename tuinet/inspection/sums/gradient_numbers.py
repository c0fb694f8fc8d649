"""The gradient of one weight by measurement, and what lies in the way of one: kinks between the two measured points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np

from tuinet.inspection.loss import loss_change, loss_of
from tuinet.inspection.passes import Back, Pass, Place, back, forward, in_float64
from tuinet.inspection.question import Question
from tuinet.model.raw import finite
from tuinet.model.signals import inputs_of, signals
from tuinet.nn.context import Context, philox
from tuinet.nn.gradcheck import STEP
from tuinet.nn.layers.activation import Relu, Sign, Step
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.over_time import MaxOverTime
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.losses import Hinge, Perceptron
from tuinet.nn.params import Array, Params
from tuinet.nn.sequence import Sequence

ROUNDINGS = 8.0
"""So many times is a value of a pass off by its rounding at most, in units of the last place of its layer's largest;
once was the most in some thousand weights of the models that ship."""


class Measured(NamedTuple):
    """(J(w + ε) − J(w − ε)) / 2ε.

    rounding  by how much it may be off because the values of both passes are rounded
    gradient  dJ/dw of the way back that begins at w, in the same numbers; NaN if it was not gone
    kinks     layers that bend or jump between w − ε and w + ε, where this is no slope
    """

    value: float
    epsilon: float
    kinks: tuple[str, ...]
    rounding: float = 0.0
    gradient: float = np.nan


def measured(
    run: Callable[[Params], Pass],
    change: Callable[[Pass, Pass], float],
    params: Params,
    path: str,
    index: tuple[int, ...],
    behind: Back | None = None,
) -> Measured:
    """Of the weight at `index` of a parameter; `params` stay as they are.

    `run` is one pass with such parameters, `change` is J of one pass less J of another, `behind` the way back at w.
    """
    weight = float(params[path][index])
    epsilon = STEP * max(1.0, abs(weight))
    passes: list[Pass] = []
    moved: list[float] = []
    for side in (1, -1):
        changed = params.like(params.vector.copy())
        changed[path][index] = weight + side * epsilon
        moved.append(float(changed[path][index]))
        with np.errstate(all="ignore"):
            passes.append(run(changed))
    above, below = passes
    wide = moved[0] - moved[1]
    kinks = tuple(name for name, place in above.places.items() if _bends(place, below.places[name]))
    found = Measured(change(above, below) / wide, epsilon, kinks)
    if behind is None:
        return found
    return found._replace(rounding=_rounding(above, below, behind) / wide, gradient=float(behind.params[path][index]))


def _rounding(above: Pass, below: Pass, behind: Back) -> float:
    """By how much the change of J may be off: Σ |dJ/dy| · eps · max |y| over all values y that changed, of all layers.

    Values that did not change were rounded alike in both passes.
    """
    total = 0.0
    for path, place in above.places.items():
        slopes, one, other = (_values(each) for each in (behind.of_output.get(path), place.y, below.places[path].y))
        if slopes is not None and one.dtype.kind == "f":
            largest = float(np.abs(one).max(initial=0.0))
            total += float(np.abs(slopes[one != other]).sum()) * largest * float(np.finfo(one.dtype).eps)
    return ROUNDINGS * total


def measured_in_float64(question: Question, path: str, index: tuple[int, ...]) -> Measured:
    """In a float64 copy of the model, with the same batch and the same masks."""
    samples, model = question.need_samples(), in_float64(question.model)
    targets = samples.targets
    assert targets is not None
    dtype, fed = np.dtype(np.float64), question.fed
    with np.errstate(all="ignore"):
        if fed is not None:
            signal = signals(model.meta, finite(samples.inputs), fed, Context(), dtype).inputs
        else:
            signal = inputs_of(model.meta, finite(samples.inputs), Context(), dtype)
    slopes: list[Array] = []

    def run(params: Params) -> Pass:
        return forward(model.network.layers, params, signal, _context(question))

    def change(above: Pass, below: Pass) -> float:
        slopes.extend(_values(loss_of(model, each, samples.inputs, targets).dy) for each in (above, below))
        return loss_change(model, above, below, samples.inputs, targets)

    with np.errstate(all="ignore"):
        here = run(model.params)
        behind = back(here, loss_of(model, here, samples.inputs, targets).dy, _context(question))
        found = measured(run, change, model.params, path, index, behind)
    if isinstance(model.meta.loss, Hinge | Perceptron) and not np.array_equal(
        slopes[0], slopes[1]
    ):  # these slopes only jump
        return found._replace(kinks=(*found.kinks, "the loss"))
    return found


class _Narrow:
    """Draws in float32 whatever it is asked for, so that a float64 copy of a float32 model has the model's masks."""

    def __init__(self, masks: int) -> None:
        self._drawn = philox(masks)

    def random(self, *, out: Array, dtype: Any) -> Array:
        out[...] = self._drawn.random(out.shape, np.float32)
        return out

    def standard_normal(self, *, out: Array, dtype: Any) -> Array:
        out[...] = self._drawn.standard_normal(out.shape, np.float32)
        return out


class _SameMasks(Context):
    """The context of a training pass whose random numbers are those of a float32 pass."""

    def __init__(self, masks: int) -> None:
        super().__init__(training=True, plain=True)
        self._narrow = cast("np.random.Generator", _Narrow(masks))

    @property
    def rng(self) -> np.random.Generator:
        return self._narrow


def _context(question: Question) -> Context:
    if question.masks is None:
        return Context(plain=True)
    if question.model.params.vector.dtype == np.float32:
        return _SameMasks(question.masks)
    return Context(training=True, plain=True, key=(question.masks, 0, 0))


def _bends(one: Place, other: Place) -> bool:
    """Whether a layer that is straight but for kinks is on another side of one in the other pass."""
    layer = one.layer
    if isinstance(layer, Bidirectional):
        layer = layer.layer
    if isinstance(layer, Step | Sign):
        return not np.array_equal(_values(one.y), _values(other.y))
    if isinstance(layer, RNN):
        return layer.activation == "relu" and not np.array_equal(_values(one.y) > 0, _values(other.y) > 0)
    if isinstance(layer, Relu | MaxPool | MaxOverTime):
        return not np.array_equal(_slopes(one), _slopes(other))
    return False


def _slopes(place: Place) -> Array:
    """What goes back through a layer where 1 comes in everywhere: which inputs it let through."""
    ones = np.ones_like(_values(place.y))
    whole = isinstance(place.y, Sequence) and place.layer.over_time
    dy: Any = Sequence(ones, place.y.steps) if whole else ones
    return _values(place.layer.backward(place.params, place.kept, dy, place.params, Context(plain=True)))


def _values(signal: Any) -> Array:
    return signal.values if isinstance(signal, Sequence) else signal
