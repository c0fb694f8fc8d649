"""Views, tables and sums → lines of coloured cells. Whoever shows them prints `ansi(…)` or makes strips of them.

plotext keeps one figure for the whole process; only one thread may draw.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.color import ColorSystem
from rich.segment import Segment

from tuinet.inspection.view import Seen, Sum, Table, View
from tuinet.render import sums, tables
from tuinet.render.bars import histogram, vector
from tuinet.render.curves import series
from tuinet.render.grid import matrix
from tuinet.render.paper import BOLD, PLAIN, Colors, Line, Lines, Paper, clean, colors_of, cropped, width_of, words
from tuinet.render.regions import regions
from tuinet.render.tiles import TILES, image, images

__all__ = ["Colors", "Line", "Lines", "Paper", "ansi", "as_ascii", "colors_of", "draw", "draw_all", "plain"]

_DRAW = {
    "image": image, "matrix": matrix, "vector": vector, "series": series, "histogram": histogram, "regions": regions,
}  # fmt: skip
_SYSTEM = {
    "truecolor": ColorSystem.TRUECOLOR, "256": ColorSystem.EIGHT_BIT, "16": ColorSystem.STANDARD, "none": None,
}  # fmt: skip


def draw(seen: Seen, paper: Paper, *, most: int = TILES, more: str = "") -> Lines:
    """One thing as lines, none of them wider than the paper.

    Of many images `most` are drawn; the others are counted, and `more`, a text in which {first} and {last} stand for
    their numbers, says how to see them.
    """
    if isinstance(seen, View):
        lines = [*_title(seen, paper), *_body(seen, paper, most, more)]
    else:
        title = words(seen.name if isinstance(seen, Sum) else seen.title, paper, BOLD)
        lines = tables.drawn(seen, paper) if isinstance(seen, Table) else sums.drawn(seen, paper)
        lines = [*title, *lines] if title[0][0].text else lines
    return cropped(lines, paper)


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


def _body(view: View, paper: Paper, most: int, more: str) -> Lines:
    if not view.data.size:
        return [line for note in ("no values", *view.notes) for line in words(note, paper)]
    if view.kind == "images":
        return images(view, paper, most, more)
    return _DRAW[view.kind](view, paper)
