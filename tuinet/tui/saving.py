"""Saving what is seen: a picture, an array, JSON or text, as the name's ending says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tuinet.errors import TuinetError
from tuinet.inspection.view import Seen
from tuinet.tui.popup import Ask

if TYPE_CHECKING:
    from tuinet.tui.app import TuinetApp


def save_seens(app: TuinetApp, seens: Sequence[Seen], path: Path) -> None:
    """Ask for a name, and write the views there."""

    def answered(text: str | None) -> None:
        if text:
            write(app, seens, Path(text).expanduser())

    words = "Its ending says as what: .png a picture, .txt text, .json, .npy an array (of one view)."
    app.push_screen(Ask("Save what is seen", words, str(path)), answered)


def write(app: TuinetApp, seens: Sequence[Seen], path: Path) -> None:
    """Whole or not at all."""
    from tuinet.files.atomic import write_bytes
    from tuinet.render.saved import saved

    try:
        if path.exists():
            raise TuinetError(f"{path} is already there", "Name another file.")
        write_bytes(path, saved(seens, path.suffix))
    except (TuinetError, OSError) as error:
        app.complain(error)
        return
    app.tell(f"wrote {path}")
