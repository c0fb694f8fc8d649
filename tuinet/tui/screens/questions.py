"""What Inspect asks: of a value where it comes from, of a person which input and which file, and where to save."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tuinet.errors import TuinetError
from tuinet.tui.popup import Ask, Read
from tuinet.tui.screens.base import Room
from tuinet.tui.widgets.seen import SeenPane

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuinet.inspection.view import Seen, View
    from tuinet.tui.asking import Asking


class Questions(Room):
    """A screen with an `asking` and a pane of what was seen; `look` asks again."""

    asking: Asking | None
    opened: str | None

    @property
    def pane(self) -> SeenPane:
        return self.query_one(SeenPane)

    def open(self, text: str) -> None:
        raise NotImplementedError

    def look(self, *, anew: bool) -> None:
        raise NotImplementedError

    def later(self, change: Callable[[], None], *, anew: bool) -> None:
        raise NotImplementedError

    # ── which of several ──────────────────────────────────────────────────────────────────────────────────────────────

    def action_sample(self, by: int) -> None:
        if self.asking is not None:
            self.asking.turn_sample(by)
            self.look(anew=False)

    def action_slice(self, by: int) -> None:
        if self.asking is not None:
            self.asking.part.turn("slice", by)
            self.look(anew=False)

    def action_axes(self) -> None:
        if self.asking is not None:
            self.asking.part.turn("axes")
            self.look(anew=True)

    def action_order(self) -> None:
        if self.asking is not None:
            self.asking.part.turn("order")
            self.look(anew=True)

    def action_epoch(self, by: int) -> None:
        if self.asking is not None:
            self.later(partial(self.asking.turn_epoch, by), anew=False)

    def action_refit(self) -> None:
        if self.asking is not None:
            self.asking.held = not self.asking.held
            self.look(anew=False)

    # ── values ────────────────────────────────────────────────────────────────────────────────────────────────────

    def explain(self, what: Literal["sum", "gradient"]) -> None:
        """The sum or the gradient of the value under the cursor, in a popup."""
        asking, pointed = self.asking, self.pane.pointed
        if asking is not None and pointed is not None:
            work = partial(self._work_out, asking, what, *pointed)
            self.run_worker(work, thread=True, exclusive=True, group="sum")

    def _work_out(self, asking: Asking, what: str, view: View, index: tuple[int, ...]) -> None:
        try:
            found: Seen | Exception = asking.explain(what, view, index)
        except TuinetError as error:
            found = error
        self.app.call_from_thread(self._explained, what, found)

    def _explained(self, what: str, found: Seen | Exception) -> None:
        from tuinet.render.draw import draw

        if isinstance(found, Exception):
            self.tui.complain(found)
            return
        width = min(110, self.size.width - 4)
        lines = draw(found, self.paper(width - 4))
        more = ("g", "its gradient", partial(self.explain, "gradient")) if what == "sum" else None
        self.app.push_screen(Read(found.name, lines, width, more=more))

    # ── inputs ────────────────────────────────────────────────────────────────────────────────────────────────────

    def action_input(self) -> None:
        asking = self.asking
        if asking is None:
            return

        def answered(text: str | None) -> None:
            if text and asking is self.asking:
                self.later(partial(asking.read, text), anew=True)

        self.app.push_screen(Ask("Which input?", asking.inputs_in_words(), asking.input_text, files=True), answered)

    def action_open(self) -> None:
        def answered(text: str | None) -> None:
            if text:
                self.tui.looked_into = text
                self.open(text)

        text = "A model that ships, a run's folder, or any .safetensors or .npz file, also one of another program."
        self.app.push_screen(Ask("Open", text, self.opened or "", files=True), answered)

    def action_draw(self) -> None:
        asking = self.asking
        if asking is None or asking.drawn is None:
            return
        from tuinet.tui.screens.draw import DrawScreen

        self.app.push_screen(DrawScreen(asking, asking.drawn, partial(self.look, anew=False)))

    # ── saving ────────────────────────────────────────────────────────────────────────────────────────────────────

    def save_view(self) -> None:
        """The view as a picture, an array, JSON or text, by the name's ending."""
        from tuinet.tui.saving import save_seens

        asking = self.asking
        if asking is not None and self.pane.seens:
            name = "-".join(part.replace("/", "-") for part in (asking.name, self.layer, asking.view) if part)
            save_seens(self.tui, self.pane.seens, Path(f"{name}.png"))
