"""Regions of a plane: a colour for each class, paler where it is unsure, its letter here and there; points over it.

Where colours are few, the letters are the regions. A right point is a dot, a wrong one a cross.
"""

from __future__ import annotations

from functools import cache
from itertools import groupby

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tuinet.inspection.view import View
from tuinet.render.cells import marked, square
from tuinet.render.ink import FIRST, NO_NUMBER, Ink, rgb_ink, written
from tuinet.render.oklab import Array, lab
from tuinet.render.paper import PLAIN, Line, Lines, Paper, clean, cut, pad, width_of, words
from tuinet.render.places import Body

CLASS_COLORS = np.array(
    [(58, 125, 205), (224, 138, 30), (52, 158, 98), (196, 78, 146), (128, 108, 210), (150, 150, 40), (40, 165, 175),
     (205, 80, 70)],
    np.float64,
)  # fmt: skip
"""One after the other, and again from the first: beside them stand letters."""

PALE = np.array((205, 205, 205), np.float64)
SHADES = 6
"""Of each colour, from nearly PALE to itself."""

_COLORS16 = (12, 3, 10, 13, 14, 9)
_SIGNS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LINES, _ACROSS = 26, 104
_EVERY = (4, 8)
"""A letter stands in every 4th line, in every 8th cell of it."""


def regions(view: View, paper: Paper) -> Body:
    """The plane with numbers at its sides, what stands for which class, and the notes."""
    left = [clean(written(view.x[1, n]), paper) if view.x is not None else "" for n in (0, -1)]
    gutter = max(map(len, left)) + 1
    wide = max(1, min(paper.width - gutter, _ACROSS))
    after = [*_below(view, gutter, wide, paper), *_legend(view, paper)]
    after += [line for note in view.notes for line in words(note, paper)]
    high = _LINES if paper.height is None else max(1, min(paper.height - len(after), _LINES))
    body = _plane(view, high, wide, paper)
    names = [left[0], *[""] * (high - 2), *left[1:]][:high]
    lines = [[Segment(pad(name, gutter), PLAIN), *line] for name, line in zip(names, body, strict=True)]
    return [*lines, *after], []


def signs(classes: tuple[str, ...]) -> list[str]:
    """One character for each class: its name, where all are so short, else its number, with letters from 10 on."""
    if all(len(name) == 1 and "!" <= name <= "~" for name in classes):
        return list(classes)
    return [_SIGNS[number] if number < len(_SIGNS) else "#" for number in range(len(classes))]


def class_color(number: int, shade: int = SHADES - 1) -> Array:
    """(3,): of a class, by how sure it is."""
    part = (shade + 1) / SHADES
    return PALE + part * (CLASS_COLORS[number % len(CLASS_COLORS)] - PALE)


def class_levels(view: View, shades: int) -> Array:
    """(R, C): for each place the level of its class and shade, FIRST + class · shades + shade."""
    classes, sure = view.data[..., 0], np.asarray(view.data[..., 1], np.float64)
    known = np.isfinite(classes)
    finite = sure[np.isfinite(sure)]
    lowest, highest = 0.0, float(finite.max()) if finite.size else 1.0
    if view.axes[2].labels[1:] == ("probability",):  # the surest there can be is full, not the surest there is
        lowest, highest = 1 / max(1, len(view.classes)), 1.0
    with np.errstate(all="ignore"):
        part = np.nan_to_num((sure - lowest) / ((highest - lowest) or 1.0), nan=1.0, posinf=1.0)
    shade = np.minimum(part.clip(0, 1) * shades, shades - 1).astype(int)
    return np.where(known, FIRST + np.nan_to_num(classes).astype(int) * shades + shade, NO_NUMBER)


def taken(count: int, size: int) -> Array:
    """Which of `count` rows or columns are drawn, if `size` are: classes have no mean."""
    return ((np.arange(size) + 0.5) * count / size).astype(int)


def place_of(view: View) -> list[tuple[Array, Array, Array]]:
    """The points of the view: where each lies as parts of the plane, from the left and from the top, and whether wrong.

    The outermost places of the plane lie in the middle of its outermost cells.
    """
    assert view.x is not None
    found: list[tuple[Array, Array, Array]] = []
    for points in view.points:
        parts: list[Array] = []
        for values, ends in ((points.x, view.x[0]), (points.y, view.x[1])):
            width = (ends[-1] - ends[0]) or 1.0
            parts.append(((values - ends[0]) / width * (len(ends) - 1) + 0.5) / len(ends))
        inside = (np.abs(np.array(parts) - 0.5) < 0.5).all(axis=0)
        wrong = np.zeros(len(points.x), bool) if points.wrong is None else points.wrong
        found.append((parts[0][inside], parts[1][inside], wrong[inside]))
    return found


def _plane(view: View, high: int, wide: int, paper: Paper) -> Lines:
    """`high` lines of `wide` cells."""
    per_line = 1 if paper.shades else 2
    rows, columns, _ = view.data.shape
    used = _letters(view.classes, paper) if paper.shades else _ink(len(view.classes), paper.colors)
    levels = class_levels(view, 1 if paper.shades else SHADES)
    levels = levels[np.ix_(taken(rows, high * per_line), taken(columns, wide))]
    lines = marked(levels, used, narrow=True) if paper.shades else square(levels, used)
    over: dict[tuple[int, int], str] = {} if paper.shades else _lettered(view, levels, paper)
    right, wrong = ("*", "X") if paper.ascii else ("•", "✗")
    for across, down, missed in place_of(view):
        cells = zip((down * high).astype(int).tolist(), (across * wide).astype(int).tolist(), missed, strict=True)
        for line, cell, no in cells:
            if no or over.get((line, cell)) != wrong:  # of several in one cell, what is wrong is seen
                over[line, cell] = wrong if no else right
    return _written_over(lines, levels, over, used, per_line)


def _lettered(view: View, levels: Array, paper: Paper) -> dict[tuple[int, int], str]:
    """The letters of the regions, where they stand."""
    names = [clean(sign, paper) for sign in signs(view.classes)]
    down, across = _EVERY
    return {
        (line, cell): names[(levels[2 * line, cell] - FIRST) // SHADES]
        for line in range(down // 2, len(levels) // 2, down)
        for cell in range(across // 2, levels.shape[1], across)
        if levels[2 * line, cell] >= FIRST and levels[2 * line, cell] == levels[2 * line + 1, cell]
    }


def _written_over(lines: Lines, levels: Array, over: dict[tuple[int, int], str], used: Ink, per_line: int) -> Lines:
    """The lines with these characters in these cells, on the colour that the cell has at its top."""
    found: Lines = []
    for number, line in enumerate(lines):
        cells = [(character, style or PLAIN) for text, style, _ in line for character in text]
        for cell in range(len(cells)):
            sign = over.get((number, cell))
            if sign is not None:
                cells[cell] = (sign, _on(int(levels[number * per_line, cell]), used))
        runs = groupby(cells, key=lambda each: each[1])
        found.append([Segment("".join(character for character, _ in run), style) for style, run in runs])
    return found


def _on(level: int, used: Ink) -> Style:
    """Text upon a level: black or white, whichever is read; without colours as bold as it gets."""
    if not used.colors:
        return PLAIN if used.styles[level] == PLAIN else Style(bold=True)
    light = float(lab(used.rgb[level])[0]) > 0.6
    return Style(color=Color.from_ansi(16 if light else 231), bgcolor=used.colors[level])


@cache
def _ink(classes: int, colors: str) -> Ink:
    """SHADES levels for each class."""
    rgb = [class_color(number, shade) for number in range(classes) for shade in range(SHADES)]
    return rgb_ink(
        np.rint(np.array(rgb).reshape(-1, 3)).astype(np.uint8), Paper(colors="256" if colors == "256" else "truecolor")
    )


def _letters(classes: tuple[str, ...], paper: Paper) -> Ink:
    """A level for each class: its letter."""
    names = signs(classes)
    color = paper.colors != "none"
    styles = [
        Style(color=Color.from_ansi(_COLORS16[n % len(_COLORS16)])) if color else PLAIN for n in range(len(names))
    ]
    rgb = np.zeros((FIRST + len(names), 3), np.uint8)
    return Ink("grey", len(names), rgb, (), ("  ", "??", *(f" {name}" for name in names)), (PLAIN, PLAIN, *styles))


def _below(view: View, gutter: int, wide: int, paper: Paper) -> Lines:
    """Where the plane begins and ends from left to right."""
    if view.x is None:
        return []
    first, last = (clean(written(view.x[0, n]), paper) for n in (0, -1))
    text = first + pad(last, wide - len(first), "right")
    return [[Segment(" " * gutter + text, PLAIN)]] if len(first) + len(last) < wide else []


def _legend(view: View, paper: Paper) -> Lines:
    """What stands for which class, and for points."""
    right, wrong = ("*", "X") if paper.ascii else ("•", "✗")
    names = [cut(clean(name, paper), 24, paper) for name in view.classes]
    told = [("" if sign == name else f"{sign} ") + name for sign, name in zip(signs(view.classes), names, strict=True)]
    told += [f"{right} right", f"{wrong} wrong"] if view.points else []
    lines: Lines = [[]]
    for number, text in enumerate(told):
        block: Line = []
        if number < len(names) and not paper.shades:
            used = _ink(len(names), paper.colors)
            block = [Segment("██", Style(color=used.colors[FIRST + number * SHADES + SHADES - 1])), Segment(" ", PLAIN)]
        entry: Line = [*block, Segment(text, PLAIN)]
        if lines[-1] and width_of(lines[-1]) + 3 + width_of(entry) > paper.width:
            lines.append([])
        lines[-1] += [Segment("   ", PLAIN)] if lines[-1] else []
        lines[-1] += entry
    return lines
