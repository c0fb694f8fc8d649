"""The gradient of one weight by measurement, and what lies in the way of one: kinks between the two measured points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np

from tuinet.inspection.loss import Loss, loss_of
from tuinet.inspection.passes import Pass, Place, forward, in_float64
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

At = Callable[[Params], tuple[Pass, float]]
"""One pass with these parameters, and J."""


class Measured(NamedTuple):
    """(J(w + ε) − J(w − ε)) / 2ε. `kinks`: layers that bend or jump between w − ε and w + ε, where this is no slope."""

    value: float
    epsilon: float
    kinks: tuple[str, ...]


def measured(at: At, params: Params, path: str, index: tuple[int, ...]) -> Measured:
    """Of the weight at `index` of a parameter; `params` stay as they are."""
    weight = float(params[path][index])
    epsilon = STEP * max(1.0, abs(weight))
    found: list[tuple[Pass, float]] = []
    moved: list[float] = []
    for side in (1, -1):
        changed = params.like(params.vector.copy())
        changed[path][index] = weight + side * epsilon
        moved.append(float(changed[path][index]))
        with np.errstate(all="ignore"):
            found.append(at(changed))
    (above, high), (below, low) = found
    kinks = tuple(name for name, place in above.places.items() if _bends(place, below.places[name]))
    return Measured((high - low) / (moved[0] - moved[1]), epsilon, kinks)


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
    losses: list[Loss] = []

    def at(params: Params) -> tuple[Pass, float]:
        run = forward(model.network.layers, params, signal, _context(question))
        losses.append(loss_of(model, run, samples.inputs, targets))
        return run, losses[-1].value

    found = measured(at, model.params, path, index)
    one, other = (_values(loss.dy) for loss in losses)
    if isinstance(model.meta.loss, Hinge | Perceptron) and not np.array_equal(one, other):  # these slopes only jump
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
