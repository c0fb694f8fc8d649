"""Looking at runs and steering them, from any process: the directory says everything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from tuinet.errors import RunFailedError, TuinetError
from tuinet.training.control import Do, Line, new_id, send
from tuinet.training.directory import EVENTS, EXPERIMENT, is_locked, runs_folder
from tuinet.training.events import (
    AnyEvent,
    CommandDone,
    EpochDone,
    RunEnded,
    RunFailed,
    RunStarted,
    SettingsChanged,
    StepDone,
)
from tuinet.training.log import read_events

State = Literal["running", "paused", "ended", "failed", "interrupted", "stopped short"]


class RunSummary(msgspec.Struct, frozen=True):
    """A run in one line. "stopped short" is a run whose process is gone without a word: it can be resumed."""

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
    root = root or runs_folder()
    if not root.is_dir():
        return []
    found = [summary(path.parent) for path in root.glob(f"*/{EXPERIMENT}")]
    return sorted(found, key=lambda run: run.changed, reverse=True)


def summary(directory: Path) -> RunSummary:
    """What the log and the lock say about a run."""
    name, step, epoch, epochs = directory.name, 0, 0, 0
    loss: float | None = None
    validation: dict[str, int | float | None] | None = None
    last: AnyEvent | None = None
    paused = False
    for event, _ in read_events(directory / EVENTS):
        last, step = event, max(step, event.step)
        if isinstance(event, RunStarted):
            name, epochs = event.name, event.epochs
        elif isinstance(event, StepDone):
            epoch, loss = event.epoch, event.loss.mean
        elif isinstance(event, EpochDone):
            epoch, loss = event.epoch, event.train.get("loss", loss)
            validation = dict(event.validation) if event.validation is not None else validation
        elif isinstance(event, SettingsChanged):
            epochs = event.epochs
        elif isinstance(event, CommandDone) and event.ok and event.do in ("pause", "step", "epoch", "resume"):
            paused = event.do != "resume"
    ended = last if isinstance(last, RunEnded) else None
    log = directory / EVENTS
    return RunSummary(
        directory=str(directory),
        name=name,
        state=_state(directory, last, paused),
        step=step,
        epoch=epoch,
        epochs=epochs,
        loss=loss,
        validation=validation,
        metrics={part: dict(figures) for part, figures in ended.metrics.items()} if ended else {},
        reason=ended.reason if ended else None,
        message=last.message if isinstance(last, RunEnded | RunFailed) else None,
        changed=(log if log.exists() else directory).stat().st_mtime,
    )


def _state(directory: Path, last: AnyEvent | None, paused: bool) -> State:
    if is_locked(directory):
        return "paused" if paused else "running"
    if isinstance(last, RunEnded):
        return "interrupted" if last.reason == "interrupted" else "ended"
    return "failed" if isinstance(last, RunFailed) else "stopped short"


def follow(directory: Path, *, patience: float = 0.1) -> Iterator[AnyEvent]:
    """The events of a run from its first on, as they come, until it ends or its process is gone."""
    offset = 0
    while True:
        alive = is_locked(directory)
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


def new_line(do: Do, **fields: object) -> Line:
    """A command with a new id. Raises TuinetError for fields that it does not have."""
    try:
        return msgspec.convert({"id": new_id(), "do": do, **fields}, Line)
    except msgspec.ValidationError as error:
        raise TuinetError(f"{do}: {error}") from None
