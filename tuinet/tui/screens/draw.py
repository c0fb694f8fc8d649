"""The pad: an input drawn by keys or the mouse, what the model sees of it, and what it says, with every stroke."""

from __future__ import annotations

from dataclasses import replace
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
from tuinet.render.draw import draw, page_of
from tuinet.render.paper import Line, Paper
from tuinet.tui.says import in_brief, shares
from tuinet.tui.widgets.bars import BOLD, Bar, said
from tuinet.tui.widgets.sheet import Mark, Sheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuinet.data.drawn import Drawing
    from tuinet.tui.asking import Asking

UNDO = 50
"""Strokes that can be taken back."""

LARGEST = 4
"""Cells of a point of the pad, across, where there is room."""

KEYS = (("arrows", "move"), ("space", "pen down or up"), ("u", "undo"), ("c", "clear"), ("enter", "done"))

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
        self.times = 1

    def redraw(self) -> None:
        view = View("drawing", "matrix", (Axis("row"), Axis("column")), self.ink, low=0.0, high=1.0)
        view = msgspec.structs.replace(view, kind="image", axes=(*view.axes, Axis("channel")), data=self.ink[..., None])
        paper: Paper = self.screen.paper(1)  # pyright: ignore[reportAttributeAccessIssue]
        columns, rows = self.cells(paper.shades)
        paper = replace(paper, width=columns, height=rows + 1, zoom=self.times, title=False)
        row, column = self.pen
        wide = 2 * self.times if paper.shades else self.times
        y = row * self.times if paper.shades else row * self.times // 2
        glyph = ("*" if paper.ascii else "●") if self.down else ("o" if paper.ascii else "○")
        self.show(draw(view, paper)[:rows], Mark(column * wide, y, wide, glyph))

    def cells(self, shades: bool) -> tuple[int, int]:
        """How many columns and lines it takes."""
        rows, columns = (size * self.times for size in self.ink.shape)
        return (2 * columns, rows) if shades else (columns, -(-rows // 2))

    def fit(self, width: int, height: int, shades: bool) -> None:
        """As large as there is room, a quarter at least left for what the model sees."""
        self.times = 1
        while self.times < LARGEST:
            self.times += 1
            columns, rows = self.cells(shades)
            if columns + 2 > width * 3 // 5 or rows + 2 > height:
                self.times -= 1
                break
        columns, rows = self.cells(shades)
        self.styles.width, self.styles.height = columns + 2, rows + 2

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
        row, column = row // self.times, column // self.times
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
    DrawScreen.ascii Pad { border: ascii $primary; }
    DrawScreen #keys { background: $panel; }
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
        self.query_one("#title", Bar).show([said(f" Draw: {self.spec.about}", BOLD)])
        self.query_one("#keys", Bar).show(_keys())
        self.query_one(Pad).focus()

    def on_resize(self, event: events.Resize) -> None:
        shades = self.paper(1).shades  # pyright: ignore[reportAttributeAccessIssue]
        self.query_one(Pad).fit(event.size.width, event.size.height - 2, shades)
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
        paper: Paper = self.paper(width)  # pyright: ignore[reportAssignmentType]
        head: list[Line] = []
        if self.asking.answers and self.asking.answers[0]:
            _, text, parts = in_brief(self.asking.answers[0][0])
            head = [[said(text, BOLD), *shares(parts, paper.ascii)], [said("")]]
        lines = head
        for seen in found:
            if isinstance(seen, View):
                title = "what the model sees" if lines is head else seen.title.removesuffix(" for drawn")
                view = msgspec.structs.replace(seen, title=title, notes=())
                left = sheet.size.height - len(lines)
                paper = replace(paper, height=max(4, left // 2 if lines is head else left))
                lines = [*lines, *draw(view, paper, most=page_of(view, paper)), [said("")]]
        sheet.show(lines, top=0)

    def action_undo(self) -> None:
        self.query_one(Pad).undo()

    def action_clear(self) -> None:
        self.query_one(Pad).clear()

    def action_close(self) -> None:
        self.dismiss(None)
        self.done()


def _keys() -> Line:
    line: Line = [said(" ")]
    for key, word in KEYS:
        line += [said(key, BOLD), said(f" {word}  ")]
    return line
