"""Popups: a choice, a question with a field, words to read. `esc` closes each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from tuinet.render.paper import Line, Paper, words
from tuinet.tui.widgets.bars import BOLD, DIM, PLAIN, Bar, said
from tuinet.tui.widgets.rows import Rows
from tuinet.tui.widgets.sheet import Sheet

T = TypeVar("T")


class Popup(ModalScreen[T], Generic[T]):
    """A box over the screen; its title stands in the frame."""

    DEFAULT_CSS = """
    Popup { align: center middle; background: $background 60%; }
    Popup > Vertical { width: 72; max-width: 96%; height: auto; max-height: 90%; border: round $primary;
                       background: $surface; padding: 0 1; }
    Popup > Vertical > Sheet { height: auto; max-height: 100%; }
    Popup Input, Popup Input:focus { height: 1; border: none; padding: 0; background: $panel; }
    """
    BINDINGS = [Binding("escape", "close", "close", show=False)]

    def __init__(self, title: str, width: int = 72) -> None:
        super().__init__()
        self.heading, self.wide = title, width

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.styles.width = self.wide
            yield from self.inside()
            yield Bar(id="keys")

    def inside(self) -> ComposeResult:
        raise NotImplementedError

    def on_mount(self) -> None:
        self.query_one(Vertical).border_title = Content(self.heading)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if self.query("#keys"):  # gone where the popup was closed before it was drawn
            self.fill()

    def fill(self) -> None:
        """Show what is inside, once its size is known."""

    def keys(self, text: str) -> None:
        self.query_one("#keys", Bar).show([said(text, BOLD)])

    def action_close(self) -> None:
        self.dismiss(None)

    def width_inside(self) -> int:
        return max(10, self.query_one(Vertical).size.width - 2)


class Option(NamedTuple):
    """One of several ways on: the key that takes it, what it is called, what comes of it. One that is not `open` is
    shown, and not taken."""

    key: str
    label: str
    value: str
    open: bool = True


class Choose(Popup[str]):
    """Some words, and ways on; gives the value of the one that is taken, None for `esc`."""

    def __init__(self, title: str, text: str, options: Sequence[Option]) -> None:
        super().__init__(title)
        self.text, self.options = text, tuple(options)

    def inside(self) -> ComposeResult:
        yield Sheet(id="text", focusable=False)
        yield Rows(id="options")

    def fill(self) -> None:
        paper = Paper(self.width_inside())
        lines = [line for part in self.text.split("\n") for line in words(part, paper)]
        self.query_one("#text", Sheet).show([*lines, []] if self.text else [])
        rows = self.query_one("#options", Rows)
        rows.fill(
            [
                (option.value, [said(f" {option.key} ", BOLD), said(f" {option.label}")])
                if option.open
                else (None, [said(f" {option.key}  {option.label}", DIM)])
                for option in self.options
            ]
        )
        for sheet in (self.query_one("#text", Sheet), rows):
            sheet.styles.height = max(0, len(sheet.lines))
        rows.focus()
        self.keys("enter takes it   esc back")

    def on_key(self, event: events.Key) -> None:
        for option in self.options:
            if option.key and event.character == option.key and option.open:
                event.stop()
                self.dismiss(option.value)

    def key_enter(self, event: events.Key) -> None:
        event.stop()  # else it goes on to what lies below
        self.dismiss(str(self.query_one(Rows).value))

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        self.dismiss(str(message.rows.value))


class Ask(Popup[str]):
    """Some words and a field; gives what was typed, None for `esc`. `files`: a file may be picked, too."""

    BINDINGS = [Binding("ctrl+f", "pick", show=False, priority=True)]

    def __init__(self, title: str, text: str, value: str = "", *, files: bool = False) -> None:
        super().__init__(title)
        self.text, self.value, self.files = text, value, files

    def inside(self) -> ComposeResult:
        yield Sheet(id="text", focusable=False)
        yield Input(self.value)

    def fill(self) -> None:
        paper = Paper(self.width_inside())
        sheet = self.query_one("#text", Sheet)
        sheet.show([line for part in self.text.split("\n") for line in words(part, paper)])
        sheet.styles.height = max(1, len(sheet.lines))
        self.query_one(Input).focus()
        self.keys(f"enter takes it   {'ctrl+f picks a file   ' if self.files else ''}esc back")

    def action_pick(self) -> None:
        """A file, from a list of them."""
        if not self.files:
            return
        from textual_fspicker import FileOpen

        def picked(path: Path | None) -> None:
            if path is not None:
                self.query_one(Input).value = str(path)

        self.app.push_screen(FileOpen(title="Pick a file"), picked)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value)


class Read(Popup[None]):
    """Lines to read, scrolled by arrows. `more`: a key, what it leads to, and the way there."""

    BINDINGS = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown,space", "move(10)", show=False),
    ]

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        width: int = 72,
        *,
        more: tuple[str, str, Callable[[], None]] | None = None,
    ) -> None:
        super().__init__(title, width)
        self.lines, self.more = list(lines), more

    def inside(self) -> ComposeResult:
        yield Sheet(id="read", focusable=False)

    def fill(self) -> None:
        sheet = self.query_one("#read", Sheet)
        room = max(1, self.app.size.height * 9 // 10 - 4)
        sheet.styles.height = min(max(1, len(self.lines)), room)
        sheet.show(self.lines)
        moves = "arrows scroll   " if len(self.lines) > room else ""
        also = f"{self.more[0]} {self.more[1]}   " if self.more is not None else ""
        self.keys(f"{also}{moves}esc back")

    def on_key(self, event: events.Key) -> None:
        if self.more is not None and event.character == self.more[0]:
            event.stop()
            self.dismiss(None)
            self.more[2]()

    def action_move(self, by: int) -> None:
        self.query_one("#read", Sheet).scroll_by(by)


def paragraphs(text: str, width: int, bold: bool = False) -> list[Line]:
    """A text as lines of that width."""
    return [line for part in text.split("\n") for line in words(part, Paper(width), BOLD if bold else PLAIN)]


def blank() -> Line:
    return [Segment("", PLAIN)]
