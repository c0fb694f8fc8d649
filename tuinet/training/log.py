"""The log of a run: one event a line, appended and flushed; several steps share one step event."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import msgspec

from tuinet.errors import RunFailedError, TuinetError
from tuinet.training.events import AnyEvent, Event, RunEnded, RunFailed, StepDone, decode, encode, merge

LONGEST_LINE = 1 << 20
"""Bytes of a line that are read at once: no event has so many."""


class EventLog:
    """Appends to `path` from `offset` on (what lies behind it is cut off).

    `pending` is the step event that is not yet full; a checkpoint keeps it, so that the log of a resumed run goes on
    as if nothing had happened.
    """

    def __init__(self, path: Path, offset: int, steps_per_event: int, pending: StepDone | None) -> None:
        self.pending = pending
        self.steps_per_event = steps_per_event
        self._path = path
        self._file = path.open("ab", buffering=0)  # what could not be written must not be tried again at the end
        if path.stat().st_size < offset:
            self._file.close()
            raise TuinetError(f"{path} is shorter than when the checkpoint was written", "its end was lost or cut off")
        os.ftruncate(self._file.fileno(), offset)
        self.offset = offset

    def take(self, event: Event) -> Iterator[Event]:
        """Write the event, or keep it if it is a step that shares a line with others; yield what was written."""
        if isinstance(event, StepDone):
            self.pending = merge(self.pending, event)
            if self.pending.count >= self.steps_per_event:
                yield from self.flush()
            return
        if isinstance(event, (RunEnded, RunFailed)):
            yield from self.flush()
        yield self._write(event)

    def flush(self) -> Iterator[Event]:
        """Write the steps that wait for company."""
        if self.pending is not None:
            event, self.pending = self.pending, None
            yield self._write(event)

    def _write(self, event: Event) -> Event:
        stamped = msgspec.structs.replace(event, time=round(time.time(), 3))
        line = encode(stamped)
        with self._full_disk_in_words():
            left = line
            while left:
                left = left[self._file.write(left) :]
        self.offset += len(line)
        return stamped

    def sync(self) -> None:
        """To the disk: a checkpoint that names an offset must not outlive the lines before it."""
        with self._full_disk_in_words():
            os.fsync(self._file.fileno())

    @contextlib.contextmanager
    def _full_disk_in_words(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise RunFailedError(f"{self._path}: could not be written: {error.strerror or error}") from error

    def close(self) -> None:
        self._file.close()


def read_events(path: Path, offset: int = 0) -> Iterator[tuple[AnyEvent, int]]:
    """Every whole line from `offset` on with the offset behind it; a line that is no event is passed over."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        file.seek(offset)
        while line := file.readline(LONGEST_LINE):
            if not line.endswith(b"\n") and len(line) < LONGEST_LINE:
                return
            offset += len(line)
            try:
                event = decode(line)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                continue
            yield event, offset


def last_event(path: Path) -> AnyEvent | None:
    """The event of the last whole line, if it is one, at the cost of reading the end of the file alone."""
    _, tail = _end(path)
    try:
        return decode(tail[:-1].rpartition(b"\n")[2])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def whole_lines(path: Path) -> int:
    """Where the last whole line ends: the offset to append at."""
    return _end(path)[0]


def _end(path: Path) -> tuple[int, bytes]:
    """Where the last whole line ends, and what stands before that, as far back as one line may go."""
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - LONGEST_LINE)
            file.seek(start)
            tail = file.read(LONGEST_LINE)
    except OSError:
        return 0, b""
    whole = tail[: tail.rfind(b"\n") + 1]
    return start + len(whole), whole
