"""The help of a screen: what it is for, what lies under the cursor, and all its keys."""

from __future__ import annotations

from rich.segment import Segment

from tuinet.render.paper import Line, Paper, clean, wrap
from tuinet.tui.keys import Key, keys_of
from tuinet.tui.popup import Read, blank, paragraphs
from tuinet.tui.screens.base import Room
from tuinet.tui.widgets.bars import BOLD, PLAIN

WIDTH = 78


def help_for(room: Room) -> Read:
    """What `?` shows."""
    tui = room.tui
    inside = min(WIDTH, tui.size.width * 96 // 100) - 4
    lines: list[Line] = [*paragraphs(room.WORDS, inside), blank()]
    under = room.about_cursor()
    if under:
        lines += [*paragraphs("Under the cursor", inside, bold=True), *paragraphs(under, inside), blank()]
    for title, place in ((f"Keys of {room.PLACE.capitalize()}", room.PLACE), ("Keys everywhere", "app")):
        lines += paragraphs(title, inside, bold=True)
        for key in keys_of(place):
            lines += _line(key, tui.shown_key(key), inside)
        if place != "app":
            lines += _row("arrows", "move the cursor of the pane that has the focus; j and k in lists", inside)
        lines.append(blank())
    return Read("Help", lines, WIDTH)


def _line(key: Key, shown: str, width: int) -> list[Line]:
    others = [name for name in key.keys.split(",") if len(name) > 1 and name[0] in "fc" and name[1:2].isdigit() | (
        name.startswith("ctrl+"))]  # fmt: skip
    return _row(" ".join([shown.split()[0], *others]), key.help, width)  # `[ ]`: the other has a row of its own


def _row(name: str, what: str, width: int) -> list[Line]:
    paper = Paper(width)
    rows = wrap(clean(what, paper), max(10, width - 14))
    return [
        [Segment(f"  {name}".ljust(14) if n == 0 else " " * 14, BOLD), Segment(row, PLAIN)]
        for n, row in enumerate(rows)
    ]
