"""Training in a run directory: `fit`, its events written down, commands read, and everything saved on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from tuinet.data.encoding import EncodedDataset
from tuinet.errors import RunFailedError, TuinetError
from tuinet.experiment.decode import absolute, encode
from tuinet.experiment.spec import Experiment
from tuinet.files.model_file import save_model
from tuinet.model.model import Model
from tuinet.training import snapshots
from tuinet.training.build import Job, build
from tuinet.training.checkpoint import Place, fingerprint, load_checkpoint, read_place, save_checkpoint
from tuinet.training.commands import Command, SetRate, SetTeacherForcing, Stop
from tuinet.training.control import ControlReader, Line, Refused
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
from tuinet.training.fit import default_threads, fit
from tuinet.training.live import Live
from tuinet.training.log import EventLog
from tuinet.training.numbers import EVENTS_A_SECOND, batch_samples, steps_per_event
from tuinet.training.progress import TrainingState
from tuinet.training.resume import read_experiment, settle, write_experiment
from tuinet.training.stopping import keeps_best, kept_step

Trainer = Generator[Event, Command | None, None]

LOOK_SECONDS = 0.02
"""How often the trainer looks for commands between steps; while paused it looks every 50 ms."""


def new_run(
    experiment: Experiment, base: Path, out: Path | None = None, encoded: EncodedDataset | None = None
) -> tuple[Path, Job]:
    """Load everything a run needs, then make its directory with the complete experiment file in it.

    `encoded`: the data, if they were read already.
    Raises TuinetError before anything is written if the data or the model cannot be had.
    """
    experiment = absolute(experiment, base)
    job = build(experiment, base, encoded=encoded)
    directory = new_directory(experiment.name, out)
    with Lock(directory):
        if (directory / EXPERIMENT).exists():
            raise TuinetError(f"{directory} was taken by another run just now", "name another --out")
        write_experiment(directory / EXPERIMENT, experiment)
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
        path = directory / CHECKPOINT
        place = read_place(path) if path.exists() else None
        old, self.experiment = read_experiment(directory, changes, place.experiment if place else None)
        self.job = job or build(self.experiment, directory, start=place is None)
        self.state = TrainingState.new(
            self.job.model, self.job.settings, batch_samples(self.job.settings, self.job.data)
        )
        self.data = fingerprint(self.job.data)
        self.control = ControlReader(directory, place.control_offset if place else 0)
        self.threads = threads or (place.threads if place else default_threads())
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
        self.full_group = steps_per_event(self.job.model, batch_samples(self.job.settings, self.job.data))
        offset, pending = (place.log_offset, place.pending) if place else (0, None)
        self.log = EventLog(directory / EVENTS, offset, self.full_group, pending)
        self.was_paused = place is not None and place.paused
        self.paused, self.single_steps, self.to_epoch_end, self.over = False, 0, False, False
        self.live = Live(directory)
        self.pace, self.next_step, self.next_look = 0.0, 0.0, 0.0
        self.keep_pace(place.pace if place else 0.0)
        self.model_written: tuple[int, str] | None = None

    def events(self) -> Iterator[Event]:
        step = self.state.progress.step
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
                    raise RunFailedError(event.message, self.what_is_left())
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
        if isinstance(event, StepDone) and self.single_steps > 0:
            self.single_steps -= 1
            yield from self.log.flush()
        if isinstance(event, EpochDone) and event.complete:
            snapshots.keep(self.directory, self.model_now(), event.epoch, self.job.settings.epochs)
            if self.to_epoch_end:
                self.to_epoch_end = False
                yield from self.log.flush()
        if isinstance(event, Checkpointed):
            self.save()

    def model_now(self) -> Model:
        """The model with the weights of this moment."""
        p, model = self.state.progress, self.job.model
        meta = msgspec.structs.replace(model.meta, history=tuple(p.history), epochs=p.epoch, steps=p.step)
        return Model(model.network, model.params, meta)

    def save(self) -> None:
        """The model as it would be handed back now, then the checkpoint.

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
            control_offset=self.control.offset,
            pending=self.log.pending,
            data=self.data,
            threads=self.threads,
            paused=self.paused,
            pace=self.pace,
        )
        save_checkpoint(self.directory / CHECKPOINT, self.state, place)

    def what_is_left(self) -> str:
        """Where to go on from after a failure."""
        if (self.directory / CHECKPOINT).exists():
            return f"the last good checkpoint is kept in {self.directory}"
        return f"there was no checkpoint yet; {self.directory} holds the experiment and the log"

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
        while not self.interrupted() and (self.holding() or (paced and self.ahead_of_pace())):
            left = LOOK_SECONDS if self.holding() else self.next_step - time.monotonic()
            time.sleep(max(0.0, min(0.05, left)))
            yield from self.obey(trainer)
            self.live.show(self.state.progress.step, self.model_now)
        if paced and self.pace > 0:
            self.next_step = max(self.next_step, time.monotonic() - 0.1) + 1 / self.pace

    def holding(self) -> bool:
        """Paused, with no single step or epoch asked for; a run that ends does not wait for anybody."""
        p, asked = self.state.progress, self.single_steps > 0 or self.to_epoch_end
        return self.paused and not asked and p.stop is None and p.finished is None

    def ahead_of_pace(self) -> bool:
        return self.pace > 0 and self.state.progress.stop is None and time.monotonic() < self.next_step

    def keep_pace(self, pace: float) -> None:
        """From now on so many steps a second (0: as fast as it goes), and events as often as that makes sense."""
        self.pace, self.next_step = pace, 0.0
        group = math.ceil(pace / EVENTS_A_SECOND) if pace > 0 else self.full_group
        self.log.steps_per_event = min(self.full_group, group)

    def obey(self, trainer: Trainer) -> Iterator[Event]:
        """Carry out what has come, answer, and save: an answered command is not lost."""
        for line in self.control.read():
            message = line.message if isinstance(line, Refused) else self.obstacle(line)
            ok = not message
            if line.do == "watch" and ok:  # renewed every few seconds: no line in the log, no checkpoint
                self.live.renew()
                continue
            if isinstance(line, Line) and ok:
                message = self.carry_out(line, trainer)
            if line.do in ("pause", "checkpoint") and ok:
                yield from self.log.flush()
            done = CommandDone(step=self.state.progress.step, id=line.id, do=line.do, ok=ok, message=message)
            yield from self.log.take(done)
            self.save()

    def obstacle(self, line: Line) -> str:
        """Why this run cannot do what the line says; "" if it can."""
        if line.teacher_forcing is not None and self.job.data.task != "seq2seq":
            return "teacher_forcing is for runs with a decoder (seq2seq), and this has none"
        return ""

    def carry_out(self, line: Line, trainer: Trainer) -> str:
        """Do what the line says; say what was done."""
        step = self.state.progress.step
        if line.do == "pause":
            self.paused, self.single_steps, self.to_epoch_end = True, 0, False
            return f"paused after step {step}"
        if line.do == "resume":
            self.paused, self.single_steps, self.to_epoch_end = False, 0, False
            return f"going on after step {step}"
        if line.do == "step":
            self.paused = True
            self.single_steps += 1
            return f"one step after step {step + self.single_steps - 1}"
        if line.do == "epoch":
            self.paused, self.single_steps, self.to_epoch_end = True, 0, True
            return f"to the end of the epoch, after step {step}"
        if line.do == "checkpoint":
            return f"checkpoint at step {step}"
        if line.do == "stop":
            trainer.send(Stop(line.keep))
            return f"stopping after step {step}"
        said: list[str] = []
        if line.rate is not None:
            trainer.send(SetRate(line.rate))
            said.append(f"learning rate {line.rate:g}")
        if line.pace is not None:
            self.keep_pace(line.pace)
            said.append(f"pace {line.pace:g} steps a second" if line.pace > 0 else "full pace")
        if line.teacher_forcing is not None:
            trainer.send(SetTeacherForcing(line.teacher_forcing))
            said.append(f"teacher forcing {line.teacher_forcing:g}")
        return f"{', '.join(said)} from step {step + 1} on"
