"""What a view gave: the names of the views there are, the picture with its cursor, its pages, its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from textual.app import ComposeResult
from textual.containers import Vertical

from tuinet.inspection.pointing import said as in_words
from tuinet.inspection.view import Seen, View
from tuinet.render.paper import Paper
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

    def take(self, seens: Sequence[Seen], *, anew: bool) -> None:
        """What was found."""
        self.seens = tuple(seens)
        paper = self._paper()
        if paper is not None:
            self.picture.take([_turned(seen) if self.turned else seen for seen in seens], paper, anew=anew)

    seens: tuple[Seen, ...] = ()

    def draw(self) -> None:
        paper = self._paper()
        if paper is not None:
            self.picture.draw(paper)

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
        from_here = [*names[here:], *names[:here]] if sum(map(len, names)) + len(names) > bar.size.width - 18 else names
        titles = [(name, name == asking.view, f"screen.show_view('{name}')") for name in from_here]
        page, pages = self.picture.pages
        right = f"page {page}/{pages}" if pages > 1 else f"{here + 1}/{len(names)}"
        bar.show(rule(titles, right, bar.size.width, ascii_only=ascii_only, focused=self.picture.has_focus))

    # ── the value under the cursor ────────────────────────────────────────────────────────────────────────────────

    @property
    def pointed(self) -> tuple[View, tuple[int, ...]] | None:
        """The view under the cursor, as it was found, and the place in it."""
        place = self.picture.place
        if place is None or place.seen >= len(self.seens):
            return None
        view = self.seens[place.seen]
        if not isinstance(view, View):
            return None
        if self.turned and view.kind == "matrix":
            return view, place.at[::-1]
        return view, (*place.at, *(0,) * (view.data.ndim - len(place.at)))  # of a coloured point the first channel

    def about_value(self) -> str:
        """What lies under the cursor, in words."""
        pointed = self.pointed
        return in_words(*pointed) if pointed is not None else ""

    # ── what keys do ──────────────────────────────────────────────────────────────────────────────────────────────

    def enlarge(self, by: int) -> None:
        self.zoom = max(0, min(ZOOMS, self.zoom + by))
        self.draw()

    def turn(self) -> None:
        """Rows become columns, of tables of numbers."""
        self.turned = not self.turned
        self.take(self.seens, anew=True)


def _turned(seen: Seen) -> Seen:
    if not isinstance(seen, View) or seen.kind != "matrix":
        return seen
    return msgspec.structs.replace(seen, axes=seen.axes[::-1], data=seen.data.T)
