"""Line charts as terminal text, drawn by plotext.

plotext keeps one figure for the whole process; only one thread may draw.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len

COLORS = ("black", "red", "green", "orange", "blue", "magenta", "cyan")
"""plotext's names of the terminal's colours, by number."""

_CODES = re.compile(r"\x1b\[[0-9;]*m")

_FRAME = str.maketrans("┌┐└┘├┤┬┴┼│─", "+++++++++|-")


@dataclass(frozen=True)
class Series:
    """One line of a chart: where and how high. Points that are not finite are left out.

    `color` is a name plotext knows. Colour is never the only sign: a series with a `glyph` of its own is drawn as
    single points, one without as a line.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    color: str = "default"
    glyph: str | None = None


def reduce_points(x: Sequence[float], y: Sequence[float | None], columns: int) -> tuple[list[float], list[float]]:
    """At most two points for each of `columns` equal parts of the x axis: the lowest and the highest, in their order.

    plotext takes 160 ms for 10,000 points; more than these no chart of this width can show.
    """
    points = [(a, b) for a, b in zip(x, y, strict=True) if b is not None and math.isfinite(a) and math.isfinite(b)]
    if len(points) <= 2 * columns:
        return [a for a, _ in points], [b for _, b in points]
    first, last = points[0][0], points[-1][0]
    scale = columns / (last - first) if last > first else 0.0
    extremes: dict[int, list[int]] = {}
    for index, (a, b) in enumerate(points):
        column = min(columns - 1, int((a - first) * scale))
        lowest_highest = extremes.setdefault(column, [index, index])
        if b < points[lowest_highest[0]][1]:
            lowest_highest[0] = index
        if b > points[lowest_highest[1]][1]:
            lowest_highest[1] = index
    kept = [points[index] for pair in extremes.values() for index in sorted(set(pair))]
    return [a for a, _ in kept], [b for _, b in kept]


@dataclass(frozen=True)
class Area:
    """Where the points of a chart lie: its first and last column and line, and the x of the first and last column."""

    left: int
    right: int
    top: int
    bottom: int
    low: float
    high: float


def chart(
    series: Sequence[Series],
    width: int,
    height: int,
    *,
    x_label: str = "",
    color: bool = True,
    ascii_only: bool = False,
) -> str:
    """The text of `plotted`."""
    return plotted(series, width, height, x_label=x_label, color=color, ascii_only=ascii_only)[0]


def plotted(
    series: Sequence[Series],
    width: int,
    height: int,
    *,
    x_label: str = "",
    color: bool = True,
    ascii_only: bool = False,
) -> tuple[str, Area | None]:
    """The series over one another in `width` × `height` cells under a line of their names; "" if there is no point.

    `ascii_only`: lines of points instead of braille, and a frame to go with them. Names and label must be ASCII then.
    """
    reduced = [(line, *reduce_points(line.x, line.y, width)) for line in series]
    drawn = [(line, bounded(x), bounded(y)) for line, x, y in reduced if x]
    if not drawn:
        return "", None
    figure = figure_of(drawn, width, height, color, ascii_only)
    whole = all(place == round(place) for _, x, _ in drawn for place in x)
    places = ticks(min(min(x) for _, x, _ in drawn), max(max(x) for _, x, _ in drawn), width // 12, whole=whole)
    reach = [*places, *(place for _, x, _ in drawn for place in (min(x), max(x)))]
    ends = (min(reach), max(reach))
    figure.ruler("x").ticks(places, [f"{place:,}" if whole else f"{place:.6g}" for place in places])
    for axis, values in (("x", [x for _, x, _ in drawn]), ("y", [y for *_, y in drawn])):
        low, high = min(map(min, values)), max(map(max, values))
        if high - low <= 1e-12 * max(abs(low), abs(high)):  # plotext would print that it cannot tell them apart
            figure.ruler(axis).lim(low - (abs(low) / 10 or 1), high + (abs(high) / 10 or 1))
            if axis == "x":
                ends = (low - (abs(low) / 10 or 1), high + (abs(high) / 10 or 1))
    levels = ticks(min(min(y) for *_, y in drawn), max(max(y) for *_, y in drawn), 2 * height // 5, whole=False)
    figure.ruler("y").ticks(levels, [f"{level:.6g}" for level in levels])
    if x_label:
        figure.label(x_label)
    text: str = figure.build().string(not color)
    figure.clear()
    names = _names([line for line, _, _ in drawn], width, color, ascii_only)
    area = _area(text, len(names), *ends)
    if ascii_only:
        text = text.translate(_FRAME)
    return "\n".join([*names, *(row.rstrip() for row in text.split("\n"))]).rstrip(), area


def load_plotext() -> Any:
    """plotext, imported late: it takes 100 ms. Who has keys to answer does it beforehand, in a thread."""
    import plotext

    return plotext


def figure_of(
    drawn: Sequence[tuple[Series, list[float], list[float]]], width: int, height: int, color: bool, ascii_only: bool
) -> Any:
    """plotext's one figure with these points of each series on it. Whoever has its text clears it."""
    plotext = load_plotext()
    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, height)
    figure.theme("colorless")  # the default theme paints white
    figure.canvas("default")
    figure.legend(False)  # it would lie over the curves: the names stand above the chart instead
    for line, x, y in drawn:
        marker = plotext.marker(line.glyph or ("*" if ascii_only else "braille"), line.color if color else "default")
        signal = figure.signal(x, y, marker=marker).lines(line.glyph is None and len(x) > 1)
        figure.draw(signal)
    return figure


def _area(text: str, above: int, low: float, high: float) -> Area | None:
    """Where plotext put its frame, under so many other lines."""
    rows = [_CODES.sub("", row) for row in text.split("\n")]
    edges = [(n, row.index("┌"), row.index("┐")) for n, row in enumerate(rows) if "┌" in row and "┐" in row]
    ends = [n for n, row in enumerate(rows) if "└" in row]
    if not edges or not ends:
        return None
    top, left, right = edges[0]
    return Area(left + 1, right - 1, above + top + 1, above + ends[-1] - 1, low, high)


def bounded(values: list[float]) -> list[float]:
    """The values, none so large that the distance of two is beyond the numbers."""
    return [min(max(value, -1e300), 1e300) for value in values]


def ticks(low: float, high: float, most: int, *, whole: bool = True) -> list[float]:
    """At most about `most` round numbers from just below `low` to `high`, and `high` itself where it has room.

    They are `whole`, or as fine as it takes; these begin at the first round number that is not below `low`.
    """
    rough = (high - low) / max(1, most)
    if whole:
        rough = max(1.0, rough)
    elif not 1e-300 < rough < math.inf:  # below it there are no powers of 10 to divide by
        return [low] if high <= low else [low, high]
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    if not whole:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        return [float(f"{n * step:.12g}") for n in range(first, last + 1)]
    step = int(step)
    places: list[float] = list(range(math.floor(low / step) * step, math.floor(high) + 1, step))
    return places if high - places[-1] < step / 2 else [*places, math.ceil(high)]


def _names(series: Sequence[Series], width: int, color: bool, ascii_only: bool) -> list[str]:
    """The series' names with their signs, on as many lines as they need."""
    lines: list[str] = []
    used = 0
    for line in series:
        length = cell_len(_name(line, False, ascii_only))
        if not lines or used + 3 + length > width:
            lines.append("    " if length + 4 <= width else "")
            used = len(lines[-1]) - 3
        else:
            lines[-1] += "   "
        lines[-1] += _name(line, color, ascii_only)
        used += 3 + length
    return lines


def _name(line: Series, color: bool, ascii_only: bool) -> str:
    text = f"{line.glyph or ('**' if ascii_only else '⠤⠤')} {line.name}"
    if not color or line.color not in COLORS:
        return text
    return f"\x1b[38;5;{COLORS.index(line.color)}m{text}\x1b[0m"
