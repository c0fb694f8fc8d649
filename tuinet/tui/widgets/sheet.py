"""Lines of coloured cells on the screen, redrawn only where they changed, with a place that a cursor marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tuinet.tui.widgets.bars import in_ascii

Line = Sequence[Segment]

REVERSED = Style(reverse=True)


class Mark(NamedTuple):
    """Cells that are drawn with front and back exchanged; with `glyph`, that in the first of them."""

    x: int
    y: int
    width: int = 1
    glyph: str = ""


class Sheet(Widget, can_focus=True):
    """Shows lines; those beyond its height are reached by scrolling. `top` is the first that is seen.

    A line that is the same as before is not drawn again: over ssh every cell that is sent is felt.
    """

    DEFAULT_CSS = "Sheet { height: 1fr; }"

    class Pressed(Message):
        """A cell was clicked: its place among the lines."""

        def __init__(self, sheet: Sheet, x: int, y: int) -> None:
            super().__init__()
            self.sheet, self.x, self.y = sheet, x, y

        @property
        def control(self) -> Sheet:
            return self.sheet

    def __init__(self, *, id: str | None = None, classes: str | None = None, focusable: bool = True) -> None:
        super().__init__(id=id, classes=classes)
        self.can_focus = focusable
        self.lines: list[Line] = []
        self.top = 0
        self._mark: Mark | None = None

    # ── what is shown ─────────────────────────────────────────────────────────────────────────────────────────────

    def show(self, lines: Sequence[Line], mark: Mark | None = None, top: int | None = None) -> None:
        """These lines in place of those before; `mark` is brought into sight."""
        before, seen = self.lines, (self.top, self._mark)
        self.lines, self._mark = list(lines), mark
        self.top = max(0, min(self.top if top is None else top, len(self.lines) - 1))
        if mark is not None and self.size.height:
            self.top = max(mark.y - self.size.height + 1, min(self.top, mark.y))
        if seen[0] != self.top or not self.size.height:
            self.refresh()
            return
        touched = {place.y for place in (seen[1], mark) if place is not None} if seen[1] != mark else set[int]()
        for y in range(self.size.height):
            at = y + self.top
            old = before[at] if at < len(before) else None
            new = self.lines[at] if at < len(self.lines) else None
            if at in touched or old != new:
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        at = y + self.top
        width = self.size.width
        line = self.lines[at] if 0 <= at < len(self.lines) else ()
        if getattr(self.app, "ascii", False):
            line = in_ascii(line)
        strip = Strip(line).adjust_cell_length(width)
        mark = self._mark
        if mark is not None and mark.y == at and mark.x < width:
            before, inside, after = strip.divide([mark.x, min(width, mark.x + mark.width), width])
            if mark.glyph:
                inside = Strip([Segment(mark.glyph.ljust(mark.width)[: mark.width], Style(bold=True))])
            strip = Strip.join([before, _reversed(inside), after])
        return strip.apply_style(self.rich_style)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self.lines))

    # ── scrolling ─────────────────────────────────────────────────────────────────────────────────────────────────

    def scroll_by(self, lines: int) -> bool:
        """So many lines on; whether anything moved."""
        top = max(0, min(self.top + lines, max(0, len(self.lines) - self.size.height)))
        moved, self.top = top != self.top, top
        if moved:
            self.refresh()
        return moved

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        if self.scroll_by(3):
            event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        if self.scroll_by(-3):
            event.stop()

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Pressed(self, event.x, event.y + self.top))


def _reversed(strip: Strip) -> Strip:
    """Front and back exchanged; what is dim would be hard to read on a light back."""
    clear = Style(dim=False, reverse=True)
    return Strip([Segment(text, (style or REVERSED) + clear, control) for text, style, control in strip])
