"""Home: recipes, runs and models in one list, and a preview of the one under the cursor."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from tuinet.errors import TuinetError
from tuinet.render.paper import Line
from tuinet.tui.keys import bindings
from tuinet.tui.popup import Choose, Option, paragraphs
from tuinet.tui.screens.base import Room
from tuinet.tui.shelf import Item, Preview, item_row, models, preview, recipes, runs
from tuinet.tui.widgets.bars import BOLD, DIM, PLAIN, Bar, rule, said
from tuinet.tui.widgets.rows import Rows
from tuinet.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from tuinet.training.runs import Listing

LEAST, SMALL = 7, 10
"""Lines of samples in a preview: as many as one row of digits takes; where there are few, there are no words."""

FIRST = "digits-cnn"
"""The recipe on which a first launch stands."""

LIVING = ("running", "paused", "waiting")

SECONDS = 2.0
"""Between two looks at the runs."""


class HomeScreen(Room):
    """What there is: recipes to train, runs, trained models."""

    PLACE: ClassVar[str] = "home"
    WORDS: ClassVar[str] = (
        "Home lists the experiments that ship (recipes, in the order of the lecture; ↓ marks those whose data have to "
        "be fetched first), the runs in this folder with their state and result, and the models that ship. Beside it "
        "stands what the one under the cursor is."
    )
    BINDINGS = bindings("home")  # pyright: ignore[reportAssignmentType]
    DEFAULT_CSS = """
    HomeScreen #list { width: 40; }
    HomeScreen.wide #list { width: 60; }
    HomeScreen.huge #list { width: 76; }
    HomeScreen #beside { width: 1fr; padding-left: 1; }
    HomeScreen #filter { display: none; height: 1; border: none; padding: 0; background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.items: list[Item] = []
        self.listing: Listing | None = None
        self.looking = False
        self.seen: Preview | None = None
        self.wrong = ""

    def body(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="list"):
                yield Bar(id="title")
                # what is typed before the field hears of its focus would be selected then, and the rest take its place
                yield Input(placeholder="only what has …", id="filter", select_on_focus=False)
                yield Rows(id="items")
            with Vertical(id="beside"):
                yield Bar(id="what")
                yield Sheet(id="preview", focusable=False)

    def on_mount(self) -> None:
        self.query_one(Rows).focus()
        self.items = recipes()
        self.fill()
        self.query_one(Rows).stand(next((item for item in self.items if item.name == FIRST), None))
        self.call_after_refresh(self.look)
        self.set_interval(SECONDS, self.look)

    # ── the list ──────────────────────────────────────────────────────────────────────────────────────────────────

    def look(self) -> None:
        """What runs there are now, if anybody sees it."""
        if not self.looking and (self.is_current or self.listing is None):
            self.looking = True
            self.run_worker(self._list, thread=True, exclusive=True, group="list")

    def _list(self) -> None:
        from tuinet.training.directory import runs_folder
        from tuinet.training.runs import Listing

        if self.listing is None:
            self.listing = Listing(runs_folder())
        found = [*recipes(), *runs(self.listing), *models()]
        self.app.call_from_thread(self.take, found)

    def take(self, items: list[Item]) -> None:
        self.looking = False
        if items != self.items:
            self.items = items
            self.fill()
            self.show_preview()
        self.refresh_bars()

    def fill(self) -> None:
        letters = self.query_one(Input).value
        width = max(20, self.query_one(Rows).size.width)
        rows: list[tuple[object, Line]] = []
        for kind, title in (("recipe", "Recipes"), ("run", "Runs"), ("model", "Models")):
            group = [item for item in self.items if item.kind == kind and item.has(letters)]
            if group:
                rows.append((None, [said(title, DIM)]))
                wide = max(len(Path(item.name).name) for item in group)
                rows += [(item, item_row(item, self.paper(width), wide)) for item in group]
        if not rows:
            rows.append((None, [said(f"nothing has {letters!r} in it")]))
        self.query_one(Rows).fill(rows)
        self.titles()

    def titles(self) -> None:
        letters = self.query_one(Input).value
        right = f"only {letters!r}" if letters else ""
        bar, what = self.query_one("#title", Bar), self.query_one("#what", Bar)
        focused = self.query_one(Rows).has_focus
        title = (("recipes, runs, models", False, ""),)
        bar.show(rule(title, right, bar.size.width, ascii_only=self.tui.ascii, focused=focused))
        item = self.item
        name = "" if item is None else Path(item.name).name if item.kind == "run" else item.name
        what.show(rule(((name, True, ""),) if name else (), "", what.size.width, ascii_only=self.tui.ascii))

    @property
    def item(self) -> Item | None:
        value = self.query_one(Rows).value
        return value if isinstance(value, Item) else None

    def on_rows_moved(self) -> None:
        self.titles()
        self.refresh_bars()
        self.show_preview()

    def on_rows_chosen(self) -> None:
        self.action_open()

    # ── the preview ───────────────────────────────────────────────────────────────────────────────────────────────

    def show_preview(self) -> None:
        item = self.item
        if item is None:
            self._previewed(None, None, "")
        elif not self.has_class("cramped"):
            self.run_worker(partial(self._preview, item), thread=True, exclusive=True, group="preview")

    def _preview(self, item: Item) -> None:
        from textual.worker import get_current_worker

        from tuinet.tui.later import load

        load()  # what draws it, too
        worker = get_current_worker()
        try:
            found, wrong = preview(item), ""
        except (TuinetError, OSError) as error:
            found, wrong = None, str(error)
        if not worker.is_cancelled:
            self.app.call_from_thread(self._previewed, item, found, wrong)

    def _previewed(self, item: Item | None, found: Preview | None, wrong: str) -> None:
        if item == self.item:
            self.seen, self.wrong = found, wrong
            self.draw_preview()

    def draw_preview(self) -> None:
        sheet = self.query_one("#preview", Sheet)
        width = sheet.size.width - 1
        if width < 10:
            return
        if self.seen is None and not self.wrong:
            sheet.show([], top=0)
            return
        import msgspec

        from tuinet.inspection.view import View
        from tuinet.render.draw import draw, page_of
        from tuinet.render.live_chart import key, live_chart

        lines: list[Line] = []
        if self.seen is None:
            lines = paragraphs(self.wrong, width)
        else:
            lines += paragraphs(self.seen.title, width, bold=True)
            for text in self.seen.lines:
                lines += [*_hanging(text, width)]
            lines.append([Segment("", PLAIN)])
            parts = len(self.seen.seen) + bool(self.seen.curves)
            for place, seen in enumerate(self.seen.seen):  # each gets an equal share of the room that is left
                paper = self.paper(width, max(LEAST, (sheet.size.height - len(lines)) // (parts - place) - 1))
                if isinstance(seen, View) and (paper.height or 0) < SMALL:
                    seen, paper = msgspec.structs.replace(seen, notes=()), replace(paper, title=False)
                fits = page_of(seen, paper) if isinstance(seen, View) else 1
                lines += [*draw(seen, paper, most=fits), [Segment("", PLAIN)]]
            if self.seen.curves:
                paper, room = self.paper(width), sheet.size.height - len(lines) - 1
                lines.append([said(f"{self.seen.run}  ", BOLD), *key(self.seen.curves, paper)])
                lines += live_chart(self.seen.curves, width, max(5, min(room, 16)), paper=paper).lines
        sheet.show(lines, top=0)

    def redraw(self) -> None:
        super().redraw()
        if self.items:
            self.fill()
            self.draw_preview()

    # ── what can be done ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def subject(self) -> str:
        return ""

    def words(self) -> dict[str, str]:
        item = self.item
        if item is None:
            return {}
        opens = {"recipe": "", "run": "how it goes" if item.state in LIVING else "how it went"}
        return {"home.open": opens.get(item.kind, "look inside"), "home.train": "train"}

    def works(self, action: str) -> bool:
        item = self.item if self.is_mounted and self.query(Rows) else None
        kind = item.kind if item is not None else ""
        dead = item is not None and item.state in ("interrupted", "stopped short", "failed")
        allowed = {
            "open": kind != "", "train": kind in ("recipe", "model"), "inspect": kind in ("run", "model"),
            "build": kind != "",
            "resume": kind == "run" and dead,
            "delete": kind == "run" and item is not None and item.state not in LIVING,
        }  # fmt: skip
        return allowed.get(action, True)

    def about_cursor(self) -> str:
        item = self.item
        if item is None:
            return ""
        seen = "\n".join((self.seen.title, *self.seen.lines)) if self.seen is not None else self.wrong
        return f"{item.name}\n{seen}"

    def action_open(self) -> None:
        item = self.item
        if item is None:
            return
        if item.kind == "recipe":
            self.action_train()
        elif item.kind == "run":
            self.tui.show_run(Path(item.name))
        else:
            self.tui.look_into(item.name)

    def action_train(self) -> None:
        item = self.item
        if item is not None:
            self.tui.train(item.name)

    def action_inspect(self) -> None:
        item = self.item
        if item is not None:
            self.tui.look_into(item.name)

    def action_build(self) -> None:
        item = self.item
        if item is not None:
            self.tui.build(item.name)

    def action_resume(self) -> None:
        item = self.item
        if item is not None:
            self.tui.go_on(Path(item.name))

    def action_delete(self) -> None:
        item = self.item
        if item is None:
            return
        directory = Path(item.name)

        def answered(answer: str | None) -> None:
            if answer == "yes":
                self.tui.discard(directory)
                self.look()

        options = (Option("n", "keep it", "no"), Option("y", "delete it for good", "yes"))
        text = f"{directory} and all that the run wrote: its model, its log, the weights of its epochs."
        self.app.push_screen(Choose("Delete this run?", text, options), answered)

    # ── the filter ────────────────────────────────────────────────────────────────────────────────────────────────

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.display = True
        self.set_focus(field)  # at once: letters come soon behind the key

    def on_input_changed(self) -> None:
        self.fill()
        self.on_rows_moved()  # what is under the cursor may be another thing, or none

    def on_input_submitted(self) -> None:
        self.query_one(Rows).focus()

    def key_escape(self) -> None:
        field = self.query_one("#filter", Input)
        field.value = ""
        field.display = False
        self.query_one(Rows).focus()


def _hanging(text: str, width: int) -> list[Line]:
    """`name    what is said`: the name bold, what does not fit under what is said."""
    from tuinet.render.paper import Paper, clean, wrap

    paper = Paper(width)
    name, rest = text[:8], text[8:]
    if not name.endswith(" ") or len(text) < 9:
        return [[Segment(line, PLAIN)] for line in wrap(clean(text, paper), width)]
    lines = wrap(clean(rest, paper), max(8, width - 8))
    return [[Segment(name if n == 0 else " " * 8, BOLD), Segment(line, PLAIN)] for n, line in enumerate(lines)]
