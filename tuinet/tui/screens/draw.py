"""The pad: an input drawn by keys or the mouse, what the model sees of it, and what it says, with every stroke."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import msgspec
import numpy as np
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen

from tuinet.data.drawn import empty, prepare_drawing, stroke
from tuinet.errors import TuinetError
from tuinet.inspection.view import Axis, Seen, View
from tuinet.render.draw import draw, draw_all
from tuinet.tui.says import in_brief
from tuinet.tui.widgets.bars import BOLD, Bar, said
from tuinet.tui.widgets.sheet import Mark, Sheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuinet.data.drawn import Drawing
    from tuinet.tui.asking import Asking

UNDO = 50
"""Strokes that can be taken back."""

Ink = np.ndarray


class Pad(Sheet):
    """What is drawn, two rows a line: `ink` (H, W) from 0 to 1. The pen is at `pen`, (row, column)."""

    BINDINGS = [
        Binding("up", "pen(-1, 0)", show=False),
        Binding("down", "pen(1, 0)", show=False),
        Binding("left", "pen(0, -1)", show=False),
        Binding("right", "pen(0, 1)", show=False),
        Binding("space", "lift", show=False),
    ]

    class Drawn(Message):
        """Something was drawn."""

    def __init__(self, spec: Drawing) -> None:
        super().__init__(id="pad")
        self.spec = spec
        self.ink: Ink = empty(spec.canvas)
        self.before: list[Ink] = []
        self.pen = (self.ink.shape[0] // 4, self.ink.shape[1] // 2)
        self.down = False
        self.dragging = False

    def redraw(self) -> None:
        view = View("drawing", "matrix", (Axis("row"), Axis("column")), self.ink, low=0.0, high=1.0)
        view = msgspec.structs.replace(view, kind="image", axes=(*view.axes, Axis("channel")), data=self.ink[..., None])
        paper = self.screen.paper(self.ink.shape[1], self.ink.shape[0])  # pyright: ignore[reportAttributeAccessIssue]
        lines = draw(view, paper)[: self.rows(paper.shades)]
        row, column = self.pen
        wide, high = (2, 1) if paper.shades else (1, 2)
        glyph = ("*" if paper.ascii else "●") if self.down else ("o" if paper.ascii else "○")
        self.show(lines, Mark(column * wide, row // high, wide, glyph))

    def rows(self, shades: bool) -> int:
        return self.ink.shape[0] if shades else -(-self.ink.shape[0] // 2)

    # ── the pen ───────────────────────────────────────────────────────────────────────────────────────────────────

    def action_lift(self) -> None:
        """Pen down, or up again; where it comes down it leaves a point."""
        self.down = not self.down
        if self.down:
            self.remember()
            self.draw_to(self.pen)
        self.redraw()

    def action_pen(self, rows: int, columns: int) -> None:
        height, width = self.ink.shape
        row, column = self.pen
        to = (max(0, min(height - 1, row + rows)), max(0, min(width - 1, column + columns)))
        if self.down:
            self.draw_to(to)
        self.pen = to
        self.redraw()

    def draw_to(self, to: tuple[int, int]) -> None:
        stroke(self.ink, self.pen, to, self.spec.pen)
        self.post_message(self.Drawn())

    def remember(self) -> None:
        self.before = [*self.before, self.ink.copy()][-UNDO:]

    def undo(self) -> None:
        if self.before:
            self.ink = self.before.pop()
            self.post_message(self.Drawn())
            self.redraw()

    def clear(self) -> None:
        self.remember()
        self.ink = empty(self.spec.canvas)
        self.down = False
        self.post_message(self.Drawn())
        self.redraw()

    # ── the mouse ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _at(self, event: events.MouseEvent) -> tuple[int, int]:
        shades = self.screen.paper(1).shades  # pyright: ignore[reportAttributeAccessIssue]
        x, y = event.get_content_offset_capture(self)  # within the frame
        row, column = (y, x // 2) if shades else (y * 2, x)
        height, width = self.ink.shape
        return max(0, min(height - 1, row)), max(0, min(width - 1, column))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self.remember()
        self.dragging, self.pen = True, self._at(event)
        self.capture_mouse()
        self.draw_to(self.pen)
        self.redraw()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.dragging:
            to = self._at(event)
            self.draw_to(to)
            self.pen = to
            self.redraw()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        self.dragging = False
        self.release_mouse()


class DrawScreen(ModalScreen[None]):
    """The pad at the left, at the right what becomes of it. What was drawn stays as the input."""

    DEFAULT_CSS = """
    DrawScreen { background: $background; }
    DrawScreen #side { width: 1fr; padding-left: 2; }
    DrawScreen Pad { border: round $primary; height: auto; }
    """
    BINDINGS: ClassVar = [
        Binding("escape", "close", show=False),
        Binding("enter", "close", show=False),
        Binding("u", "undo", show=False),
        Binding("c", "clear", show=False),
    ]

    def __init__(self, asking: Asking, spec: Drawing, done: Callable[[], None]) -> None:
        super().__init__()
        self.asking, self.spec, self.done = asking, spec, done
        self.seens: tuple[Seen, ...] = ()

    def compose(self) -> ComposeResult:
        yield Bar(id="title")
        with Horizontal():
            yield Pad(self.spec)
            with Vertical(id="side"):
                yield Sheet(id="sees", focusable=False)
        yield Bar(id="keys")

    def paper(self, width: int, height: int | None = None) -> object:
        return self.app.paper(width, height)  # pyright: ignore[reportAttributeAccessIssue]

    def on_mount(self) -> None:
        pad = self.query_one(Pad)
        shades = self.paper(1).shades  # pyright: ignore[reportAttributeAccessIssue]
        width = pad.ink.shape[1]
        pad.styles.width = (2 * width if shades else width) + 2
        pad.styles.height = pad.rows(shades) + 2
        self.query_one("#title", Bar).show([said(f" Draw: {self.spec.about}", BOLD)])
        keys = " arrows move   space pen down or up   or drag the mouse   u undo   c clear   enter done"
        self.query_one("#keys", Bar).show([said(keys)])
        pad.focus()
        self.call_after_refresh(self.begin)

    def begin(self) -> None:
        self.query_one(Pad).redraw()
        self.on_pad_drawn()

    def on_pad_drawn(self) -> None:
        """What the model sees and says now, in a thread; what is overtaken is dropped."""
        ink = self.query_one(Pad).ink.copy()
        self.run_worker(partial(self._look, ink), thread=True, exclusive=True, group="look")

    def _look(self, ink: Ink) -> None:
        from textual.worker import get_current_worker

        worker = get_current_worker()
        asking = self.asking
        try:
            asking.take_drawing(prepare_drawing(ink, self.spec))
            found = asking.answer_and_maps()
        except TuinetError as error:
            self.app.call_from_thread(self.app.complain, error)  # pyright: ignore[reportAttributeAccessIssue]
            return
        if not worker.is_cancelled:
            self.app.call_from_thread(self._seen, found)

    def _seen(self, found: tuple[Seen, ...]) -> None:
        """The answer in words, what goes in, and the maps of the first convolution."""
        self.seens = found
        sheet = self.query_one("#sees", Sheet)
        width = max(10, sheet.size.width - 1)
        if self.asking.answers and self.asking.answers[0]:
            _, text, parts = in_brief(self.asking.answers[0][0])
            likely = "   ".join(f"{label} {share:.2f}" for label, share in parts)
            head = [[said(f"{text}   {likely}", BOLD)], [said("")]]
        else:
            head = []
        paper = self.paper(width, max(8, sheet.size.height - 6))
        sheet.show([*head, *draw_all(found, paper)], top=0)  # pyright: ignore[reportArgumentType]

    def action_undo(self) -> None:
        self.query_one(Pad).undo()

    def action_clear(self) -> None:
        self.query_one(Pad).clear()

    def action_close(self) -> None:
        self.dismiss(None)
        self.done()
