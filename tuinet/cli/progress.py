"""What a person or a script sees of a run while it trains: a bar, plain lines, JSON, or only the end."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from tuinet.cli.output import is_terminal
from tuinet.readable import duration, number
from tuinet.training import events as ev
from tuinet.training.course import Course
from tuinet.training.directory import EVENTS
from tuinet.training.log import read_events
from tuinet.training.words import ending, scores, sentence

if TYPE_CHECKING:
    from rich.live import Live

PLAIN_LINES = 50
"""About how many epochs a run without a terminal reports: all of them up to here, then every second, third …"""

MOVING = (ev.StepDone, ev.EpochDone, ev.RunStarted, ev.PhaseStarted, ev.CommandDone)
"""The events that say how far the run has come, and how fast."""


class Progress(Course):
    """Takes the events of a run one by one, and shows what it shows of them."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory

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

    def _move(self, event: ev.Event) -> None:
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


def new_progress(directory: Path, *, as_json: bool = False, quiet: bool = False) -> Progress:
    """The kind of progress that fits where stdout goes."""
    if as_json:
        return JsonProgress(directory, last_only=quiet)
    if quiet:
        return QuietProgress(directory)
    return BarProgress(directory) if is_terminal() else PlainProgress(directory)


def report_end(event: ev.RunEnded) -> None:
    """How good it became, where it is, and what can be done with it."""
    for line in ending(event):
        click.echo(line)
