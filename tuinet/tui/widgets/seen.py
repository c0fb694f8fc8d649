"""What a view gave: the names of the views there are, the picture with its cursor, its pages, its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from textual.app import ComposeResult
from textual.containers import Vertical

from tuinet.inspection.around import around, beside
from tuinet.inspection.pointing import said as in_words
from tuinet.inspection.view import Seen, View
from tuinet.render.paper import Paper
from tuinet.tui.listing import Listed, each, in_one_list
from tuinet.tui.widgets.bars import Bar, rule
from tuinet.tui.widgets.picture import ZOOMS, Picture

if TYPE_CHECKING:
    from tuinet.tui.asking import Asking


class SeenPane(Vertical):
    """The right side of Inspect."""

    DEFAULT_CSS = "SeenPane { width: 1fr; padding-left: 1; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.zoom = 0
        self.turned = False

    def compose(self) -> ComposeResult:
        yield Bar(id="views")
        yield Picture(id="picture")

    @property
    def picture(self) -> Picture:
        return self.query_one(Picture)

    # ── drawing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, seens: Sequence[Seen], *, anew: bool, listed: bool = False) -> None:
        """What was found; `listed`: what was read and written as one list."""
        self.seens, self.listed = tuple(seens), listed
        self.shown = in_one_list(self.seens) if listed else each(self.seens)
        self._show(anew=anew)

    seens: tuple[Seen, ...] = ()
    shown: tuple[Listed, ...] = ()
    listed = False

    def draw(self) -> None:
        self._show(anew=False)

    def _show(self, *, anew: bool) -> None:
        paper = self._paper()
        if paper is None:
            self.picture.place = None  # it stood in what was seen before
            return
        found = [_turned(one.seen) if self.turned else one.seen for one in self.shown]
        self.picture.take(found, paper, anew=anew)

    def _paper(self) -> Paper | None:
        size = self.picture.size
        if size.width < 2 or size.height < 2:
            return None
        paper: Paper = self.app.paper(size.width - 1, size.height)  # pyright: ignore[reportAttributeAccessIssue]
        return replace(paper, zoom=self.zoom or None)

    def titles(self, asking: Asking, *, ascii_only: bool) -> None:
        """The views of the layer, as many as have room, from the one that is seen on."""
        bar, names = self.query_one("#views", Bar), asking.view_names()
        here = names.index(asking.view) if asking.view in names else 0
        page, pages = self.picture.pages
        right = f"pgdn: page {page}/{pages}" if pages > 1 else f"view {here + 1}/{len(names)}" if len(names) > 1 else ""
        room = bar.size.width - len(right) - 12  # for strokes, ‹› and …
        if sum(map(len, names)) + len(names) > room:  # those from the one that is seen on
            names = [*names[here:], *names[:here]]
            ends = [sum(map(len, names[: n + 1])) + n + 1 for n in range(len(names))]
            names = names[: max(1, sum(end <= room for end in ends))]
            more = [("..." if ascii_only else "…", False, "screen.view(1)")]
        else:
            more = []
        titles = [*((name, name == asking.view, f"screen.show_view('{name}')") for name in names), *more]
        bar.show(rule(titles, right, bar.size.width, ascii_only=ascii_only, focused=self.picture.has_focus))

    @property
    def views(self) -> list[View]:
        """What is seen that is no table."""
        return [one.seen for one in self.shown if isinstance(one.seen, View)]

    # ── the value under the cursor ────────────────────────────────────────────────────────────────────────────────

    @property
    def pointed(self) -> tuple[View, tuple[int, ...]] | None:
        """The view under the cursor, as it was found, and the place in it."""
        place = self.picture.place
        if place is None or place.seen >= len(self.shown):
            return None
        one = self.shown[place.seen]
        if not isinstance(one.seen, View):
            return None
        if self.turned and one.seen.kind == "matrix":
            return one.source(place.at[::-1])
        return one.source((*place.at, *(0,) * (one.seen.data.ndim - len(place.at))))  # of a coloured point the first

    def about_value(self) -> str:
        """What lies under the cursor, in words, and what around it."""
        pointed = self.pointed
        if pointed is None:
            return ""
        parts = (in_words(*pointed), beside(self.seens, *pointed), around(*pointed))
        return "   ".join(part for part in parts if part)

    # ── what keys do ──────────────────────────────────────────────────────────────────────────────────────────────

    def enlarge(self, by: int) -> None:
        self.zoom = max(0, min(ZOOMS, self.zoom + by))
        self.draw()

    def turn(self) -> None:
        """Rows become columns, of tables of numbers."""
        self.turned = not self.turned
        self.take(self.seens, anew=True, listed=self.listed)


def _turned(seen: Seen) -> Seen:
    if not isinstance(seen, View) or seen.kind != "matrix":
        return seen
    return msgspec.structs.replace(seen, axes=seen.axes[::-1], data=seen.data.T)
