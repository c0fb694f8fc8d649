"""A sum on paper: the window, the kernel and the products as numbers, or its largest terms; then how it goes on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment

from tuinet.inspection.view import NOT_FINITE, Part, Sum, Table, Term, View
from tuinet.render.grid import plain_numbers
from tuinet.render.oklab import Array
from tuinet.render.paper import BOLD, PLAIN, Lines, Paper, clean, cut, pad, raw, words, wrap
from tuinet.render.tables import drawn as table

TERMS = 20
"""The largest of them are shown, the others counted."""

_CHANNELS = 4
_ROWS = 11
_GAP = 3


def drawn(seen: Sum, paper: Paper) -> Lines:
    """Pictures or terms, the stages, the value beside the stored one."""
    lines = raw(wrap(clean(seen.equation, paper), paper.width, 4), PLAIN, paper) if seen.equation else []
    pictures = _pictures(seen.pictures, paper)
    if pictures:
        lines += [*_blank(), *pictures]
    for number, part in enumerate(seen.parts):
        lines += _blank()
        lines += _part(part, paper, in_pictures=bool(pictures) and number == 0)
    lines += _blank()
    compared = _compared("agree to" if seen.agrees else "DIFFER by", seen.difference, seen.bound)
    lines += words(f"value {exact(seen.value)}   stored {exact(seen.stored)}   {compared}", paper, BOLD, 2)
    if seen.numerical is not None and seen.numerical_difference is not None:
        apart = "agrees to" if seen.numerical_agrees else "DIFFERS by"
        compared = _compared(apart, seen.numerical_difference, seen.numerical_bound)
        lines += words(f"numerical {exact(seen.numerical)}   {compared}", paper, indent=2)
    return [*lines, *(line for note in seen.notes for line in words(note, paper))]


def exact(value: float) -> str:
    """Seven digits: as many as float32 holds."""
    return f"{value:.7g}".replace("-", "−")


def _compared(how: str, difference: float, bound: float) -> str:
    return f"{how} {_short(difference)} (allowed {_short(bound)})" if math.isfinite(difference) else NOT_FINITE


def _short(value: float) -> str:
    return f"{value:.1e}" if 0 < value < 0.001 else f"{value:.3g}"


def _blank() -> Lines:
    return [[Segment("", PLAIN)]]


def _part(part: Part, paper: Paper, in_pictures: bool) -> Lines:
    lines: Lines = []
    if part.name:
        lines += words(part.name, paper, BOLD, 2)
    if in_pictures:
        alone = [term for term in part.terms if len(term.factors) == 1]
        rest = [term for term in part.terms if len(term.factors) != 1]
        if alone and rest and part.how == "sum" and len(alone) <= 3:
            named = "".join(f" + {_name(term)} {exact(term.product)}" for term in alone)
            together = sum(term.product for term in rest)
            text = f"{len(rest):,} products together {exact(together)}{named} = {exact(part.total)}"
            return [*lines, *words(text, paper, indent=2), *_function(part, paper)]
    elif part.terms and part.how != "only":
        lines += _terms(part.terms, paper)
    elif part.terms:
        lines += _terms(part.terms[:1], paper) if len(part.terms[0].factors) > 1 else []
    said = {"sum": f"sum of {_count(part.terms)}", "largest": f"largest of {_count(part.terms)}"}
    if part.how == "only" and part.terms:
        lines += words(f"{_name(part.terms[0])} = {exact(part.total)}", paper, indent=2)
    elif part.how != "only":
        lines += words(f"{said[part.how]} = {exact(part.total)}", paper, indent=2)
    return [*lines, *_function(part, paper)]


def _count(terms: Sequence[Term]) -> str:
    return f"{len(terms):,} term{'s' if len(terms) != 1 else ''}"


def _name(term: Term) -> str:
    return " × ".join(term.names)


def _function(part: Part, paper: Paper) -> Lines:
    if not part.function:
        return []
    return words(f"{part.function} → {exact(part.value)}", paper, indent=2)


def _terms(terms: Sequence[Term], paper: Paper) -> Lines:
    """The largest, in their order, and what the others come to."""
    largest = sorted(range(len(terms)), key=lambda n: -_size(terms[n].product))[:TERMS]
    shown = [terms[n] for n in sorted(largest)]
    sizes = [abs(term.product) for term in shown if term.product]
    form = "+.6f" if sizes and min(sizes) >= 1e-3 and max(sizes) < 1e5 else "+.6g"  # one below the other, if it fits
    rows = tuple((_name(term), _factors(term), f"{term.product:{form}}".replace("-", "−")) for term in shown)
    if all(len(term.factors) == 1 for term in shown):  # a factor alone is its product
        lines = _rows(("term", "value"), tuple((name, value) for name, _, value in rows), paper)
    else:
        lines = _rows(("term", "factors", "product"), rows, paper)
    rest = len(terms) - len(shown)
    if rest:
        kept = set(largest)
        together = sum(term.product for n, term in enumerate(terms) if n not in kept)
        lines += words(f"and {rest:,} more, together {exact(together)}", paper)
    return lines


def _size(value: float) -> float:
    return abs(value) if value == value else float("inf")


def _factors(term: Term) -> str:
    return " × ".join(f"{factor:.4g}".replace("-", "−") for factor in term.factors) if len(term.factors) > 1 else ""


def _rows(columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...], paper: Paper) -> Lines:
    wide = max((cell_len(clean(row[-1], paper)) for row in rows), default=0)
    aligned = tuple((*row[:-1], pad(row[-1], wide, "right")) for row in rows)
    return table(Table("", columns, aligned), paper)


def _pictures(pictures: Sequence[View], paper: Paper) -> Lines:
    """Their numbers side by side, channel under channel; [] if they are not such, or have no room."""
    grids = [_planes(view) for view in pictures]
    if not grids or any(grid is None for grid in grids):
        return []
    found = [grid for grid in grids if grid is not None]
    if len({len(grid) for grid in found}) != 1:
        return []
    columns: list[list[str]] = []
    for view, grid in zip(pictures, found, strict=True):
        rows, across = grid.shape[1:]
        numbers = plain_numbers(grid.reshape(-1, across))
        wide = max((len(text) for row in numbers for text in row), default=1)
        lines = [clean(" ".join(pad(text, wide, "right") for text in row), paper) for row in numbers]
        title = clean(view.title or view.name, paper)
        if len(grid) == 1:
            columns.append([title, *lines])
        else:
            blocks = [
                [f"{view.axes[_plane_axis(view)].name} {n}", *lines[n * rows : (n + 1) * rows]]
                for n in range(len(grid))
            ]
            columns.append([title, *(line for block in blocks for line in block)])
    widths = [max(cell_len(line) for line in column[1:]) for column in columns]
    widths = [max(wide, min(cell_len(column[0]), 24)) for wide, column in zip(widths, columns, strict=True)]
    if sum(widths) + _GAP * (len(widths) - 1) > paper.width:
        if max(widths) > paper.width:
            return []
        return [
            [Segment(line, PLAIN)]
            for column, wide in zip(columns, widths, strict=True)
            for line in [cut(column[0], wide, paper), *column[1:], ""]
        ][:-1]
    most = max(len(column) for column in columns)
    made: Lines = []
    for n in range(most):
        cells = [column[n] if n < len(column) else "" for column in columns]
        text = (" " * _GAP).join(pad(cut(cell, wide, paper), wide) for cell, wide in zip(cells, widths, strict=True))
        made.append([Segment(text.rstrip(), PLAIN)])
    return made


def _plane_axis(view: View) -> int:
    """The axis along which the planes lie: the channels of an image, the items of images."""
    return 2 if view.kind == "image" else 0


def _planes(view: View) -> Array | None:
    """The view as (planes, rows, columns), if so few numbers can be read."""
    data = np.asarray(view.data, np.float64)
    if data.ndim == 1:
        data = data[None, None]
    elif data.ndim == 2:
        data = data[None]
    elif data.ndim == 3:
        data = np.moveaxis(data, _plane_axis(view), 0)
    else:
        return None
    planes, rows, columns = data.shape
    return data if 1 <= planes <= _CHANNELS and 1 <= rows <= _ROWS and 1 <= columns <= _ROWS else None
