"""Waiting for another run to end before one's own begins."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from pathlib import Path

from tuinet.errors import TuinetError
from tuinet.training.control import ControlReader, Line, Refused
from tuinet.training.directory import EVENTS, is_locked, waits_for
from tuinet.training.events import CommandDone, Event, RunEnded
from tuinet.training.log import EventLog, whole_lines

LOOK_SECONDS = 0.05


def wait_turn(
    directory: Path, after: Path, control: ControlReader, interrupted: Callable[[], bool]
) -> Generator[Event, None, list[Line] | None]:
    """Wait until nobody trains in `after` any more; yield what is logged meanwhile.

    Gives the commands that are to be answered once the training has begun ("resume" begins it before its turn), or
    None if the run has ended in the queue: stopped, or interrupted. Other commands are refused.
    Raises TuinetError if it would wait for ever.
    """
    _refuse_circle(directory, after)
    while is_locked(after):
        if interrupted():
            words = f"interrupted before its turn; tuinet train --resume {directory} begins it"
            yield from _log(directory, RunEnded(reason="interrupted", metrics={}, message=words))
            return None
        for line in control.read():
            if isinstance(line, Line) and line.do == "resume":
                return [line]
            if isinstance(line, Line) and line.do == "watch":  # never answered
                continue
            stopped = isinstance(line, Line) and line.do == "stop"
            words = f"this run waits for {after}: resume begins it now, stop takes it out of the queue"
            words = line.message if isinstance(line, Refused) else "taken out of the queue" if stopped else words
            yield from _log(directory, CommandDone(id=line.id, do=line.do, ok=stopped, message=words))
            if stopped:
                words = f"stopped before its turn: nothing was trained; tuinet train --resume {directory} begins it"
                yield from _log(directory, RunEnded(reason="stopped", metrics={}, message=words))
                return None
        time.sleep(LOOK_SECONDS)
    return []


def _log(directory: Path, event: Event) -> Generator[Event, None, None]:
    """Write it behind what the log holds; the training will cut the log back to its checkpoint, or begin it anew."""
    path = directory / EVENTS
    log = EventLog(path, whole_lines(path), 1, None)
    try:
        yield from log.take(event)
    finally:
        log.close()


def _refuse_circle(directory: Path, after: Path) -> None:
    seen, run = {directory.resolve()}, after.resolve()
    while run not in seen:
        seen.add(run)
        before = waits_for(run)
        if before is None:
            return
        run = before.resolve()
    raise TuinetError(
        f"{directory} cannot wait for {after}, which waits for {run}", "start one of them without --after"
    )
