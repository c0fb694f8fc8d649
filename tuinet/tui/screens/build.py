"""Build: an experiment on screen, its layers with their shapes, its data, its training; all that its file can say."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input

from tuinet.errors import TuinetError
from tuinet.experiment.form_rows import form_rows, row_of
from tuinet.render.paper import Line
from tuinet.tui.filing import command_words
from tuinet.tui.forming import field_lines
from tuinet.tui.keys import bindings
from tuinet.tui.screens.changes import Changes
from tuinet.tui.table import cost_words, layer_lines, problem_lines, remarks
from tuinet.tui.widgets.bars import BOLD, DIM, Bar, rule, said
from tuinet.tui.widgets.rows import Rows
from tuinet.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from tuinet.experiment.places import Place

FIRST = "digits-cnn"
"""What is open where nothing was named."""

PANES = ("layers", "data", "training")


class BuildScreen(Changes):
    """An experiment: `draft` holds it, with what it was before."""

    PLACE: ClassVar[str] = "build"
    WORDS: ClassVar[str] = (
        "Build shows an experiment: the layers of its network from the input to the output, with the shape behind "
        "each, its parameters and its work; its data; how it is trained. What does not fit is marked, with the reason "
        "and the way out under it (F takes it, where there is one). All of it is what `tuinet train` reads from a "
        "file; t trains without saving first, for the run keeps a copy of its own."
    )
    BINDINGS = bindings("build")  # pyright: ignore[reportAssignmentType]
    DEFAULT_CSS = """
    BuildScreen #main { width: 1fr; }
    BuildScreen #beside { width: 1fr; display: none; padding-left: 1; }
    BuildScreen.wide #main { width: 80; }
    BuildScreen.huge #main { width: 110; }
    BuildScreen.wide #beside { display: block; }
    BuildScreen #quick { height: 1; border: none; padding: 0 1; background: $panel; width: 1fr; }
    BuildScreen #quick-line { height: 1; }
    BuildScreen #quick-title { width: 8; }
    """

    def body(self) -> ComposeResult:
        yield Bar(id="panes")
        with Horizontal():
            yield Rows(id="main")
            yield Sheet(id="beside", focusable=False)
        with Horizontal(id="quick-line"):
            yield Bar(id="quick-title")
            yield Input(id="quick")
        yield Bar(id="cost")
        yield Bar(id="command")

    @property
    def rows(self) -> Rows:
        return self.query_one("#main", Rows)

    def on_mount(self) -> None:
        self.query_one("#quick-title", Bar).show([said(" quick", DIM)])
        self.rows.focus()

    def on_screen_resume(self) -> None:
        wanted = self.tui.to_build
        if wanted is not None:
            self.tui.to_build = None
            self.begin(wanted)
        elif self.draft is None and not self.opening:
            self.begin(FIRST)
        super().on_screen_resume()

    # ── drawing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def redraw(self) -> None:
        super().redraw()
        self.fill()

    def fill(self) -> None:
        """Everything, as the experiment is now."""
        draft = self.draft
        if draft is None or self.has_class("cramped"):
            return
        width = max(20, self.rows.size.width)
        report = draft.report()
        if self.pane == "layers":
            found = layer_lines(draft, report, self.closed, width, self.tui.ascii)
        else:
            found = self.field_lines(self.pane, width)
        self.rows.fill(found)
        self.titles()
        self.show_quick()
        self.query_one("#cost", Bar).show([said(f" {cost_words(draft, report)}")])
        self.query_one("#command", Bar).show([said(f" {self.command_words()}", DIM)])
        self.draw_beside()
        self.estimate()
        self.tui.unsaved = draft.experiment.name if draft.changed else ""
        self.refresh_bars()

    def titles(self) -> None:
        draft, bar = self.draft, self.query_one("#panes", Bar)
        if draft is None:
            return
        training, data = draft.experiment.training, draft.experiment.data
        optimizer = training.optimizer
        from tuinet.experiment.costs import kind_of

        names = {
            "layers": "Layers",
            "data": f"Data: {kind_of(data.source)}",
            "training": f"Training: {kind_of(optimizer)} {optimizer.rate:g}, {training.epochs} epochs",
        }
        titles = [(names[name], name == self.pane, f"screen.pane('{name}')") for name in PANES]
        report = draft.report()
        count = len(report.problems) if report is not None else 0
        right = f"{count} problem{'s' * (count > 1)}" if count else "" if report is not None else "reading the data …"
        bar.show(rule(titles, right, bar.size.width, ascii_only=self.tui.ascii, focused=self.rows.has_focus))

    def draw_beside(self) -> None:
        """Where there is room: what `check` says of all, or what the data are."""
        sheet = self.query_one("#beside", Sheet)
        if sheet.size.width < 10 or self.draft is None:
            return
        from tuinet.inspection.schedule import rate_curve
        from tuinet.inspection.view import View
        from tuinet.render.draw import draw, page_of

        lines: list[Line] = []
        if self.pane == "data":
            for seen in self.data_seen:
                paper = self.paper(sheet.size.width - 1, max(8, sheet.size.height // max(1, len(self.data_seen)) - 1))
                lines += draw(seen, paper, most=page_of(seen, paper) if isinstance(seen, View) else 1)
                lines.append([])
        else:
            lines = [*problem_lines(self.draft, sheet.size.width - 1, self.tui.ascii)]
            report = self.draft.report()
            if self.pane == "training" and report is not None:
                curve = rate_curve(self.draft.experiment.training, report.data.steps_per_epoch)
                lines += [[], *draw(curve, self.paper(sheet.size.width - 1, 16))]
        sheet.show(lines, top=0)

    # ── panes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def action_pane(self, name: str) -> None:
        self.pane = name
        self.rows.at = 0
        self.rows.focus()
        if name == "data":
            self.look_at_data()
        self.fill()

    def action_next_pane(self) -> None:
        self.action_pane(PANES[(PANES.index(self.pane) + 1) % len(PANES)])

    def action_pane_before(self) -> None:
        self.action_pane(PANES[(PANES.index(self.pane) - 1) % len(PANES)])

    def on_rows_moved(self) -> None:
        self.refresh_bars()

    def on_rows_chosen(self) -> None:
        self.action_edit()

    # ── the quick line ────────────────────────────────────────────────────────────────────────────────────────────

    def show_quick(self) -> None:
        from tuinet.experiment.quick import written

        field = self.query_one("#quick", Input)
        if not field.has_focus and self.draft is not None:
            field.value = written(self.draft.experiment.model.layers) or ""

    def action_quick(self) -> None:
        self.query_one("#quick", Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """While it is typed, what would come of it is seen at once; a word that means nothing is told below."""
        if event.input.id != "quick" or not event.input.has_focus or self.draft is None:
            return
        from tuinet.experiment.quick import parse_layers

        try:
            layers = parse_layers(event.value)
        except TuinetError as error:
            self.query_one("#cost", Bar).show([said(f" {error.message}  {error.hint}", BOLD)])
            return
        self.change(self.draft.with_layers(layers))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.rows.focus()
        self.fill()

    def key_escape(self) -> None:
        self.rows.focus()
        self.fill()

    # ── what the bars say ─────────────────────────────────────────────────────────────────────────────────────────

    @property
    def subject(self) -> str:
        draft = self.draft
        return "" if draft is None else f"{draft.experiment.name}{' *' if draft.changed else ''}"

    def field_lines(self, pane: str, width: int) -> list[tuple[object, Line]]:
        """The settings of the data, or of training."""
        assert self.draft is not None
        rows = [row for row in form_rows(self.draft.experiment, pane) if row.key != pane]
        rows = [row._replace(depth=row.depth - 1) for row in rows]
        return [
            *field_lines(tuple(rows), width, self.tui.ascii),
            *remarks(self.draft, pane, width, self.tui.ascii),
        ]

    def stand(self, value: object) -> None:
        self.rows.stand(value)
        self.refresh_bars()

    def key_now(self) -> str:
        value = self.rows.value
        return value if isinstance(value, str) else str(value) if value is not None else ""

    def comparable(self) -> bool:
        report = self.draft.report() if self.draft is not None else None
        return report is not None and report.comparison is not None

    def fixable(self) -> bool:
        draft = self.draft
        report = draft.report() if draft is not None else None
        return report is not None and bool(report.problems) and self.way_out() is not None

    def command_words(self) -> str:
        draft = self.draft
        return f"{command_words(draft)}   y shows and copies it" if draft is not None else ""

    def help_here(self) -> str:
        """What the layer or the setting under the cursor is, from its own words."""
        draft, key = self.draft, self.key_now()
        if draft is None or not key:
            return ""
        try:
            row = row_of(draft.experiment, key)
        except TuinetError:
            return key
        return "\n".join(part for part in (f"{key}: {row.shown}", row.about, row.help, f"It is {row.words}.") if part)

    def place_now(self) -> Place | None:
        from tuinet.experiment.places import Place

        value = self.rows.value
        return value if isinstance(value, Place) else None

    def works(self, action: str) -> bool:
        draft = self.draft
        if draft is None:
            return action in ("new", "open")
        on_layer = self.pane == "layers" and self.place_now() is not None
        allowed = {
            "add": self.pane == "layers", "remove": on_layer, "move": on_layer, "duplicate": on_layer,
            "compare": self.comparable(), "undo": bool(draft.past), "redo": bool(draft.future), "fix": self.fixable(),
        }  # fmt: skip
        return allowed.get(action, True)

    def about_cursor(self) -> str:
        return self.help_here()
