"""Images: one alone, or many as tiles with their names under them and one range of colours for all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count as numbers

import numpy as np
from rich.segment import Segment

from tuinet.inspection.view import View
from tuinet.render.cells import reduced, square
from tuinet.render.ink import FIRST, NO_NUMBER, NOTHING, Ink, Scale, apart, ink, legend, rgb_ink, scale, written
from tuinet.render.oklab import Array, lab
from tuinet.render.paper import PLAIN, Lines, Paper, clean, cut, pad, words
from tuinet.render.places import Block, Body

TILES = 64
"""As many tiles as are drawn at once, unless asked otherwise."""

_GAP = 2
_LABEL = 12
"""Cells of a label that tiles make room for."""

_LINES = 26
"""A page: pictures are enlarged as long as they stay within so many lines."""


def image(view: View, paper: Paper) -> Body:
    """One image, in its own colours, in grey, or, if its values have signs, in those of the signed map."""
    found, after = _explained(view, paper)
    room = _room(paper, len(after))
    factor, notes = _factor(view, paper, room)
    levels, used = _levels(view, view.data, found, factor, paper)
    rows, columns = levels.shape
    times = 1
    if paper.zoom is not None:
        times = _zoomed(rows, columns, paper, room)
    elif not used.marks:  # a mark is large enough as it is
        high = min(room or _LINES, _LINES // 2)
        fit = [n for n in (2, 3, 4) if columns * n <= min(paper.width, 64) and _height(rows * n, paper) <= high]
        times = max(fit, default=1)
    block = _block(view, 0, 0, (rows, columns), times, factor, paper)
    return [*square(_enlarged(levels, times), used), *notes, *after], [block]


def images(view: View, paper: Paper, most: int = TILES, more: str = "") -> Body:
    """Tiles, at most `most`; how to see the others is said by `more`, a text with {first} and {last}."""
    count = min(len(view.data), max(1, most))
    found, after = _explained(view, paper)
    rest = others(view, count, more)
    said = words(rest, paper) if rest else []
    names = names_of(view, paper)[:count]
    laid, notes = _laid(view, names, _room(paper, len(after) + len(said)), paper)
    levels, used = _levels(view, view.data[:count], found, laid.factor, paper)
    lines = _tiles(levels, names, used, laid, paper)
    return [*lines, *said, *notes, *after], _blocks(view, levels.shape, laid, paper)


def page_of(view: View, paper: Paper, more: str = "") -> int:
    """How many of the tiles fit into the paper's height at the smallest enlargement allowed; a row's if none do."""
    most = min(len(view.data), TILES)
    if paper.height is None or not view.data.size:
        return max(1, most)
    _, after = _explained(view, paper)
    names = names_of(view, paper)
    smallest = paper if paper.zoom is not None else replace(paper, zoom=1)
    laid = None
    for count in range(most, 0, -1):  # fewer may leave less room: then a line says how to see the others
        rest = others(view, count, more)
        room = max(1, paper.height - len(after) - (len(words(rest, paper)) if rest else 0))
        laid, notes = _laid(view, names[:count], room, smallest)
        if math.ceil(count / laid.per_row) * laid.lines - 1 <= room - len(notes):
            return count
    return min(most, laid.per_row) if laid else 1


def others(view: View, count: int, more: str) -> str:
    """How many images are not among the first so many, and, where their names are their numbers, how to see them."""
    rest = len(view.data) - count
    if not rest:
        return ""
    labels = view.axes[0].labels
    hint = f": {more.format(first=count, last=len(view.data) - 1)}" if more else ""
    return f"and {rest:,} more{hint if not labels or labels[count : count + 1] == (str(count),) else ''}"


def _room(paper: Paper, around: int) -> int | None:
    """Lines left for pictures and names, where they are bounded."""
    return None if paper.height is None else max(1, paper.height - around)


def _explained(view: View, paper: Paper) -> tuple[Scale | None, Lines]:
    """The scale of the values, None of coloured ones, and the lines that explain it."""
    if view.data.ndim == 3 and view.kind == "images":
        found = scale(view, paper)
        return found, legend(view, found, paper)
    if view.data.shape[-1] != 3:
        found = scale(view, paper, grey=True)
        return found, legend(view, found, paper)
    light = words("drawn by how light its colours are", paper) if paper.shades else []
    return None, [*light, *_rgb_legend(view, paper, *rgb_range(view))]


def _levels(view: View, data: Array, found: Scale | None, factor: int, paper: Paper) -> tuple[Array, Ink]:
    """Images of a view, their values with or without channels, as levels (…, R, C) of an ink."""
    mean = _mean(view)
    if found is not None:
        data = np.asarray(data[..., 0] if mean else data, np.float64)
        return found.levels(reduced(data, factor, factor, mean)), found.ink
    low, high = rgb_range(view)
    data = np.asarray(data, np.float64)
    if paper.shades:  # how light each point is
        light = np.where(np.isfinite(data).all(axis=-1), lab(rgb_of(data, low, high))[..., 0], np.nan)
        light = reduced(light, factor, factor, mean)
        grey = ink("grey", paper.colors, paper.ascii, True)
        levels = np.rint(np.nan_to_num(light) * (grey.count - 1)).astype(int) + FIRST
        return np.where(np.isfinite(light), levels, NO_NUMBER), grey
    data = np.moveaxis(reduced(np.moveaxis(data, -1, 0), factor, factor, mean), 0, -1)
    colors, levels = np.unique(rgb_of(data, low, high).reshape(-1, 3), axis=0, return_inverse=True)
    levels = np.where(np.isfinite(data).all(axis=-1), levels.reshape(data.shape[:-1]) + FIRST, NO_NUMBER)
    return levels, rgb_ink(colors, paper)


def _mean(view: View) -> bool:
    """Whether points of a reduced image are means: of pictures, while maps and kernels keep what is largest."""
    return view.kind == "image" or view.data.ndim == 4


def names_of(view: View, paper: Paper) -> list[str]:
    """What stands under each tile: the label of its place, or its number."""
    labels = view.axes[0].labels
    return [clean(labels[n] if n < len(labels) and labels[n].strip() else str(n), paper) for n in range(len(view.data))]


def _factor(view: View, paper: Paper, room: int | None) -> tuple[int, Lines]:
    """By how much images are reduced to be no wider than the paper and no taller than there is room; in words, too.

    These words take of the room.
    """
    rows, columns = _size(view)
    across = max(1, paper.width // 2 if paper.shades else paper.width)
    what = "the mean" if _mean(view) else "the value of largest size"
    least = math.ceil(_height(rows, paper) / (room or 2 * _LINES))
    for factor in numbers(max(1, math.ceil(columns / across), least)):
        if factor == 1:
            return 1, []
        text = f"each point is {what} of {factor} × {factor} of the {rows:,} × {columns:,} values"
        notes = words(text, paper)
        if room is None or factor >= rows or _height(math.ceil(rows / factor), paper) + len(notes) <= room:
            return factor, notes
    raise AssertionError("unreachable")


def _size(view: View) -> tuple[int, int]:
    return (view.data.shape[-2], view.data.shape[-1]) if not _mean(view) else (view.data.shape[-3], view.data.shape[-2])


def _zoomed(rows: int, columns: int, paper: Paper, room: int | None) -> int:
    """The enlargement that the paper asks for, as far as there is room."""
    each = 2 if paper.shades else 1
    times = max(1, min(paper.zoom or 1, paper.width // max(1, columns * each)))
    while times > 1 and room is not None and _height(rows * times, paper) > room:
        times -= 1
    return times


def _enlarged(levels: Array, times: int) -> Array:
    return levels.repeat(times, axis=-2).repeat(times, axis=-1)


def _height(rows: int, paper: Paper) -> int:
    """Lines that so many rows of a picture take."""
    return rows if paper.shades else -(-rows // 2)


def _block(
    view: View, x: int, y: int, size: tuple[int, int], times: int, factor: int, paper: Paper, *item: int
) -> Block:
    """Where the values of one picture lie."""
    rows, columns = size
    high = 2 * times if paper.shades else times
    head = (0,) * len(item)
    start, across, down = (*item, 0, 0), (*head, 0, factor), (*head, factor, 0)
    wide = 4 * times if paper.shades else 2 * times
    return Block(x, y, columns, rows, wide, high, start, across, down, largest=not _mean(view))


@dataclass(frozen=True)
class _Layout:
    """How tiles lie: reduced by `factor`, enlarged `times`, so many a row, one beginning every `pitch` cells.

    `indent` cells before a tile and `gap` after it; `lines` of a row with its names and the empty line below.
    """

    factor: int
    times: int
    pitch: int
    gap: int
    indent: int
    per_row: int
    lines: int


def _laid(view: View, names: list[str], room: int | None, paper: Paper) -> tuple[_Layout, Lines]:
    """Tiles as large as lets all of them stay in the room, or on a page; and what was done to them, in words."""
    factor, notes = _factor(view, paper, None if room is None else max(1, room - 1))
    rows, columns = (math.ceil(length / factor) for length in _size(view))
    each = 2 if paper.shades else 1
    gap = _GAP * each  # of marks, also blanks belong to a tile
    label = min(_LABEL, max((len(name) for name in names), default=0))

    def layout(times: int) -> _Layout:
        pitch = max(columns * times * each, label) + gap
        pitch += pitch % each
        per_row = max(1, (paper.width + gap) // pitch)
        indent = (pitch - gap - columns * times * each) // 2 // each * each
        return _Layout(factor, times, pitch, gap, indent, per_row, _height(rows * times, paper) + 2)

    if paper.zoom is not None:
        return layout(_zoomed(rows, columns, paper, None if room is None else room - len(notes) - 1)), notes
    page = _LINES if room is None else room - len(notes) + 1  # below the last row there is no empty line
    found = layout(1)
    for times in (2, 3, 4) if names and not paper.shades else ():
        larger = layout(times)
        high = math.ceil(len(names) / larger.per_row) * larger.lines
        if rows * times <= 24 and columns * times <= paper.width and high <= page:
            found = larger
    return found, notes


def _tiles(levels: Array, names: list[str], used: Ink, laid: _Layout, paper: Paper) -> Lines:
    """Rows of tiles, each over its name."""
    each = 2 if used.marks else 1
    pitch, gap, per_row = laid.pitch, laid.gap, laid.per_row
    levels = _enlarged(levels, laid.times)
    count, rows, columns = levels.shape
    lines: Lines = []
    for start in range(0, count, per_row):
        part = levels[start : start + per_row]
        canvas = np.full((rows, len(part) * (pitch // each)), NOTHING)
        for place, tile in enumerate(part):
            left = place * (pitch // each) + laid.indent // each
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


def _blocks(view: View, shape: tuple[int, ...], laid: _Layout, paper: Paper) -> Iterator[Block]:
    """Where the tiles' values lie; nobody asks as long as there is no cursor."""
    count, rows, columns = shape
    for item in range(count):
        down, across = divmod(item, laid.per_row)
        x, y = across * laid.pitch + laid.indent, down * laid.lines
        yield _block(view, x, y, (rows, columns), laid.times, laid.factor, paper, item)


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
