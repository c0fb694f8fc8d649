"""What - on a command line stands for: the lines of stdin, each an input; or an image or array, known by its magic."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, cast

from tuinet.errors import TuinetError
from tuinet.inspection import asked
from tuinet.inspection.asked import Inputs
from tuinet.inspection.question import Samples
from tuinet.model.inputs import Inputs as Given
from tuinet.model.inputs import checked_text, read_inputs
from tuinet.model.meta import Meta
from tuinet.model.model import Model

MAX_LINE = 4_000_000
"""Most bytes of a line of stdin."""

READ = 1 << 16
"""Most bytes read at a time."""

LINES = 256
"""Most lines answered at a time: of a long file, too, the first answers are there soon."""


MAGICS = {b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg", b"\x93NUMPY": ".npy"}
"""How the files begin that are known without a name. No text in UTF-8 begins so."""

MAX_FILE = 1 << 28
"""Most bytes of a file that comes through stdin."""


class Line(NamedTuple):
    """A line of stdin, or an argument (number 0). `wrong` says why it is no input."""

    number: int
    text: str
    wrong: TuinetError | None = None


def stdin_blocks(head: bytes = b"") -> Iterator[list[Line]]:
    """The lines of stdin as they come, `head` being read already: those that are there together, at most `LINES`.

    A line that is not UTF-8, empty or too long is `wrong`; behind one that is too long nothing is read.
    """
    stream = cast("io.BufferedReader", sys.stdin.buffer)
    number, rest, ended = 0, head, False
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


def text_blocks(arguments: Sequence[str]) -> Iterator[list[Line]]:
    """The texts that are meant, in their order, some at a time: the arguments, and for - the lines of stdin."""
    for is_stdin, some in groupby(arguments, "-".__eq__):
        if is_stdin:
            yield from stdin_blocks()
            continue
        lines = [Line(0, text) for text in some]
        yield from (lines[start : start + LINES] for start in range(0, len(lines), LINES))


def stdin_lines(head: bytes = b"") -> Iterator[str]:
    """The lines of stdin. Raises TuinetError, with the line, for what is not UTF-8, empty, or too long."""
    check_texts(["-"])
    for block in stdin_blocks(head):
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


def stdin_inputs(meta: Meta) -> list[Given]:
    """What stdin holds for a model that reads no texts: one image or array, or an input a line. Raises TuinetError."""
    with _begun() as (head, file):
        if file is not None:
            return [read_inputs(str(file), meta)._replace(name="stdin")]
        return [read_inputs(line, meta) for line in stdin_lines(head)]


def samples(path: Path, model: Model, inputs: Inputs, data: str | None) -> Samples | None:
    """The samples that are meant, as `inspection.asked` says, - being stdin. Raises TuinetError."""
    if inputs.file != "-" or model.meta.vocabulary is not None:
        return asked.samples(path, model, inputs, data, lambda: list(stdin_lines()))
    with _begun() as (head, file):
        if file is None:
            return asked.samples(path, model, inputs, data, lambda: list(stdin_lines(head)))
        found = asked.samples(path, model, inputs._replace(file=str(file)), data)
        return found._replace(names=("stdin",)) if found is not None and found.names == (str(file),) else found


@contextmanager
def _begun() -> Iterator[tuple[bytes, Path | None]]:
    """How stdin begins; where that is the magic of a file, a copy of all of it. Raises TuinetError.

    The readers of images and arrays look at a file's kind and size first, and map it: none takes a pipe.
    """
    check_texts(["-"])
    head = sys.stdin.buffer.read(max(map(len, MAGICS)))
    suffix = next((suffix for magic, suffix in MAGICS.items() if head.startswith(magic)), None)
    if suffix is None:
        yield head, None
        return
    with tempfile.TemporaryDirectory(prefix="tuinet-") as folder:
        path = Path(folder, f"stdin{suffix}")
        _copy(head, path)
        try:
            yield b"", path
        except TuinetError as error:
            message, hint = (text.replace(str(path), "stdin") for text in (error.message, error.hint))
            raise TuinetError(message, hint) from None


def _copy(head: bytes, path: Path) -> None:
    """`head` and all that is left of stdin into a new file."""
    size, chunk = 0, head
    try:
        with path.open("xb") as file:
            while chunk:
                size += len(chunk)
                if size > MAX_FILE:
                    raise TuinetError(f"stdin holds more than {MAX_FILE >> 20} MiB", "Give it as a file.")
                file.write(chunk)
                chunk = sys.stdin.buffer.read(READ)
    except OSError as error:
        raise TuinetError(f"stdin could not be kept in {path.parent}: {error.strerror or error}") from None
