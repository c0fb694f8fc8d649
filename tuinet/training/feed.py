"""A run as a screen follows it: what its log has said so far, in memory that does not grow with the run."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from tuinet.training.course import HOLDING, Course
from tuinet.training.curve import Curve
from tuinet.training.directory import EVENTS, is_locked, waits_for
from tuinet.training.events import (
    AnyEvent,
    CommandDone,
    EpochDone,
    PhaseStarted,
    RunEnded,
    RunFailed,
    RunStarted,
    SettingsChanged,
    StepDone,
)
from tuinet.training.log import read_events

State = Literal["waiting", "running", "paused", "ended", "failed", "interrupted", "stopped short"]
"""Of "waiting" runs the process waits for another run's end; of those "stopped short" it is gone without a word."""

MOST_MARKS = 256
MOST_ANSWERS = 64
MOST_METRICS = 32
LOOK_EVERY = 256
"""Events between two looks at the clock: a millisecond's work."""

TAIL = 512
"""Bytes before the place read to that tell whether the log is still the one that was read."""


class Mark(NamedTuple):
    """Something that changed the training after `step`, in a few words."""

    step: int
    text: str


class Both(NamedTuple):
    """One figure after each epoch, and where a validation was inside one."""

    train: Curve
    validation: Curve


class Feed:
    """Follows the log of the run in `directory`: `read` takes in what came, the attributes say what is known.

    step, epoch         how far it is; `epochs` and `steps` are how many there will be at most, 0 while unknown
    loss, rate          of the last step or epoch; the learning rate of the last step
    train               the loss of the steps
    epochs_done         the figures of the epochs by their names: loss, accuracy …
    validation          the figures of the last validation
    best                the step with the best validation so far, and its loss
    steps_per_second    of the last seconds, pauses left out
    pace, teacher_forcing, dropout   what commands set them to last; None: never
    marks, answers      what was changed, the last 256; the answers to commands by their ids, the last 64
    started, ended, failed   the event, if the run has begun, or if it was the last
    paused, behind      whether it holds; whether the log has more than was read
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._restart()

    def _restart(self) -> None:
        self._offset, self._tail = 0, b""
        self._course = Course()
        self.behind = False
        self.step = self.epoch = 0
        self.loss: float | None = None
        self.rate: float | None = None
        self.train = Curve()
        self.epochs_done: dict[str, Both] = {}
        self.validation: Mapping[str, int | float | None] | None = None
        self.best: tuple[int, float] | None = None
        self._marks: deque[Mark] = deque(maxlen=MOST_MARKS)
        self.answers: dict[str, CommandDone] = {}
        self.pace: float | None = None
        self.teacher_forcing: float | None = None
        self.dropout: float | None = None
        self.ended: RunEnded | None = None
        self.failed: RunFailed | None = None
        self.paused = False

    @property
    def started(self) -> RunStarted | None:
        return self._course.started

    @property
    def epochs(self) -> int:
        return self._course.epochs

    @property
    def steps(self) -> int:
        return self._course.steps

    @property
    def steps_per_second(self) -> float | None:
        return self._course.speed.rate()

    @property
    def marks(self) -> tuple[Mark, ...]:
        return tuple(self._marks)

    def state(self) -> State:
        """What the log, as far as it was read, and the lock say of the run now."""
        if is_locked(self.directory):
            if waits_for(self.directory) is not None:
                return "waiting"
            return "paused" if self.paused else "running"
        if self.ended is not None:
            return "interrupted" if self.ended.reason == "interrupted" else "ended"
        return "failed" if self.failed is not None else "stopped short"

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def read(self, seconds: float = math.inf) -> bool:
        """Take in what was appended since the last call, for about so long. Whether anything came.

        After --resume the log was cut back, or begins again: then everything known is what it says now.
        """
        came = not self._is_the_same()
        if came:
            self._restart()
        path, until, count = self.directory / EVENTS, time.monotonic() + seconds, 0
        begin, self.behind = self._offset, False
        for event, self._offset in read_events(path, begin):
            self._take(event)
            count += 1
            if count % LOOK_EVERY == 0 and time.monotonic() >= until:
                self.behind = True
                break
        if self._offset != begin:
            self._tail = _before(path, self._offset)
        return came or count > 0

    def _is_the_same(self) -> bool:
        """Whether the log still has what was read of it last: if it was cut back it may have grown again since."""
        return not self._offset or _before(self.directory / EVENTS, self._offset) == self._tail

    def _take(self, event: AnyEvent) -> None:
        if isinstance(event, RunStarted) and (self.started is not None or len(self.train)):
            offset = self._offset
            self._restart()
            self._offset = offset
        self.step = max(self.step, event.step)
        self._course.speed.add(event)
        self.ended = event if isinstance(event, RunEnded) else None
        self.failed = event if isinstance(event, RunFailed) else None
        if isinstance(event, StepDone):
            self.epoch, self.loss, self.rate = event.epoch, event.loss.mean, event.rate
            self.train.add(event.step, event.loss.mean, event.loss.minimum, event.loss.maximum, event.count)
        elif isinstance(event, EpochDone):
            self._take_epoch(event)
        elif isinstance(event, CommandDone):
            self._take_answer(event)
        elif isinstance(event, (RunStarted, SettingsChanged, PhaseStarted)):
            self._course.expect(event)
            if isinstance(event, SettingsChanged):
                changes = event.changes.items()
                self._mark(event.step, ", ".join(f"{key.rpartition('.')[2]} {words}" for key, words in changes))
            elif isinstance(event, PhaseStarted):
                self._mark(event.step, event.phase)

    def _take_epoch(self, event: EpochDone) -> None:
        self.epoch, self.loss = event.epoch, event.train.get("loss", self.loss)
        self._add(event.step, event.train, validation=False)
        if event.validation is not None:
            self.validation = event.validation
            self._add(event.step, event.validation, validation=True)
            loss = event.validation.get("loss")
            if event.best and loss is not None:
                self.best = (event.step, loss)

    def _add(self, step: int, figures: Mapping[str, int | float | None], validation: bool) -> None:
        for name, value in figures.items():
            if name not in self.epochs_done:
                if len(self.epochs_done) >= MOST_METRICS:
                    continue
                self.epochs_done[name] = Both(Curve(), Curve())
            self.epochs_done[name][validation].add(step, value, value, value)

    def _take_answer(self, event: CommandDone) -> None:
        self.answers.pop(event.id, None)
        self.answers[event.id] = event
        if len(self.answers) > MOST_ANSWERS:
            del self.answers[next(iter(self.answers))]
        if not event.ok:
            return
        self.paused = HOLDING.get(event.do, self.paused)
        said: list[str] = []
        if event.rate is not None:
            before = "" if self.rate is None else f"{self.rate:g}→"
            self.rate = event.rate
            said.append(f"rate {before}{event.rate:g}")
        if event.pace is not None:
            self.pace = event.pace
            said.append(f"pace {event.pace:g}" if event.pace else "full pace")
        if event.teacher_forcing is not None:
            self.teacher_forcing = event.teacher_forcing
            said.append(f"teacher forcing {event.teacher_forcing:g}")
        if event.dropout is not None:
            self.dropout = event.dropout
            said.append(f"dropout {event.dropout:g}")
        if event.do == "stop":
            said.append("stop")
        if said:
            self._mark(event.step, ", ".join(said))

    def _mark(self, step: int, text: str) -> None:
        self._marks.append(Mark(step, text))


def _before(path: Path, offset: int) -> bytes:
    """The last bytes of the file before the offset, as many as there are up to there."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, offset - TAIL))
            return file.read(min(TAIL, offset))
    except OSError:
        return b""
