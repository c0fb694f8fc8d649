"""Quitting: what would be lost is asked about, then what is to become of runs that go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuinet.tui.popup import Choose, Option

if TYPE_CHECKING:
    from tuinet.tui.app import TuinetApp

UNSAVED = (Option("b", "back", "back"), Option("l", "lose the changes", "lose"))

RUNS = (
    Option("l", "leave, and let what goes on go on", "leave"),
    Option("s", "stop it, keep the best weights, and leave", "stop"),
    Option("b", "back", "back"),
)


def leave(app: TuinetApp) -> None:
    """Quit, once nothing is left to be asked."""
    if not app.unsaved:
        _leave_runs(app)
        return

    def answered(answer: str | None) -> None:
        if answer == "lose":
            _leave_runs(app)

    text = f"{app.unsaved} was changed in Build and not saved."
    app.push_screen(Choose("Leave?", text, UNSAVED), answered)


def _leave_runs(app: TuinetApp) -> None:
    from tuinet.training.control import send
    from tuinet.training.runs import new_line

    living = app.living()
    if not living:
        app.exit()
        return

    def answered(answer: str | None) -> None:
        if answer == "stop":
            for directory in living:
                send(directory, new_line("stop", keep="best"))
        if answer in ("leave", "stop"):
            app.exit()

    names = ", ".join(map(str, living))
    app.push_screen(Choose("Leave?", f"Going on: {names}. A run needs no app.", RUNS), answered)
