"""What the commands share: writing JSON, tables and lines to stdout, safely whatever the text contains."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from tuinet.readable import printable


def write_json(value: Any) -> None:
    """One value as one line of JSON on stdout. What is not a finite number becomes null."""
    import msgspec

    click.echo(msgspec.json.encode(value))


def is_terminal() -> bool:
    """Whether a person watches stdout on a terminal that can move its cursor."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


def terminal_size() -> tuple[int, int]:
    """Columns and rows to draw in: the terminal's, or 80×24 where there is none."""
    import shutil

    size = shutil.get_terminal_size((80, 24))
    return size.columns, size.lines


def write_table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[str] = (), more: bool = False
) -> None:
    """A table with aligned columns; those named in `right` are flush right. Fits a terminal: cut, or where that will
    not do, in parts one below another; whole in a pipe.

    `more`: the headers stand above already.
    """
    from rich.cells import cell_len

    from tuinet.render.table import table

    width = terminal_size()[0] if is_terminal() else None
    shown, flush = [[printable(cell) for cell in row] for row in rows], set(right)
    lines = table(headers, shown, flush, width)
    if width is not None and max(map(cell_len, lines)) > width:
        _write_in_parts(headers, shown, [header in flush for header in headers], width)
        return
    if not more:
        click.echo(click.style(lines[0], bold=True))
    for line in lines[1:]:
        click.echo(line)


def _write_in_parts(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], width: int) -> None:
    from tuinet.render.paper import BOLD, Paper
    from tuinet.render.tables import laid_out

    for line in laid_out(headers, rows, right, Paper(width)):
        click.echo("".join(click.style(text, bold=True) if style == BOLD else text for text, style, _ in line))


def write_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Name and value, one pair a line, values aligned; "" leaves a pair out. A terminal gets them wrapped."""
    import textwrap

    shown = [(name, printable(value)) for name, value in facts if value not in ("", None)]
    width = max((len(name) for name, _ in shown), default=0)
    columns = max(40, terminal_size()[0] - width - 2) if is_terminal() else None
    for name, value in shown:
        # Paths stay whole, to be copied.
        lines = textwrap.wrap(value, columns, break_long_words=False, break_on_hyphens=False) if columns else [value]
        for number, line in enumerate(lines):
            click.echo(f"{(name if number == 0 else '').ljust(width)}  {line}")


def spare(output: Path | None, *read: str | Path | None) -> None:
    """Raises TuinetError if `output` is a file that is read."""
    from tuinet.errors import TuinetError

    for each in read:
        with contextlib.suppress(OSError, ValueError):  # what is no file is no danger
            if output is not None and each is not None and Path(each).exists() and output.samefile(each):
                raise TuinetError(f"{output} is what is read, and would be written over", "Name another file.")


def use_color() -> bool:
    """Whether colours are wanted: on a terminal, unless NO_COLOR says otherwise."""
    return is_terminal() and not os.environ.get("NO_COLOR")
