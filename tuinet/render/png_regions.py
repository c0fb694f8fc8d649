"""Regions of a plane as a picture: a square of colour for each place, letters, and the points over it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tuinet.inspection.view import View
from tuinet.render.ink import NO_NUMBER, NO_NUMBER_RGB, written
from tuinet.render.regions import SHADES, class_color, class_levels, place_of, signs
from tuinet.render.typeset import LINE, TEXT, Picture, blank, measure, safe, write

_SIDE = 505
"""Pixels along the longer side, about."""

_EVERY = 63
"""Pixels from letter to letter."""


def regions(view: View) -> tuple[Picture, list[str]]:
    """The plane with numbers at its sides; what its letters stand for is said."""
    rows, columns, _ = view.data.shape
    levels = class_levels(view, SHADES)
    colors = [(0, 0, 0), NO_NUMBER_RGB]
    colors += [class_color(number, shade) for number in range(len(view.classes)) for shade in range(SHADES)]
    times = max(1, _SIDE // max(rows, columns))
    rgb = np.rint(np.array(colors)).astype(np.uint8)[levels]
    plane = Image.fromarray(rgb.repeat(times, axis=0).repeat(times, axis=1))
    _letters(plane, levels, view.classes, times)
    _points(plane, view)
    x, y = ([safe(written(view.x[axis, n])) for n in (0, -1)] if view.x is not None else ["", ""] for axis in (0, 1))
    gutter = max(map(measure, y)) + 8
    whole = blank(gutter + plane.width + 4, plane.height + LINE)
    whole.paste(plane, (gutter, 0))
    write(whole, (gutter - 6, 0), y[0], "right")
    write(whole, (gutter - 6, plane.height - LINE), y[1], "right")
    write(whole, (gutter, plane.height + 2), x[0])
    write(whole, (gutter + plane.width, plane.height + 2), x[1], "right")
    told = [
        name if sign == name else f"{sign}: {name}"
        for sign, name in zip(signs(view.classes), view.classes, strict=True)
    ]
    said = [f"classes: {', '.join(told)}"]
    return whole, [*said, "dots: right; crosses: wrong"] if view.points else said


def _letters(plane: Picture, levels: np.ndarray, classes: tuple[str, ...], times: int) -> None:
    """The letter of the region, in its own colour made dark, every so many pixels."""
    names = signs(classes)
    for down in range(_EVERY // 2, plane.height, _EVERY):
        for across in range(_EVERY // 2, plane.width, _EVERY):
            level = int(levels[down // times, across // times])
            if level == NO_NUMBER:
                write(plane, (across, down - LINE / 2), "?", "middle")
                continue
            number = (level - 2) // SHADES
            red, green, blue = (int(value * 0.45) for value in class_color(number))
            write(plane, (across, down - LINE / 2), names[number], "middle", (red, green, blue))


def _points(plane: Picture, view: View) -> None:
    draw = ImageDraw.Draw(plane)
    for across, down, wrong in place_of(view):
        for x, y, no in zip((across * plane.width).tolist(), (down * plane.height).tolist(), wrong, strict=True):
            if no:
                draw.line((x - 4, y - 4, x + 4, y + 4), fill=TEXT, width=2)
                draw.line((x - 4, y + 4, x + 4, y - 4), fill=TEXT, width=2)
            else:
                draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=TEXT)
