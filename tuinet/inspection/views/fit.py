"""The curve that a regression of one input draws, and the data it was to pass through."""

from __future__ import annotations

import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.view import Axis, Points, Seen, View
from tuinet.inspection.views.over_inputs import (
    input_names,
    known_samples,
    outputs_at,
    ranges,
    takes_vectors,
    written,
)
from tuinet.inspection.words import counts
from tuinet.model.model import Model
from tuinet.nn.params import Array

PLACES = 241
"""Places of the input that the curve goes through."""


def fit(question: Question) -> tuple[Seen, ...]:
    """What the model answers over the range of its input, and the samples as points over it, sorted by their input.

    Raises TuinetError if the data are not what the model takes.
    """
    model = question.model
    samples = known_samples(question)
    (reach,) = ranges(model, None if samples is None else samples[0])
    x = np.linspace(*reach, PLACES)
    curves = answers_at(model, x)  # (T, PLACES)
    names = model.meta.target_names or (("y",) if len(curves) == 1 else tuple(f"y{n + 1}" for n in range(len(curves))))
    (name,) = input_names(model)
    notes = [f"{name} {written(reach)}"]
    points: tuple[Points, ...] = ()
    if samples is not None:
        points, told = _points(model, *samples, names)
        notes.append(told)
    axes = (Axis("line", tuple(f"{each}, as the model says" for each in names)), Axis(name))
    title = f"what {model.meta.name} says over its input"
    return (View("fit", "series", axes, curves, x, title=title, notes=tuple(notes), points=points),)


def answers_at(model: Model, x: Array) -> Array:
    """(T, N): the values that the model answers to inputs (N,)."""
    return model.interpret(outputs_at(model, x[:, None])).scores.T


def _points(model: Model, inputs: Array, targets: Array, names: tuple[str, ...]) -> tuple[tuple[Points, ...], str]:
    """The samples by their input, one set for each value they should give, and how far off the model is."""
    if targets.dtype.kind not in "biuf" or targets.size != len(inputs) * len(names):
        given, wanted = "×".join(map(str, targets.shape)), counts(len(names), "value")
        raise TuinetError(f"{model.meta.name} answers {wanted} a sample, but the targets are {given}", "Take others.")
    if not np.isfinite(targets).all():
        raise TuinetError("a target of these data is not a finite number", "Leave the sample out.")
    order = np.argsort(inputs[:, 0], kind="stable")
    x = inputs[order, 0]
    y = targets.reshape(len(inputs), -1)[order].astype(np.float64)
    with np.errstate(all="ignore"):
        error = float(np.square(answers_at(model, x).T - y).mean())
    told = f"{counts(len(x), 'point')} of the data, mean squared error {error:.4g}"
    return tuple(Points(f"{name} in the data", x, y[:, n]) for n, name in enumerate(names)), told


def is_curve(model: Model, node: Node | None) -> bool:
    """Whether the model answers one number with values."""
    return node is None and model.meta.task == "regression" and takes_vectors(model, 1)


VIEWS: tuple[Offer, ...] = (Offer("fit", "the curve that it fits to the data", "nothing", is_curve, fit, uses="data"),)
