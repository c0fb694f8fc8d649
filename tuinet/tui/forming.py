"""Forms: the settings of a layer or of anything else, made from its own fields, and the field that one is typed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.widgets import Input

from tuinet.errors import TuinetError
from tuinet.experiment.form_rows import FormRow, form_rows, row_of
from tuinet.render.paper import Line, Paper, clean, cut
from tuinet.tui.popup import Popup, paragraphs
from tuinet.tui.table import consequence
from tuinet.tui.widgets.bars import BOLD, DIM, Bar, said
from tuinet.tui.widgets.rows import Rows
from tuinet.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from tuinet.tui.screens.changes import Changes


def field_lines(rows: tuple[FormRow, ...], width: int, ascii_only: bool) -> list[tuple[object, Line]]:
    """(key, line) of each setting: its name, its value, what it is for."""
    paper = Paper(width, ascii=ascii_only)
    name_room, value_room = 22, max(14, min(30, width // 3))
    found: list[tuple[object, Line]] = []
    for row in rows:
        name = cut("  " * row.depth + row.name.replace("_", " "), name_room - 1, paper).ljust(name_room)
        value = cut(clean(row.shown or "–", paper), value_room - 1, paper).ljust(value_room)
        about = cut(clean(row.help, paper), max(0, width - name_room - value_room - 1), paper)
        found.append((row.key, [said(f" {name}"), said(value, BOLD if row.is_set else DIM), said(about, DIM)]))
    return found


class FieldPopup(Popup[None]):
    """One setting: what it does, what it may be, a field; what would come of it is seen as it is typed."""

    def __init__(self, screen: Changes, key: str) -> None:
        super().__init__(key)
        self.target, self.key = screen, key
        assert screen.draft is not None
        self.before = screen.draft.experiment
        self.row = row_of(self.before, key)
        self.heading = self.row.name.replace("_", " ")

    def inside(self) -> ComposeResult:
        yield Sheet(id="about", focusable=False)
        yield Rows(id="choices")
        yield Input(self.row.text)
        yield Bar(id="comes")

    def fill(self) -> None:
        row, width = self.row, self.width_inside()
        unset = "Empty leaves it unset." if row.may_be_unset else ""
        text = "\n".join(part for part in (row.help, f"It is {row.words}. {unset}".strip()) if part)
        about, choices, field = self.query_one("#about", Sheet), self.query_one("#choices", Rows), self.query_one(Input)
        about.show(paragraphs(text, width))
        about.styles.height = len(about.lines)
        options = [*row.choices, *([""] if row.may_be_unset and row.choices else [])]
        choices.fill([(choice or "unset", [said(f" {choice or 'unset'}")]) for choice in options])
        choices.styles.height = min(len(options), 12)
        choices.stand(row.text or "unset")
        field.display = not row.choices
        (choices if row.choices else field).focus()
        self.keys("enter takes it   esc back")
        self.comes(row.text)

    def comes(self, text: str) -> bool:
        """Say what would come of it; whether it can be."""
        from tuinet.experiment.layer_edits import set_field

        bar, draft = self.query_one("#comes", Bar), self.target.draft
        assert draft is not None
        try:
            experiment = set_field(self.before, self.key, text)
        except TuinetError as error:
            bar.show([said(f"{error.message}  {error.hint}", BOLD)])
            return False
        bar.show([said(consequence(draft, experiment, self.key), DIM)])
        return True

    def on_input_changed(self, event: Input.Changed) -> None:
        self.comes(event.value)

    def on_rows_moved(self, message: Rows.Moved) -> None:
        self.comes(self.chosen())

    def chosen(self) -> str:
        if not self.row.choices:
            return self.query_one(Input).value
        value = str(self.query_one(Rows).value)
        return "" if value == "unset" else value

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.take()

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        self.take()

    def key_enter(self, event: events.Key) -> None:
        event.stop()  # else it goes on to what lies below
        self.take()

    def take(self) -> None:
        from tuinet.experiment.layer_edits import set_field

        text = self.chosen()
        if self.comes(text) and self.target.attempt(lambda: set_field(self.before, self.key, text)):
            self.dismiss(None)


class FormPopup(Popup[None]):
    """All settings of one layer; enter opens one of them."""

    def __init__(self, screen: Changes, key: str) -> None:
        super().__init__("", 96)
        self.target, self.key = screen, key

    def inside(self) -> ComposeResult:
        yield Sheet(id="about", focusable=False)
        yield Rows(id="fields")
        yield Bar(id="comes")

    def fill(self) -> None:
        from textual.containers import Vertical
        from textual.content import Content

        draft = self.target.draft
        assert draft is not None
        own = row_of(draft.experiment, self.key)
        self.query_one(Vertical).border_title = Content(own.shown)
        rows = tuple(row for row in form_rows(draft.experiment, self.key) if row.key != self.key)
        about, fields, width = self.query_one("#about", Sheet), self.query_one("#fields", Rows), self.width_inside()
        about.show(paragraphs(own.about, width))
        about.styles.height = min(6, len(about.lines))
        fields.fill(field_lines(rows, width, self.target.tui.ascii))
        fields.styles.height = max(1, min(len(rows), self.app.size.height - 14))
        fields.focus()
        self.query_one("#comes", Bar).show([said(consequence(draft, draft.experiment, self.key), DIM)])
        self.keys("enter changes it   esc back" if rows else "it has no settings   esc back")

    def on_screen_resume(self) -> None:
        self.call_after_refresh(self.fill)

    def key_enter(self, event: events.Key) -> None:
        event.stop()
        self.open_field()

    def open_field(self) -> None:
        key = self.query_one("#fields", Rows).value
        if isinstance(key, str):
            self.app.push_screen(FieldPopup(self.target, key))

    def on_rows_chosen(self) -> None:
        self.open_field()
