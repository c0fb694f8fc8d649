"""What the commands that look share: views drawn, said in words, or written to a file, as the person asks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

if TYPE_CHECKING:
    from tuinet.inspection.view import Seen
    from tuinet.render.draw import Paper

F = TypeVar("F", bound=Callable[..., Any])

MORE = "--unit {first}-{last}"
"""How to see those of many pictures that are not drawn."""


class Output(NamedTuple):
    """How views are to be given."""

    path: Path | None = None
    as_json: bool = False
    words: bool = False
    ascii: bool = False
    width: int | None = None

    @property
    def gives_json(self) -> bool:
        """Whether one JSON object is asked for, on stdout or in a file: the same one."""
        return self.as_json or (self.path is not None and self.path.suffix.lower() == ".json")


def output_options(command: F) -> F:
    """The options -o, --json, --words, --ascii and --width; the command gets them as `out`, an `Output`."""
    from functools import wraps

    @click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE: .png, .npy, "
                  ".json or .txt says as what.")  # fmt: skip
    @click.option("--json", "as_json", is_flag=True, help="One JSON object.")
    @click.option("--words", is_flag=True, help="In words: the range, the mean, where the peak is, what is dead.")
    @click.option("--ascii", "only_ascii", is_flag=True, help="Draw with ASCII characters alone.")
    @click.option("--width", type=click.IntRange(20, 1000), metavar="N", help="Draw N columns wide.")
    @wraps(command)
    def wrapped(
        *arguments: Any,
        output: Path | None,
        as_json: bool,
        words: bool,
        only_ascii: bool,
        width: int | None,
        **options: Any,
    ) -> Any:
        return command(*arguments, out=checked(Output(output, as_json, words, only_ascii, width)), **options)

    return wrapped  # pyright: ignore[reportReturnType]


def checked(out: Output) -> Output:
    """The same. Raises TuinetError, before anything is computed, if it cannot be."""
    from tuinet.errors import TuinetError
    from tuinet.inspection.written import SUFFIXES

    if out.path is not None and out.path.suffix.lower() not in SUFFIXES:
        raise TuinetError(f"{out.path}: it is not said as what to write", f"End its name in {', '.join(SUFFIXES)}.")
    suffix = "" if out.path is None else out.path.suffix.lower()
    if out.as_json and out.words:
        raise TuinetError("either --json or --words", "--json holds the words, too.")
    if suffix and ((out.as_json and suffix != ".json") or (out.words and suffix != ".txt")):
        flag, wanted = ("--json", ".json") if out.as_json else ("--words", ".txt")
        raise TuinetError(f"{flag} does not go into {out.path}", f"End its name in {wanted}.")
    return out


def write_seen(seens: Sequence[Seen], out: Output) -> None:
    """Give the views as asked: on stdout, or whole or not at all in a file."""
    from tuinet.readable import printable_text

    if out.gives_json:
        from tuinet.inspection.written import all_as_json

        write_object(all_as_json(seens), out)
        return
    if out.path is not None:
        _write_file(seens, out, out.path)
        return
    if out.words:
        from tuinet.inspection.words import in_words
        from tuinet.render.draw import as_ascii

        for seen in seens:
            for line in in_words(seen):
                click.echo(printable_text(as_ascii(line) if out.ascii else line))
        return
    from tuinet.render.draw import ansi, draw_all

    paper = paper_for(out)
    click.echo(ansi(draw_all(seens, paper, more=MORE), paper), color=True)  # what it is drawn on was decided already


def paper_for(out: Output) -> Paper:
    """What stdout can show: as wide as the terminal, with its colours; without any in a pipe and under NO_COLOR."""
    from tuinet.cli.output import terminal_size, use_color
    from tuinet.render.draw import Paper, colors_of

    system = None
    if use_color():
        from rich.console import Console

        system = Console().color_system
    plain = out.ascii or not _draws(sys.stdout.encoding)
    return Paper(width=out.width or terminal_size()[0], colors=colors_of(system), ascii=plain)


def _draws(encoding: str | None) -> bool:
    """Whether text of this encoding can hold what pictures are made of."""
    try:
        "▀░−×→".encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _write_file(seens: Sequence[Seen], out: Output, path: Path) -> None:
    from tuinet.readable import printable
    from tuinet.render.paper import Paper
    from tuinet.render.saved import TEXT, saved

    suffix = path.suffix.lower()
    paper = Paper(out.width or TEXT.width, "none", out.ascii)
    content = saved(seens, suffix, paper, words=out.words, more=MORE)
    if suffix == ".npy":  # what an array cannot say, such as what is left out
        for note in (note for seen in seens for note in seen.notes):
            click.echo(f"note: {printable(note)}", err=True)
    _write(content, path)


def write_object(value: Any, out: Output) -> None:
    """One value as JSON, on stdout or in the file that is named."""
    from tuinet.cli.output import write_json

    if out.path is None:
        write_json(value)
        return
    from tuinet.inspection.written import encoded

    _write(encoded(value), out.path)


def _write(content: bytes, path: Path) -> None:
    from tuinet.files.atomic import write_bytes

    write_bytes(path, content)
    click.echo(f"wrote {path}", err=True)
