"""Views of activations: the function over the range of its inputs, and the Jacobian of softmax."""

from __future__ import annotations

import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.ranges import picked
from tuinet.inspection.view import Axis, Seen, View
from tuinet.inspection.views.outputs import (
    MAPS,
    Shown,
    chosen,
    each_sample,
    named,
    of_kind,
    of_sample,
    one_sample,
    share,
)
from tuinet.inspection.views.places import CURVES, answer_axis, siblings, value_by_value
from tuinet.model.model import Model
from tuinet.nn.context import Context
from tuinet.nn.layer import Layer
from tuinet.nn.layers.activation import Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.losses import apply_activation
from tuinet.nn.params import Array, Params

PLACES = 121
"""Where a curve is worked out: odd, so that 0 is one of them."""

FLAT = 0.01
"""A sigmoid or tanh unit counts as saturated where its slope is less than this part of the steepest."""

MOST_CLASSES = 64
"""So many rows and columns of a Jacobian are shown if none are chosen."""


def curve(question: Question, node: Node, sample: int) -> tuple[Seen, ...]:
    """a = f(n) and its slope over the range of the inputs, and how many of this sample's inputs lie where, drawn as
    high as the curve; the share of the units that are saturated or dead."""
    place = question.run.places[node.path]
    axis = Axis(node.before.axes[-1])
    whole = named(question, place.x, node.before, sample, axis, node.path)
    inputs = chosen(whole, question.choice, node.path, "map" if node.before.axes == MAPS else "unit").data
    finite = inputs[np.isfinite(inputs)].astype(np.float64)
    reach = max(1.0, float(np.abs(finite).max(initial=0.0))) * 1.05
    x = np.linspace(-reach, reach, PLACES)
    values, slopes = function(node.layer, x)
    width = x[1] - x[0]
    edges = np.append(x - width / 2, x[-1] + width / 2)
    counts, _ = np.histogram(finite, edges)
    most = int(counts.max(initial=0))
    here = counts * (max(1.0, float(values.max())) / max(1, most))
    lines = Axis("line", ("a = f(n)", "slope", "inputs here"))
    title = f"{node.path} over the range of its inputs{of_sample(question, sample)}"
    notes = (
        f"{finite.size:,} inputs from {finite.min():.4g} to {finite.max():.4g}" if finite.size else "no finite input",
        f"inputs here: how many lie at each place, at the top {most:,}",
        *(_spent(node.layer, finite) if finite.size else ()),
        *_dead_maps(node.layer, inputs),
    )
    return (View("curve", "series", (lines, Axis("n")), np.stack([values, slopes, here]), x, title=title, notes=notes),)


def function(layer: Layer, x: Array) -> tuple[Array, Array]:
    """The values and the slopes of an activation at x (P,); where it jumps, the slope that it is trained with."""
    nothing = Params.zeros({}, np.float64)
    values, kept = layer.forward(nothing, x[None], Context())
    slopes = layer.backward(nothing, kept, np.ones_like(values), nothing, Context())
    assert slopes is not None
    return np.array(values[0]), np.array(slopes[0])


def _spent(layer: Layer, n: Array) -> tuple[str, ...]:
    """What share of the units has (nearly) no slope."""
    match layer:
        case Relu():
            return (f"{share(float((n <= 0).mean()))} are not above 0: they give 0 and have no slope",)
        case Sigmoid() | Tanh():
            slopes = function(layer, n)[1]
            steepest = 0.25 if isinstance(layer, Sigmoid) else 1.0
            flat = float((slopes < FLAT * steepest).mean())
            return (f"{share(flat)} are saturated: a slope of less than {FLAT:.0%} of the steepest",)
        case Step() | Sign():
            up = share(float((n >= 0).mean()))
            return (f"{up} are not below 0: they give 1", "the slope is 0 on both sides: nothing is learnt through it")
        case _:
            return ("it changes nothing: every slope is 1",)


def _dead_maps(layer: Layer, inputs: Array) -> tuple[str, ...]:
    """The maps that a ReLU makes 0 everywhere, as numbered among those that were chosen."""
    if not isinstance(layer, Relu) or inputs.ndim != 3:
        return ()
    dead = int((~(inputs > 0).any(axis=(0, 1))).sum())
    return (f"{dead} of {inputs.shape[2]} maps are 0 everywhere",) if dead else ()


def jacobian(question: Question, node: Node, sample: int) -> tuple[Seen, ...]:
    """∂aᵢ/∂nⱼ = aᵢ (δᵢⱼ − aⱼ), the whole matrix F′(n) of a softmax: of this layer, or of the one that the loss puts
    behind the last layer. Rows are outputs, columns net inputs.

    Of a sequence at the chosen step, else the last; of images at the chosen place, else row 0, column 0.
    """
    y = one_sample(question.run.places[node.path].y, sample)
    labels = answer_axis(question.model, node) or Axis(node.after.axes[-1])
    shown = Shown(y, (*map(Axis, node.after.axes[:-1]), labels))
    if node.after.sequence:
        shown = Shown(y, (Axis("step"), *shown.axes))
    choice = question.choice._replace(units=None)
    where = ""
    if node.after.sequence:
        step = len(y) - 1 if choice.step is None else choice.step
        choice, where = choice._replace(step=step), f" at step {step}"
    between = len(node.after.sizes) - 1
    if between:
        at = choice.at or (0,) * between
        choice, where = choice._replace(at=at), f"{where} at {', '.join(map(str, at))}"
    a = chosen(shown, choice, node.path).data.astype(np.float64)
    if not isinstance(node.layer, Softmax):
        a = apply_activation(question.model.meta.loss, a[None])[0]
    if a.ndim != 1:
        raise TuinetError(f"{node.path} has several softmaxes", "Name a place.")
    units = _classes(question, node, a)
    notes = [f"{_name(labels, unit)}: a = {a[unit]:.6g}" for unit in sorted(units, key=lambda u: -a[u])[:5]]
    if len(units) < len(a) and question.choice.units is None:
        notes.append(f"the {len(units)} likeliest of {len(a):,}")
    own = a[units]
    matrix = own[:, None] * (np.eye(len(own)) - own[None])
    notes.append(f"the steepest slope is {np.abs(matrix).max(initial=0.0):.4g}, of at most 0.25")
    names = tuple(_name(labels, unit) for unit in units)
    title = f"∂aᵢ/∂nⱼ = aᵢ(δᵢⱼ − aⱼ) of {node.path}{of_sample(question, sample)}{where}"
    axes = (Axis(f"{labels.name} i", names), Axis(f"{labels.name} j", names))
    return (View("jacobian", "matrix", axes, matrix, title=title, notes=tuple(notes)),)


def _classes(question: Question, node: Node, a: Array) -> list[int]:
    if question.choice.units is not None or len(a) <= MOST_CLASSES:
        return picked(question.choice.units, len(a), "unit", node.path)
    return sorted(np.argsort(-np.nan_to_num(a), kind="stable")[:MOST_CLASSES].tolist())


def _name(axis: Axis, place: int) -> str:
    return axis.labels[place] if axis.labels else str(place)


def _has_softmax(model: Model, node: Node | None) -> bool:
    """A softmax layer, or the layer whose outputs the loss puts through a softmax."""
    if node is None or isinstance(node.layer, Softmax):
        return node is not None
    _, after = siblings(model, node)
    last = not after and "/encoder/" not in node.path and not value_by_value(node.layer)
    return last and model.meta.loss.activation == "softmax" and bool(node.params) and len(node.after.sizes) == 1


VIEWS: tuple[Offer, ...] = (
    Offer(
        "curve",
        "the function over the range of its inputs",
        "input",
        of_kind(*CURVES),
        each_sample(curve),
        ("units", "at", "step", "masks", "decoder"),
    ),
    Offer(
        "jacobian",
        "the slopes of softmax, all of them",
        "input",
        _has_softmax,
        each_sample(jacobian),
        ("units", "at", "step", "masks", "decoder"),
    ),
)
