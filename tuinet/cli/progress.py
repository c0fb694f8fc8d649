"""What a person or a script sees of a run while it trains: a bar, plain lines, JSON, or only the end."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from tuinet.cli.output import is_terminal
from tuinet.readable import duration, number, percent, printable, printable_lines
from tuinet.training import events as ev
from tuinet.training.directory import EVENTS
from tuinet.training.log import read_events

if TYPE_CHECKING:
    from rich.live import Live

PLAIN_LINES = 50
"""About how many epochs a run without a terminal reports: all of them up to here, then every second, third …"""

MOVING = (ev.StepDone, ev.EpochDone, ev.RunStarted, ev.PhaseStarted)
"""The events that say how far the run has come."""


class Progress:
    """Takes the events of a run one by one; `reason` is why it ended, once it has."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.started: ev.RunStarted | None = None
        self.reason: str | None = None
        self.epochs = 0
        self.steps = 0
        self.speed = Speed()

    def __enter__(self) -> Progress:
        for event, _ in read_events(self.directory / EVENTS):
            if isinstance(event, (ev.RunStarted, ev.PhaseStarted)):  # a resumed run began earlier
                self.expect(event)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, event: ev.Event) -> None:
        self.note(event)

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


class JsonProgress(Progress):
    """Every event as the line that the log gets; with `last_only` the end alone."""

    def __init__(self, directory: Path, last_only: bool) -> None:
        super().__init__(directory)
        self.last_only = last_only

    def show(self, event: ev.Event) -> None:
        super().show(event)
        if not self.last_only or isinstance(event, (ev.RunEnded, ev.RunFailed)):
            click.echo(ev.encode(event), nl=False)


class QuietProgress(Progress):
    """Only what came out."""

    def show(self, event: ev.Event) -> None:
        super().show(event)
        if isinstance(event, ev.RunEnded):
            report_end(event)


class PlainProgress(QuietProgress):
    """One line an epoch, for files and pipes."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.unprinted: str | None = None

    def show(self, event: ev.Event) -> None:
        if isinstance(event, MOVING):
            self.speed.add(event)
        if isinstance(event, ev.EpochDone):
            self._epoch(event)
        else:
            if isinstance(event, (ev.RunEnded, ev.RunFailed)) and self.unprinted:
                click.echo(self.unprinted)
            words = sentence(event)
            if words:
                click.echo(words)
        super().show(event)

    def _epoch(self, event: ev.EpochDone) -> None:
        line = f"epoch {event.epoch}/{self.epochs}  step {event.step}  {scores(event)}  {self.speed.words()}".rstrip()
        every = -(-self.epochs // PLAIN_LINES) or 1
        if event.complete and (event.epoch % every == 0 or event.epoch == 1):
            click.echo(line)
            self.unprinted = None
        else:
            self.unprinted = line


class BarProgress(QuietProgress):
    """A bar that stays in its place: epoch, step, losses, accuracy, samples a second, time left."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.loss: float | None = None
        self.scores = ""
        self.live: Live | None = None

    def __enter__(self) -> BarProgress:
        from rich.console import Console
        from rich.live import Live
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn
        from rich.progress import Progress as Bars

        super().__enter__()
        self.bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[rest]}", markup=False),
            expand=True,
        )
        self.task = self.bars.add_task("starting", total=None, rest="")
        # stderr stays as it is: an error message must not be drawn over.
        console = Console(highlight=False, markup=False)
        self.live = Live(console=console, refresh_per_second=5, transient=True, get_renderable=self._draw)
        self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def show(self, event: ev.Event) -> None:
        if isinstance(event, (ev.RunEnded, ev.RunFailed)):
            self._stop()
        words = sentence(event)
        if words:
            self._print(words)
        super().show(event)
        if isinstance(event, ev.StepDone):
            # Where an event stands for several epochs' steps, its mean says nothing of now.
            short = self.started is not None and event.count <= self.started.steps_per_epoch
            self.loss = event.loss.mean if short else None
        elif isinstance(event, ev.EpochDone):
            self.loss = None
            self.scores = scores(event, brief=True)
        if isinstance(event, MOVING):
            self._move(event)

    def _move(self, event: ev.StepDone | ev.EpochDone | ev.RunStarted | ev.PhaseStarted) -> None:
        self.speed.add(event)
        words = self.bars.tasks[0].description
        if isinstance(event, ev.StepDone | ev.EpochDone):
            words = f"epoch {event.epoch}/{self.epochs}" if self.epochs else f"epoch {event.epoch}"
        self.bars.update(self.task, completed=event.step, total=self.steps or None, description=words)

    def _draw(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        task = self.bars.tasks[0]
        left = self.speed.seconds(task.total - task.completed) if task.total else None
        rest = [f"step {int(task.completed):,}", self.speed.words(), f"{duration(left)} left" if left else ""]
        task.fields["rest"] = "  ".join(part for part in rest if part)
        now = f"loss now {number(self.loss)}" if self.loss is not None else ""
        line = "  ".join(part for part in (now, self.scores) if part)
        return Group(self.bars.get_renderable(), Text(line, no_wrap=True, overflow="ellipsis"))

    def _print(self, words: str) -> None:
        from rich.text import Text

        if self.live is not None:
            self.live.console.print(Text(words))
        else:
            click.echo(words)

    def _stop(self) -> None:
        if self.live is not None:
            live, self.live = self.live, None
            with contextlib.suppress(OSError):  # the terminal may be gone
                live.stop()


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


def new_progress(directory: Path, *, as_json: bool = False, quiet: bool = False) -> Progress:
    """The kind of progress that fits where stdout goes."""
    if as_json:
        return JsonProgress(directory, last_only=quiet)
    if quiet:
        return QuietProgress(directory)
    return BarProgress(directory) if is_terminal() else PlainProgress(directory)


def scores(event: ev.EpochDone, brief: bool = False) -> str:
    """The figures of an epoch in a line: train, then validation."""
    parts = [figures("train", event.train, brief)]
    if event.validation:
        parts.append(figures("validation", event.validation, brief) + (" (best)" if event.best else ""))
    return "  ".join(parts)


def figures(name: str, metrics: Mapping[str, float | None], brief: bool = False) -> str:
    """The loss and what else people look at, under a name: "train loss 0.1, accuracy 97.00 %"."""
    words = [number(metrics.get("loss")) if brief else f"loss {number(metrics.get('loss'))}"]
    if metrics.get("accuracy") is not None:
        words.append(percent(metrics["accuracy"]) if brief else f"accuracy {percent(metrics['accuracy'])}")
    elif metrics.get("r2") is not None:
        words.append(f"R² {number(metrics['r2'])}")
    if metrics.get("perplexity") is not None and not brief:
        words.append(f"perplexity {number(metrics['perplexity'])}")
    return f"{name} {(' ' if brief else ', ').join(words)}".strip()


def sentence(event: ev.Event) -> str:
    """What an event says to a person, or "" for those that only move the bar."""
    match event:
        case ev.RunStarted():
            sizes = ", ".join(f"{count:,} {name}" for name, count in event.samples.items())
            return (
                f"{printable(event.name)}: {event.parameters:,} parameters, "
                f"{event.epochs:,} epochs of {event.steps_per_epoch:,} steps\nsamples: {sizes}"
            )
        case ev.PhaseStarted():
            how = "from scratch" if event.phase == "retrain" else "on from the best weights"
            return f"step {event.step}: now {how}, with the validation samples too ({event.samples:,} in all)"
        case ev.CommandDone():
            return f"{'' if event.ok else 'refused: '}{printable(event.message or event.do)}"
        case ev.SettingsChanged():
            changes = ", ".join(f"{key} = {value}" for key, value in event.changes.items())
            return f"step {event.step}: changed {printable(changes)}"
        case _:
            return ""


REASONS = {
    "epochs": "all epochs done",
    "early-stopping": "stopped early: the validation did not improve",
    "no-mistakes": "an epoch without a mistake",
    "stopped": "stopped on request",
    "interrupted": "interrupted",
}


def report_end(event: ev.RunEnded) -> None:
    """How good it became, where it is, and what can be done with it."""
    click.echo(f"{REASONS.get(event.reason, event.reason)} after {event.step:,} steps")
    if event.message:
        click.echo(printable_lines(event.message))
    for split in ("train", "validation", "test"):
        if event.metrics.get(split):
            click.echo(_result(split, event.metrics[split]))
    if event.model is not None:
        click.echo(f"model: {printable(event.model)}")


def _result(split: str, metrics: Mapping[str, float | None]) -> str:
    parts: list[str] = []
    symbols = metrics.get("targets")
    if "accuracy" in metrics:
        parts.append(f"accuracy {percent(metrics['accuracy'])}" + (" of the symbols" if symbols else ""))
    if metrics.get("errors") is not None and symbols:
        parts.append(f"{metrics['errors']:,} mistakes in {symbols:,}")
    elif metrics.get("errors") is not None:
        parts.append(f"{metrics['errors']:g} mistake{'' if metrics['errors'] == 1 else 's'}")
    parts += [f"{name} {number(metrics[name])}" for name in ("loss", "mse", "r2") if name in metrics]
    if symbols:
        parts[-1] += " nats a symbol"
    if metrics.get("perplexity") is not None:
        parts += [f"{number(metrics.get('bits'))} bits", f"perplexity {number(metrics['perplexity'])}"]
    return f"{split}: {', '.join(parts)}"
