"""Views on pages: as many whole ones on each as have room; of many pictures, so many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
from rich.segment import Segment

from tuinet.inspection.view import Seen, View
from tuinet.render.draw import Drawing, drawing, page_of
from tuinet.render.paper import PLAIN, Line, Paper, words

ROWS, AROUND = ("step", "place"), 10
"""Rows that are words, each of which is to be seen, and lines around them: a page that is too short is scrolled."""


class Part(NamedTuple):
    """What a page shows of one view: of pictures `most` from the `first` on."""

    seen: int
    first: int = 0
    most: int = 1


Page = tuple[Part, ...]


class Piece(NamedTuple):
    """A part as it is drawn: where its lines begin; without a drawing there is nothing in it to stand on."""

    part: Part
    drawing: Drawing | None
    top: int

    def shown(self, index: tuple[int, ...]) -> tuple[int, ...]:
        """The place of a value of the view in what is drawn of it; below 0 if it is before that."""
        return (index[0] - self.part.first, *index[1:]) if self.part.first else index

    def whole(self, index: tuple[int, ...]) -> tuple[int, ...]:
        """The other way round."""
        return (index[0] + self.part.first, *index[1:]) if self.part.first else index

    def end(self, last: bool = False) -> tuple[int, ...] | None:
        """The first value that is drawn, or the last; None if there is none."""
        if self.drawing is None or not self.drawing.blocks:
            return None
        block = self.drawing.blocks[-1 if last else 0]
        return self.whole(block.place(block.rows - 1, block.columns - 1) if last else block.place(0, 0))


def pages(seens: Sequence[Seen], paper: Paper) -> list[Page]:
    """All on one page if the paper's height allows it, else views one after the other, none of them cut in two."""
    found: list[Page] = []
    page: list[Part] = []
    used = 0
    for number, seen in enumerate(seens):
        count = len(seen.data) if isinstance(seen, View) and seen.kind == "images" else 1
        most = page_of(_bare(seen), paper) if isinstance(seen, View) and count > 1 else 1
        lines = len(drawn(seen, Part(number, 0, count), paper)[0]) if most >= count else 0
        if page and paper.height is not None and (most < count or used + 1 + lines > paper.height):
            found.append(tuple(page))
            page, used = [], 0
        if most < count:
            found += [(Part(number, first, most),) for first in range(0, count, most)]
        else:
            used += lines + bool(page)
            page.append(Part(number, 0, count))
    return [*found, tuple(page)] if page else found


def drawn(seen: Seen, part: Part, paper: Paper) -> tuple[list[Line], Drawing]:
    """The lines of a part; what is to be said of pictures and tables of numbers takes no room from them."""
    if not isinstance(seen, View):
        found = drawing(seen, paper)
        return list(found.lines), found
    if seen.kind == "matrix" and seen.axes[0].name in ROWS and paper.height is not None:
        paper = replace(paper, height=max(paper.height, len(seen.data) + AROUND))
    if seen.kind not in ("images", "matrix"):
        found = drawing(seen, paper)
        return list(found.lines), found
    found = drawing(part_of(_bare(seen), part.first, part.most), paper, most=part.most)
    return [*found.lines, *(line for note in seen.notes for line in words(note, paper))], found


def draw_page(seens: Sequence[Seen], page: Page, paper: Paper) -> tuple[list[Line], list[Piece]]:
    """The lines of a page, an empty one between two views, and where in them each lies."""
    lines: list[Line] = []
    pieces: list[Piece] = []
    for part in page:
        if lines:
            lines.append([Segment("", PLAIN)])
        more, found = drawn(seens[part.seen], part, paper)
        pieces.append(Piece(part, found if isinstance(seens[part.seen], View) else None, len(lines)))
        lines += more
    return lines, pieces


def part_of(view: View, first: int, count: int) -> View:
    """So many pictures of a view from one on, under their own numbers, in the range of all."""
    if view.kind != "images" or (first == 0 and count >= len(view.data)):
        return view
    labels = view.axes[0].labels or tuple(map(str, range(len(view.data))))
    axis = msgspec.structs.replace(view.axes[0], labels=labels[first : first + count])
    low, high = view.range
    data = view.data[first : first + count]
    title = f"{view.title or view.name}: {first}–{first + len(data) - 1} of {len(view.data)}"
    return msgspec.structs.replace(view, axes=(axis, *view.axes[1:]), data=data, low=low, high=high, title=title)


def _bare(view: View) -> View:
    return msgspec.structs.replace(view, notes=())
