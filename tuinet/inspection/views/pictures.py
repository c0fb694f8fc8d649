"""Numbers that belong to the parts of an input, as pictures beside the input: its cells, columns, symbols or steps."""

from __future__ import annotations

from collections.abc import Sequence as Several

import numpy as np

from tuinet.inspection.passes import source_of
from tuinet.inspection.trace import shown
from tuinet.inspection.view import Axis, View, view
from tuinet.inspection.views.score import Answer, Score, first_layer, in_words
from tuinet.model.model import Model
from tuinet.nn.params import Array

MOST_AXES = 4
"""Of a sample, and the one of the samples themselves: more no view shows."""


def about(answer: Answer, score: Score, more: str = "") -> str:
    """One line: of which sample, which score."""
    return f"{answer.name}: {in_words(answer, score)}" + (f"; {more}" if more else "")


def is_image(model: Model) -> bool:
    """Whether an input is rows, columns and channels."""
    return len(model.prepared_shape.sizes) == 3 and not model.prepared_shape.sequence


def is_row(model: Model) -> bool:
    """Whether an input is one row of numbers, as of a table."""
    return len(model.prepared_shape.sizes) == 1 and not model.prepared_shape.sequence


def input_view(answer: Answer) -> tuple[View, ...]:
    """The input as the network sees it; none of symbols, which stand beside whatever belongs to them, nor of sequences
    of coloured images, whose four axes no view shows."""
    model = answer.model
    if model.prepared_shape.kind == "id":
        return ()
    value = shown(source_of(answer.run.places[first_layer(model)].x), model.prepared_shape.axes)
    if len(value.axes) > MOST_AXES:
        return ()
    found = view("input", value, 0)
    if is_row(model):
        names = tuple(name for name, place in columns_of(model) for _ in range(place.stop - place.start))
        found = View("input", "vector", (Axis("input", names),), found.data)
    return (View(found.name, found.kind, found.axes, found.data, title=f"{answer.name}, prepared"),)


def columns_of(model: Model) -> list[tuple[str, slice]]:
    """The columns of the table that a row comes from, and which inputs each became; without a table each input."""
    (count,) = model.prepared_shape.sizes
    columns = model.meta.columns
    if sum(column.width for column in columns) != count:
        return [(str(place), slice(place, place + 1)) for place in range(count)]
    ends = np.cumsum([column.width for column in columns]).tolist()
    return [(column.name, slice(end - column.width, end)) for column, end in zip(columns, ends, strict=True)]


def over_input(
    name: str,
    title: str,
    answer: Answer,
    scores: Several[Score],
    data: Array,
    notes: tuple[str, ...] = (),
    tokens: tuple[str, ...] | None = None,
) -> View:
    """`data` (K, *places): for each of K scores a number for each cell (H, W) of an image, each column of a row, each
    symbol or image (T,), or each value (T, P) of other sequences. One score: without the axis of scores, unless it is a
    map over an image.

    tokens  the symbols, if they are not all of the input
    """
    model = answer.model
    if is_image(model):
        axes = (Axis("row"), Axis("column"))
    elif is_row(model):
        axes = (Axis("column", tuple(own for own, _ in columns_of(model))),)
    elif model.prepared_shape.kind == "id":
        axes = (Axis("symbol", answer.tokens if tokens is None else tokens),)
    else:
        axes = (Axis("step"), Axis("input"))[: data.ndim - 1]
    if len(scores) > 1 or is_image(model):
        of = Axis("answer", tuple(score.name for score in scores))
        return View(name, "images" if len(axes) == 2 else "matrix", (of, *axes), data, title=title, notes=notes)
    (one,) = data
    return View(name, "matrix" if len(axes) == 2 else "vector", axes, one, title=title, notes=notes)
