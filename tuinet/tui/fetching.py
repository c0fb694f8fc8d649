"""Fetching a data set from a screen: asked about first, with its progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from textual.app import ComposeResult

from tuinet.errors import TuinetError
from tuinet.readable import size
from tuinet.tui.popup import Ask, Popup
from tuinet.tui.widgets.bars import Bar, said

if TYPE_CHECKING:
    from tuinet.tui.app import TuinetApp

BETWEEN_SECONDS = 0.2
"""Progress is shown at most so often."""


class Fetching(Popup[None]):
    """How far it is. `esc` hides it; the fetching goes on."""

    def inside(self) -> ComposeResult:
        yield Bar(id="far")

    def fill(self) -> None:
        self.keys("esc hides this; it goes on")

    def say(self, text: str) -> None:
        if self.is_mounted:
            self.query_one("#far", Bar).show([said(text)])


def ask_to_fetch(app: TuinetApp, name: str, then: Callable[[], None]) -> None:
    """Fetch the set if that is wished, then go on."""

    def answered(origin: str | None) -> None:
        if origin is None:
            return
        popup = Fetching(f"Fetching {name}")
        app.push_screen(popup)
        work = partial(_fetch, app, popup, name, origin.strip() or None, then)
        app.run_worker(work, thread=True, exclusive=True, group="fetch")

    words = (
        f"{name} is not on this machine. enter fetches it from its authors' mirrors and verifies it, as "
        f"`tuinet data fetch {name}` does; or name a folder or another mirror to take it from."
    )
    app.push_screen(Ask(f"Fetch {name}?", words), answered)


def _fetch(app: TuinetApp, popup: Fetching, name: str, origin: str | None, then: Callable[[], None]) -> None:
    from tuinet.data.fetch import fetch

    last = 0.0

    def show(file: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= BETWEEN_SECONDS or done == total:
            last = now
            app.call_from_thread(popup.say, f"{file}: {size(done)}{f' of {size(total)}' if total else ''}")

    try:
        fetch(name, origin, show)
    except (TuinetError, OSError) as error:
        app.call_from_thread(_ended, app, popup, error, None)
        return
    app.call_from_thread(_ended, app, popup, None, then)


def _ended(app: TuinetApp, popup: Fetching, error: Exception | None, then: Callable[[], None] | None) -> None:
    if popup in app.screen_stack:
        popup.dismiss(None)
    if error is not None:
        app.complain(error)
    elif then is not None:
        app.tell("fetched and verified")
        app.call_later(then)
