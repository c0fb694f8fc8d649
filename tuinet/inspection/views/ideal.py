"""What a unit would like best: an input made for it by activation maximisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tuinet.data.preparation import Standardize
from tuinet.inspection.passes import forward
from tuinet.inspection.question import NoDataError, Node, Offer, Question
from tuinet.inspection.view import Axis, Cell, Seen, Table, View
from tuinet.inspection.views.likes import tiles
from tuinet.inspection.views.pictures import columns_of, is_image, is_row
from tuinet.inspection.views.receptive import line_of
from tuinet.inspection.views.search import at_mask, evenly, raw_rows, search, units_of
from tuinet.model.model import Model
from tuinet.model.signals import inputs_of
from tuinet.nn import stack
from tuinet.nn.context import Context
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.params import Array, Params
from tuinet.nn.seq2seq import Seq2Seq

FEW_UNITS = 10
"""Without a unit named, the first so many."""

STARTS = 4
"""Ways up for each unit: the highest counts."""

STEPS = 60
SEED = 0

REAL = 1000
"""Most real inputs that are compared with."""

_UNIT_BY_UNIT = (Linear, Relu, Sigmoid, Tanh, Step, Sign, Softmax, Dropout, GaussianNoise)
_STOPPING = (Relu, Step, Sign)

Climb = Callable[[Array], tuple[Array, Array, Array]]


class Target(NamedTuple):
    """What is made large: of row b the value at `units[b]` of layer `number`, at a place of its maps."""

    number: int
    place: tuple[int, ...]
    units: Array


def ideal(question: Question) -> tuple[Seen, ...]:
    """x* = argmax y_u(x) with ‖x‖ ≤ r: the prepared input of at most a typical size that a unit answers most.

    Erhan, Bengio, Courville & Vincent, "Visualizing higher-layer features of a deep network" (2009); of a class,
    Simonyan, Vedaldi & Zisserman (2013). r is the mean norm of the data, if there are any; else √P for P inputs that
    are standardised, and √P / 2 for others, as for pixels of 0 to 1.

    Gradient ascent from four small random inputs, always the same: x ← the point of the ball next to
    x + η r g/‖g‖, η doubled when that was higher and halved when not. With a large η that is x ← r g/‖g‖, which is the
    answer of a linear unit at once, and never goes down where y_u is convex. A ReLU, sigmoid or softmax at the end is
    left out, since what is best before it is best behind it (a softmax could also push the others down). Where the
    gradient is 0, the way up is asked of the values before the rectifiers and steps that stop it; if that is 0 too, x
    grows as it is.

    Of maps, at the place named, else in their middle. Raises TuinetError for a unit or a place that there is not.
    """
    question, without = _with_data(question)
    model, node = question.model, question.node
    assert node is not None
    line, count = line_of(model), node.after.sizes[-1]
    units = units_of(question, count, tuple(range(min(count, FEW_UNITS))))
    sizes, axes = node.after.sizes[:-1], node.after.axes[:-1]
    place = tuple(size // 2 for size in sizes)
    if question.choice.at is not None:
        place = tuple(int(axis) for axis in np.argwhere(at_mask(question, axes, sizes))[0])
    index = line.paths.index(question.layer)
    climbed = index
    while climbed and isinstance(line.layers[climbed], _UNIT_BY_UNIT):
        climbed -= 1
    radius = _radius(question)
    starts = np.random.default_rng(SEED).normal(size=(STARTS, *line.shapes[0].sizes))
    x = np.tile(_onto(starts, radius / 10), (len(units), *[1] * len(line.shapes[0].sizes)))
    x = x.astype(model.params.vector.dtype)
    target = Target(climbed, place, np.repeat(units, STARTS))
    highest = _ascend(lambda x: _climb(model, target, x), x, radius)
    reached = _values(model, target._replace(number=index), highest).reshape(len(units), STARTS)
    best = reached.argmax(axis=1)
    inputs = highest.reshape(len(units), STARTS, *highest.shape[1:])[np.arange(len(units)), best]
    return tuple(_seen(question, units, inputs, reached.max(axis=1), place, (radius, without)))


def _with_data(question: Question) -> tuple[Question, str]:
    """The question with its data at hand; without any, where the model's own cannot be had, and why."""
    if question.part is None:
        return question, ""
    try:
        part = question.need_part()
    except NoDataError as error:
        return replace(question, part=None), error.message
    return replace(question, part=lambda: part), ""


def _ascend(climb: Climb, x: Array, radius: float) -> Array:
    """The highest points (B, …) on B ways up from x, in the ball."""
    values, slopes, stuck = climb(x)
    best, heights = x, values
    eta = np.ones(len(x))
    for _ in range(STEPS):
        trial = _inside(x + _shaped(eta, x) * _onto(slopes, radius), radius)
        new, new_slopes, new_stuck = climb(trial)
        going = (new > values) | stuck
        higher = new > heights
        best, heights = np.where(_shaped(higher, x), trial, best), np.where(higher, new, heights)
        eta = np.where(going, np.minimum(eta * 2, 1024), eta / 2)
        x, slopes = (np.where(_shaped(going, x), *pair) for pair in ((trial, x), (new_slopes, slopes)))
        values, stuck = np.where(going, new, values), np.where(going, new_stuck, stuck)
        if (eta < 1e-4).all():
            break
    return best


def _climb(model: Model, target: Target, x: Array) -> tuple[Array, Array, Array]:
    """(B,) the values at x, (B, …) the way up from there, and (B,) whether the gradient itself was 0."""
    line, params = line_of(model), _params(model)
    with np.errstate(all="ignore"):
        traced = forward(line.layers[: target.number + 1], params, x, Context(plain=True)).traced
        y = traced[-1].y
        where = (np.arange(len(x)), *target.place, target.units)
        dy = np.zeros_like(y)
        dy[where] = 1
        slopes = _back(traced, params, dy)
        stuck = np.logical_not(slopes.reshape(len(x), -1).any(axis=1))
        if stuck.any():
            open_ways = [
                each._replace(layer=Linear()) if isinstance(each.layer, _STOPPING) else each for each in traced
            ]
            slopes = np.where(_shaped(stuck, x), _back(open_ways, params, dy), slopes)
            slopes = np.where(_shaped(_norms(slopes) == 0, x), x, slopes)
    return y[where].astype(np.float64), slopes, stuck


def _back(traced: list[stack.LayerTrace], params: Params, dy: Array) -> Array:
    grads = params.like(np.empty_like(params.vector))
    found, _ = stack.trace_back(traced, params, dy, None, grads, Context(plain=True))
    return found[0].dx


def _values(model: Model, target: Target, x: Array) -> Array:
    line = line_of(model)
    with np.errstate(all="ignore"):
        outputs = forward(line.layers[: target.number + 1], _params(model), x, Context(plain=True)).outputs
    return outputs[(np.arange(len(x)), *target.place, target.units)].astype(np.float64)


def _params(model: Model) -> Params:
    if isinstance(model.network.layers[0], Seq2Seq):
        return model.params.scope(model.network.names()[0]).scope("encoder")
    return model.params


def _radius(question: Question) -> float:
    """The norm of a typical prepared input."""
    model = question.model
    if question.part is not None and len(part := question.need_part()):
        inputs, _ = raw_rows(model, part, evenly(len(part), REAL))
        with np.errstate(all="ignore"):
            prepared = inputs_of(model.meta, inputs, Context(), np.float64)
        norms = np.linalg.norm(prepared.reshape(len(prepared), -1), axis=1)
        if norms.any():
            return float(norms.mean())
    standard = any(isinstance(step, Standardize) for step in model.meta.preparation)
    return float(np.sqrt(model.prepared_shape.size)) * (1.0 if standard else 0.5)


def _shaped(rows: Array, like: Array) -> Array:
    """(B,) as (B, 1, …)."""
    return rows.reshape(-1, *[1] * (like.ndim - 1)).astype(bool if rows.dtype == bool else like.dtype)


def _norms(x: Array) -> Array:
    return np.linalg.norm(x.reshape(len(x), -1).astype(np.float64), axis=1)


def _onto(x: Array, radius: float) -> Array:
    """Each x with this norm; 0 stays 0."""
    norms = _norms(x)
    return x * _shaped(radius / np.where(norms > 0, norms, 1), x)


def _inside(x: Array, radius: float) -> Array:
    """The points of the ball next to each x."""
    return x * _shaped(np.minimum(1, radius / np.maximum(_norms(x), np.finfo(np.float64).tiny)), x)


def _seen(
    question: Question,
    units: tuple[int, ...],
    inputs: Array,
    reached: Array,
    place: tuple[int, ...],
    norm: tuple[float, str],
) -> Iterator[Seen]:
    """`norm`: the largest there may be, and why it is not that of data."""
    model, node = question.model, question.node
    assert node is not None
    labels = tuple(f"{unit}: {value:.3g}" for unit, value in zip(units, reached.tolist(), strict=True))
    count = node.after.sizes[-1]
    radius, without = norm
    notes = [f"inputs of norm {radius:.4g} at most, prepared"]
    if without:
        notes.append(f"not the norm of its data, and compared with none: {without}")
    if place:
        notes.append("at " + ", ".join(f"{axis} {at}" for axis, at in zip(node.after.axes, place, strict=False)))
    if question.choice.units is None and count > len(units):
        notes.append(f"the first {len(units)} of {count} units")
    real: list[float | None] = [None] * len(units)
    if question.part is not None:
        found = search(question, REAL)
        real = [float(found.values[0, unit]) for unit in units]
        notes.append(f"compared with {found.looked:,} real inputs, wherever in them a unit answers most")
    flat = [
        str(unit) for unit, value in zip(units, reached.tolist(), strict=True) if not np.isfinite(value) or value == 0
    ]
    if flat:
        notes.append(f"found nothing that excites {', '.join(flat)}: their pictures are where the search began")
    title = f"what units of {question.layer} would like best"
    rows: list[tuple[Cell, ...]] = [*zip(units, reached.tolist(), real, _norms(inputs).tolist(), strict=True)]
    yield Table("ideal", ("unit", "reached", "real inputs reach", "norm"), tuple(rows), title, tuple(notes))
    if is_image(model):
        yield from tiles("ideal", inputs, Axis("unit", labels), title)
        return
    names = tuple(name for name, own in columns_of(model) for _ in range(own.stop - own.start)) if is_row(model) else ()
    axes = tuple(Axis(axis, names) for axis in model.prepared_shape.axes)
    yield View("ideal", "matrix" if len(axes) == 1 else "images", (Axis("unit", labels), *axes), inputs, title=title)


def _fits(model: Model, node: Node | None) -> bool:
    shape, line = model.prepared_shape, line_of(model)
    if node is None or shape.sequence or shape.kind != "number" or node.path not in line.paths:
        return False
    return not node.after.sequence


VIEWS: tuple[Offer, ...] = (
    Offer(
        "ideal", "an input made for a unit, that it answers most", "nothing", _fits, ideal, ("units", "at"), uses="data"
    ),
)
