"""Pictures of images and matrices."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from tuinet.inspection.view import View
from tuinet.render.cells import reduced
from tuinet.render.grid import names, plain_numbers, speaks
from tuinet.render.ink import FIRST, NO_NUMBER, Scale, apart, scale, written
from tuinet.render.oklab import Array, lab
from tuinet.render.paper import Paper
from tuinet.render.tiles import names_of, others, rgb_of, rgb_range
from tuinet.render.typeset import LINE, TEXT, Picture, blank, measure, safe, shortened, stacked, write

WIDTH = 1000
"""Pixels that a picture is about wide at most, its margins aside."""

_CAPTION = 200
"""Pixels of a caption that tiles make room for."""

_PAPER = Paper()
_LONGEST = 1200
"""Values along one side; larger ones are reduced."""


def image(view: View) -> tuple[Picture, list[str]]:
    """One image: in its own colours, in grey, or in those of the signed map."""
    tiles, notes, ramps = _painted(view, view.data[None], 320)
    return stacked([*tiles, *ramps], 8), notes


def images(view: View, most: int, more: str) -> tuple[Picture, list[str]]:
    """Tiles with their names under them, one range of colours for all."""
    count = min(len(view.data), max(1, most))
    side = 96 if count > 4 else 200
    if view.data.ndim == 4:
        tiles, notes, ramps = _painted(view, view.data[:count], side)
    else:
        data, notes = _within(np.asarray(view.data[:count], np.float64), mean=False)
        found = scale(view, _PAPER)
        tiles = [_squares(tile, found, _times(tile.shape, side)) for tile in data]
        notes, ramps = [*notes, *apart(view, found.low, found.high)], [ramp(found)]
    labels = [safe(name) for name in names_of(view, _PAPER)[:count]]
    columns, rows = tiles[0].size if tiles else (0, 0)
    pitch = max(columns, min(_CAPTION, max(map(measure, labels), default=0))) + 10
    per_row = max(1, min(count, WIDTH // pitch))
    whole = blank(per_row * pitch - 10, max(1, math.ceil(count / per_row) * (rows + LINE + 8) - 8))
    for n, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        left, top = n % per_row * pitch, n // per_row * (rows + LINE + 8)
        whole.paste(tile, (left + (pitch - 10 - columns) // 2, top))
        write(whole, (left + (pitch - 10) / 2, top + rows + 2), shortened(label, pitch - 10), "middle")
    rest = others(view, count, more)
    return stacked([whole, *ramps], 8), [*([rest] if rest else []), *notes]


def _painted(view: View, data: Array, pixels: int) -> tuple[list[Picture], list[str], list[Picture]]:
    """Images (N, R, C, 1 or 3), about so many pixels wide: each, what is to be said, and the colours' legend."""
    if data.shape[-1] == 3:
        low, high = rgb_range(view)
        values = np.asarray(data, np.float64)
        colors = rgb_of(values, low, high)
        colors[~np.isfinite(values).all(axis=-1)] = (255, 0, 255)
        said = f"red, green, blue from {written(low)} to {written(high)}"
        return [_enlarged(each, _times(each.shape, pixels)) for each in colors], [said, *apart(view, low, high)], []
    single, notes = _within(np.asarray(data[..., 0], np.float64), mean=True)
    found = scale(view, _PAPER, grey=True)
    tiles = [_squares(tile, found, _times(tile.shape, pixels)) for tile in single]
    return tiles, [*notes, *apart(view, found.low, found.high)], [ramp(found)]


def matrix(view: View) -> tuple[Picture, list[str]]:
    """Squares, with their numbers where they have room, names or ticks at the sides."""
    found = scale(view, _PAPER)
    data, notes = _within(np.asarray(view.data, np.float64), mean=False)
    rows, columns = data.shape
    fits = rows <= 40 and columns <= 24 and not notes
    texts = [[safe(text) for text in row] for row in plain_numbers(data)] if fits else []
    left, head = _sides(view, data.shape)
    wide = max((measure(text) for row in texts for text in row), default=0) + 12
    roomy = max(wide, min(120, max(map(measure, head)) + 10))  # so that all names are read in full
    if roomy * columns <= WIDTH:
        wide = roomy
    named = view.axes[0].name == "step" or speaks(view.axes[0])
    width = wide if fits else max(1, min(24, WIDTH // columns, WIDTH // rows if not named else WIDTH))
    height = LINE + 4 if fits or (named and rows <= 60) else width
    gutter = min(200, max(map(measure, left))) + 8
    whole = blank(gutter + max(columns * width, 40), LINE + rows * height + LINE)
    levels = found.levels(data)
    whole.paste(_squares(data, found, height, width), (gutter, LINE))
    _names_left(whole, left, gutter, height)
    _names_above(whole, head, gutter, width)
    for r, row in enumerate(texts):
        for c, text in enumerate(row):
            light = float(lab(found.ink.rgb[levels[r, c]])[0]) > 0.6
            at = (gutter + (c + 0.5) * width, LINE + r * height + 3)
            write(whole, at, text, "middle", (0, 0, 0) if light else (255, 255, 255))
    said = safe(f"{view.axes[0].name} down, {view.axes[1].name} across")
    write(whole, (gutter, LINE + rows * height + 2), said)
    if gutter + measure(said) > whole.width:
        notes = [said, *notes]
    return stacked([whole, ramp(found)], 8), [*notes, *apart(view, found.low, found.high)]


def _sides(view: View, shape: tuple[int, ...]) -> tuple[list[str], list[str]]:
    """The names of rows and columns; of numbers alone only the round ones."""
    found: list[list[str]] = []
    for axis, all_of_them, count in zip(view.axes, view.data.shape, shape, strict=True):
        every = math.ceil(all_of_them / count)
        own = [safe(name) for name in names(axis, all_of_them, _PAPER)][::every]
        if count > 30 and not speaks(axis):
            step = 5 if count <= 100 else 10 if count <= 200 else 50
            own = [name if n % step == 0 else "" for n, name in enumerate(own)]
        found.append(own)
    return found[0], found[1]


def _names_left(whole: Picture, names: list[str], gutter: int, height: int) -> None:
    free = 0.0
    for n, name in enumerate(names):
        if not name or n * height < free:
            continue
        free = n * height + LINE
        at = (gutter - 6, LINE + n * height + (height - LINE) / 2 + 1)
        write(whole, at, shortened(name, gutter - 8), "right")


def _names_above(whole: Picture, names: list[str], gutter: int, width: int) -> None:
    free = 0.0
    for n, name in enumerate(names):
        if not name:
            continue
        name = shortened(name, max(width - 4, 60))
        middle = gutter + (n + 0.5) * width
        begin = max(middle - measure(name) / 2, 0)
        if begin >= free and begin + measure(name) <= whole.width:
            write(whole, (begin, 0), name)
            free = begin + measure(name) + 8


def ramp(found: Scale) -> Picture:
    """The colours with the values at their ends."""
    signed = found.ink.map == "signed"
    low, high = (safe(written(value, signed)) for value in (found.low, found.high))
    colors = found.ink.rgb[FIRST:]
    left, each = measure(low) + 8, max(1, 260 // len(colors))
    whole = blank(left + each * len(colors) + 8 + measure(high), 2 * LINE if signed else LINE)
    strip = colors[None].repeat(14, axis=0).repeat(each, axis=1)
    whole.paste(Image.fromarray(strip), (left, 2))
    write(whole, (0, 0), low)
    write(whole, (left + each * len(colors) + 8, 0), high)
    if signed:
        middle = left + each * len(colors) / 2
        ImageDraw.Draw(whole).line((middle, 16, middle, 20), fill=TEXT)
        write(whole, (middle, LINE), "0", "middle")
    return whole


def _times(shape: tuple[int, ...], pixels: int) -> int:
    return max(1, pixels // max(1, *shape[:2]))


def _within(data: Array, mean: bool) -> tuple[Array, list[str]]:
    rows, columns = data.shape[-2:]
    factor = max(1, math.ceil(rows / _LONGEST), math.ceil(columns / _LONGEST))
    if factor == 1:
        return data, []
    what = "the mean" if mean else "the value of largest size"
    said = f"each point is {what} of {factor} × {factor} of the {rows:,} × {columns:,} values"
    return reduced(data, factor, factor, mean), [said]


def _squares(data: Array, found: Scale, high: int, wide: int = 0) -> Picture:
    """Each value as a rectangle of so many pixels, crossed out if it is no number: its colour is not the only sign."""
    wide = wide or high
    levels = found.levels(data)
    picture = _enlarged(found.ink.rgb[levels], high, wide)
    if min(high, wide) >= 4:
        draw = ImageDraw.Draw(picture)
        for r, c in np.argwhere(levels == NO_NUMBER).tolist():
            left, top, right, bottom = c * wide, r * high, (c + 1) * wide - 1, (r + 1) * high - 1
            draw.line((left, top, right, bottom), fill=TEXT)
            draw.line((left, bottom, right, top), fill=TEXT)
    return picture


def _enlarged(colors: Array, high: int, wide: int = 0) -> Picture:
    return Image.fromarray(colors.astype(np.uint8).repeat(high, axis=0).repeat(wide or high, axis=1))
