"""Vectors and histograms: bars beside names, or standing columns where there are many."""

from __future__ import annotations

import math

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tuinet.inspection.view import View
from tuinet.render.cells import reduced, square
from tuinet.render.grid import band_of, names, speaks
from tuinet.render.ink import FIRST, NO_NUMBER, NOTHING, Scale, notes, scale, written
from tuinet.render.oklab import Array
from tuinet.render.paper import PLAIN, Line, Lines, Paper, clean, cut, pad, words
from tuinet.render.places import Block, Body

LISTED = 32
"""As many values as get a line each."""

_HIGH = 6
_BANDS = 4


def vector(view: View, paper: Paper) -> Body:
    """A line for each value with its name, bar and number; those of many without names as columns."""
    data = np.asarray(view.data, np.float64)
    found = scale(view, paper)
    said = notes(view, found, paper)
    if len(data) <= LISTED:
        lines, blocks = _listed(view, data, np.arange(len(data)), found, paper)
        return [*lines, *said], blocks
    if not speaks(view.axes[0]):
        lines, blocks = columns(data, view.axes[0].name, found, paper)
        return [*lines, *said], blocks
    order = np.argsort(-np.where(np.isfinite(data), np.abs(data), np.inf), kind="stable")
    kept = order[:LISTED]
    rest = data[order[LISTED:]]
    which = f"the {LISTED} of largest size; {len(rest):,} more, none larger than {written(float(np.abs(rest).max()))}"
    lines, blocks = _listed(view, data, kept, found, paper)
    return [*lines, *words(which, paper), *said], blocks


def _listed(view: View, data: Array, kept: Array, found: Scale, paper: Paper) -> Body:
    left = names(view.axes[0], len(data), paper)
    left = [left[n] for n in kept.tolist()]
    values = [clean(written(float(data[n]), found.ink.map == "signed"), paper) for n in kept.tolist()]
    values = [
        value if np.isfinite(data[n]) else clean(_odd(float(data[n])), paper)
        for n, value in zip(kept.tolist(), values, strict=True)
    ]
    gutter = min(max(map(cell_len, left), default=0), max(4, paper.width // 3)) + 1
    wide = max(map(cell_len, values), default=0) + 1
    room = min(paper.width - gutter - wide - 1, 60)
    lines: Lines = []
    for name, value, at in zip(left, values, kept.tolist(), strict=True):
        line: Line = [Segment(pad(cut(name, gutter - 1, paper), gutter) + pad(value, wide - 1, "right") + " ", PLAIN)]
        if room >= 4:
            line += _bar(float(data[at]), found, room, paper)
        lines.append(line)
    wide = gutter + wide + max(0, room)
    return lines, [Block(0, y, 1, 1, 2 * wide, 2, (at,), (0,), (0,)) for y, at in enumerate(kept.tolist())]


def _odd(value: float) -> str:
    return "NaN" if math.isnan(value) else "+∞" if value > 0 else "−∞"


def _bar(value: float, found: Scale, room: int, paper: Paper) -> Line:
    """From 0 to the value: to the right, of a signed vector also to the left of a line in the middle."""
    signed = found.ink.map == "signed"
    half = (room - 1) // 2 if signed else room
    most = max(abs(found.low), abs(found.high)) or 1.0
    part = min(1.0, abs(value) / most) if math.isfinite(value) else 0.0
    halves = round(part * half * (1 if paper.ascii else 2))
    if part > 0 and not halves:  # too small for a bar, and yet not 0
        full, text = 1, "." if paper.ascii else "▕" if value < 0 else "▏"
    elif paper.ascii:
        full, text = halves, ("-" if value < 0 else "+" if signed else "#") * halves
    elif value < 0:
        full, text = (halves + 1) // 2, ("▐" if halves % 2 else "") + "█" * (halves // 2)
    else:
        full, text = (halves + 1) // 2, "█" * (halves // 2) + ("▌" if halves % 2 else "")
    style = _color(value, found)
    if not signed:
        return [Segment(text, style)] if text else []
    middle = Segment("|" if paper.ascii else "│", PLAIN)
    if value < 0:
        return [Segment(" " * (half - full), PLAIN), Segment(text, style), middle]
    line = [Segment(" " * half, PLAIN), middle]
    return [*line, Segment(text, style)] if text else line


def _color(value: float, found: Scale) -> Style:
    """One colour for each sign: the length of a bar says how large."""
    if found.ink.marks:
        return found.ink.styles[found.levels(np.array([value]))[0]]
    return Style(color=found.ink.colors[_strong(-1 if value < 0 else 1, found)])


def columns(data: Array, axis: str, found: Scale, paper: Paper) -> Body:
    """One standing column for each value, below the middle if it is negative; in bands, reduced if there are many."""
    signed = found.ink.map == "signed"
    top, bottom = (clean(written(value, signed), paper) for value in (found.high, found.low))
    gutter = max(len(top), len(bottom)) + 1
    room = max(1, paper.width - gutter)
    across = max(1, math.ceil(len(data) / (room * _BANDS)))
    shown = reduced(data[None], 1, across)[0]
    lines: Lines = []
    blocks: list[Block] = []
    if across > 1:
        lines += words(f"each column is the value of largest size of {across:,} of {len(data):,}", paper)
    band = band_of(len(shown), room)
    for start in range(0, len(shown), band):
        part = shown[start : start + band]
        if band < len(shown):
            first, last = start * across, min(len(data), (start + band) * across) - 1
            lines += words(f"{axis} {first:,}–{last:,} of {len(data):,}", paper)
        times = max(1, min(4, room // len(shown)))
        body = standing(part, found, times, ascii_only=paper.ascii)
        below = len(body) > _HIGH
        own = (2 * times, 2 * len(body), (start * across,), (across,), (0,))
        blocks.append(Block(gutter, len(lines), len(part), 1, *own, largest=True, base=_HIGH - 1))
        for n, line in enumerate(body):
            name = top if n == 0 else "0" if n == _HIGH - 1 else bottom if below and n == len(body) - 1 else ""
            lines.append([Segment(pad(cut(name, gutter - 1, paper), gutter - 1, "right") + " ", PLAIN), *line])
    return lines, blocks


def standing(data: Array, found: Scale, times: int = 1, high: int = _HIGH, ascii_only: bool = False) -> Lines:
    """The columns alone, each `times` cells wide, with as many lines for each sign that occurs."""
    per_line = 1 if found.ink.marks else 2
    most = max(abs(found.low), abs(found.high)) or 1.0
    finite = np.isfinite(data)
    sizes = np.clip(np.where(finite, data, 0.0) / most, -1, 1) * high * per_line
    sizes = np.where(sizes > 0, np.maximum(1, np.rint(sizes)), np.minimum(-1, np.rint(sizes)) * (sizes < 0))
    heights = np.arange(1, high * per_line + 1)
    lines: Lines = []
    for sign in (1, -1) if (data[finite] < 0).any() else (1,):
        inside = sign * sizes[None] >= (heights[::-1, None] if sign > 0 else heights[:, None])
        if found.ink.marks:
            block, style = "#" if ascii_only else "█", found.ink.styles[-1 if sign > 0 else FIRST]
            rows = np.where(inside, block, " ")
            if sign > 0:
                rows[-1, ~finite] = "?"
            lines += [[Segment("".join(each * times for each in row), style)] for row in rows.tolist()]
            continue
        levels = np.where(inside, _strong(sign, found), NOTHING)
        if sign > 0:
            levels[-1, ~finite] = NO_NUMBER
        lines += square(levels.repeat(times, axis=1), found.ink)
    return lines


def histogram(view: View, paper: Paper) -> Body:
    """A column for each bin; the edges of the bins below."""
    counts, said = counts_of(view)
    edges = np.arange(len(counts) + 1.0) if view.x is None else np.asarray(view.x, np.float64)
    found = Scale(0.0, float(counts.max()), scale(view, paper).ink)
    most = clean(plain(found.high), paper)
    gutter = len(most) + 1
    room = max(1, paper.width - gutter)
    lines: Lines = []
    together = math.ceil(len(counts) / room)
    if together > 1:  # counts add up
        lines += words(f"each column is {together} bins of {len(counts):,} together", paper)
        counts = np.add.reduceat(counts, np.arange(0, len(counts), together))
        found = Scale(0.0, float(counts.max()), found.ink)
        most = clean(plain(found.high), paper)
    times = max(1, min(8, room // max(1, len(counts))))
    body = standing(counts, found, times, high=8, ascii_only=paper.ascii)
    own = (2 * times, 2 * len(body), (0,), (together,), (0,))
    block = Block(gutter, len(lines), len(counts), 1, *own, base=len(body) - 1)
    for n, line in enumerate(body):
        name = most if n == 0 else "0" if n == len(body) - 1 else ""
        lines.append([Segment(pad(cut(name, gutter - 1, paper), gutter - 1, "right") + " ", PLAIN), *line])
    lines += _edges(edges, len(counts) * times, gutter, paper)
    return [*lines, *(line for note in said for line in words(note, paper))], [block]


def plain(value: float) -> str:
    """A count in full, anything else in three digits."""
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e6 else written(value)


def _edges(edges: Array, wide: int, gutter: int, paper: Paper) -> Lines:
    """The values at both ends and, where it has room, in the middle."""
    if not len(edges):
        return []
    first, middle, last = (clean(written(float(edges[n])), paper) for n in (0, len(edges) // 2, -1))
    between = wide - len(first) - len(last)
    if between < 1:
        return words(f"from {first} to {last}", paper)
    at = round(wide * (len(edges) // 2) / max(1, len(edges) - 1)) - len(middle) // 2
    text = pad(first, wide)
    if len(edges) > 2 and at > len(first) and at + len(middle) < wide - len(last):
        text = text[:at] + middle + text[at + len(middle) :]
    text = text[: wide - len(last)] + last
    return [[Segment(" " * gutter + text, PLAIN)]]


def counts_of(view: View) -> tuple[Array, list[str]]:
    """The counts of a histogram, those that are none as 0; and what is to be said of them."""
    given = np.asarray(view.data, np.float64)
    real = np.isfinite(given) & (given >= 0)
    counts = np.minimum(np.where(real, given, 0.0), 1e300)  # so that they can be added
    said = [f"{plain(float(counts.sum()))} values in {len(counts):,} bins"]
    if not real.all():
        said.append(f"{int((~real).sum()):,} bins hold no count and are drawn as 0")
    return counts, [*said, *view.notes]


def _strong(sign: int, found: Scale) -> int:
    """The level of the one colour of each sign: the length says how large."""
    place = 0.75 if found.ink.map == "signed" else 0.6
    return FIRST + round((place if sign > 0 else 1 - place) * (found.ink.count - 1))
