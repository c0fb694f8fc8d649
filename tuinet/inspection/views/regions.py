"""How a classifier of two inputs cuts their plane into regions: what it says of every place, and the data over it."""

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
from tuinet.inspection.words import LISTED, counts
from tuinet.model.model import Model
from tuinet.nn.params import Array

SIDE = 101
"""Places along each side of the plane; odd, so that the middle is one of them."""


def regions(question: Question) -> tuple[Seen, ...]:
    """The class and how sure it is of SIDE × SIDE places of the plane (row 0 is the top), and the samples over them.

    Raises TuinetError if the data are not what the model takes.
    """
    model = question.model
    samples = known_samples(question)
    across, upwards = ranges(model, None if samples is None else samples[0])
    x, y = np.linspace(*across, SIDE), np.linspace(*upwards, SIDE)[::-1]
    grid = np.stack([np.tile(x, SIDE), np.repeat(y, SIDE)], axis=1)  # (R·C, 2), row by row
    classes, sure = said(model, grid)
    points = () if samples is None else (_points(model, *samples),)
    probable = _probable(model)
    data = np.stack([classes, sure], axis=1).reshape(SIDE, SIDE, 2)
    labels = model.meta.labels
    right, up = input_names(model)
    axes = (Axis(up), Axis(right), Axis("value", ("class", "probability" if probable else "margin")))
    notes = [f"across: {right} {written(across)}; upwards: {up} {written(upwards)}", _shares(classes, labels)]
    for each in points:
        wrong, total = 0 if each.wrong is None else int(each.wrong.sum()), len(each.x)
        notes.append(f"{wrong:,} of {counts(total, 'point')} of the data on a wrong side")
    notes.append("how sure: the probability of the class" if probable else "how sure: how far from the border")
    return (
        View(
            "regions",
            "regions",
            axes,
            data,
            np.stack([x, y]),
            low=0.0,
            high=float(len(labels) - 1),
            title=f"what {model.meta.name} says where",
            notes=tuple(notes),
            points=points,
            classes=labels,
        ),
    )


def said(model: Model, inputs: Array) -> tuple[Array, Array]:
    """For raw inputs (N, 2) the number of the class (N,), and how sure that is: its probability where the outputs are
    probabilities, else by how much the output would have to change for another answer. Both NaN where an output is no
    number."""
    outputs = outputs_at(model, inputs)
    prediction = model.interpret(outputs)
    assert prediction.ids is not None
    coding = model.meta.coding
    with np.errstate(all="ignore"):
        if coding.kind == "binary":
            middle = (coding.low + coding.high) / 2
            if _probable(model):  # bits are independent
                sure = np.maximum(prediction.scores, 1 - prediction.scores).prod(axis=1)
            else:  # a perceptron's scores are signs, its outputs are not
                sure = np.abs(outputs - middle).min(axis=1)
        elif _probable(model):
            sure = prediction.scores.max(axis=1)
        else:
            ranked = np.sort(outputs, axis=1)
            sure = ranked[:, -1] - ranked[:, -2] if outputs.shape[1] > 1 else np.zeros(len(outputs))
    known = np.isfinite(outputs).all(axis=1)
    return np.where(known, prediction.ids, np.nan), np.where(known, sure, np.nan)


def _probable(model: Model) -> bool:
    return model.meta.loss.activation in ("softmax", "sigmoid")


def _points(model: Model, inputs: Array, targets: Array) -> Points:
    """The samples, and which of them are not answered as they should be; no number is no right answer."""
    if targets.ndim != 1 or targets.dtype.kind not in "iu":
        name = model.meta.name
        raise TuinetError(f"{name} tells classes apart, but these data have real values as targets", "Take others.")
    model.meta.coding.encode(targets)  # raises for a class that there is not
    classes, _ = said(model, inputs)
    return Points("data", inputs[:, 0], inputs[:, 1], classes != targets)


def _shares(classes: Array, labels: tuple[str, ...]) -> str:
    """How much of the plane each class has, the largest first."""
    known = classes[np.isfinite(classes)].astype(np.intp)
    found = np.bincount(known, minlength=len(labels)) / len(classes)
    order = np.argsort(-found, kind="stable")
    told = [f"{labels[place]} {100 * found[place]:.3g} %" for place in order[:LISTED].tolist()]
    told += [f"{len(labels) - len(told):,} more"] if len(labels) > len(told) else []
    told += [f"no number {100 * (1 - len(known) / len(classes)):.3g} %"] if len(known) < len(classes) else []
    return f"of the plane: {', '.join(told)}"


def in_plane(model: Model, node: Node | None) -> bool:
    """Whether the model tells classes of two numbers apart."""
    return node is None and model.meta.task == "classification" and takes_vectors(model, 2)


VIEWS: tuple[Offer, ...] = (
    Offer("regions", "which class it says where in the plane of two inputs", "nothing", in_plane, regions, uses="data"),
)
