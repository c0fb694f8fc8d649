"""Levels → cells: two values in one cell where colours stand for them, else two characters for each value."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from rich.segment import Segment

from tuinet.render.ink import NOTHING, Ink
from tuinet.render.oklab import Array
from tuinet.render.paper import Line, Lines

_OVER, _BESIDE = "▀▄▘▖▞ ", "▌▐▘▝▞ "
"""Glyphs as `Ink.pair` counts them: the first value above the second, or left of it."""


def square(levels: Array, ink: Ink) -> Lines:
    """(rows, columns) → lines in which every value is about a square: two rows a line, or two cells a value."""
    if ink.marks:
        return marked(levels, ink)
    if len(levels) % 2:
        levels = np.concatenate([levels, np.full((1, levels.shape[1]), NOTHING)])
    return _paired(levels[::2], levels[1::2], ink, _OVER)


def beside(levels: Array, ink: Ink) -> Lines:
    """(rows, columns) → one line for each row, two columns a cell."""
    if levels.shape[1] % 2:
        levels = np.concatenate([levels, np.full((len(levels), 1), NOTHING)], axis=1)
    return _paired(levels[:, ::2], levels[:, 1::2], ink, _BESIDE)


def marked(levels: Array, ink: Ink, narrow: bool = False) -> Lines:
    """One line for each row; each value its two marks, or only the second of them, which is enough without signs."""
    marks = [mark[1] for mark in ink.marks] if narrow else ink.marks
    lines: Lines = []
    for row in levels.tolist():
        line: Line = []
        for style, run in groupby(row, key=ink.styles.__getitem__):
            line.append(Segment("".join([marks[level] for level in run]), style))
        lines.append(line)
    return lines


def _paired(first: Array, second: Array, ink: Ink, glyphs: str) -> Lines:
    codes = first * len(ink.colors) + second
    ends = np.ones(codes.shape, bool)
    ends[:, 1:] = codes[:, 1:] != codes[:, :-1]
    lines: Lines = []
    made: dict[tuple[int, int], Segment] = {}  # equal runs share a segment: most of a map's are one of a few
    for row, begins in zip(codes, ends, strict=True):
        starts = np.flatnonzero(begins)
        lengths = np.diff(starts, append=len(row)).tolist()
        line: Line = []
        for run in zip(row[starts].tolist(), lengths, strict=True):
            segment = made.get(run)
            if segment is None:
                glyph, style = ink.pair(run[0])
                segment = made[run] = Segment(glyphs[glyph] * run[1], style)
            line.append(segment)
        lines.append(line)
    return lines


def reduced(data: Array, rows: int, columns: int, mean: bool = False) -> Array:
    """Blocks of `rows` × `columns` values of (…, R, C) as one each: that of largest size, or the mean.

    A block with a NaN is NaN.
    """
    data = np.asarray(data, np.float64)
    for axis, factor in ((-2, rows), (-1, columns)):
        length = data.shape[axis]
        if factor <= 1 or length == 0:
            continue
        starts = np.arange(0, length, factor)
        with np.errstate(all="ignore"):
            if mean:
                total = np.add.reduceat(data, starts, axis=axis)
                shape = [1] * data.ndim
                shape[axis] = len(starts)
                data = total / np.diff(starts, append=length).reshape(shape)
            else:
                most, least = (f.reduceat(data, starts, axis=axis) for f in (np.maximum, np.minimum))
                data = np.where(most + least < 0, least, most)
    return data
