"""One thing to look at: an array, what its axes mean, and how it wants to be drawn. `render` draws it by its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from tuinet.nn.params import Array

if TYPE_CHECKING:  # whoever draws views needs no models
    from tuinet.inspection.trace import Trace
    from tuinet.nn.layer import Value

Kind = Literal["image", "images", "matrix", "vector"]


class Axis(msgspec.Struct, frozen=True):
    """An axis by name, and the names of its places if they have any."""

    name: str
    labels: tuple[str, ...] = ()


class View(msgspec.Struct, frozen=True):
    """`data` has one axis for each of `axes`, in this order.

    image   row, column, channel (1 or 3 channels)
    images  item, row, column: feature maps or kernels, one picture each
    matrix  row, column of a table of numbers
    vector  one value per unit
    """

    name: str
    kind: Kind
    axes: tuple[Axis, ...]
    data: Array


def views(trace: Trace, sample: int = 0) -> tuple[View, ...]:
    """All that `trace` holds about one of its samples, from the input to the scores; of a sequence, as far as it goes.

    Raises IndexError if there is no such sample.
    """
    found = [view("input", trace.input, sample, _steps(trace, "input", sample))]
    found += [view(path, value, sample, _steps(trace, path, sample)) for path, value in trace.values.items()]
    scores = view("scores", trace.scores, sample, _steps(trace, "scores", sample))
    labels = trace.prediction.meta.labels if trace.prediction is not None else ()
    if labels and len(labels) == scores.data.shape[-1]:
        scores = msgspec.structs.replace(scores, axes=(Axis("class", labels),))
    return (*found, scores)


def _steps(trace: Trace, path: str, sample: int) -> tuple[str, ...] | None:
    """The names of the steps of one sample, "" where they have none; None if it has no steps."""
    written = bool(trace.target_lengths) and (path == "scores" or "decoder" in path.split("/"))
    lengths, tokens = (trace.target_lengths, trace.target_tokens) if written else (trace.lengths, trace.tokens)
    if not lengths:
        return None
    return tokens[sample] if tokens else ("",) * lengths[sample]


def view(name: str, value: Value, sample: int = 0, steps: tuple[str, ...] | None = None) -> View:
    """One value as it wants to be seen; of outputs (axis "sample"), those of one sample.

    `steps`: the names of the sample's steps, for an axis "step", which is cut to so many.
    """
    array, axes = value.array, value.axes
    if axes[0] == "sample":
        array, axes = array[sample], axes[1:]
    labels: dict[str, tuple[str, ...]] = {}
    if steps is not None and axes[:1] == ("step",) and len(array) >= len(steps):
        array = array[: len(steps)]
        labels = {"step": steps} if any(steps) else {}
    if axes == ("row", "column", "channel") and array.shape[2] not in (1, 3):
        array, axes = np.moveaxis(array, 2, 0), ("channel", "row", "column")  # feature maps, one picture each
    elif axes == ("row", "column", "channel", "filter"):
        rows, columns, channels, filters = array.shape
        # (kh, kw, C, F) → (F·C, kh, kw): every kernel is a picture; those of one filter lie side by side
        array = np.transpose(array, (3, 2, 0, 1)).reshape(filters * channels, rows, columns)
        axes = ("kernel", "row", "column")
    kinds: dict[int, Kind] = {1: "vector", 2: "matrix", 3: "image" if axes[-1] == "channel" else "images"}
    if array.ndim not in kinds:
        raise ValueError(f"{name} has {array.ndim} axes, which no view shows")
    return View(name, kinds[array.ndim], tuple(Axis(axis, labels.get(axis, ())) for axis in axes), np.array(array))
