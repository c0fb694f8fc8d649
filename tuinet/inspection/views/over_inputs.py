"""The space that a model's inputs lie in: how far the data reach, and what the model gives at places of it."""

from __future__ import annotations

import numpy as np

from tuinet.data.preparation import Standardize
from tuinet.errors import TuinetError
from tuinet.inspection.question import NoDataError, Question
from tuinet.model.model import Model
from tuinet.model.raw import finite
from tuinet.nn.params import Array

POINTS = 2000
"""Samples that are asked about and drawn, evenly spread over the part."""

MARGIN = 0.1
"""By this part of its width the range goes on beyond the outermost sample, on both sides."""

REACH = 1.5
"""Without data the range is from −1.5 to 1.5, or so many standard deviations about the mean where they are known."""

FARTHEST = 1e300
"""Ends of a range lie no farther out: the distance of two has to be a number."""


def evenly(count: int, most: int) -> Array:
    """At most `most` of the places 0 … count − 1, evenly spread."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(np.intp)


def known_samples(question: Question) -> tuple[Array, Array] | None:
    """Raw inputs (N, P) and targets of some samples of the data; None if there are no data.

    Raises TuinetError if the data are not what the model takes, or hold no sample.
    """
    try:
        part = question.need_part()
    except NoDataError:
        return None
    model = question.model
    if not len(part):
        raise TuinetError(f"there are no samples to look at {model.meta.name} with", "Take another part or other data.")
    inputs, targets = part.take(evenly(len(part), POINTS))
    return np.asarray(finite(model.raw(inputs)), np.float64), np.asarray(targets)


def ranges(model: Model, inputs: Array | None) -> list[tuple[float, float]]:
    """From where to where each input is looked at: as far as the data (N, P) reach, and a margin; without data as far
    as the numbers of the model's preparation say."""
    count = model.meta.input_shape.size
    if inputs is not None:
        low, high = (end(axis=0).clip(-FARTHEST, FARTHEST) for end in (inputs.min, inputs.max))
        room = MARGIN * (high - low)
        room[room == 0] = 1.0  # of one sample, or of an input that never changes
        return list(zip((low - room).tolist(), (high + room).tolist(), strict=True))
    match model.meta.preparation:
        case (Standardize(mean=tuple() as mean, deviation=tuple() as deviation),):
            middle, reach = (np.broadcast_to(np.array(each), count) for each in (mean, deviation))
            return list(zip((middle - REACH * reach).tolist(), (middle + REACH * reach).tolist(), strict=True))
    return [(-REACH, REACH)] * count


def outputs_at(model: Model, inputs: Array) -> Array:
    """(N, S): what the network gives for raw inputs (N, P)."""
    outputs = np.empty((len(inputs), model.output_size), np.float64)
    size = model.batch_size
    batches = (inputs[start : start + size] for start in range(0, len(inputs), size))
    for number, found in enumerate(model.run(batches)):
        outputs[number * size : (number + 1) * size] = found
    return outputs


def input_names(model: Model) -> tuple[str, ...]:
    """What the inputs are called: as the columns of the table they came from, or x1, x2 …; one alone is x."""
    columns, count = model.meta.columns, model.meta.input_shape.size
    if columns and all(column.width == 1 for column in columns):
        return tuple(column.name for column in columns)
    return ("x",) if count == 1 else tuple(f"x{number}" for number in range(1, count + 1))


def takes_vectors(model: Model, width: int) -> bool:
    """Whether a raw sample is a row of so many numbers."""
    shape = model.meta.input_shape
    return shape.sizes == (width,) and not shape.sequence and shape.kind == "number"


def written(ends: tuple[float, float]) -> str:
    """A range in words."""
    low, high = (f"{end:.4g}".replace("-", "−") for end in ends)
    return f"from {low} to {high}"
