"""Views on pages, with a cursor that moves from value to value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.binding import Binding
from textual.message import Message

from tuinet.inspection.view import Seen, View
from tuinet.render.paper import Paper
from tuinet.tui.widgets.pages import Page, Piece, draw_page, pages
from tuinet.tui.widgets.sheet import Mark, Sheet

ZOOMS = 8


class Place(NamedTuple):
    """Which of the views, and which of its values."""

    seen: int
    at: tuple[int, ...]


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
        self.page_at = 0
        self.paper: Paper | None = None
        self._pages: list[Page] = []
        self._pieces: list[Piece] = []

    # ── what is shown ─────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, seens: Sequence[Seen], paper: Paper, *, anew: bool) -> None:
        """Other values; `anew`: of another view, so that cursor and page begin again."""
        self.seens = tuple(seens)
        if anew:
            self.place, self.page_at = None, 0
        self.draw(paper, top=0 if anew else None)

    def draw(self, paper: Paper, top: int | None = None) -> None:
        """All of it on this paper, from the page on that is seen."""
        self.paper = paper
        self._pages = pages(self.seens, paper)
        self._turn_to(self.page_at, top)

    def _turn_to(self, number: int, top: int | None = 0) -> None:
        if self.paper is None:
            return
        self.page_at = max(0, min(number, len(self._pages) - 1))
        page = self._pages[self.page_at] if self._pages else ()
        lines, self._pieces = draw_page(self.seens, page, self.paper)
        if self.place is None or self._where(self.place) is None:
            self.place = self._end()
        self.show(lines, self._cursor(), top)

    @property
    def pages(self) -> tuple[int, int]:
        """Which page of how many, from 1."""
        return self.page_at + 1, max(1, len(self._pages))

    @property
    def view(self) -> View | None:
        """The view that the cursor is on."""
        seen = self.seens[self.place.seen] if self.place is not None and self.place.seen < len(self.seens) else None
        return seen if isinstance(seen, View) else None

    # ── the cursor ────────────────────────────────────────────────────────────────────────────────────────────────

    def _piece(self, seen: int) -> Piece | None:
        return next((piece for piece in self._pieces if piece.part.seen == seen), None)

    def _where(self, place: Place) -> tuple[int, int, int] | None:
        piece = self._piece(place.seen)
        if piece is None or piece.drawing is None or not place.at or place.at[0] < piece.part.first:
            return None
        found = piece.drawing.where(piece.shown(place.at))
        return None if found is None else (found[0], found[1] + piece.top, found[2])

    def _end(self, last: bool = False) -> Place | None:
        """The first value on the page, or the last."""
        for piece in reversed(self._pieces) if last else self._pieces:
            end = piece.end(last)
            if end is not None:
                return Place(piece.part.seen, end)
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
        place = self.place
        piece = self._piece(place.seen) if place is not None else None
        if place is None or piece is None or piece.drawing is None:
            self.scroll_by(dy)
            return
        moved = piece.whole(piece.drawing.moved(piece.shown(place.at), dx, dy))
        if moved != place.at:
            self.go(Place(place.seen, moved))
        elif dy and not self._leave(piece, 1 if dy > 0 else -1) and not self.scroll_by(dy):
            self.page(1 if dy > 0 else -1, last=dy < 0)

    def _leave(self, piece: Piece, way: int) -> bool:
        """Over the edge of a view into the next one on the page."""
        at = self._pieces.index(piece)
        for other in self._pieces[at + 1 :] if way > 0 else reversed(self._pieces[:at]):
            end = other.end(last=way < 0)
            if end is not None:
                self.go(Place(other.part.seen, end))
                return True
        return False

    def next_view(self) -> None:
        """The same place of the next of several views, after the last of the first."""
        place = self.place
        others = [number for number, seen in enumerate(self.seens) if isinstance(seen, View)]
        if place is None or len(others) < 2 or place.seen not in others:
            return
        wanted = others[(others.index(place.seen) + 1) % len(others)]
        page = next(n for n, page in enumerate(self._pages) if any(part.seen == wanted for part in page))
        self.place = Place(wanted, place.at)
        self._turn_to(page, None if page == self.page_at else 0)
        if self.place.seen != wanted:  # it has no such place
            piece = self._piece(wanted)
            end = piece.end() if piece is not None else None
            self.place = Place(wanted, end) if end is not None else self.place
            self.show(self.lines, self._cursor())
        self.post_message(self.Moved())

    def page(self, by: int, *, last: bool = False) -> None:
        """The next page, the cursor on its first value or its last; of lines that go on below, those first."""
        if not last and self.scroll_by(by * max(1, self.size.height - 1)):
            return
        number = self.page_at + by
        if 0 <= number < len(self._pages):
            self.place = None
            self._turn_to(number)
            if last:
                self.place = self._end(last=True)
                self.show(self.lines, self._cursor())
            self.post_message(self.Moved())

    def on_focus(self) -> None:
        self.show(self.lines, self._cursor())

    def on_blur(self) -> None:
        self.show(self.lines, None)

    def on_sheet_pressed(self, message: Sheet.Pressed) -> None:
        message.stop()
        self.focus()
        for piece in self._pieces:
            found = piece.drawing.at(message.x, message.y - piece.top) if piece.drawing is not None else None
            if found is not None:
                self.go(Place(piece.part.seen, piece.whole(found)))
                return
