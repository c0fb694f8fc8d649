"""Training in a run directory: `fit`, its events written down, commands read, and everything saved on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain
from pathlib import Path

import msgspec
import numpy as np

from tuinet.data.encoding import EncodedDataset
from tuinet.errors import RunFailedError, TuinetError
from tuinet.experiment.decode import absolute, encode
from tuinet.experiment.spec import Experiment
from tuinet.files.model_file import save_model
from tuinet.model.blas import cores
from tuinet.model.model import Model
from tuinet.training import snapshots
from tuinet.training.build import Job, build
from tuinet.training.checkpoint import Place, fingerprint, load_checkpoint, read_place, save_checkpoint
from tuinet.training.commands import Command
from tuinet.training.control import ControlReader, Line, Refused, pace_line
from tuinet.training.directory import CHECKPOINT, EVENTS, EXPERIMENT, MODEL, Lock, new_directory
from tuinet.training.events import (
    Checkpointed,
    CommandDone,
    EpochDone,
    Event,
    RunEnded,
    RunFailed,
    SettingsChanged,
    StepDone,
)
from tuinet.training.fit import fit
from tuinet.training.live import Live
from tuinet.training.log import EventLog
from tuinet.training.numbers import batch_samples, sample_length, steps_per_event
from tuinet.training.progress import TrainingState
from tuinet.training.queue import wait_turn
from tuinet.training.resume import read_experiment, settle, write_experiment
from tuinet.training.steering import LOOK_SECONDS, Steering, obstacle
from tuinet.training.stopping import keeps_best, kept_step

Trainer = Generator[Event, Command | None, None]


def new_run(
    experiment: Experiment, base: Path, out: Path | None = None, encoded: EncodedDataset | None = None
) -> tuple[Path, Job]:
    """Load everything a run needs, then make its directory with the complete experiment file in it.

    `encoded`: the data, if they were read already.
    Raises TuinetError before anything is written if the data or the model cannot be had.
    """
    job = build(absolute(experiment, base), base, encoded=encoded)
    return lay_out(experiment, base, out), job


def lay_out(experiment: Experiment, base: Path, out: Path | None = None) -> Path:
    """The directory of a new run with the complete experiment file in it; its data and model are loaded later."""
    directory = new_directory(experiment.name, out)
    with Lock(directory):
        if (directory / EXPERIMENT).exists():
            raise TuinetError(f"{directory} was taken by another run just now", "name another --out")
        write_experiment(directory / EXPERIMENT, absolute(experiment, base))
    return directory


def train_run(
    directory: Path,
    *,
    job: Job | None = None,
    threads: int | None = None,
    changes: Sequence[str] = (),
    interrupted: Callable[[], bool] = lambda: False,
    pace: float | None = None,
    after: Path | None = None,
    commands_from: int | None = None,
) -> Generator[Event, None, None]:
    """Train the run in `directory`, from its checkpoint if it has one, and yield each event as it is logged.

    `job` spares loading what `new_run` has just loaded. `changes` are settings KEY=VALUE to go on with.
    `interrupted` is asked between steps; once it says yes, the run is saved and ends with reason "interrupted".
    `pace`: steps a second to begin at. `after`: a run whose end is waited for first. `commands_from`: where in
    control.jsonl this process's commands begin (default: behind those that are there now).
    Raises TuinetError if another process trains here, or the run cannot be continued; RunFailedError after a
    RunFailed event, or if the disk is full.
    """
    first = [] if pace is None else [pace_line(pace)]
    control = ControlReader(directory, commands_from)
    with Lock(directory, after) as lock:
        if after is not None:
            released = yield from wait_turn(directory, after, control, interrupted)
            if released is None:
                return
            first = [*released, *first]
            lock.begin()
        run = _Run(directory, job, threads, changes, interrupted, control, first)
        try:
            yield from run.events()
        except RunFailedError as error:  # a loss that is not finite, or a full disk
            raise RunFailedError(error.message, run.what_is_left()) from error
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
        control: ControlReader,
        first: list[Line],
    ) -> None:
        self.directory, self.interrupted = directory, interrupted
        path = directory / CHECKPOINT
        place = read_place(path) if path.exists() else None
        old, self.experiment = read_experiment(directory, changes, place.experiment if place else None)
        self.job = job or build(self.experiment, directory, start=place is None)
        self.state = TrainingState.new(
            self.job.model, self.job.settings, batch_samples(self.job.settings, self.job.data)
        )
        self.data = fingerprint(self.job.data)
        self.control, self.first = control, first
        self.threads = threads or (place.threads if place else cores())
        if place is not None:
            load_checkpoint(path, self.state)
            if place.data != self.data:
                raise TuinetError(
                    f"the data of {directory} are not what they were", f"then: {place.data}; now: {self.data}"
                )
        progress = self.state.progress
        self.changed = settle(directory, progress, old.training, self.experiment.training, changes)
        if self.changed:
            write_experiment(directory / EXPERIMENT, self.experiment)
        size, length = batch_samples(self.job.settings, self.job.data), sample_length(self.job.data)
        self.full_group = steps_per_event(self.job.model, size, length)
        pace = next((line.pace for line in first if line.pace is not None), place.pace if place else 0.0)
        self.steering = Steering(pace)
        offset, pending = (place.log_offset, place.pending) if place else (0, None)
        self.log = EventLog(directory / EVENTS, offset, self.steering.steps_per_event(self.full_group), pending)
        self.was_paused, self.answer = (place.paused, place.answer) if place else (False, None)
        self.over, self.next_look = False, 0.0
        self.live = Live(directory)
        self.model_written: tuple[int, str] | None = None

    def events(self) -> Iterator[Event]:
        step = self.state.progress.step
        if self.answer is not None:
            yield from self.log.take(self.answer)
        if self.was_paused:
            message = f"going on after step {step}: the run was resumed"
            yield from self.log.take(CommandDone(step=step, id="", do="resume", ok=True, message=message))
        if self.changed:
            epochs = self.job.settings.epochs
            yield from self.log.take(SettingsChanged(step=step, changes=self.changed, epochs=epochs))
            self.save()
        trainer = fit(*self.job, state=self.state, threads=self.threads)
        try:
            for event in trainer:
                yield from self.record(event)
                if isinstance(event, RunFailed):
                    raise RunFailedError(event.message)
                if isinstance(event, RunEnded):
                    return
                yield from self.attend(trainer, paced=isinstance(event, StepDone))
                if self.interrupted():
                    yield from self.interrupt()
                    return
        except GeneratorExit:  # whoever listened is gone, as when a pipe breaks
            self.save()
            raise
        finally:
            trainer.close()
            self.live.close()

    # ── writing down ──────────────────────────────────────────────────────────────────────────────────────────────

    def record(self, event: Event) -> Iterator[Event]:
        """Log the event, and save what it says is to be saved."""
        if isinstance(event, RunEnded):
            save_model(self.job.model, self.directory / MODEL)
            event = msgspec.structs.replace(event, model=str(self.directory / MODEL))
        self.over = isinstance(event, (RunEnded, RunFailed))
        yield from self.log.take(event)
        if isinstance(event, StepDone) and self.steering.step_done():
            yield from self.log.flush()
        if isinstance(event, EpochDone) and event.complete:
            snapshots.keep(self.directory, self.model_now(), event.epoch, self.job.settings.epochs)
            if self.steering.epoch_done():
                yield from self.log.flush()
        if isinstance(event, Checkpointed):
            self.save()

    def model_now(self) -> Model:
        """The model with the weights of this moment."""
        p, model = self.state.progress, self.job.model
        meta = msgspec.structs.replace(model.meta, history=tuple(p.history), epochs=p.epoch, steps=p.step)
        return Model(model.network, model.params, meta)

    def save(self, answer: CommandDone | None = None) -> None:
        """The model as it would be handed back now, then the checkpoint. `answer` is about to be logged.

        Nothing once the last line is written, for what is handed back is not what training goes on from; nothing
        either if the weights are not finite: the checkpoint before is the last good one.
        """
        if self.over or not np.isfinite(self.state.model.params.vector).all():
            return
        self.save_model_so_far()
        self.log.sync()
        place = Place(
            progress=self.state.progress,
            experiment=encode(self.experiment),
            log_offset=self.log.offset,
            answer=answer,
            pending=self.log.pending,
            data=self.data,
            threads=self.threads,
            paused=self.steering.paused,
            pace=self.steering.pace,
        )
        save_checkpoint(self.directory / CHECKPOINT, self.state, place)

    def what_is_left(self) -> str:
        """Where to go on from after a failure."""
        if (self.directory / CHECKPOINT).exists():
            return f"tuinet train --resume {self.directory} goes on from the last good checkpoint"
        return f"there was no checkpoint yet: tuinet train --resume {self.directory} begins anew"

    def save_model_so_far(self) -> None:
        """The best weights so far where early stopping hands those back, else the present ones."""
        p, model = self.state.progress, self.job.model
        best, step = keeps_best(p, self.job.settings), kept_step(p, self.job.settings)
        if self.model_written == (step, p.phase):
            return
        vector = self.state.best if best else model.params.vector
        meta = msgspec.structs.replace(model.meta, history=tuple(p.history), epochs=p.epoch, steps=step)
        save_model(Model(model.network, model.params.like(np.array(vector)), meta), self.directory / MODEL)
        self.model_written = (step, p.phase)

    def interrupt(self) -> Iterator[Event]:
        """Save, and say so. The line is behind the checkpoint, so that resuming cuts it off again."""
        self.save()
        self.over = True
        message = f"saved after step {self.state.progress.step:,}; tuinet train --resume {self.directory} goes on"
        ended = RunEnded(
            step=self.state.progress.step,
            reason="interrupted",
            metrics={},
            model=str(self.directory / MODEL),
            message=message,
        )
        yield from self.log.take(ended)

    # ── being steered ─────────────────────────────────────────────────────────────────────────────────────────────

    def attend(self, trainer: Trainer, paced: bool) -> Iterator[Event]:
        """Between two events: carry out commands, wait while paused, keep to the pace."""
        now = time.monotonic()
        if now >= self.next_look:
            self.next_look = now + LOOK_SECONDS
            yield from self.obey(trainer)
            self.live.show(self.state.progress.step, self.model_now)
        while not self.interrupted() and (left := self.steering.wait(self.state.progress, paced)) is not None:
            time.sleep(left)
            yield from self.obey(trainer)
            self.live.show(self.state.progress.step, self.model_now)
        if paced:
            self.steering.begin_step()

    def obey(self, trainer: Trainer) -> Iterator[Event]:
        """Carry out what has come, save, and answer: an answered command is not lost."""
        first, self.first = self.first, []
        for line in chain(first, self.control.read()):
            message = line.message if isinstance(line, Refused) else obstacle(line, self.job)
            ok = not message
            if line.do == "watch" and ok:  # renewed every few seconds: no line in the log, no checkpoint
                self.live.renew()
                continue
            step = self.state.progress.step
            done = CommandDone(step=step, id=line.id, do=line.do, ok=ok, message=message)
            if isinstance(line, Line) and ok:
                done = msgspec.structs.replace(
                    done,
                    message=self.steering.carry_out(line, step, trainer.send),
                    rate=line.rate,
                    pace=line.pace,
                    teacher_forcing=line.teacher_forcing,
                    dropout=line.dropout,
                )
                self.log.steps_per_event = self.steering.steps_per_event(self.full_group)
            if line.do in ("pause", "checkpoint") and ok:
                yield from self.log.flush()
            self.save(answer=done)
            yield from self.log.take(done)
