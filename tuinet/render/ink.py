"""From values to what stands for them: levels, and for each level a colour, or a character where colours are few."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tuinet.inspection.view import View
from tuinet.readable import number
from tuinet.render import oklab
from tuinet.render.oklab import Array
from tuinet.render.paper import PLAIN, Line, Lines, Paper, clean, width_of, words

NOTHING, NO_NUMBER, FIRST = 0, 1, 2
"""Levels: no value at this place; NaN or infinite; the lowest of the map. The others follow."""

NO_NUMBER_RGB = (255, 0, 255)
"""In neither map: no level of them is as colourful."""

Map = Literal["magnitude", "signed", "grey"]

_SHADES, _DIGITS = " ░▒▓█", "0123456789"
_NEGATIVE, _POSITIVE = Style(color=Color.from_ansi(12)), Style(color=Color.from_ansi(3))


@dataclass(frozen=True, eq=False)
class Ink:
    """What the levels of one map look like.

    count   levels from FIRST on; of a signed map an odd number, the middle one is 0
    rgb     (FIRST + count, 3), for pictures and to choose the colour of text upon it
    colors  of a terminal for each level, the first is unused; () where characters are drawn
    marks   two characters for each level (sign and shade, or sign and digit), where they are drawn
    styles  of the marks
    """

    map: Map
    count: int
    rgb: Array
    colors: tuple[Color, ...] = ()
    marks: tuple[str, ...] = ()
    styles: tuple[Style, ...] = ()
    pairs: dict[int, tuple[int, Style]] = field(default_factory=dict)

    def pair(self, code: int) -> tuple[int, Style]:
        """For two levels in one cell, code = first · len(colors) + second: which glyph, and its style.

        Glyphs: 0 first over (or before) second, 1 second alone, 2 and 3 one that is no number, 4 both, 5 nothing.
        """
        found = self.pairs.get(code)
        if found is None:
            found = self.pairs[code] = self._pair(*divmod(code, len(self.colors)))
        return found

    def _pair(self, first: int, second: int) -> tuple[int, Style]:
        if first == second == NOTHING:
            return 5, PLAIN
        if first == second == NO_NUMBER:
            return 4, Style(color=self.colors[NO_NUMBER])
        glyph = 1 if first == NOTHING else 0
        ahead, behind = (second, first) if first == NOTHING else (first, second)
        if NO_NUMBER in (first, second):  # a quarter of the cell, so that its shape tells it, too
            glyph = 2 if first == NO_NUMBER else 3
            ahead, behind = NO_NUMBER, second if first == NO_NUMBER else first
        return glyph, Style(color=self.colors[ahead], bgcolor=None if behind == NOTHING else self.colors[behind])


@cache
def ink(name: Map, paper_colors: str, ascii_only: bool, shades: bool) -> Ink:
    """The ink of a map for paper of that kind."""
    if shades:
        return _marked(name, paper_colors, ascii_only)
    if paper_colors == "256":
        numbers = _numbers256(name)
        rgb = oklab.palette256()[np.array(numbers) - 16]
        colors = [Color.from_ansi(number) for number in numbers]
        broken = Color.from_ansi(201)
    else:
        rgb = colors_of_map(name)
        colors = [Color.from_rgb(*each) for each in rgb.tolist()]
        broken = Color.from_rgb(*NO_NUMBER_RGB)
    return Ink(name, len(colors), _with_special(rgb), (Color.default(), broken, *colors))


def colors_of_map(name: Map) -> Array:
    """(count, 3): the whole map."""
    return {"magnitude": oklab.magnitude, "signed": oklab.signed, "grey": oklab.grey}[name]()


def _with_special(rgb: Array) -> Array:
    return np.concatenate([np.array([(0, 0, 0), NO_NUMBER_RGB], np.uint8), rgb])


def _numbers256(name: Map) -> tuple[int, ...]:
    fine = 256
    if name != "signed":
        return oklab.bands256({"magnitude": oklab.magnitude, "grey": oklab.grey}[name](fine))
    both = oklab.signed(2 * fine + 1)
    below, above = (oklab.bands256(side, greys=False) for side in (both[fine - 1 :: -1], both[fine + 1 :]))
    count = min(len(below), len(above))
    below, above = (tuple(side[round(n)] for n in np.linspace(0, len(side) - 1, count)) for side in (below, above))
    return (*below[::-1], int(oklab.nearest256(both[fine : fine + 1])[0]), *above)


def _marked(name: Map, paper_colors: str, ascii_only: bool) -> Ink:
    shades = _DIGITS if ascii_only else _SHADES
    if name != "signed":
        marks = [f" {shade}" if ascii_only else shade * 2 for shade in shades]
        styles = [PLAIN] * len(marks)
    else:
        minus, nothing = ("-", " .") if ascii_only else ("−", "  ")
        marks = [minus + shade for shade in shades[::-1]] + [nothing] + ["+" + shade for shade in shades]
        sides = (_NEGATIVE, PLAIN, _POSITIVE) if paper_colors != "none" else (PLAIN,) * 3
        styles = [sides[0]] * len(shades) + [sides[1]] + [sides[2]] * len(shades)
    places = np.linspace(0, 1, len(marks))
    rgb = colors_of_map(name)[np.rint(places * (len(colors_of_map(name)) - 1)).astype(int)]
    return Ink(name, len(marks), _with_special(rgb), (), ("  ", "??", *marks), (PLAIN, PLAIN, *styles))


def rgb_ink(colors: Array, paper: Paper) -> Ink:
    """For an image in its own colours: (N, 3), one level each, in truecolor or the nearest of 256."""
    if paper.colors == "256":
        own = [Color.from_ansi(number) for number in oklab.nearest256(colors).tolist()]
    else:
        own = [Color.from_rgb(*each) for each in colors.tolist()]
    return Ink("grey", len(own), _with_special(colors), (Color.default(), Color.default(), *own))


@dataclass(frozen=True)
class Scale:
    """Values between `low` and `high` as levels of an ink; of a signed one `low` is −`high`."""

    low: float
    high: float
    ink: Ink

    def levels(self, data: Array) -> Array:
        """For each value its level: the nearest, those outside the range at its ends."""
        values = np.asarray(data, np.float64)
        finite = np.isfinite(values)
        values = np.where(finite, values, 0.0)
        size = max(abs(self.low), abs(self.high)) or 1.0  # divided by first: high − low may be beyond the numbers
        low, high = self.low / size, self.high / size
        values = np.clip(values / size, low, high)
        half = self.ink.count // 2
        if self.ink.map == "signed" and self.ink.marks:
            steps = np.rint(np.abs(values) * (half - 1)) + 1  # what is small keeps its sign, only 0 has none
            levels = half + np.sign(values) * steps
        elif self.ink.map == "signed":
            levels = half + np.rint(values * half)
        else:
            levels = np.rint((values - low) / ((high - low) or 1.0) * (self.ink.count - 1))
        return np.where(finite, levels.astype(np.int64) + FIRST, NO_NUMBER)


def scale(view: View, paper: Paper, grey: bool = False) -> Scale:
    """The map for a view: signed, or of magnitudes (or grey), over its range."""
    low, high = view.range
    if view.signed:
        low, high = -max(abs(low), abs(high)), max(abs(low), abs(high))
    name: Map = "signed" if view.signed else "grey" if grey else "magnitude"
    return Scale(low, high, ink(name, paper.colors, paper.ascii, paper.shades))


def written(value: float, sign: bool = False) -> str:
    """A value in three digits with a real minus."""
    text = number(value, 3).replace("-", "−")
    return f"+{text}" if sign and value > 0 else text


def legend(view: View, scale: Scale, paper: Paper) -> Lines:
    """The colours with the values at their ends, and in words what is outside or no number."""
    lines: Lines = []
    if view.data.size:
        line = _ramp(scale, paper)
        if width_of(line) > paper.width:
            low, high = written(scale.low), written(scale.high)
            lines += words(f"colours from {low} to {high}", paper)
        else:
            lines.append(line)
    return [*lines, *notes(view, scale, paper)]


def notes(view: View, scale: Scale, paper: Paper) -> Lines:
    """What the colours do not show, and the view's own notes."""
    said = (*apart(view, scale.low, scale.high), *view.notes)
    return [line for note in said for line in words(note, paper)]


def apart(view: View, low: float, high: float) -> list[str]:
    """What of a view's values no colour shows: those beyond the range, NaN and the infinite."""
    data = np.asarray(view.data, np.float64)
    found: list[str] = []
    finite = np.isfinite(data)
    outside = int((finite & ((data < low) | (data > high))).sum())
    if outside:
        found.append(f"{outside:,} of {data.size:,} values lie outside these and are drawn as the nearest end")
    if not finite.all():
        kinds = {"NaN": np.isnan(data), "+infinite": np.isposinf(data), "−infinite": np.isneginf(data)}
        counts = ", ".join(f"{int(which.sum()):,} {name}" for name, which in kinds.items() if which.any())
        place = tuple(int(n) for n in np.argwhere(~finite)[0])
        where = ", ".join(f"{axis.name} {n}" for axis, n in zip(view.axes, place, strict=True))
        found.append(f"no numbers: {counts}, the first at {where}")
    return found


def _ramp(scale: Scale, paper: Paper) -> Line:
    signed = scale.ink.map == "signed"
    low, high = (clean(written(value, signed), paper) for value in (scale.low, scale.high))
    used = scale.ink
    half = used.count // 2
    parts = [range(half), range(half + 1, used.count)] if signed else [range(used.count)]
    line: Line = [Segment(f"{low} ", PLAIN)]
    for index, part in enumerate(parts):
        line += [Segment(" 0 ", PLAIN)] if index else []
        places = [FIRST + n for n in part]
        if used.marks:
            line += [Segment("".join(used.marks[n] for n in places), used.styles[places[0]])]
            continue
        wide = 16 // len(parts)
        # two levels a cell, so that all of them show
        for n in np.rint(np.linspace(0, len(places) - 1, 2 * wide)).astype(int).reshape(wide, 2).tolist():
            left, right = (used.colors[places[each]] for each in n)
            line.append(Segment("▌", Style(color=left, bgcolor=right)))
    return [*line, Segment(f" {high}", PLAIN)]
