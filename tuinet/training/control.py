"""Steering a run from outside: lines appended to `control.jsonl` in its folder."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from tuinet.errors import TuinetError
from tuinet.training.directory import CONTROL

LONGEST_LINE = 65_536


class Line(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One command. `rate` and `pace` (steps a second, 0 for as fast as it goes) belong to "set", `keep` to "stop"."""

    id: str
    do: Literal["pause", "resume", "step", "set", "checkpoint", "stop"]
    rate: float | None = None
    pace: float | None = None
    keep: Literal["best", "last"] | None = None

    def problem(self) -> str | None:
        """Why this command cannot be carried out, or None."""
        if self.do == "set" and self.rate is None and self.pace is None:
            return "set needs rate or pace"
        if self.do != "set" and (self.rate is not None or self.pace is not None):
            return f"rate and pace belong to set, not to {self.do}"
        if self.do != "stop" and self.keep is not None:
            return f"keep belongs to stop, not to {self.do}"
        if self.rate is not None and not (math.isfinite(self.rate) and self.rate > 0):
            return f"rate must be above 0, not {self.rate:g}"
        if self.pace is not None and not (math.isfinite(self.pace) and self.pace >= 0):
            return f"pace must be 0 or above, not {self.pace:g}"
        return None


class Refused(msgspec.Struct, frozen=True):
    """A line that is no command."""

    id: str
    do: str
    message: str


class ControlReader:
    """Reads the commands behind `offset` as they are appended."""

    def __init__(self, directory: Path, offset: int) -> None:
        self.path = directory / CONTROL
        self.offset = offset

    def read(self) -> Iterator[Line | Refused]:
        """The whole lines that came since the last call. `offset` stands behind each line as it is yielded."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return
        if size <= self.offset:
            return
        with self.path.open("rb") as file:
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


def parse(line: bytes) -> Line | Refused:
    """The command of one line, or why it is none."""
    try:
        command = msgspec.json.decode(line, type=Line)
    except (msgspec.DecodeError, RecursionError) as error:
        return Refused("", "", f"not a command: {error}")
    problem = command.problem()
    return command if problem is None else Refused(command.id, command.do, problem)


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


def new_id() -> str:
    """A name for a command that no other command has."""
    return secrets.token_hex(6)
