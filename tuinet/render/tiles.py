"""Images: one alone, or many as tiles with their names under them and one range of colours for all."""

from __future__ import annotations

import math

import numpy as np
from rich.segment import Segment

from tuinet.inspection.view import View
from tuinet.render.cells import reduced, square
from tuinet.render.ink import FIRST, NO_NUMBER, NOTHING, Ink, apart, ink, legend, rgb_ink, scale, written
from tuinet.render.oklab import Array, lab
from tuinet.render.paper import PLAIN, Lines, Paper, clean, cut, pad, words

TILES = 64
"""As many tiles as are drawn at once, unless asked otherwise."""

_GAP = 2
_LABEL = 12
"""Cells of a label that tiles make room for."""

_LINES = 26
"""A page: pictures are enlarged as long as they stay within so many lines."""


def image(view: View, paper: Paper) -> Lines:
    """One image, in its own colours, in grey, or, if its values have signs, in those of the signed map."""
    levels, used, after = _painted(view, view.data, paper)
    return [*_page(levels, used, paper), *after]


def images(view: View, paper: Paper, most: int = TILES, more: str = "") -> Lines:
    """Tiles, at most `most`; how to see the others is said by `more`, a text with {first} and {last}."""
    count = min(len(view.data), max(1, most))
    if view.data.ndim == 4:
        levels, used, after = _painted(view, view.data[:count], paper)
    else:
        data, notes = _within(np.asarray(view.data[:count], np.float64), paper, mean=False)
        found = scale(view, paper)
        levels, used, after = found.levels(data), found.ink, [*notes, *legend(view, found, paper)]
    lines = _tiles(levels, names_of(view, paper)[:count], used, paper)
    rest = others(view, count, more)
    return [*lines, *(words(rest, paper) if rest else []), *after]


def others(view: View, count: int, more: str) -> str:
    """How many images are not among the first so many, and, where their names are their numbers, how to see them."""
    rest = len(view.data) - count
    if not rest:
        return ""
    labels = view.axes[0].labels
    hint = f": {more.format(first=count, last=len(view.data) - 1)}" if more else ""
    return f"and {rest:,} more{hint if not labels or labels[count] == str(count) else ''}"


def _painted(view: View, data: Array, paper: Paper) -> tuple[Array, Ink, Lines]:
    """Images (…, R, C, 1 or 3) as levels of an ink, and the lines to stand below."""
    if data.shape[-1] != 3:
        data, notes = _within(np.asarray(data[..., 0], np.float64), paper, mean=True)
        found = scale(view, paper, grey=True)
        return found.levels(data), found.ink, [*notes, *legend(view, found, paper)]
    low, high = rgb_range(view)
    data = np.asarray(data, np.float64)
    said = _rgb_legend(view, paper, low, high)
    if paper.shades:  # how light each point is
        light = np.where(np.isfinite(data).all(axis=-1), lab(rgb_of(data, low, high))[..., 0], np.nan)
        light, notes = _within(light, paper, mean=True)
        grey = ink("grey", paper.colors, paper.ascii, True)
        levels = np.rint(np.nan_to_num(light) * (grey.count - 1)).astype(int) + FIRST
        notes = [*notes, *words("drawn by how light its colours are", paper)]
        return np.where(np.isfinite(light), levels, NO_NUMBER), grey, [*notes, *said]
    moved, notes = _within(np.moveaxis(data, -1, 0), paper, mean=True)
    data = np.moveaxis(moved, 0, -1)
    colors, levels = np.unique(rgb_of(data, low, high).reshape(-1, 3), axis=0, return_inverse=True)
    levels = np.where(np.isfinite(data).all(axis=-1), levels.reshape(data.shape[:-1]) + FIRST, NO_NUMBER)
    return levels, rgb_ink(colors, paper), [*notes, *said]


def names_of(view: View, paper: Paper) -> list[str]:
    """What stands under each tile: the label of its place, or its number."""
    labels = view.axes[0].labels
    return [clean(labels[n] if n < len(labels) and labels[n].strip() else str(n), paper) for n in range(len(view.data))]


def _within(data: Array, paper: Paper, mean: bool) -> tuple[Array, Lines]:
    """Images (…, R, C) no wider than the paper and no taller than is bearable, and what was done to them."""
    rows, columns = data.shape[-2:]
    across = max(1, paper.width // 2 if paper.shades else paper.width)
    down = (paper.height or 2 * _LINES) * (1 if paper.shades else 2)
    factor = max(1, math.ceil(columns / across), math.ceil(rows / down))
    if factor == 1:
        return data, []
    what = "the mean" if mean else "the value of largest size"
    text = f"each point is {what} of {factor} × {factor} of the {rows:,} × {columns:,} values"
    return reduced(data, factor, factor, mean), words(text, paper)


def _page(levels: Array, used: Ink, paper: Paper) -> Lines:
    """One picture, enlarged as far as a page goes."""
    if used.marks:  # a value is large enough as it is
        return square(levels, used)
    rows, columns = levels.shape
    high = min(paper.height or _LINES, _LINES // 2)
    fit = [n for n in (2, 3, 4) if columns * n <= min(paper.width, 64) and _height(rows * n, used) <= high]
    times = max(fit, default=1)
    return square(_enlarged(levels, times), used)


def _enlarged(levels: Array, times: int) -> Array:
    return levels.repeat(times, axis=-2).repeat(times, axis=-1)


def _height(rows: int, used: Ink) -> int:
    return rows if used.marks else -(-rows // 2)


def _tiles(levels: Array, names: list[str], used: Ink, paper: Paper) -> Lines:
    """Rows of tiles, as large as lets all of them stay on a page."""
    count, rows, columns = levels.shape
    each = 2 if used.marks else 1
    gap = _GAP * each  # of marks, also blanks belong to a tile
    room = min(_LABEL, max((len(name) for name in names), default=0))

    def layout(times: int) -> tuple[int, int, int]:
        pitch = max(columns * times * each, room) + gap
        pitch += pitch % each
        per_row = max(1, (paper.width + gap) // pitch)
        return pitch, per_row, math.ceil(count / per_row) * (_height(rows * times, used) + 2)

    page = min(paper.height or _LINES, _LINES)
    times = 1
    for larger in (2, 3, 4) if count and not used.marks else ():
        if rows * larger <= 24 and columns * larger * each <= paper.width and layout(larger)[2] <= page:
            times = larger
    pitch, per_row, _ = layout(times)
    levels = _enlarged(levels, times)
    _, rows, columns = levels.shape
    lines: Lines = []
    for start in range(0, count, per_row):
        part = levels[start : start + per_row]
        canvas = np.full((rows, len(part) * (pitch // each)), NOTHING)
        indent = (pitch - gap - columns * each) // 2 // each
        for place, tile in enumerate(part):
            left = place * (pitch // each) + indent
            canvas[:, left : left + columns] = tile
        lines += square(canvas[:, : len(part) * (pitch // each) - gap // each], used)
        under = [
            pad(pad(cut(name, pitch - gap, paper), pitch - gap, "middle"), pitch)
            for name in names[start : start + per_row]
        ]
        lines.append([Segment("".join(under).rstrip(), PLAIN)])
        if start + per_row < count:
            lines.append([Segment("", PLAIN)])
    return lines


def rgb_range(view: View) -> tuple[float, float]:
    """What black and full light are: 0 and 1, or 0 and 255, where the values lie there, else their range."""
    if view.low is not None and view.high is not None:
        return view.low, view.high
    finite = view.data[np.isfinite(view.data)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low >= 0 and high <= 255:
        return 0.0, 1.0 if high <= 1 else 255.0
    return low, high


def rgb_of(data: Array, low: float, high: float) -> Array:
    """Values (…, 3) as whole numbers 0 to 255."""
    size = max(abs(low), abs(high)) or 1.0
    part = (np.clip(np.nan_to_num(data, nan=low), low, high) / size - low / size) / ((high - low) / size or 1.0)
    return np.rint(255 * part).astype(np.uint8)


def _rgb_legend(view: View, paper: Paper, low: float, high: float) -> Lines:
    notes = (f"red, green, blue from {written(low)} to {written(high)}", *apart(view, low, high), *view.notes)
    return [line for note in notes for line in words(note, paper)]
