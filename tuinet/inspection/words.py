"""A picture in words: its range, its mean, where its peak is, what is dead. For whoever cannot or need not see it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tuinet.inspection.view import NOT_FINITE, Cell, Part, Seen, Sum, Table, View

if TYPE_CHECKING:  # `render` says and writes views without the mathematics
    from tuinet.nn.params import Array

LISTED = 12
"""How many names are listed before the rest is only counted."""

TERMS = 5
"""How many terms of a sum are named."""


def in_words(seen: Seen) -> tuple[str, ...]:
    """One line or several, for people. Names from files are in them as they are."""
    match seen:
        case View():
            return tuple(_view(seen))
        case Table():
            return tuple(_table(seen))
        case Sum():
            return tuple(_sum(seen))


def _view(view: View) -> Iterator[str]:
    what = {
        "image": "a picture",
        "images": "pictures",
        "matrix": "a matrix",
        "vector": "a vector",
        "series": "curves",
        "histogram": "a histogram",
        "regions": "regions of a plane",
    }[view.kind]
    sizes = " × ".join(f"{size:,} {axis.name}" for size, axis in zip(view.data.shape, view.axes, strict=True))
    yield f"{view.title or view.name}: {what}, {sizes}"
    if not view.data.size:
        yield "it holds no values"
    elif view.kind == "histogram":
        yield from _histogram(view)
    elif view.kind == "series":
        yield from _series(view)
    elif view.kind != "regions":  # its notes say what there is: numbers of classes have no mean
        yield from _values(view)
    yield from view.notes


def _values(view: View) -> Iterator[str]:
    data = view.data
    finite = data[np.isfinite(data)]
    if finite.size < data.size:
        yield f"{data.size - finite.size:,} of {data.size:,} values are not finite numbers"
    if not finite.size:
        return
    zeros = float((finite == 0).mean())
    share = f", {100 * zeros:.0f} % are 0" if zeros else ""
    yield f"from {_n(finite.min())} to {_n(finite.max())}, mean {_n(finite.mean(dtype=np.float64))}{share}"
    masked = np.where(np.isfinite(data), data, -np.inf)
    yield f"largest {_n(finite.max())} at {_place(view, int(masked.argmax()))}"
    if finite.min() < 0:
        masked = np.where(np.isfinite(data), data, np.inf)
        yield f"smallest {_n(finite.min())} at {_place(view, int(masked.argmin()))}"
    yield from _dead(view)


def _dead(view: View) -> Iterator[str]:
    """Which pictures of several, or which units of a matrix over steps, are 0 everywhere."""
    if view.kind == "images":
        axis = 0
    elif view.kind == "matrix" and view.axes[1].name == "unit" and len(view.data) > 1:
        axis = 1
    else:
        return
    others = tuple(each for each in range(view.data.ndim) if each != axis)
    dead = np.flatnonzero((view.data == 0).all(axis=others))
    if len(dead):
        listed = ", ".join(_label(view, axis, int(place)) for place in dead[:LISTED])
        more = f" and {len(dead) - LISTED:,} more" if len(dead) > LISTED else ""
        yield f"0 everywhere: {view.axes[axis].name} {listed}{more}"


def _series(view: View) -> Iterator[str]:
    x = np.arange(view.data.shape[1]) if view.x is None else view.x
    axis = view.axes[1].name
    for row, line in enumerate(view.data):
        known = np.flatnonzero(np.isfinite(line))
        if not len(known):
            yield f"{_label(view, 0, row)}: no finite numbers"
            continue
        low, high = known[line[known].argmin()], known[line[known].argmax()]
        yield (
            f"{_label(view, 0, row)}: {_n(line[known[0]])} at {axis} {_n(x[known[0]])}, "
            f"{_n(line[known[-1]])} at {_n(x[known[-1]])}, lowest {_n(line[low])} at {_n(x[low])}, "
            f"highest {_n(line[high])} at {_n(x[high])}"
        )


def _histogram(view: View) -> Iterator[str]:
    counts = view.data
    total = int(counts.sum())
    if view.x is None or not total:
        yield f"{total:,} values"
        return
    most = int(counts.argmax())
    middle = int(np.searchsorted(np.cumsum(counts), total / 2))
    yield (
        f"{total:,} values from {_n(view.x[0])} to {_n(view.x[-1])}; most ({int(counts[most]):,}) lie between "
        f"{_n(view.x[most])} and {_n(view.x[most + 1])}, the middle one between {_n(view.x[middle])} and "
        f"{_n(view.x[middle + 1])}"
    )


def _table(table: Table) -> Iterator[str]:
    yield f"{table.title or table.name}: {counts(len(table.rows), 'row')}"
    for row in table.rows:
        cells = [
            f"{column} {_cell(cell)}".strip()
            for column, cell in zip(table.columns, row, strict=True)
            if cell not in (None, "")
        ]
        yield ", ".join(cells)
    yield from table.notes


def _sum(found: Sum) -> Iterator[str]:
    yield f"{found.name} = {_n(found.value, 6)}"
    yield found.equation
    for part in found.parts:
        yield _part(part)
    agreement = f"both agree to {found.difference:.1g}" if found.agrees else f"both DIFFER by {found.difference:.3g}"
    yield f"stored {_n(found.stored, 6)}: {_compared(agreement, found.difference, found.bound)}"
    if found.numerical is not None and found.numerical_difference is not None:
        agreement = "both agree" if found.numerical_agrees else "both DIFFER"
        compared = _compared(agreement, found.numerical_difference, found.numerical_bound)
        yield f"numerically {_n(found.numerical, 6)}: {compared}"
    yield from found.notes


def _compared(agreement: str, difference: float, bound: float) -> str:
    return f"{agreement} (allowed {bound:.1g})" if math.isfinite(difference) else NOT_FINITE


def _part(part: Part) -> str:
    largest = sorted(part.terms, key=lambda term: -abs(term.product))[:TERMS]
    named = "; ".join(f"{' × '.join(term.names)} = {_n(term.product)}" for term in largest)
    more = f"; and {len(part.terms) - TERMS:,} smaller ones" if len(part.terms) > TERMS else ""
    how = {"sum": "the sum of", "largest": "the largest of", "only": ""}[part.how]
    after = f", {part.function} of it {_n(part.value, 6)}" if part.function else ""
    return f"{part.name}: {_n(part.total, 6)}, {how} {named}{more}{after}".replace(",  ", ", ")


def counts(number: int, what: str) -> str:
    """Like "1 tensor" and "1,200 tensors"."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _place(view: View, flat: int) -> str:
    index = np.unravel_index(flat, view.data.shape)
    return ", ".join(f"{axis.name} {_label(view, k, int(index[k]))}" for k, axis in enumerate(view.axes))


def _label(view: View, axis: int, place: int) -> str:
    labels = view.axes[axis].labels
    return labels[place] if place < len(labels) else str(place)


def _cell(cell: Cell) -> str:
    return _n(cell) if isinstance(cell, float) else f"{cell:,}" if isinstance(cell, int) else str(cell)


def _n(value: float | Array, digits: int = 4) -> str:
    number = float(value)
    return f"{number:.{digits}g}" if math.isfinite(number) else "not a number" if math.isnan(number) else str(number)
