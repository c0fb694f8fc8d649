"""Pictures of vectors, curves and histograms: plain lines and bars over an axis."""

from __future__ import annotations

import math

import numpy as np
from PIL import ImageDraw

from tuinet.inspection.view import Points, View
from tuinet.render.bars import LISTED, counts_of
from tuinet.render.chart import ticks
from tuinet.render.grid import names
from tuinet.render.ink import FIRST, Scale, apart, scale, written
from tuinet.render.oklab import Array
from tuinet.render.paper import Paper
from tuinet.render.typeset import FAINT, LINE, TEXT, Picture, Rgb, blank, measure, safe, shortened, write

_PAPER = Paper()
_WIDE, _HIGH = 720, 260
_LINES: tuple[Rgb, ...] = ((33, 102, 172), (214, 96, 10), (0, 133, 104), (150, 60, 130), (90, 90, 90), (180, 140, 0))
"""Told apart by their lightness, too, and each line's name stands in its colour with its sign."""

_SIGNS = ("", "o", "x", "+", "#", "%")


class _Frame:
    """A box for a chart, and where in it the numbers lie."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float], above: int = 0) -> None:
        self.x, self.y = _widened(x), _widened(y)
        marks = ticks(*self.y, 5, whole=False)
        labels = [safe(_mark(value)) for value in marks]
        self.left = max(map(measure, labels), default=0) + 10
        self.top = above + 8
        self.picture = blank(self.left + _WIDE + 40, self.top + _HIGH + LINE + 8)
        draw = ImageDraw.Draw(self.picture)
        for value, label in zip(marks, labels, strict=True):
            height = self.down(value)
            draw.line((self.left, height, self.left + _WIDE, height), fill=FAINT)
            write(self.picture, (self.left - 6, height - LINE / 2 + 1), label, "right")
        for value in ticks(*self.x, 8, whole=False):
            place = self.across(value)
            draw.line((place, self.top + _HIGH, place, self.top + _HIGH + 4), fill=TEXT)
            write(self.picture, (place, self.top + _HIGH + 5), safe(_mark(value)), "middle")
        draw.rectangle((self.left, self.top, self.left + _WIDE, self.top + _HIGH), outline=TEXT)

    def across(self, value: float) -> float:
        return self.left + (value / 2 - self.x[0] / 2) / (self.x[1] / 2 - self.x[0] / 2) * _WIDE

    def down(self, value: float) -> float:
        return self.top + _HIGH - (value / 2 - self.y[0] / 2) / (self.y[1] / 2 - self.y[0] / 2) * _HIGH


def _mark(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")


def _widened(ends: tuple[float, float]) -> tuple[float, float]:
    """An interval that is none is made one."""
    low, high = ends
    room = abs(low) / 10 or 1.0
    return (low, high) if high > low else (low - room, high + room)


def series(view: View) -> tuple[Picture, list[str]]:
    """Curves, their names above in their colours."""
    data = np.asarray(view.data, np.float64)
    x = np.arange(data.shape[1], dtype=float) if view.x is None else np.asarray(view.x, np.float64)
    finite = np.isfinite(data) & np.isfinite(x)
    notes = (
        [f"{int((~finite).sum()):,} of {data.size:,} points are no numbers and left out"] if not finite.all() else []
    )
    if not finite.any() and not view.points:
        return blank(1, 1), ["no points to draw"]
    used = np.concatenate([np.broadcast_to(x, data.shape)[finite], *(points.x for points in view.points)])
    values = np.concatenate([data[finite], *(points.y for points in view.points)])
    there = len(data) + len(view.points)
    shown = min(there, len(_LINES))
    frame = _Frame((used.min(), used.max()), (values.min(), values.max()), LINE * shown)
    draw = ImageDraw.Draw(frame.picture)
    labels = [*names(view.axes[0], len(data), _PAPER), *(points.name for points in view.points)]
    for n in range(shown):
        color, sign = _LINES[n], _SIGNS[n]
        draw.line((frame.left, n * LINE + 9, frame.left + 20, n * LINE + 9), fill=color, width=2)
        write(
            frame.picture,
            (frame.left + 26, n * LINE),
            shortened(safe(f"{sign} {labels[n]}".strip()), _WIDE),
            color=color,
        )
        if n < len(data):
            _curve(frame, draw, x, np.where(finite[n], data[n], np.nan), color, sign)
        else:
            _dots(frame, draw, view.points[n - len(data)], color)
    if there > shown:
        notes.append(f"and {there - shown:,} more lines")
    return frame.picture, [f"across: {view.axes[1].name}", *notes]


def _curve(frame: _Frame, draw: ImageDraw.ImageDraw, x: Array, y: Array, color: Rgb, sign: str) -> None:
    points = [(frame.across(a), frame.down(b)) if b == b else None for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    run: list[tuple[float, float]] = []
    for point in (*points, None):
        if point is not None:
            run.append(point)
            continue
        if len(run) > 1:
            draw.line(run, fill=color, width=2)
        elif run:
            draw.ellipse((run[0][0] - 2, run[0][1] - 2, run[0][0] + 2, run[0][1] + 2), fill=color)
        run = []
    if sign:  # a few of its points carry it
        real = [point for point in points if point is not None]
        for point in real[:: max(1, len(real) // 12)]:
            write(frame.picture, (point[0], point[1] - LINE / 2), sign, "middle", color, heavy=True)


def _dots(frame: _Frame, draw: ImageDraw.ImageDraw, points: Points, color: Rgb) -> None:
    for a, b in zip(points.x.tolist(), points.y.tolist(), strict=True):
        across, down = frame.across(a), frame.down(b)
        draw.ellipse((across - 2, down - 2, across + 2, down + 2), fill=color)


def histogram(view: View) -> tuple[Picture, list[str]]:
    """A bar from edge to edge for each bin."""
    counts, said = counts_of(view)
    edges = np.arange(len(counts) + 1.0) if view.x is None else np.asarray(view.x, np.float64)
    frame = _Frame((float(edges[0]), float(edges[-1])), (0.0, float(counts.max())))
    draw = ImageDraw.Draw(frame.picture)
    found = scale(view, _PAPER)
    color = _strong(found, 1)
    for count, start, end in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if count > 0:
            left, bottom = frame.across(start), frame.top + _HIGH - 1
            draw.rectangle((left, min(frame.down(count), bottom), max(left, frame.across(end) - 1), bottom), color)
    return frame.picture, said[: len(said) - len(view.notes)]


def vector(view: View) -> tuple[Picture, list[str]]:
    """Bars with names and numbers; of more than fit in a list, columns."""
    data = np.asarray(view.data, np.float64)
    found = scale(view, _PAPER)
    notes = apart(view, found.low, found.high)
    if len(data) > LISTED:
        return _columns(data, found), notes
    left = [safe(name) for name in names(view.axes[0], len(data), _PAPER)]
    values = [
        safe(written(value, found.ink.map == "signed") if math.isfinite(value) else str(value))
        for value in data.tolist()
    ]
    gutter, wide = min(260, max(map(measure, left))) + 10, max(map(measure, values)) + 12
    whole = blank(gutter + wide + 480, len(data) * (LINE + 4))
    draw = ImageDraw.Draw(whole)
    zero = gutter + wide + (240 if found.ink.map == "signed" else 0)
    most = max(abs(found.low), abs(found.high)) or 1.0
    for n, (name, value, text) in enumerate(zip(left, data.tolist(), values, strict=True)):
        top = n * (LINE + 4)
        write(whole, (0, top + 2), shortened(name, gutter - 8))
        write(whole, (gutter + wide - 8, top + 2), text, "right")
        if math.isfinite(value) and value:
            end = zero + np.clip(value / most, -1, 1) * (239 if found.ink.map == "signed" else 479)
            draw.rectangle((min(zero, end), top + 3, max(zero, end), top + LINE), fill=_strong(found, value))
    draw.line((zero, 0, zero, whole.height), fill=TEXT)
    return whole, notes


def _columns(data: Array, found: Scale) -> Picture:
    frame = _Frame((-0.5, len(data) - 0.5), (min(0.0, found.low), max(0.0, found.high)))
    draw = ImageDraw.Draw(frame.picture)
    for n, value in enumerate(data.tolist()):
        if math.isfinite(value):
            ends = sorted((frame.down(0.0), frame.down(float(np.clip(value, *frame.y)))))
            right = max(frame.across(n - 0.5), frame.across(n + 0.5) - 1)
            draw.rectangle((frame.across(n - 0.5), ends[0], right, ends[1]), fill=_strong(found, value))
    return frame.picture


def _strong(found: Scale, sign: float) -> Rgb:
    """The one colour of each sign."""
    place = 0.75 if found.ink.map == "signed" else 0.6
    red, green, blue = found.ink.rgb[FIRST + round((place if sign > 0 else 1 - place) * (found.ink.count - 1))].tolist()
    return red, green, blue
