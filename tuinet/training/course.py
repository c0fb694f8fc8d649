"""How far a run has come and how fast it goes, from its events alone: what a bar or a screen shows beside them."""

from __future__ import annotations

from collections import deque

from tuinet.training import events as ev

HOLDING = {"pause": True, "step": True, "epoch": True, "resume": False}
"""Whether a run holds once the command was carried out (of "step" and "epoch": holds again after it)."""


class Course:
    """Takes the events of a run one by one.

    epochs, steps  how many there will be at most; 0 while nobody knows
    reason         why it ended, once it has
    """

    def __init__(self) -> None:
        self.started: ev.RunStarted | None = None
        self.reason: str | None = None
        self.epochs = 0
        self.steps = 0
        self.speed = Speed()

    def note(self, event: ev.Event) -> None:
        """Keep what the event says of the run, shown or not."""
        if isinstance(event, ev.RunEnded):
            self.reason = event.reason
        self.expect(event)

    def expect(self, event: ev.Event) -> None:
        """How many epochs and steps there will be at most, as far as the event tells."""
        if isinstance(event, ev.RunStarted):
            self.started = event
            self.speed.expect(event)
            self.epochs, self.steps = event.epochs, event.epochs * event.steps_per_epoch
        elif isinstance(event, ev.SettingsChanged) and self.started is not None:
            self.epochs, self.steps = event.epochs, event.epochs * self.started.steps_per_epoch
        elif isinstance(event, ev.PhaseStarted) and self.started is not None:
            per_epoch = -(-event.samples // self.started.batch_size)
            done = -(-event.step // max(1, self.started.steps_per_epoch))
            self.epochs, self.steps = done + event.epochs, event.step + event.epochs * per_epoch


class Speed:
    """Steps a second, over about the last five seconds of the log's own clock.

    What a run does while it is held, step by step, does not count.
    """

    SECONDS = 5.0

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()
        self._held = False
        self._lost = 0.0  # seconds that were no step's: marks are on a clock that stood still meanwhile
        self.samples_per_step = 0.0
        self.symbols: float | None = None

    def expect(self, event: ev.RunStarted) -> None:
        """What a step holds."""
        self.samples_per_step = event.samples.get("train", 0) / max(1, event.steps_per_epoch)
        self.symbols = event.symbols

    def add(self, event: ev.Event) -> None:
        """Count from the event's time and step on; a beginning, and a change of pace, forgets what was before."""
        if event.time is None:
            return
        marks = self._marks
        if isinstance(event, ev.CommandDone) and event.ok:
            self._held = HOLDING.get(event.do, self._held)
            if event.do == "resume" or event.pace is not None:
                marks.clear()
                marks.append((event.time - self._lost, event.step))
        if self._held or not isinstance(event, (ev.StepDone, ev.EpochDone, ev.RunStarted, ev.PhaseStarted)):
            return
        if isinstance(event, (ev.RunStarted, ev.PhaseStarted)):
            marks.clear()
        if isinstance(event, ev.EpochDone) and marks and marks[-1][1] == event.step:
            self._lost = event.time - marks[-1][0]  # it was spent on validation
            return
        now = event.time - self._lost
        marks.append((now, event.step))
        while len(marks) > 2 and now - marks[1][0] > self.SECONDS:
            marks.popleft()

    def words(self) -> str:
        """1,234 samples/s, of sequences symbols too; "" while there is nothing to measure."""
        samples = (self.rate() or 0.0) * self.samples_per_step
        if not samples:
            return ""
        return f"{samples:,.0f} samples/s" + (f", {samples * self.symbols:,.0f} symbols/s" if self.symbols else "")

    def seconds(self, steps: float) -> float | None:
        """How long `steps` more steps take at this speed."""
        rate = self.rate()
        return steps / rate if rate else None

    def rate(self) -> float | None:
        """Steps a second; None while there is nothing to measure."""
        if len(self._marks) < 2:
            return None
        (began, first), (now, last) = self._marks[0], self._marks[-1]
        return (last - first) / (now - began) if now > began else None
