"""A list with a cursor, moved by arrows, vi keys and the mouse."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget

from tuinet.render.paper import Line
from tuinet.tui.widgets.sheet import Mark, Sheet


class Rows(Sheet):
    """`at` is the row under the cursor. A row whose value is None is a heading: the cursor passes over it."""

    BINDINGS = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("home", "move(-100000)", show=False),
        Binding("end", "move(100000)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
    ]

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, rows: Rows) -> None:
            super().__init__()
            self.rows = rows

        @property
        def control(self) -> Rows:
            return self.rows

    class Chosen(Moved):
        """A row was clicked that had the cursor already."""

    def __init__(self, *, id: str | None = None, focusable: bool = True) -> None:
        super().__init__(id=id, focusable=focusable)
        self.values: list[object] = []
        self.at = 0

    @property
    def value(self) -> object:
        """What the row under the cursor stands for; None without rows."""
        return self.values[self.at] if 0 <= self.at < len(self.values) else None

    def fill(self, rows: Sequence[tuple[object, Line]]) -> None:
        """These rows, (value, line), in place of those before; the cursor stays on its value, if it is still there."""
        before = self.value
        self.values = [value for value, _ in rows]
        if before is not None and before in self.values:
            self.at = self.values.index(before)
        self.at = self._near(min(self.at, max(0, len(self.values) - 1)), 1)
        self._draw([line for _, line in rows])

    def stand(self, value: object) -> None:
        """The cursor onto this value, if it is there."""
        if value in self.values:
            self._go(self.values.index(value))

    def action_move(self, by: int) -> None:
        if self.values:
            self._go(self._near(max(0, min(len(self.values) - 1, self.at + by)), 1 if by > 0 else -1))

    def _near(self, at: int, way: int) -> int:
        """The nearest row that is no heading, first in the direction of `way`."""
        for step in (way, -way):
            place = at
            while 0 <= place < len(self.values):
                if self.values[place] is not None:
                    return place
                place += step
        return at

    def _go(self, at: int) -> None:
        if at != self.at:
            self.at = at
            self._draw(self.lines)
            self.post_message(self.Moved(self))

    def _draw(self, lines: Sequence[Sequence[object]]) -> None:
        mark = Mark(0, self.at, self.size.width or 1000) if self.values and self.value is not None else None
        self.show(lines, mark)  # pyright: ignore[reportArgumentType]
        if self.at > 0 and self.top == self.at and self.values[self.at - 1] is None:  # its heading is seen, too
            self.scroll_by(-1)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.focus()
        at = event.y + self.top
        if 0 <= at < len(self.values) and self.values[at] is not None:
            if at == self.at:
                self.post_message(self.Chosen(self))
            self._go(at)

    def on_resize(self, event: events.Resize) -> None:
        if self.values:
            self._draw(self.lines)

    def watch_has_focus(self, focused: bool) -> None:
        Widget.watch_has_focus(self, focused)
        self.refresh()
