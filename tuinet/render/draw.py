"""Views, tables and sums → lines of coloured cells. Whoever shows them prints `ansi(…)` or makes strips of them.

plotext keeps one figure for the whole process; only one thread may draw.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from rich.color import ColorSystem
from rich.segment import Segment

from tuinet.inspection.view import Seen, Sum, Table, View
from tuinet.render import sums, tables, tiles
from tuinet.render.bars import histogram, vector
from tuinet.render.curves import series
from tuinet.render.grid import matrix
from tuinet.render.paper import BOLD, PLAIN, Colors, Line, Lines, Paper, clean, colors_of, cropped, width_of, words
from tuinet.render.places import Body, Drawing
from tuinet.render.regions import regions
from tuinet.render.tiles import TILES

__all__ = [
    "Colors", "Drawing", "Line", "Lines", "Paper", "ansi", "as_ascii", "colors_of", "draw", "draw_all", "drawing",
    "page_of", "plain",
]  # fmt: skip

_DRAW = {
    "image": tiles.image, "matrix": matrix, "vector": vector, "series": series, "histogram": histogram,
    "regions": regions,
}  # fmt: skip
_SYSTEM = {
    "truecolor": ColorSystem.TRUECOLOR, "256": ColorSystem.EIGHT_BIT, "16": ColorSystem.STANDARD, "none": None,
}  # fmt: skip


def draw(seen: Seen, paper: Paper, *, most: int = TILES, more: str = "") -> Lines:
    """The lines of `drawing`."""
    return drawing(seen, paper, most=most, more=more).lines


def drawing(seen: Seen, paper: Paper, *, most: int = TILES, more: str = "") -> Drawing:
    """One thing as lines, none of them wider than the paper, and of a view which value lies where in them.

    Of many images `most` are drawn; the others are counted, and `more`, a text in which {first} and {last} stand for
    their numbers, says how to see them.
    """
    if isinstance(seen, View):
        title, paper = _titled(seen, paper)
        lines, blocks = _body(seen, paper, most, more)
        return Drawing(cropped([*title, *lines], paper), paper.width, seen.data, blocks, len(title))
    title = words(seen.name if isinstance(seen, Sum) else seen.title, paper, BOLD) if paper.title else []
    lines = tables.drawn(seen, paper) if isinstance(seen, Table) else sums.drawn(seen, paper)
    return Drawing(cropped([*title, *lines] if title and title[0][0].text else lines, paper), paper.width, np.empty(0))


def page_of(view: View, paper: Paper, *, more: str = "") -> int:
    """How many tiles of images fit into the paper's height, with all that is written around them; at least a row's.

    A drawing of `most` so many keeps to the height, unless a single row is too much for it. They are enlarged as far as
    the paper asks for, at first not at all. Without a height, and of what has no tiles, as many as are drawn at once.
    """
    return tiles.page_of(view, _titled(view, paper)[1], more) if view.kind == "images" else TILES


def draw_all(seens: Iterable[Seen], paper: Paper, *, most: int = TILES, more: str = "") -> Lines:
    """Several things under one another, an empty line between two."""
    lines: Lines = []
    for seen in seens:
        lines += [[Segment("", PLAIN)]] if lines else []
        lines += draw(seen, paper, most=most, more=more)
    return lines


def ansi(lines: Lines, paper: Paper) -> str:
    """The lines as text with the codes that colour it on such a terminal; every colour ends with its line."""
    system = _SYSTEM[paper.colors]
    return "\n".join(
        "".join((style or PLAIN).render(text, color_system=system) for text, style, _ in line)
        for line in map(_trimmed, lines)
    )


def plain(lines: Lines) -> str:
    """The lines as text without colours."""
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)


def as_ascii(text: str) -> str:
    """One line of any text in ASCII: what stands for our own signs, escapes for all others."""
    return clean(text, Paper(ascii=True))


def _trimmed(line: Line) -> Line:
    """Without the blanks at its end that nothing is painted on."""
    kept = list(line)
    while kept and not (kept[-1].style and kept[-1].style.bgcolor):
        text = kept[-1].text.rstrip()
        if text:
            kept[-1] = Segment(text, kept[-1].style)
            break
        kept.pop()
    return kept


def _titled(view: View, paper: Paper) -> tuple[Lines, Paper]:
    """The title, and the paper below it."""
    title = _title(view, paper) if paper.title else []
    return title, paper if paper.height is None else replace(paper, height=max(1, paper.height - len(title)))


def _title(view: View, paper: Paper) -> Lines:
    """What it is, and how large, on one line if there is room."""
    lines = words(view.title or view.name, paper, BOLD)
    if view.kind in ("series", "histogram", "regions"):
        return lines
    sizes = [f"{axis.name} {size:,}" for axis, size in zip(view.axes, view.data.shape, strict=True)]
    if view.kind == "matrix":
        ways = (" down", " across") if paper.ascii else (" ↓", " →")
        sizes = [size + way for size, way in zip(sizes, ways, strict=True)]
    said = words(" × ".join(sizes), paper)
    if len(lines) == len(said) == 1 and width_of(lines[0]) + 3 + width_of(said[0]) <= paper.width:
        return [[*lines[0], Segment("   ", PLAIN), *said[0]]]
    return [*lines, *said]


def _body(view: View, paper: Paper, most: int, more: str) -> Body:
    if not view.data.size:
        return [line for note in ("no values", *view.notes) for line in words(note, paper)], []
    if view.kind == "images":
        return tiles.images(view, paper, most, more)
    return _DRAW[view.kind](view, paper)
