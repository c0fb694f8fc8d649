"""Steering a run from outside: lines appended to `control.jsonl` in its folder."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

import msgspec

from tuinet.errors import TuinetError
from tuinet.training.commands import HIGHEST_RATE
from tuinet.training.directory import CONTROL

LONGEST_LINE = 65_536


Do = Literal["pause", "resume", "step", "epoch", "set", "checkpoint", "stop", "watch"]
DOES: tuple[Do, ...] = get_args(Do)


class Line(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One command. "step" and "epoch" go on for one and hold; "watch" has the weights written to `live.safetensors` for
    five seconds, and is not answered. `rate`, `pace` (steps a second, 0 for as fast as it goes), `teacher_forcing` (the
    share of true symbols a decoder is fed, 0 to 1) and `dropout` (the rate of every dropout layer, 0 to below 1) belong
    to "set", `keep` to "stop"."""

    id: str
    do: Do
    rate: float | None = None
    pace: float | None = None
    teacher_forcing: float | None = None
    dropout: float | None = None
    keep: Literal["best", "last"] | None = None

    def problem(self) -> str | None:
        """Why this command cannot be carried out, or None."""
        given = [value is not None for value in (self.rate, self.pace, self.teacher_forcing, self.dropout)]
        if self.do == "set" and not any(given):
            return "set needs rate, pace, teacher_forcing or dropout"
        if self.do != "set" and any(given):
            return f"rate, pace, teacher_forcing and dropout belong to set, not to {self.do}"
        if self.do != "stop" and self.keep is not None:
            return f"keep belongs to stop, not to {self.do}"
        if self.rate is not None and not (math.isfinite(self.rate) and self.rate > 0):
            return f"rate must be above 0, not {self.rate:g}"
        if self.rate is not None and self.rate > HIGHEST_RATE:
            return f"rate must be at most {HIGHEST_RATE:g}, not {self.rate:g}"
        if self.pace is not None and not (math.isfinite(self.pace) and self.pace >= 0):
            return f"pace must be 0 or above, not {self.pace:g}"
        if self.teacher_forcing is not None and not 0 <= self.teacher_forcing <= 1:
            return f"teacher_forcing is a share from 0 to 1, not {self.teacher_forcing:g}"
        if self.dropout is not None and not 0 <= self.dropout < 1:
            return f"dropout is a share from 0 to below 1, not {self.dropout:g}"
        return None


class Refused(msgspec.Struct, frozen=True):
    """A line that is no command."""

    id: str
    do: str
    message: str


class ControlReader:
    """Reads the commands behind `offset` as they are appended. None: behind those that are there now."""

    def __init__(self, directory: Path, offset: int | None = None) -> None:
        self.path = directory / CONTROL
        self.offset = offset if offset is not None else self._size()

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def read(self) -> Iterator[Line | Refused]:
        """The whole lines that came since the last call. `offset` stands behind each line as it is yielded."""
        try:
            size = self.path.stat().st_size
            if size == self.offset:
                return
            file = self.path.open("rb")
        except OSError:  # no file, or none that can be read: no commands
            return
        if size < self.offset:  # another file, or cut short
            self.offset = 0
        with file:
            file.seek(self.offset)
            while line := file.readline(LONGEST_LINE):
                if not line.endswith(b"\n"):
                    if len(line) < LONGEST_LINE:
                        return
                    while line and not line.endswith(b"\n"):
                        line = file.readline(LONGEST_LINE)
                    if not line:
                        return
                    line = b"too long"
                self.offset = file.tell()
                yield parse(line)


class _Named(msgspec.Struct):
    """What can be read of a line that is no command: enough to answer it."""

    id: str = ""
    do: str = ""


def parse(line: bytes) -> Line | Refused:
    """The command of one line, or why it is none."""
    try:
        command = msgspec.json.decode(line, type=Line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return _refused(line, error)
    problem = command.problem()
    return command if problem is None else Refused(command.id, command.do, problem)


def _refused(line: bytes, error: Exception) -> Refused:
    try:
        named = msgspec.json.decode(line, type=_Named)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return Refused("", "", "not a command: a line is one JSON object with id and do")
    if named.do not in DOES:
        return Refused(named.id, named.do, f"do must be one of {', '.join(DOES)}")
    return Refused(named.id, named.do, f"not a command: {error}")


def send(directory: Path, line: Line) -> None:
    """Append a command. Raises TuinetError if it could not be carried out by any run."""
    problem = line.problem()
    if problem is not None:
        raise TuinetError(problem)
    file = os.open(directory / CONTROL, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, msgspec.json.encode(line) + b"\n")
    finally:
        os.close(file)


def pace_line(pace: float) -> Line:
    """The command with which a run begins at a pace. Raises TuinetError if there is no such pace."""
    line = Line("", "set", pace=pace)
    problem = line.problem()
    if problem is not None:
        raise TuinetError(problem)
    return line


def new_id() -> str:
    """A name for a command that no other command has."""
    return secrets.token_hex(6)
