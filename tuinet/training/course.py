"""How far a run has come and how fast it goes, from its events alone: what a bar or a screen shows beside them."""

from __future__ import annotations

from tuinet.training import events as ev


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
    """Steps a second, over about the last five seconds of the log's own clock."""

    SECONDS = 5.0

    def __init__(self) -> None:
        self.marks: list[tuple[float, int]] = []
        self.samples_per_step = 0.0
        self.symbols: float | None = None

    def expect(self, event: ev.RunStarted) -> None:
        """What a step holds."""
        self.samples_per_step = event.samples.get("train", 0) / max(1, event.steps_per_epoch)
        self.symbols = event.symbols

    def add(self, event: ev.Event) -> None:
        """Count from the event's time and step on; a beginning forgets what was before."""
        if event.time is None:
            return
        if isinstance(event, (ev.RunStarted, ev.PhaseStarted)):
            self.marks.clear()
        if isinstance(event, ev.EpochDone) and self.marks and self.marks[-1][1] == event.step:
            pause = event.time - self.marks[-1][0]  # spent on validation: no step's time
            self.marks = [(time + pause, step) for time, step in self.marks]
            return
        self.marks.append((event.time, event.step))
        while len(self.marks) > 2 and event.time - self.marks[1][0] > self.SECONDS:
            self.marks.pop(0)

    def words(self) -> str:
        """1,234 samples/s, of sequences symbols too; "" while there is nothing to measure."""
        samples = (self._rate() or 0.0) * self.samples_per_step
        if not samples:
            return ""
        return f"{samples:,.0f} samples/s" + (f", {samples * self.symbols:,.0f} symbols/s" if self.symbols else "")

    def seconds(self, steps: float) -> float | None:
        """How long `steps` more steps take at this speed."""
        rate = self._rate()
        return steps / rate if rate else None

    def _rate(self) -> float | None:
        if len(self.marks) < 2:
            return None
        (began, first), (now, last) = self.marks[0], self.marks[-1]
        return (last - first) / (now - began) if now > began else None
