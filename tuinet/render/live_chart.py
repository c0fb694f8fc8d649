"""Curves of a run on a screen: always of the size asked for, with marks, a cursor, and the x of every column.

plotext draws the curves alone, on a canvas without axes; so it is known which column is which x. It keeps one figure
for the whole process; only one thread may draw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tuinet.render.chart import COLORS, Series, bounded, figure_of, reduce_points, ticks
from tuinet.render.curves import segments
from tuinet.render.paper import BOLD, PLAIN, Line, Lines, Paper, clean, cut, pad

POINTS = 200
"""Of a series at most so many are drawn: with two of them a frame takes plotext some 5 ms."""

_AXIS_ROWS = 2
_LEAST_ROWS, _LEAST_COLUMNS = 3, 12
"""A plot smaller than that is not narrowed further by its axes."""

_SIGNS = {"mark": "▼", "cursor": "│", "best": "◆"}
_ASCII = {"mark": "v", "cursor": "|", "best": "@"}
_FRAME, _ASCII_FRAME = "│┤└┬─", "|+++-"

_BLANKS = " \u2800"

_Cells = list[list[tuple[str, Style]]]


@dataclass(frozen=True)
class ChartDrawing:
    """A chart's lines, and where x runs from `low` in the column `left` to `high` in the column `right`.

    A chart without points has no columns: `right` is smaller than `left`.
    """

    lines: Lines
    left: int = 0
    right: int = -1
    low: float = 0.0
    high: float = 0.0

    def x_at(self, column: int) -> float | None:
        """The x in the middle of a column, None beside the plot."""
        if not self.left <= column <= self.right:
            return None
        part = (column - self.left) / max(1, self.right - self.left)
        return self.low + part * (self.high - self.low)

    def column_of(self, x: float) -> int | None:
        """The column in which x lies, None if it is not on the chart."""
        if self.right < self.left or not self.low <= x <= self.high:
            return None
        return self.left + _place(x, self.low, self.high, self.right - self.left + 1)


def live_chart(
    series: Sequence[Series],
    width: int,
    height: int,
    *,
    log: bool = False,
    marks: Sequence[tuple[float, str]] = (),
    cursor: float | None = None,
    best: tuple[float, float] | None = None,
    paper: Paper,
) -> ChartDrawing:
    """The series over one another in exactly `height` lines of `width` cells, whatever is given.

    log     the y axis is one of powers; values that are not above 0 are left out
    marks   an x and what happened there: a sign in the first line, and the text where it hides nothing
    cursor  the x of a vertical line
    best    the x and y of a point with a sign of its own

    Which series is which says `key`, a line for the screen's frame. What lies outside the curves' x is not drawn.
    """
    width, height = max(0, width), max(0, height)
    curves = [(line, *_curve(line, log)) for line in series]
    curves = [(line, x, y) for line, x, y in curves if x]
    if not curves:
        return ChartDrawing(_empty(series, log, width, height, paper))
    if not width or not height:
        return ChartDrawing([[Segment("", PLAIN)] for _ in range(height)])
    low, high = _range([x for _, x, _ in curves])
    bottom, top = _range([y for *_, y in curves], 0.0 if log else 0.1)
    rows = height - _AXIS_ROWS if height >= _LEAST_ROWS + _AXIS_ROWS else height
    levels = [(level, clean(f"{10**level if log else level:.6g}", paper)) for level in _levels(bottom, top, rows, log)]
    gutter = max((len(name) for _, name in levels), default=0) + 1
    gutter = gutter if width >= _LEAST_COLUMNS + gutter else 0
    columns = width - gutter
    figure = figure_of(curves, columns, rows, paper.colors != "none", paper.ascii)
    figure.axes(False)
    for axis, ends in (("x", (low, high)), ("y", (bottom, top))):
        figure.ruler(axis).ticks([], [])
        figure.ruler(axis).lim(*ends)
    text: str = figure.build().string(paper.colors == "none")
    figure.clear()
    cells = [_cells(row, columns) for row in text.split("\n")[:rows]]
    drawing = ChartDrawing([], gutter, width - 1, low, high)
    signs = _ASCII if paper.ascii else _SIGNS
    bold = PLAIN if paper.colors == "none" else BOLD
    _draw_cursor(cells, drawing, cursor, (signs["cursor"], bold))
    if best is not None and (best[1] > 0 or not log):
        y = math.log10(best[1]) if log else best[1]
        column = drawing.column_of(best[0])
        if column is not None and bottom <= y <= top:
            cells[rows - 1 - _place(y, bottom, top, rows)][column - gutter] = (signs["best"], bold)
    _draw_marks(cells, drawing, marks, (signs["mark"], bold), paper)
    lines = [[Segment("".join(character for character, _ in run), style) for style, run in _runs(row)] for row in cells]
    if gutter:
        at = {rows - 1 - _place(level, bottom, top, rows): name for level, name in levels}
        frame = _ASCII_FRAME if paper.ascii else _FRAME
        for row, line in enumerate(lines):
            edge = frame[1] if row in at else frame[0]
            line.insert(0, Segment(pad(at.get(row, ""), gutter - 1, "right") + edge, PLAIN))
    lines += _x_axis(drawing, curves, width, height - rows, paper)
    return ChartDrawing(lines, gutter, width - 1, low, high)


def key(series: Sequence[Series], paper: Paper) -> Line:
    """The names of the series behind their signs, in their colours."""
    line: Line = []
    for each in series:
        sign = each.glyph or ("**" if paper.ascii else "⠤⠤")
        text = f"{'   ' if line else ''}{sign} {clean(each.name, paper)}"
        painted = paper.colors != "none" and each.color in COLORS
        line.append(Segment(text, Style(color=Color.from_ansi(COLORS.index(each.color))) if painted else PLAIN))
    return line


def _curve(line: Series, log: bool) -> tuple[list[float], list[float]]:
    """The points to draw, in the units of the axes."""
    y = [None if value is None or (log and not value > 0) else value for value in line.y]
    x, kept = reduce_points(line.x, y, POINTS // 2)
    kept = bounded(kept)
    return bounded(x), [math.log10(value) for value in kept] if log else kept


def _range(values: list[list[float]], around: float = 0.1) -> tuple[float, float]:
    """From the least to the largest; where they cannot be told apart, a range around them, that part of them wide."""
    low, high = min(map(min, values)), max(map(max, values))
    if high - low <= 1e-12 * max(abs(low), abs(high)):  # plotext would print that it cannot tell them apart
        return low - (abs(low) * around or 1), high + (abs(high) * around or 1)
    return low, high


def _place(value: float, low: float, high: float, count: int) -> int:
    """In which of so many cells a value lies; the ends lie in the middle of the first and the last."""
    return round((value - low) / (high - low) * (count - 1))


def _levels(low: float, high: float, rows: int, log: bool) -> list[float]:
    """Values of the y axis that are named, in its units: powers of 10, or as few as 1, 2, 5 where these are too few."""
    most = max(1, 2 * rows // 5)
    if not log:
        return ticks(low, high, most, whole=False)
    powers = range(math.ceil(low), math.floor(high) + 1)
    if len(powers) >= 2:
        return [float(power) for power in powers[:: math.ceil(len(powers) / most)]]
    around = range(math.floor(low), math.ceil(high) + 1)
    fine = [power + math.log10(factor) for power in around for factor in (1, 2, 5)]
    found = [level for level in fine if low <= level <= high]
    if len(found) >= 2:
        return found
    return [math.log10(value) for value in ticks(10**low, 10**high, most, whole=False) if value > 0]


def _empty(series: Sequence[Series], log: bool, width: int, height: int, paper: Paper) -> Lines:
    finite = any(value is not None and math.isfinite(value) for line in series for value in line.y)
    text = "no steps yet"
    if any(len(line.y) for line in series):
        text = "nothing above 0 to draw" if log and finite else "no numbers to draw"
    lines: Lines = [[Segment(" " * width, PLAIN)] for _ in range(height)]
    if height:
        lines[(height - 1) // 2] = [Segment(pad(cut(text, width, paper), width, "middle"), PLAIN)]
    return lines


def _cells(row: str, columns: int) -> list[tuple[str, Style]]:
    found = [(character, segment.style or PLAIN) for segment in segments(row) for character in segment.text]
    return (found + [(" ", PLAIN)] * columns)[:columns]


def _runs(row: list[tuple[str, Style]]) -> list[tuple[Style, list[tuple[str, Style]]]]:
    return [(style, list(run)) for style, run in groupby(row, key=lambda cell: cell[1])]


def _draw_cursor(cells: _Cells, drawing: ChartDrawing, x: float | None, sign: tuple[str, Style]) -> None:
    """A line down the chart, behind the curves."""
    column = None if x is None else drawing.column_of(x)
    if column is None:
        return
    for row in cells:
        if row[column - drawing.left][0] in _BLANKS:
            row[column - drawing.left] = sign


def _draw_marks(
    cells: _Cells, drawing: ChartDrawing, marks: Sequence[tuple[float, str]], sign: tuple[str, Style], paper: Paper
) -> None:
    """All signs, then the texts that cover nothing."""
    row = cells[0]
    found = [(column - drawing.left, text) for x, text in marks if (column := drawing.column_of(x)) is not None]
    for column, _ in found:
        row[column] = sign
    for column, text in found:
        named = f" {clean(text, paper)}"
        end = column + 1 + len(named)
        fits = text and end <= len(row) and cell_len(named) == len(named)
        if fits and all(character in _BLANKS for character, _ in row[column + 1 : end + 1]):
            row[column + 1 : end] = [(character, PLAIN) for character in named]


def _x_axis(
    drawing: ChartDrawing, curves: Sequence[tuple[Series, list[float], list[float]]], width: int, rows: int,
    paper: Paper,
) -> Lines:  # fmt: skip
    """The axis with its ticks, and their numbers below."""
    if rows < _AXIS_ROWS:
        return []
    frame = _ASCII_FRAME if paper.ascii else _FRAME
    whole = all(place == round(place) for _, x, _ in curves for place in (x[0], x[-1]))
    columns = drawing.right - drawing.left + 1
    places = ticks(drawing.low, drawing.high, max(1, columns // 12), whole=whole)
    axis, numbers = [frame[4]] * columns, ""
    for place in places:
        column = drawing.column_of(place)
        name = f"{place:,.0f}" if whole and abs(place) < 1e15 else f"{place:.6g}"
        if column is None or column < len(numbers) + bool(numbers.strip()) or column + len(name) > width:
            continue
        axis[column - drawing.left] = frame[3]
        numbers = pad(numbers, column) + name
    edge = " " * (drawing.left - 1) + frame[2] if drawing.left else ""
    return [[Segment(edge + "".join(axis), PLAIN)], [Segment(pad(numbers, width), PLAIN)]]
