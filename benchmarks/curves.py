"""Pictures of growth: two panels side by side, both axes logarithmic, each curve in a band from lowest to highest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from figures import number
from PIL import ImageDraw

from tuinet.render.typeset import FAINT, LINE, PAPER, TEXT, Picture, Rgb, blank, measure, safe, write

WIDE, HIGH = 296, 230
LEFT, RIGHT, BOTTOM = 86, 16, 2 * LINE + 10
"""Pixels of a panel's box, and round it."""

COLORS: tuple[Rgb, ...] = ((33, 102, 172), (214, 96, 10), (0, 133, 104))
SIGNS = ("o", "x", "+")
"""Of a panel's first, second and third curve: colour is never the only sign."""


class Curve(NamedTuple):
    """Where, and there the figures of each round; all above 0."""

    name: str
    x: Sequence[float]
    figures: Sequence[Sequence[float]]


class Panel(NamedTuple):
    title: str
    curves: Sequence[Curve]


class Scale(NamedTuple):
    """Equal factors are equal distances: `low` at 0, `high` at 1."""

    low: float
    high: float

    def __call__(self, value: float) -> float:
        return math.log(value / self.low) / math.log(self.high / self.low)


def marks(low: float, high: float) -> list[float]:
    """Round numbers around an interval: the first is not above it, the last not below; at least two, about six."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    factors = (1, 2, 5) if last - first <= 3 else (1,)
    there = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    begin = max(n for n, value in enumerate(there) if value <= low * (1 + 1e-9))
    end = min((n for n, value in enumerate(there) if value >= high * (1 - 1e-9)), default=len(there) - 1)
    return there[begin : max(end, begin + 1) + 1]


def with_room(middles: Sequence[float], widths: Sequence[float]) -> list[int]:
    """Which labels are written, from left to right: the last, and each that lies over no other of them."""
    last = len(middles) - 1
    found, free, end = [], -math.inf, middles[last] - widths[last] / 2
    for n in range(last):
        if middles[n] - widths[n] / 2 >= free and middles[n] + widths[n] / 2 <= end:
            found.append(n)
            free = middles[n] + widths[n] / 2
    return [*found, last]


def picture(across: str, panels: Sequence[Panel]) -> Picture:
    """The names of the curves stand above, in their colours with their signs."""
    names = [curve.name for curve in panels[0].curves]
    top = LINE * (len(names) + 1) + 8
    width = LEFT + WIDE + RIGHT
    whole = blank(width * len(panels), top + HIGH + BOTTOM)
    for n, name in enumerate(names):
        write(whole, (LEFT, n * LINE + 2), safe(f"{SIGNS[n]} {name}"), color=COLORS[n])
    for n, panel in enumerate(panels):
        _draw(whole, (n * width + LEFT, top), across, panel)
    return whole.quantize(64)


def _draw(whole: Picture, corner: tuple[int, int], across: str, panel: Panel) -> None:
    left, top = corner
    bottom = top + HIGH
    places = sorted({x for curve in panel.curves for x in curve.x})
    values = [value for curve in panel.curves for figures in curve.figures for value in figures]
    levels = marks(min(values), max(values))
    x, y = Scale(places[0], max(places[-1], 2 * places[0])), Scale(levels[0], levels[-1])

    def at(place: float, value: float) -> tuple[float, float]:
        return left + 10 + x(place) * (WIDE - 20), bottom - y(value) * HIGH

    draw = ImageDraw.Draw(whole)
    for color, curve in zip(COLORS, panel.curves, strict=False):  # below all else
        rounds = list(zip(curve.x, curve.figures, strict=True))
        edge = [at(place, min(each)) for place, each in rounds] + [at(place, max(each)) for place, each in rounds[::-1]]
        if len(rounds) > 1:
            draw.polygon(edge, fill=pale(color))
    write(whole, (left, top - LINE - 2), safe(panel.title))
    for level in levels:
        height = at(places[0], level)[1]
        draw.line((left, height, left + WIDE, height), fill=FAINT)
        write(whole, (left - 6, height - LINE / 2), number(level), "right")
    middles = [at(place, levels[0])[0] for place in places]
    for middle in middles:
        draw.line((middle, bottom, middle, bottom + 4), fill=TEXT)
    for n in with_room(middles, [measure(number(place)) + 6 for place in places]):
        write(whole, (middles[n], bottom + 5), number(places[n]), "middle")
    write(whole, (left + WIDE / 2, bottom + LINE + 5), safe(across), "middle")
    draw.rectangle((left, top, left + WIDE, bottom), outline=TEXT)
    for color, sign, curve in zip(COLORS, SIGNS, panel.curves, strict=False):
        points = [at(place, median(each)) for place, each in zip(curve.x, curve.figures, strict=True)]
        draw.line(points, fill=color, width=2)
        for point in points:
            write(whole, (point[0], point[1] - LINE / 2), sign, "middle", color, heavy=True)


def pale(color: Rgb) -> Rgb:
    """A quarter of the colour on the paper."""
    red, green, blue = ((ink + 3 * paper) // 4 for ink, paper in zip(color, PAPER, strict=True))
    return red, green, blue
