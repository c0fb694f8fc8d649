"""Looking at runs and steering them, from any process: the directory says everything."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from tuinet.errors import RunFailedError, TuinetError
from tuinet.files.atomic import remove_leftovers
from tuinet.training.control import Do, Line, new_id, send
from tuinet.training.directory import (
    CHECKPOINT,
    CONTROL,
    EVENTS,
    EXPERIMENT,
    LIVE,
    LOCK,
    LOG,
    MODEL,
    Lock,
    is_locked,
    runs_folder,
)
from tuinet.training.events import AnyEvent, CommandDone
from tuinet.training.feed import Feed, State
from tuinet.training.log import read_events


class RunSummary(msgspec.Struct, frozen=True):
    """A run in one line. One that is "stopped short" can be resumed."""

    directory: str
    name: str
    state: State
    step: int
    epoch: int
    epochs: int
    loss: float | None
    validation: dict[str, int | float | None] | None
    metrics: dict[str, dict[str, int | float | None]]
    reason: str | None
    message: str | None
    changed: float


def list_runs(root: Path | None = None) -> list[RunSummary]:
    """Every run in the folder (default: where runs go), the latest first."""
    return Listing(root or runs_folder()).look()


def newest_runs(root: Path | None = None) -> list[Path]:
    """The directories of all runs, that first which said something last, by the times of their logs alone."""
    found: dict[Path, float] = {}
    for path in (root or runs_folder()).glob(f"*/{EXPERIMENT}"):
        with contextlib.suppress(FileNotFoundError):
            found[path.parent] = _changed(path.parent)
    return sorted(found, key=lambda directory: found[directory], reverse=True)


def _changed(directory: Path) -> float:
    log = directory / EVENTS
    return (log if log.exists() else directory).stat().st_mtime


class Listing:
    """The runs of a folder, looked at again and again: of each only what its log has said since is read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[Path, _Known] = {}

    def look(self) -> list[RunSummary]:
        """All there are now, the latest first."""
        known, self._known = self._known, {}
        for path in self.root.glob(f"*/{EXPERIMENT}") if self.root.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):  # it was discarded at this moment
                self._known[path.parent] = _known(path.parent, known.get(path.parent))
        return sorted((each.summary for each in self._known.values()), key=lambda run: run.changed, reverse=True)


class _Known(NamedTuple):
    """A run as it was seen last. Only one that lives keeps its feed: of all others nothing more is to come."""

    summary: RunSummary
    stamp: tuple[object, ...]
    feed: Feed | None


def _known(directory: Path, before: _Known | None) -> _Known:
    stamp = _stamp(directory)  # first: what comes while the log is read is news for the next look
    if before is not None and before.feed is None and before.stamp == stamp:
        return before
    feed = before.feed if before is not None and before.feed is not None else Feed(directory)
    found = _summary(feed)
    return _Known(found, stamp, feed if found.state in ("running", "paused", "waiting") else None)


def _stamp(directory: Path) -> tuple[object, ...]:
    """What changes when a run says or does anything."""
    found: list[object] = [is_locked(directory)]
    for name in (EVENTS, LOCK):
        try:
            status = (directory / name).stat()
        except OSError:
            found.append(None)
        else:
            found += [status.st_ino, status.st_size, status.st_mtime_ns]
    return tuple(found)


def summary(directory: Path) -> RunSummary:
    """What the log and the lock say about a run."""
    return _summary(Feed(directory))


def _summary(feed: Feed) -> RunSummary:
    """The same, of a feed that has read some of it already."""
    feed.read()
    directory = feed.directory
    end = feed.ended or feed.failed
    return RunSummary(
        directory=str(directory),
        name=feed.started.name if feed.started is not None else directory.name,
        state=feed.state(),
        step=feed.step,
        epoch=feed.epoch,
        epochs=feed.epochs,
        loss=feed.loss,
        validation=dict(feed.validation) if feed.validation is not None else None,
        metrics={part: dict(figures) for part, figures in feed.ended.metrics.items()} if feed.ended else {},
        reason=feed.ended.reason if feed.ended else None,
        message=end.message if end is not None else None,
        changed=_changed(directory),
    )


def discard(directory: Path) -> list[Path]:
    """Remove a run: every file that a run makes, and the directory. Gives what it left, because no run made it.

    Raises TuinetError if the directory is no run, or is being trained.
    """
    from tuinet.training import snapshots  # brings NumPy, which looking at runs needs nowhere else

    if not (directory / EXPERIMENT).is_file():
        raise TuinetError(f"{directory} is not a run", "tuinet runs lists them")
    with Lock(directory):
        snapshots.discard(directory)
        # The experiment last: until then it is a run, which can be removed again.
        for name in (CHECKPOINT, MODEL, LIVE, EVENTS, CONTROL, LOG, EXPERIMENT, LOCK):
            path = directory / name
            if path.is_symlink() or path.is_file():
                path.unlink()
            remove_leftovers(path)
    left = sorted(directory.iterdir())
    if not left:
        if directory.is_symlink():
            directory.resolve().rmdir()
            directory.unlink()
        else:
            directory.rmdir()
    return left


def follow(directory: Path, *, patience: float = 0.1) -> Iterator[AnyEvent]:
    """The events of a run from its first on, as they come, until it ends or its process is gone."""
    offset = 0
    while True:
        alive = is_locked(directory)
        offset = _still(directory / EVENTS, offset)
        for event, end in read_events(directory / EVENTS, offset):
            offset = end
            yield event
        if not alive:
            return
        time.sleep(patience)


def command(directory: Path, line: Line, *, timeout: float = 10.0) -> CommandDone:
    """Send a command to a living run and wait for its answer.

    Raises TuinetError if nobody trains there or the command is refused, RunFailedError if no answer comes in time.
    """
    if not is_locked(directory):
        raise TuinetError(f"{directory} is not being trained now", f"tuinet train --resume {directory}")
    log = directory / EVENTS
    offset = log.stat().st_size if log.exists() else 0
    send(directory, line)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        alive = is_locked(directory)
        offset = _still(log, offset)
        for event, end in read_events(log, offset):
            offset = end
            if isinstance(event, CommandDone) and event.id == line.id:
                if not event.ok:
                    raise TuinetError(f"{directory}: {event.message}")
                return event
        if not alive:
            break
        time.sleep(0.02)
    raise RunFailedError(f"{directory} did not answer within {timeout:g} s", "it may have ended, or be in a long step")


def _still(log: Path, offset: int) -> int:
    """The offset to read on at: from the start if the log was cut back, as when a run that waited begins."""
    return offset if log.exists() and log.stat().st_size >= offset else 0


def new_line(do: Do, **fields: object) -> Line:
    """A command with a new id. Raises TuinetError for fields that it does not have."""
    try:
        return msgspec.convert({"id": new_id(), "do": do, **fields}, Line)
    except msgspec.ValidationError as error:
        raise TuinetError(f"{do}: {error}") from None
