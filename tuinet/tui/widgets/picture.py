"""Views one under the other, as pages of tiles, with a cursor that moves from value to value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from rich.segment import Segment
from textual.binding import Binding
from textual.message import Message

from tuinet.inspection.view import Seen, View
from tuinet.render.draw import Drawing, drawing, page_of
from tuinet.render.paper import BOLD, Line, Paper
from tuinet.tui.widgets.sheet import Mark, Sheet

ZOOMS = 8


class Place(NamedTuple):
    """Which of the views, and which of its values."""

    seen: int
    at: tuple[int, ...]


class _Piece(NamedTuple):
    """One view as it is drawn: where its lines begin, and the first of its pictures that is on the page."""

    drawing: Drawing | None
    top: int
    first: int


class Picture(Sheet):
    """Shows what a view gave. `place` is where the cursor stands, None where there is nothing to stand on."""

    BINDINGS = [
        Binding("up,k", "move(0, -1)", show=False),
        Binding("down,j", "move(0, 1)", show=False),
        Binding("left,h", "move(-1, 0)", show=False),
        Binding("right,l", "move(1, 0)", show=False),
        Binding("shift+up", "move(0, -5)", show=False),
        Binding("shift+down", "move(0, 5)", show=False),
        Binding("shift+left", "move(-10, 0)", show=False),
        Binding("shift+right", "move(10, 0)", show=False),
    ]

    class Moved(Message):
        """The cursor stands on another value."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.seens: tuple[Seen, ...] = ()
        self.place: Place | None = None
        self.first = 0
        self.per_page = 0
        self.paper: Paper | None = None
        self._pieces: list[_Piece] = []

    # ── what is shown ─────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, seens: Sequence[Seen], paper: Paper, *, anew: bool) -> None:
        """Other values; `anew`: of another view, so that cursor and page begin again."""
        self.seens = tuple(seens)
        if anew:
            self.place, self.first = None, 0
        self.draw(paper, top=0 if anew else None)

    def draw(self, paper: Paper, top: int | None = None) -> None:
        """All of it on this paper."""
        self.paper = paper
        lines: list[Line] = []
        self._pieces = []
        for number, seen in enumerate(self.seens):
            if lines:
                lines.append([Segment("", BOLD)])
            lines += self._piece(number, seen, paper, len(lines))
        if self.place is None or not self._stands(self.place):
            self.place = self._somewhere()
        self.show(lines, self._cursor(), top)

    def _piece(self, number: int, seen: Seen, paper: Paper, top: int) -> list[Line]:
        if not isinstance(seen, View):
            drawn = drawing(seen, paper)
            self._pieces.append(_Piece(None, top, 0))
            return list(drawn.lines)
        first, most = 0, len(seen.data) or 1
        if seen.kind == "images" and len(self.seens) == 1:
            most = self.per_page = max(1, page_of(seen, paper))
            first = self.first = min(self.first, (len(seen.data) - 1) // most * most)
            seen = part_of(seen, first, most)
        elif len(self.seens) == 1:
            self.per_page = 0
        drawn = drawing(seen, paper, most=most)
        self._pieces.append(_Piece(drawn, top, first))
        return list(drawn.lines)

    @property
    def pages(self) -> tuple[int, int]:
        """Which page of how many, from 1."""
        seen = self.seens[0] if self.seens else None
        if not isinstance(seen, View) or not self.per_page:
            return 1, 1
        return self.first // self.per_page + 1, -(-len(seen.data) // self.per_page)

    @property
    def view(self) -> View | None:
        """The view that the cursor is on."""
        seen = self.seens[self.place.seen] if self.place is not None else None
        return seen if isinstance(seen, View) else None

    # ── the cursor ────────────────────────────────────────────────────────────────────────────────────────────────

    def _where(self, place: Place) -> tuple[int, int, int] | None:
        piece = self._pieces[place.seen]
        if piece.drawing is None:
            return None
        index = (place.at[0] - piece.first, *place.at[1:]) if piece.first else place.at
        found = piece.drawing.where(index) if index[0] >= 0 else None
        return None if found is None else (found[0], found[1] + piece.top, found[2])

    def _stands(self, place: Place) -> bool:
        return place.seen < len(self._pieces) and self._where(place) is not None

    def _somewhere(self) -> Place | None:
        """The first value that is drawn."""
        for number, piece in enumerate(self._pieces):
            start = _end_of(piece.drawing)
            if start is not None:
                return Place(number, (start[0] + piece.first, *start[1:]) if piece.first else start)
        return None

    def _cursor(self) -> Mark | None:
        found = self._where(self.place) if self.place is not None else None
        if found is None or not self.has_focus:
            return None
        x, y, width = found
        return Mark(x, y, width, "+" if self.paper is not None and self.paper.ascii else "╋")

    def go(self, place: Place) -> None:
        if place != self.place:
            self.place = place
            self.show(self.lines, self._cursor())
            self.post_message(self.Moved())

    def action_move(self, dx: int, dy: int) -> None:
        if self.place is None:
            self.scroll_by(dy)
            return
        piece, index = self._pieces[self.place.seen], self.place.at
        assert piece.drawing is not None
        shown = (index[0] - piece.first, *index[1:]) if piece.first else index
        moved = piece.drawing.moved(shown, dx, dy)
        if moved != shown:
            self.go(Place(self.place.seen, (moved[0] + piece.first, *moved[1:]) if piece.first else moved))
        elif dy:
            self._leave(1 if dy > 0 else -1)

    def _leave(self, way: int) -> None:
        """Over the edge of a view into the next one, or only further down the lines."""
        assert self.place is not None
        others = range(self.place.seen + way, len(self._pieces) if way > 0 else -1, way)
        for number in others:
            start = _end_of(self._pieces[number].drawing, last=way < 0)
            if start is not None:
                self.go(Place(number, start))
                return
        self.scroll_by(way)

    def next_view(self) -> None:
        """The cursor onto the next of several views, after the last onto the first."""
        if self.place is None:
            return
        before = self.place
        self._leave(1)
        if self.place == before:
            first = self._somewhere()
            if first is not None:
                self.go(first)

    def page(self, by: int) -> None:
        """The next page of tiles, or of lines."""
        if self.pages[1] == 1 or self.paper is None:
            self.scroll_by(by * max(1, self.size.height - 1))
            return
        seen = self.seens[0]
        assert isinstance(seen, View)
        first = self.first + by * self.per_page
        if 0 <= first < len(seen.data):
            self.first, self.place = first, None
            self.draw(self.paper, top=0)
            self.post_message(self.Moved())

    def on_focus(self) -> None:
        self.show(self.lines, self._cursor())

    def on_blur(self) -> None:
        self.show(self.lines, None)

    def on_sheet_pressed(self, message: Sheet.Pressed) -> None:
        message.stop()
        self.focus()
        for number, piece in enumerate(self._pieces):
            found = piece.drawing.at(message.x, message.y - piece.top) if piece.drawing is not None else None
            if found is not None:
                self.go(Place(number, (found[0] + piece.first, *found[1:]) if piece.first else found))
                return


def part_of(view: View, first: int, count: int) -> View:
    """So many pictures of a view from one on, under their own numbers, in the range of all."""
    if first == 0 and count >= len(view.data):
        return view
    labels = view.axes[0].labels or tuple(map(str, range(len(view.data))))
    axis = msgspec.structs.replace(view.axes[0], labels=labels[first : first + count])
    low, high = view.range
    data = view.data[first : first + count]
    return msgspec.structs.replace(view, axes=(axis, *view.axes[1:]), data=data, low=low, high=high)


def _end_of(drawn: Drawing | None, last: bool = False) -> tuple[int, ...] | None:
    """The first value that is drawn, or the last."""
    if drawn is None or not drawn.blocks:
        return None
    block = drawn.blocks[-1 if last else 0]
    return block.place(block.rows - 1, block.columns - 1) if last else block.place(0, 0)
