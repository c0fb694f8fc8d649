"""Inspect: every view of every layer of a model, with a cursor that asks any value where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from tuinet.errors import TuinetError
from tuinet.inspection.pointing import WEIGHTS
from tuinet.tui.asking import Answered, Asking, Look
from tuinet.tui.keys import bindings
from tuinet.tui.layer_rows import layer_rows
from tuinet.tui.says import off_words, says_line
from tuinet.tui.screens.questions import Questions
from tuinet.tui.widgets.bars import BOLD, DIM, Bar, rule, said
from tuinet.tui.widgets.picture import Picture
from tuinet.tui.widgets.rows import Rows
from tuinet.tui.widgets.seen import SeenPane

GATED = ("gates", "translation")
"""Views that show one gate at a time."""

FIRST = "digits-cnn"
"""What is looked into where nothing was named."""

AT_ONCE = 2
"""Views that are computed at a time: one that takes long and is no longer wanted holds the next up by nothing."""


class InspectScreen(Questions):
    """The layers at the left; of the one under the cursor, its views; of the value under the cursor, everything."""

    PLACE: ClassVar[str] = "inspect"
    WORDS: ClassVar[str] = (
        "Inspect looks into a model: its layers at the left, the views of the one under the cursor along the top "
        "(v shows the next), and the view itself, in which arrows move a cursor from value to value. What the model "
        "says about the sample stands at the top. enter on a value shows how it comes about, term by term; space "
        "switches its unit off, and what the model says then is seen at once."
    )
    BINDINGS = bindings("inspect")  # pyright: ignore[reportAssignmentType]
    DEFAULT_CSS = """
    InspectScreen #layers-pane { width: 22; }
    InspectScreen.wide #layers-pane { width: 34; }
    InspectScreen.huge #layers-pane { width: 46; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.asking: Asking | None = None
        self.opened: str | None = None
        self.looking = 0
        self.again = self.anew = False

    def body(self) -> ComposeResult:
        yield Bar(id="sample")
        with Horizontal():
            with Vertical(id="layers-pane"):
                yield Bar(id="layers-title")
                yield Rows(id="layers")
            yield SeenPane(id="seen")
        yield Bar(id="value")
        yield Bar(id="note")

    @property
    def rows(self) -> Rows:
        return self.query_one("#layers", Rows)

    @property
    def picture(self) -> Picture:
        return self.pane.picture

    def on_mount(self) -> None:
        self.rows.focus()

    def on_screen_resume(self) -> None:
        wanted = self.tui.looked_into or (str(self.tui.watched) if self.tui.watched else None) or FIRST
        if wanted != self.opened:
            self.open(wanted)
        super().on_screen_resume()

    # ── opening ───────────────────────────────────────────────────────────────────────────────────────────────────

    def open(self, text: str) -> None:
        """A model that ships, a run's folder, any file of tensors."""
        self.opened = text
        self.query_one("#sample", Bar).show([said(f" opening {text} …")])
        self.run_worker(partial(self._open, text), thread=True, exclusive=True, group="open")

    def _open(self, text: str) -> None:
        from tuinet.tui.asking import open_asking

        try:
            asking: Asking | None = open_asking(text)
            wrong: Exception | None = None
        except (TuinetError, OSError) as error:
            asking, wrong = None, error
        self.app.call_from_thread(self._opened, text, asking, wrong)

    def _opened(self, text: str, asking: Asking | None, wrong: Exception | None) -> None:
        if wrong is not None:
            self.tui.complain(wrong)
            self.query_one("#sample", Bar).show([said(f" {wrong}".replace("\n", "  "))])
            return
        if text != self.opened or asking is None:
            return
        self.asking = asking
        self.fill_layers()
        self.rows.at = 0
        self.rows.stand(asking.first_layer)
        self.look(anew=True)

    def fill_layers(self) -> None:
        asking = self.asking
        if asking is None:
            return
        width = max(10, self.rows.size.width)
        self.rows.fill(layer_rows(asking, width, self.tui.ascii))

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def layer(self) -> str:
        value = self.rows.value
        return value if isinstance(value, str) else ""

    def look(self, *, anew: bool) -> None:
        """Ask in a thread for the view; what comes too late is dropped.

        A view that nobody waits for any more is computed to its end all the same: so only few are at a time, and
        then the one that is wanted last.
        """
        asking = self.asking
        if asking is None:
            return
        asking.layer = self.layer
        self.draw_titles()
        self.refresh_bars()
        self.anew |= anew
        self.again = self.looking >= AT_ONCE
        if not self.again:
            self.looking += 1
            self.run_worker(partial(self._look, asking, asking.wanted()), thread=True, group="look")

    def _look(self, asking: Asking, look: Look) -> None:
        self.app.call_from_thread(self._seen, asking, look, asking.find(look))

    def _seen(self, asking: Asking, look: Look, found: Answered) -> None:
        self.looking -= 1
        if self.again:
            self.look(anew=False)
        if asking is not self.asking or look != asking.wanted():
            return
        if found.answers is not None:
            asking.answers, asking.input_words = found.answers, found.input_words
        self.pane.take(asking.ranged(found.seen), anew=self.anew, listed=look.view == "translation")
        self.anew = False
        self.draw_titles()
        self.draw_words()
        self.refresh_bars()

    # ── drawing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def redraw(self) -> None:
        super().redraw()
        if self.asking is None:
            return
        self.fill_layers()
        self.pane.draw()
        self.draw_titles()
        self.draw_words()

    def draw_titles(self) -> None:
        asking, ascii_only = self.asking, self.tui.ascii
        if asking is None:
            return
        left = self.query_one("#layers-title", Bar)
        title = "Layers" if asking.is_model else "Tensors"
        left.show(rule(((title, False, ""),), "", left.size.width, ascii_only=ascii_only, focused=self.rows.has_focus))
        self.pane.titles(asking, ascii_only=ascii_only)

    def draw_words(self) -> None:
        """The sample and what the model says of it; the value under the cursor; what is off."""
        asking, ascii_only = self.asking, self.tui.ascii
        if asking is None:
            return
        bar = self.query_one("#sample", Bar)
        bar.show(says_line(asking, bar.size.width, ascii_only))
        self.query_one("#value", Bar).show([said(f" {self.pane.about_value()}")])
        notes = off_words(asking) or asking.epoch_words() or asking.about_view()
        self.query_one("#note", Bar).show([said(f" {notes}", BOLD if asking.subject.offs else DIM)])

    def about_cursor(self) -> str:
        asking = self.asking
        if asking is None:
            return ""
        return f"{self.layer or asking.name}, {asking.view}: {asking.about_view()}\n{self.pane.about_value()}"

    @property
    def subject(self) -> str:
        return self.asking.title if self.asking is not None else ""

    def works(self, action: str) -> bool:
        asking = self.asking
        if (
            action in ("open", "input", "draw", "sample", "restore", "off", "explain", "gradient", "epoch")
            and asking is None
        ):
            return action == "open"
        if asking is None:
            return True
        allowed = {
            "draw": asking.drawn is not None, "sample": asking.count > 0, "input": asking.is_model,
            "off": asking.is_model and self.picture.has_focus, "restore": bool(asking.subject.offs),
            "explain": self.picture.has_focus or self.rows.has_focus, "epoch": bool(asking.epochs),
            "gradient": asking.view in GATED or (asking.view in WEIGHTS and self.picture.has_focus),
            "page": self.picture.pages[1] > 1, "slice": asking.part.turns("slice"), "axes": asking.part.turns("axes"),
            "order": asking.part.turns("order"), "turn": any(one.kind == "matrix" for one in self.pane.views),
        }  # fmt: skip
        return allowed.get(action, True)

    def words(self) -> dict[str, str]:
        asking = self.asking
        if asking is None:
            return {}
        return {
            "inspect.sum": "look" if self.rows.has_focus else "sum",
            "inspect.gradient": "next gate" if asking.view in GATED else "gradient",
            "inspect.slice_before": "channel" if asking.is_model else "slice",
        }

    # ── moving ────────────────────────────────────────────────────────────────────────────────────────────────────

    def on_rows_moved(self) -> None:
        self.look(anew=True)

    def on_rows_chosen(self) -> None:
        self.picture.focus()

    def on_picture_moved(self) -> None:
        self.draw_words()
        self.draw_titles()

    def action_next_pane(self) -> None:
        (self.picture if self.rows.has_focus else self.rows).focus()
        self.call_after_refresh(self.redraw)

    action_pane_before = action_next_pane

    def action_view(self, by: int) -> None:
        if self.asking is not None:
            self.asking.turn_view(by)
            self.look(anew=True)

    def action_show_view(self, name: str) -> None:
        if self.asking is not None:
            self.asking.wish = name
            self.look(anew=True)

    def action_page(self, by: int) -> None:
        self.picture.page(by)
        self.draw_titles()

    def action_zoom(self, by: int) -> None:
        self.pane.enlarge(by)
        self.draw_titles()

    def action_turn(self) -> None:
        self.pane.turn()

    def action_explain(self) -> None:
        if self.rows.has_focus:
            self.picture.focus()
            self.call_after_refresh(self.redraw)
            return
        self.explain("sum")

    def action_gradient(self) -> None:
        asking = self.asking
        if asking is not None and asking.part.turns("gate"):
            asking.part.turn("gate")
            self.look(anew=False)
            return
        if asking is not None and asking.view == "gates":
            self.picture.next_view()
            return
        self.explain("gradient")

    def action_build(self) -> None:
        if self.opened is not None and self.asking is not None and self.asking.is_model:
            self.tui.build(self.opened)

    def action_off(self) -> None:
        """The unit under the cursor off, or on again."""
        asking, pointed = self.asking, self.pane.pointed
        if asking is not None and pointed is not None:
            self.later(partial(asking.switch, *pointed), anew=False)

    def action_restore(self) -> None:
        if self.asking is not None:
            self.later(self.asking.restore, anew=False)

    def later(self, change: Callable[[], None], *, anew: bool) -> None:
        """Change what is asked in a thread, then look again."""
        self.run_worker(partial(self._change, change, anew), thread=True, group="change")

    def _change(self, change: Callable[[], None], anew: bool) -> None:
        try:
            change()
        except (TuinetError, OSError) as error:
            self.app.call_from_thread(self.tui.complain, error)
            return
        self.app.call_from_thread(self.look, anew=anew)
