"""Training in a run directory: `fit`, its events written down, commands read, and everything saved on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from tuinet.errors import RunFailedError, TuinetError
from tuinet.experiment.decode import absolute, load_experiment
from tuinet.experiment.spec import Experiment
from tuinet.files.model_file import save_model
from tuinet.model.model import Model
from tuinet.training.build import Job, build
from tuinet.training.checkpoint import Place, fingerprint, load_checkpoint, save_checkpoint
from tuinet.training.commands import Command, SetRate, Stop
from tuinet.training.control import ControlReader, Line, Refused
from tuinet.training.directory import CHECKPOINT, EVENTS, EXPERIMENT, MODEL, Lock, new_directory
from tuinet.training.events import Checkpointed, CommandDone, Event, RunEnded, RunFailed, SettingsChanged, StepDone
from tuinet.training.fit import default_threads, fit
from tuinet.training.log import EventLog
from tuinet.training.numbers import EVENTS_A_SECOND, steps_per_event
from tuinet.training.progress import TrainingState
from tuinet.training.resume import change_settings, write_experiment
from tuinet.training.stopping import keeps_best

LOOK_SECONDS = 0.02
"""How often the trainer looks for commands between steps; while paused it looks every 50 ms."""


def new_run(experiment: Experiment, base: Path, out: Path | None = None) -> tuple[Path, Job]:
    """Load everything a run needs, then make its directory with the complete experiment file in it.

    Raises TuinetError before anything is written if the data or the model cannot be had.
    """
    job = build(experiment, base)
    directory = new_directory(experiment.name, out)
    write_experiment(directory / EXPERIMENT, absolute(experiment, base))
    return directory, job


def train_run(
    directory: Path,
    *,
    job: Job | None = None,
    threads: int | None = None,
    changes: Sequence[str] = (),
    interrupted: Callable[[], bool] = lambda: False,
) -> Generator[Event, None, None]:
    """Train the run in `directory`, from its checkpoint if it has one, and yield each event as it is logged.

    `job` spares loading what `new_run` has just loaded. `changes` are settings KEY=VALUE to go on with.
    `interrupted` is asked between steps; once it says yes, the run is saved and ends with reason "interrupted".
    Raises TuinetError if another process trains here, or the run cannot be continued; RunFailedError after a
    RunFailed event.
    """
    with Lock(directory):
        run = _Run(directory, job, threads, changes, interrupted)
        try:
            yield from run.events()
        finally:
            run.log.close()


class _Run:
    """One process's work on a run directory."""

    def __init__(
        self,
        directory: Path,
        job: Job | None,
        threads: int | None,
        changes: Sequence[str],
        interrupted: Callable[[], bool],
    ) -> None:
        self.directory, self.interrupted = directory, interrupted
        experiment = load_experiment(str(directory / EXPERIMENT))
        self.job = job or build(experiment, directory)
        self.state = TrainingState.new(self.job.model, self.job.settings)
        self.data = fingerprint(self.job.data)
        log_offset, pending = 0, None
        self.control = ControlReader(directory, 0)
        self.threads = threads or default_threads()
        self.changed: dict[str, str] = {}
        if (directory / CHECKPOINT).exists():
            place = load_checkpoint(directory / CHECKPOINT, self.state)
            if place.data != self.data:
                raise TuinetError(
                    f"the data of {directory} are not what they were", f"then: {place.data}; now: {self.data}"
                )
            self.threads = threads or place.threads
            log_offset, pending, self.control.offset = place.log_offset, place.pending, place.control_offset
        if changes:
            settings, self.changed = change_settings(directory, experiment, changes, self.state.progress)
            self.job = self.job._replace(settings=settings)
        elif self.state.progress.finished == "stopped":
            self.state.progress.finished = self.state.progress.stop = None
        self.full_group = steps_per_event(self.job.model, self.batch_size)
        self.log = EventLog(directory / EVENTS, log_offset, self.full_group, pending)
        self.queue: list[Command] = []
        self.paused, self.single_steps, self.save_next = False, 0, False
        self.pace, self.next_step, self.next_look = 0.0, 0.0, 0.0
        self.model_written: tuple[int, str] | None = None

    @property
    def batch_size(self) -> int:
        size = self.job.settings.batch_size
        return size if isinstance(size, int) else len(self.job.data.splits["train"])

    def events(self) -> Iterator[Event]:
        if self.changed:
            yield from self.log.take(SettingsChanged(step=self.state.progress.step, changes=self.changed))
            self.save()
        trainer = fit(*self.job, state=self.state, threads=self.threads)
        try:
            while True:
                try:
                    event = trainer.send(self.queue.pop(0) if self.queue else None)
                except StopIteration:
                    return
                yield from self.record(event)
                if isinstance(event, RunFailed):
                    raise RunFailedError(event.message, f"the last good checkpoint is kept in {self.directory}")
                if isinstance(event, RunEnded):
                    return
                yield from self.attend()
                if self.interrupted():
                    yield from self.interrupt()
                    return
        except GeneratorExit:  # whoever listened is gone, as when a pipe breaks
            self.save()
            raise
        finally:
            trainer.close()

    # ── writing down ──────────────────────────────────────────────────────────────────────────────────────────────

    def record(self, event: Event) -> Iterator[Event]:
        """Log the event, and save what it says is to be saved."""
        if isinstance(event, RunEnded):
            save_model(self.job.model, self.directory / MODEL)
            event = msgspec.structs.replace(event, model=str(self.directory / MODEL))
        yield from self.log.take(event)
        if isinstance(event, StepDone) and self.single_steps > 0:
            self.single_steps -= 1
            yield from self.log.flush()
        if isinstance(event, Checkpointed) or self.save_next:
            self.save()

    def save(self) -> None:
        """The model as it would be handed back now, then the checkpoint."""
        self.save_next = False
        self.save_model_so_far()
        place = Place(
            progress=self.state.progress,
            log_offset=self.log.offset,
            control_offset=self.control.offset,
            pending=self.log.pending,
            data=self.data,
            threads=self.threads,
        )
        save_checkpoint(self.directory / CHECKPOINT, self.state, place)

    def save_model_so_far(self) -> None:
        """The best weights so far where early stopping hands those back, else the present ones."""
        p, model = self.state.progress, self.job.model
        best = keeps_best(p, self.job.settings)
        step = p.best_step if best else p.step
        if self.model_written == (step, p.phase):
            return
        vector = self.state.best if best else model.params.vector
        meta = msgspec.structs.replace(model.meta, history=tuple(p.history), epochs=p.epoch, steps=step)
        save_model(Model(model.network, model.params.like(np.array(vector)), meta), self.directory / MODEL)
        self.model_written = (step, p.phase)

    def interrupt(self) -> Iterator[Event]:
        """Save, and say so. The line is behind the checkpoint, so that resuming cuts it off again."""
        self.save()
        message = f"saved after step {self.state.progress.step}; tuinet train --resume {self.directory} goes on"
        ended = RunEnded(
            step=self.state.progress.step,
            reason="interrupted",
            metrics={},
            model=str(self.directory / MODEL),
            message=message,
        )
        yield from self.log.take(ended)

    # ── being steered ─────────────────────────────────────────────────────────────────────────────────────────────

    def attend(self) -> Iterator[Event]:
        """Between two steps: carry out commands, wait while paused, keep to the pace."""
        now = time.monotonic()
        if now >= self.next_look:
            self.next_look = now + LOOK_SECONDS
            yield from self.obey()
        while not self.interrupted() and (self.holding() or (self.pace > 0 and time.monotonic() < self.next_step)):
            left = LOOK_SECONDS if self.holding() else self.next_step - time.monotonic()
            time.sleep(max(0.0, min(0.05, left)))
            yield from self.obey()
        if self.pace > 0:
            self.next_step = max(self.next_step, time.monotonic() - 0.1) + 1 / self.pace

    def holding(self) -> bool:
        """Paused, with no single step and no end asked for."""
        return self.paused and self.single_steps == 0 and not any(isinstance(c, Stop) for c in self.queue)

    def obey(self) -> Iterator[Event]:
        for line in self.control.read():
            if isinstance(line, Refused):
                ok, message = False, line.message
            else:
                ok, message = True, self.carry_out(line)
            if line.do in ("pause", "checkpoint") and ok:
                yield from self.log.flush()
            done = CommandDone(step=self.state.progress.step, id=line.id, do=line.do, ok=ok, message=message)
            yield from self.log.take(done)
            if line.do in ("pause", "checkpoint") and ok:
                self.save()

    def carry_out(self, line: Line) -> str:
        """Do what the line says; say what was done."""
        step = self.state.progress.step
        if line.do == "pause":
            self.paused = True
            return f"paused after step {step}"
        if line.do == "resume":
            self.paused, self.single_steps = False, 0
            return f"going on after step {step}"
        if line.do == "step":
            self.paused = True
            self.single_steps += 1
            return f"one step after step {step + self.single_steps - 1}"
        if line.do == "checkpoint":
            return f"checkpoint at step {step}"
        self.save_next = True
        if line.do == "stop":
            self.queue.append(Stop(line.keep))
            return f"stopping after step {step}"
        said: list[str] = []
        if line.rate is not None:
            self.queue.append(SetRate(line.rate))
            said.append(f"learning rate {line.rate:g}")
        if line.pace is not None:
            self.pace, self.next_step = line.pace, 0.0
            group = math.ceil(self.pace / EVENTS_A_SECOND) if self.pace > 0 else self.full_group
            self.log.steps_per_event = min(self.full_group, group)
            said.append(f"pace {line.pace:g} steps a second" if line.pace > 0 else "full pace")
        return f"{', '.join(said)} from step {step + 1} on"
