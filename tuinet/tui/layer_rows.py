"""The layers of a model, or the tensors of a file, as rows of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuinet.render.paper import Line
from tuinet.tui.widgets.bars import DIM, said

if TYPE_CHECKING:
    from tuinet.tui.asking import Asking


def layer_rows(asking: Asking, width: int, ascii_only: bool) -> list[tuple[object, Line]]:
    """(path, line) of each, "" for all together; over the layers of an encoder or decoder a heading, None."""
    rows: list[tuple[object, Line]] = [("", [said(" the whole model" if asking.is_model else " all tensors")])]
    known, above = asking.subject.layers, ""
    for name in known:
        inside, _, short = name.rpartition("/")
        if not asking.is_model or inside.partition("/")[0] not in known:
            inside, short = "", name
        if inside not in ("", above) and inside not in known:
            rows.append((None, [said(f"   {inside.rpartition('/')[2]}", DIM)]))
        above, shape = inside, asking.subject.row(name)
        indent = " " * (1 + 2 * len(inside.split("/")) if inside else 1)
        room = max(1, width - len(shape) - len(indent) - 2)
        rows.append((name, [said(f"{indent}{_end_of(short, room, ascii_only)} "), said(shape, DIM)]))
    return rows


def _end_of(name: str, room: int, ascii_only: bool) -> str:
    """A name in so many cells: of a longer one its end, in which those of one file differ."""
    if len(name) <= room:
        return name.ljust(room)
    return ("~" if ascii_only else "…") + name[len(name) - room + 1 :]
