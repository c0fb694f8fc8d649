"""Text files, strictly read: UTF-8 with the line named in every error, and nothing longer than it may be."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tuinet.data.reading import MAX_WHOLE, reading
from tuinet.data.vocabulary import Tokens
from tuinet.errors import TuinetError

MAX_LINE = 1_000_000
"""Most characters of a line."""

MAX_ROWS = 20_000_000
"""Most rows of a file."""

WORDS = Tokens("words")

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Line = tuple[int, str]
"""The line's number, counted from 1, and its text without the end of the line."""


def whole_text(path: Path) -> str:
    """The text of a file, a line break for every end of line, of any length a line. `.gz` is unpacked.

    Raises TuinetError as `lines_of` does.
    """
    with _opened(path) as file:
        data = file.read(MAX_WHOLE + 1)
    if len(data) > MAX_WHOLE:
        raise _too_long(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line_start = data.rfind(b"\n", 0, error.start) + 1
        raise _not_utf8(path, data.count(b"\n", 0, error.start) + 1, error.start - line_start) from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found = _CONTROL.search(text)
    if found:
        raise _control(path, text.count("\n", 0, found.start()) + 1, found[0])
    return text


def lines_of(path: Path) -> Iterator[Line]:
    """The lines of a file, one after the other, empty ones too; `.gz` is unpacked. Ends of line are \\n or \\r\\n.

    A byte order mark is passed over. Raises TuinetError, with the line, for what is not UTF-8, for a line of more than
    a million characters, for control characters other than the tabulator, and for a file of more than 2 GiB.
    """
    total = number = 0
    with _opened(path) as file:
        while raw := file.readline(4 * MAX_LINE + 4):
            number += 1
            total += len(raw)
            if total > MAX_WHOLE:
                raise _too_long(path)
            if number > MAX_ROWS:
                raise TuinetError(f"{path} has more than the {MAX_ROWS:,} lines that are read")
            try:
                line = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                if error.start >= 4 * MAX_LINE:  # cut within a character, because the line is too long
                    raise _long_line(path, number) from None
                raise _not_utf8(path, number, error.start) from None
            if number == 1:
                line = line.removeprefix("\ufeff")
            line = line.removesuffix("\n").removesuffix("\r")
            if len(line) > MAX_LINE:
                raise _long_line(path, number)
            found = _CONTROL.search(line)
            if found:
                raise _control(path, number, found[0])
            yield number, line


def control_in(text: str) -> str | None:
    """The first control character other than tabulator and line break; None if there is none."""
    found = _CONTROL.search(text)
    return found[0] if found else None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    with reading(path) as file:
        if path.suffix != ".gz":
            yield file
            return
        try:
            with gzip.open(file) as unpacked:
                yield unpacked
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise TuinetError(f"{path} is damaged or no gzip file: {error}") from None


def _not_utf8(path: Path, line: int, place: int) -> TuinetError:
    return TuinetError(f"{path}, line {line}, byte {place + 1} is not UTF-8", "save the text as UTF-8")


def _control(path: Path, line: int, character: str) -> TuinetError:
    return TuinetError(
        f"{path}, line {line} holds the control character U+{ord(character):04X}", "take it out: it is no text"
    )


def _long_line(path: Path, line: int) -> TuinetError:
    return TuinetError(f"{path}, line {line} is longer than {MAX_LINE:,} characters", "is it a file of lines?")


def _too_long(path: Path) -> TuinetError:
    return TuinetError(f"{path} holds more than the {MAX_WHOLE >> 30} GiB of text that are read", "take a part of it")
