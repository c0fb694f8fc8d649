"""Tables on paper: as they are, with wrapped words, or in parts below one another, so that nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment

from tuinet.inspection.view import Cell, Table
from tuinet.render.paper import BOLD, PLAIN, Line, Lines, Paper, clean, words, wrap
from tuinet.render.table import table

_GAP = 2
_NARROW = 8
"""A column of words is made no narrower, unless the paper is."""


def drawn(seen: Table, paper: Paper) -> Lines:
    """The table and its notes; columns that hold nothing in any row are left out."""
    full = [n for n in range(len(seen.columns)) if not seen.rows or any(row[n] not in (None, "") for row in seen.rows)]
    rows = [[clean(_text(row[n]), paper) for n in full] for row in seen.rows]
    columns = [clean(seen.columns[n], paper) for n in full]
    right = [bool(seen.rows) and all(isinstance(row[n], int | float | None) for row in seen.rows) for n in full]
    lines = laid_out(columns, rows, right, paper) if columns else []
    return [*lines, *(line for note in seen.notes for line in words(note, paper))]


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}".replace("-", "−")
    return cell if isinstance(cell, str) else _number(cell)


def _number(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+∞" if value > 0 else "−∞"
    text = f"{value:,.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.4g}"
    return text.replace("-", "−")


def laid_out(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], paper: Paper) -> Lines:
    """Words that can be shown, in columns, those that are `right` flush right, no line wider than the paper."""
    sizes = [max(cell_len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    least = [size if flush else min(size, _NARROW) for size, flush in zip(sizes, right, strict=True)]
    if sum(least) + _GAP * (len(sizes) - 1) <= paper.width:
        _narrow(sizes, least, paper.width)
        return _lines(columns, rows, right, sizes, paper)
    # in parts: the first column, which says what a row is, before each
    first = min(sizes[0], max(1, paper.width // 3))
    room = max(1, paper.width - first - _GAP)
    lines: Lines = []
    part: list[int] = []
    for n in range(1, len(columns) + 1):
        taken = sum(min(sizes[m], room) + _GAP for m in part)
        if part and (n == len(columns) or taken + min(sizes[n], room) > room):
            lines += [[Segment("", PLAIN)]] if lines else []
            chosen = [0, *part]
            own = [first, *(min(sizes[m], room) for m in part)]
            lines += _lines(
                [columns[m] for m in chosen], [[row[m] for m in chosen] for row in rows],
                [right[m] for m in chosen], own, paper,
            )  # fmt: skip
            part = []
        part.append(n)
    if len(columns) == 1:
        return _lines(columns, rows, right, [paper.width], paper)
    return lines


def _narrow(sizes: list[int], least: list[int], width: int) -> None:
    """Take cells from the widest columns until a line fits."""
    while sum(sizes) + _GAP * (len(sizes) - 1) > width:
        widest = max((n for n in range(len(sizes)) if sizes[n] > least[n]), key=lambda n: sizes[n])
        sizes[widest] -= 1


def _lines(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], sizes: Sequence[int], paper: Paper
) -> Lines:
    """The columns in these widths; what is longer goes on below."""
    heads, body = _wrapped([columns], sizes), _wrapped(rows, sizes)
    # the headers tell `table` which columns are flush right; numbers do, so that equal headers are no matter
    flush = {str(n) for n, each in enumerate(right) if each}
    text = table([str(n) for n in range(len(columns))], [*heads, *body], flush)[1:]
    made: Lines = []
    for n, line in enumerate(text):
        style = BOLD if n < len(heads) and paper.colors != "none" else PLAIN
        own: Line = [Segment(line, style)]
        made.append(own)
    return made


def _wrapped(rows: Sequence[Sequence[str]], sizes: Sequence[int]) -> list[list[str]]:
    found: list[list[str]] = []
    for row in rows:
        cells = [wrap(cell, size) if cell_len(cell) > size else [cell] for cell, size in zip(row, sizes, strict=True)]
        for n in range(max(len(cell) for cell in cells)):
            found.append([cell[n] if n < len(cell) else "" for cell in cells])
    return found
