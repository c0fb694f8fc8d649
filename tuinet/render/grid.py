"""Matrices: numbers on colours where they have room, else heat maps in bands with names and ticks at their sides."""

from __future__ import annotations

import math

import numpy as np
from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tuinet.inspection.view import Axis, View
from tuinet.render.cells import beside, marked, reduced, square
from tuinet.render.ink import Scale, legend, notes, scale
from tuinet.render.oklab import Array, lab
from tuinet.render.paper import PLAIN, Line, Lines, Paper, clean, cut, pad, words
from tuinet.render.places import Block, Body

_NUMBER_ROWS = 33
_NUMBER_COLUMNS = 24
_BANDS = (2, 6)
"""Wider matrices are reduced: those whose rows have no names to two bands, others to six."""

_LINES = (96, 200)
"""Lines of all bands together; larger matrices are reduced."""

_WIDEST = 4
"""Cells of one value."""


def matrix(view: View, paper: Paper) -> Body:
    """A table of numbers, drawn by its size: each number on its colour, or a point of colour each."""
    rows, columns = view.data.shape
    found = scale(view, paper)
    if rows <= _NUMBER_ROWS and columns <= _NUMBER_COLUMNS:
        drawn = _numbers(view, found, paper)
        if drawn is not None:
            # where no colours are, the numbers alone say it
            after = notes(view, found, paper) if found.ink.marks else legend(view, found, paper)
            if paper.height is None or len(drawn[0]) + len(after) <= paper.height:
                return [*drawn[0], *after], drawn[1]
    after = legend(view, found, paper)
    limit = _LINES[_named(view)] if paper.height is None else max(1, paper.height - len(after))
    lines, blocks = _heat(view, found, paper, limit)
    while paper.height is not None and limit > 1 and len(lines) + len(after) > paper.height:
        limit = max(1, limit - (len(lines) + len(after) - paper.height))  # names and ticks take lines, too
        lines, blocks = _heat(view, found, paper, limit)
    return [*lines, *after], blocks


def names(axis: Axis, count: int, paper: Paper, start: int = 0) -> list[str]:
    """What the places are called: their label, or their number; a step has both, and its number but once."""
    found: list[str] = []
    digits = len(str(count - 1))
    for n in range(start, count):
        label = clean(axis.labels[n], paper) if n < len(axis.labels) else ""
        if axis.name == "step" and speaks(axis):
            found.append(f"{n:>{digits}} {'' if label == str(n) else label.removeprefix(f'{n} ')}".rstrip())
        else:
            found.append(label if label.strip() else str(n))
    return found


def speaks(axis: Axis) -> bool:
    """Whether the labels of its places say more than their numbers."""
    return any(label.strip() and label != str(n) for n, label in enumerate(axis.labels))


def plain_numbers(data: Array) -> list[list[str]]:
    """The values with as many decimals as tell them apart, the same for all; whole numbers without."""
    finite = data[np.isfinite(data)]
    size = float(np.abs(finite).max()) if finite.size else 0.0
    if (finite == np.rint(finite)).all() and size < 1e7:
        form = ",.0f"
    elif size >= 1e5 or 0 < size < 1e-3:
        form = ".1e"
    else:
        form = f".{1 if size >= 100 else 2 if size >= 10 else 3 if size < 1 else 2}f"
    return [[_number_text(value, form) for value in row] for row in data.tolist()]


def _number_text(value: float, form: str) -> str:
    if math.isfinite(value):
        return _signless(f"{value:{form}}").replace("-", "−")
    return "NaN" if math.isnan(value) else "+∞" if value > 0 else "−∞"


def _signless(text: str) -> str:
    """−0.00 as 0.00."""
    return text[1:] if text.startswith("-") and not text.strip("-0.,") else text


def _numbers(view: View, found: Scale, paper: Paper) -> Body | None:
    """Each number in a cell of its colour; None if they have no room."""
    data = np.asarray(view.data, np.float64)
    rows, columns = data.shape
    texts = [[clean(text, paper) for text in row] for row in plain_numbers(data)]
    left, head = names(view.axes[0], rows, paper), names(view.axes[1], columns, paper)
    gutter = min(max(map(cell_len, left), default=0), max(8, paper.width // 4)) + 1
    room = paper.width - gutter
    wide = max((len(text) for row in texts for text in row), default=1) + 2
    key: Lines = []
    cell = max([wide, *(cell_len(name) + 1 for name in head)])
    if cell * columns > room:
        cell = max(wide, len(str(columns - 1)) + 1)
        if cell * columns > room:
            return None
        said = ", ".join(f"{n} {name}" for n, name in enumerate(head))
        key = words(f"{view.axes[1].name}: {said}", paper) if speaks(view.axes[1]) else []
        if tuple(view.axes[0].labels) == tuple(view.axes[1].labels) and not all(name.isdigit() for name in left):
            key, left = [], [f"{n} {name}" for n, name in enumerate(left)]  # the rows say which number is which
            gutter = min(max(map(cell_len, left), default=0), max(8, paper.width // 4)) + 1
            if cell * columns > paper.width - gutter:
                return None
        head = [str(n) for n in range(columns)]
    lines: Lines = [*key]
    lines.append(
        [Segment((" " * gutter + "".join(pad(name, cell - 1, "right") + " " for name in head)).rstrip(), PLAIN)]
    )
    levels = found.levels(data)
    for name, row, own in zip(left, texts, levels.tolist(), strict=True):
        line: Line = [Segment(pad(cut(name, gutter - 1, paper), gutter), PLAIN)]
        line += [
            _number(pad(text, cell - 1, "right") + " ", level, found) for text, level in zip(row, own, strict=True)
        ]
        lines.append(line)
    block = Block(gutter, len(key) + 1, columns, rows, 2 * cell, 2, (0, 0), (0, 1), (1, 0))
    return lines, [block]


def _number(text: str, level: int, found: Scale) -> Segment:
    if found.ink.marks:
        return Segment(text, found.ink.styles[level])
    light = float(lab(found.ink.rgb[level])[0]) > 0.6
    front = Color.from_rgb(0, 0, 0) if light else Color.from_rgb(255, 255, 255)
    if found.ink.colors[level].number is not None:
        front = Color.from_ansi(16 if light else 231)
    return Segment(text, Style(color=front, bgcolor=found.ink.colors[level]))


def _named(view: View) -> bool:
    """Whether its rows have names."""
    return view.axes[0].name == "step" or speaks(view.axes[0])


def _heat(view: View, found: Scale, paper: Paper, limit: int) -> Body:
    """Points of colour: a line for each row that has a name, else two rows a line; in all bands `limit` lines."""
    data = np.asarray(view.data, np.float64)
    named = _named(view)
    signs, shades = found.ink.map == "signed", bool(found.ink.marks)
    per_line = 1 if named or shades else 2
    down = math.ceil(data.shape[0] / (limit * per_line))
    left = names(view.axes[0], data.shape[0], paper)[::down]
    gutter = min(max((cell_len(name) for name in left), default=0), max(3, paper.width // 4)) + 1
    room = max(1, paper.width - gutter)
    # values in a band: two a cell where rows are lines, one elsewhere, half as many if signs take a character
    fits = max(1, room * 2 if named and not shades else room // 2 if shades and signs else room)
    bands = max(1, min(_BANDS[named], limit // math.ceil(data.shape[0] / down / per_line)))
    across = max(1, math.ceil(data.shape[1] / (fits * bands)))
    shown = reduced(data, down, across)
    levels = found.levels(shown)
    lines: Lines = []
    if down > 1 or across > 1:
        boxes = f"{down:,} × {across:,} of the {data.shape[0]:,} × {data.shape[1]:,} values"
        lines += words(f"each point is the value of largest size of {boxes}", paper)
    columns = shown.shape[1]
    band = band_of(columns, fits)
    times = max(1, min(_WIDEST, room // max(1, columns)))
    blocks: list[Block] = []
    for start in range(0, columns, band):
        part = levels[:, start : start + band]
        if band < columns:
            first, last = start * across, min(data.shape[1], (start + band) * across) - 1
            lines += words(f"{view.axes[1].name} {first:,}–{last:,} of {data.shape[1]:,}", paper)
        if shades:
            each = 2.0 if signs else float(min(2, times))
            body = marked(part, found.ink, narrow=each == 1)
        elif named:
            each = 0.5 if band > room else float(times)
            body = beside(part.repeat(round(each * 2), axis=1) if each >= 1 else part, found.ink)
        else:
            each = 1.0
            body = square(part, found.ink)
        lines += _ticks(view.axes[1], start, part.shape[1], across, each, gutter, paper)
        start_at, size = (0, start * across), (round(2 * each), 2 if named or shades else 1)
        blocks.append(
            Block(gutter, len(lines), part.shape[1], len(part), *size, start_at, (0, across), (down, 0), largest=True)
        )
        every = 1 if named else _round_step(math.ceil(len(left) / 12)) * per_line
        for number, line in enumerate(body):
            row = number * per_line
            name = left[row] if row % every == 0 else ""
            side = "left" if named else "right"
            lines.append([Segment(pad(cut(name, gutter - 1, paper), gutter - 1, side) + " ", PLAIN), *line])
    return lines, blocks


def band_of(count: int, fits: int) -> int:
    """How many of `count` columns come in a band of which `fits` have room: as many in each, round if that will do."""
    bands = max(1, math.ceil(count / fits))
    each = math.ceil(count / bands)
    even = math.ceil(each / 10) * 10
    return even if bands > 1 and even <= fits else max(1, each)


def _round_step(least: int) -> int:
    """The first of 1, 2, 5, 10, 20 … that is not below."""
    power = 10 ** max(0, len(str(max(1, least))) - 1)
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def _ticks(axis: Axis, start: int, count: int, across: int, each: float, gutter: int, paper: Paper) -> Lines:
    """A line over the columns that says at some of them which they are: their labels as far as they have room."""
    if speaks(axis):
        label = names(axis, len(axis.labels), paper)
        places = [(n, label[(start + n) * across]) for n in range(count) if (start + n) * across < len(label)]
    else:
        longest = len(f"{(start + count) * across:,}") + 2
        step = _round_step(math.ceil(longest / each))
        first = -start % step
        places = [(n, f"{(start + n) * across:,}") for n in range(first, count, step)]
    text, used = "", 0
    for n, name in places:
        begin = int(n * each)
        name = cut(name, max(4, int(each) - 1), paper) if cell_len(name) > 12 else name
        if begin < used + (1 if text else 0) or gutter + begin + cell_len(name) > paper.width:
            continue
        text += " " * (begin - used) + name
        used = begin + cell_len(name)
    return [[Segment(" " * gutter + text, PLAIN)]] if text.strip() else []
