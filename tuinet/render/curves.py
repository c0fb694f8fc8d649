"""Curves: a view's lines through plotext, cut into segments."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tuinet.inspection.view import View
from tuinet.render.chart import Area, Series, plotted
from tuinet.render.grid import names
from tuinet.render.oklab import Array
from tuinet.render.paper import PLAIN, Line, Paper, clean, words
from tuinet.render.places import Block, Body

_CODES = re.compile(r"\x1b\[([0-9;]*)m")
_SIGNS: tuple[str | None, ...] = (None, "o", "x", "+", "#", "%")
_COLORS = ("blue", "orange", "green", "magenta", "cyan", "red")

_LEAST = 5
"""Lines of a chart with its axis, below which it shows nothing."""

LINES = len(_SIGNS)
"""More curves than this nobody tells apart; they are counted."""


def series(view: View, paper: Paper) -> Body:
    """The curves over one another, each with a sign of its own. Colours are the terminal's, at any depth."""
    data = np.asarray(view.data, np.float64)
    data = np.where(np.isfinite(data), data, np.nan)
    x = np.arange(data.shape[1]) if view.x is None else np.asarray(view.x)
    labels = names(view.axes[0], len(data), paper)
    drawn = [
        Series(name, x.tolist(), [None if value != value else value for value in row], color, sign)
        for name, row, color, sign in zip(labels, data.tolist(), _COLORS, _SIGNS, strict=False)
    ]
    drawn += [
        Series(clean(points.name, paper), points.x.tolist(), points.y.tolist(), color, sign)
        for points, color, sign in zip(view.points, _COLORS[len(data) :], _SIGNS[len(data) :], strict=False)
    ]
    notes = list(view.notes)
    there = len(data) + len(view.points)
    if there > LINES:
        notes.insert(0, f"and {there - LINES:,} more lines")
    missing = int(np.isnan(data).sum())
    if missing:
        notes.insert(0, f"{missing:,} of {data.size:,} points are no numbers and left out")
    said = [line for note in notes for line in words(note, paper)]
    height = min(max(8, paper.width // 4), 16)
    if paper.height is not None:
        height = min(height, max(_LEAST, paper.height - len(said) - 1))  # a line above it says which is which
    label = words(view.axes[1].name, paper)[0][0].text
    text, area = "", None
    if paper.width >= 20:
        color = paper.colors != "none"
        text, area = plotted(drawn, paper.width, height, x_label=label, color=color, ascii_only=paper.ascii)
    lines = [segments(row) for row in text.split("\n")] if text else words("no points to draw", paper)
    return [*lines, *said], _places(np.asarray(x, np.float64), area) if area else []


def _places(x: Array, area: Area) -> list[Block]:
    """For each column of a chart the place that lies nearest to it: equal ones beside each other are one block.

    Where there are more places than columns, the others up to the next one count as this one.
    """
    x = np.where(np.isfinite(x), np.clip(x, -1e300, 1e300), np.nan)  # as the chart does
    order = np.argsort(x, kind="stable")[: int(np.isfinite(x).sum())]  # those that are no numbers come last
    sorted_x = x[order]
    columns = np.linspace(area.low, area.high, area.right - area.left + 1)
    nearest = np.searchsorted((sorted_x[1:] + sorted_x[:-1]) / 2, columns)
    begins = np.flatnonzero(np.diff(nearest, prepend=-1))
    kept = order[nearest[begins]]
    rising = bool((np.diff(order) > 0).all())
    reach = np.diff(kept, append=len(x)) if rising else np.ones(len(kept), int)
    widths = np.diff(begins, append=len(columns))
    exact = np.rint((x[kept] - area.low) / (area.high - area.low) * (len(columns) - 1)).astype(int)
    leads = np.clip(exact - begins, 0, widths - 1)
    high = area.bottom - area.top + 1
    return [
        Block(
            area.left + left, area.top, 1, 1, 2 * wide, 2 * high, (0, place), (0, many), (0, 0),
            base=high - 1, lead=lead,
        )
        for left, wide, lead, place, many in zip(
            *(each.tolist() for each in (begins, widths, leads, kept, reach)), strict=True
        )
    ]  # fmt: skip


def segments(row: str) -> Line:
    """A line of plotext's, which colours with `38;5;N` alone."""
    line: Line = []
    style, place = PLAIN, 0
    for code in _CODES.finditer(row):
        if code.start() > place:
            line.append(Segment(row[place : code.start()], style))
        number = code[1].removeprefix("38;5;")
        style = _style(int(number)) if number != code[1] else PLAIN
        place = code.end()
    return [*line, Segment(row[place:], style)]


@cache
def _style(number: int) -> Style:
    return Style(color=Color.from_ansi(number))
