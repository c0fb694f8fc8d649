"""Curves: a view's lines through plotext, cut into segments."""

from __future__ import annotations

import re

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tuinet.inspection.view import View
from tuinet.render.chart import Series, chart
from tuinet.render.grid import names
from tuinet.render.paper import PLAIN, Line, Lines, Paper, clean, words

_CODES = re.compile(r"\x1b\[([0-9;]*)m")
_SIGNS: tuple[str | None, ...] = (None, "o", "x", "+", "#", "%")
_COLORS = ("blue", "orange", "green", "magenta", "cyan", "red")

LINES = len(_SIGNS)
"""More curves than this nobody tells apart; they are counted."""


def series(view: View, paper: Paper) -> Lines:
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
    height = min(paper.height or 16, max(8, paper.width // 4), 16)
    label = words(view.axes[1].name, paper)[0][0].text
    text = ""
    if paper.width >= 20:
        color = paper.colors != "none"
        text = chart(drawn, paper.width, height, x_label=label, color=color, ascii_only=paper.ascii)
    lines = [_segments(row) for row in text.split("\n")] if text else words("no points to draw", paper)
    notes = list(view.notes)
    there = len(data) + len(view.points)
    if there > LINES:
        notes.insert(0, f"and {there - LINES:,} more lines")
    missing = int(np.isnan(data).sum())
    if missing:
        notes.insert(0, f"{missing:,} of {data.size:,} points are no numbers and left out")
    return [*lines, *(line for note in notes for line in words(note, paper))]


def _segments(row: str) -> Line:
    """A line of plotext's, which colours with `38;5;N` alone."""
    line: Line = []
    style, place = PLAIN, 0
    for code in _CODES.finditer(row):
        if code.start() > place:
            line.append(Segment(row[place : code.start()], style))
        number = code[1].removeprefix("38;5;")
        style = Style(color=Color.from_ansi(int(number))) if number != code[1] else PLAIN
        place = code.end()
    return [*line, Segment(row[place:], style)]
