"""What - on a command line stands for: the lines of stdin, each an input."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, cast

from tuinet.errors import TuinetError
from tuinet.inspection import asked
from tuinet.inspection.asked import Inputs
from tuinet.inspection.question import Samples
from tuinet.model.inputs import checked_text
from tuinet.model.model import Model

MAX_LINE = 4_000_000
"""Most bytes of a line of stdin."""

READ = 1 << 16
"""Most bytes read at a time."""

LINES = 256
"""Most lines answered at a time: of a long file, too, the first answers are there soon."""


class Line(NamedTuple):
    """A line of stdin, or an argument (number 0). `wrong` says why it is no input."""

    number: int
    text: str
    wrong: TuinetError | None = None


def stdin_blocks() -> Iterator[list[Line]]:
    """The lines of stdin as they come: those that are there already together, at most `LINES`.

    A line that is not UTF-8, empty or too long is `wrong`; behind one that is too long nothing is read.
    """
    stream = cast("io.BufferedReader", sys.stdin.buffer)
    number, rest, ended = 0, b"", False
    while not ended:
        chunk = stream.read1(READ)  # waits for the first byte, not for more
        *whole, rest = (rest + chunk).split(b"\n")
        ended = not chunk or len(rest) > MAX_LINE
        if ended and rest:
            whole.append(rest)
        lines = [_line(number + place, raw) for place, raw in enumerate(whole, 1)]
        number += len(lines)
        yield from (lines[start : start + LINES] for start in range(0, len(lines), LINES))


def _line(number: int, raw: bytes) -> Line:
    where = f"stdin, line {number}"
    text = (raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw).removesuffix(b"\r").decode("utf-8", "replace")
    if len(raw) > MAX_LINE:
        hint = "Is it a file of lines?"
        return Line(number, text[:40], TuinetError(f"{where} is longer than {MAX_LINE:,} bytes", hint))
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Line(
            number, text, TuinetError(f"{where}, byte {error.start + 1} is not UTF-8", "Save the text as UTF-8.")
        )
    if not text.strip():
        return Line(number, text, TuinetError(f"{where} is empty", "Every line is an input."))
    return Line(number, text)


def stdin_lines() -> Iterator[str]:
    """The lines of stdin. Raises TuinetError, with the line, for what is not UTF-8, empty, or too long."""
    return texts(["-"])


def text_blocks(arguments: Sequence[str]) -> Iterator[list[Line]]:
    """The texts that are meant, in their order, some at a time: the arguments, and for - the lines of stdin."""
    for is_stdin, some in groupby(arguments, "-".__eq__):
        if is_stdin:
            yield from stdin_blocks()
            continue
        lines = [Line(0, text) for text in some]
        yield from (lines[start : start + LINES] for start in range(0, len(lines), LINES))


def texts(arguments: Sequence[str]) -> Iterator[str]:
    """The same one by one. Raises TuinetError for one that is wrong."""
    check_texts(arguments)
    for block in text_blocks(arguments):
        for line in block:
            if line.wrong is not None:
                raise line.wrong
            yield line.text


def check_texts(arguments: Iterable[str]) -> list[str]:
    """Those arguments that are texts themselves. Raises TuinetError if one is empty or not UTF-8, or - is closed."""
    found: list[str] = []
    for place, text in enumerate(arguments, 1):
        if text == "-":
            if cast("object", sys.stdin) is None or sys.stdin.closed:
                raise TuinetError("stdin is closed", "- reads a line an input from it.")
        else:
            found.append(checked_text(text, f"text {place}"))
    return found


def samples(path: Path, model: Model, inputs: Inputs, data: str | None) -> Samples | None:
    """The samples that are meant, as `inspection.asked` says, - being stdin. Raises TuinetError."""
    return asked.samples(path, model, inputs, data, lambda: list(stdin_lines()))
