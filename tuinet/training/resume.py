"""Going on with a run: what its experiment is now, and what changed. A change is applied and logged, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from tuinet.errors import TuinetError
from tuinet.experiment.decode import decode, encode, load_experiment
from tuinet.experiment.edit import apply_settings
from tuinet.experiment.spec import Experiment, TrainingSettings
from tuinet.files.atomic import write_bytes
from tuinet.training.directory import EXPERIMENT
from tuinet.training.progress import Progress
from tuinet.training.stopping import epochs_in_phase, out_of_patience

EPOCHS, RATE, PATIENCE = "training.epochs", "training.optimizer.rate", "training.early_stopping.patience"
CHANGEABLE = (EPOCHS, RATE, PATIENCE)


def write_experiment(path: Path, experiment: Experiment) -> None:
    """The complete experiment as TOML, whole or not at all."""
    write_bytes(path, encode(experiment).encode())


def read_experiment(directory: Path, changes: Sequence[str], checkpointed: str | None) -> tuple[Experiment, Experiment]:
    """The experiment before and after: what the checkpoint was written with, and what holds from now on.

    Changes are KEY=VALUE, or what was edited in the run's experiment.toml by hand. Raises TuinetError if anything
    else is different than CHANGEABLE: that would be another run.
    """
    path = directory / EXPERIMENT
    file = load_experiment(str(path))
    before = file if checkpointed is None else decode(checkpointed, f"{directory}, checkpoint")
    if _but_for_changeable(file) != _but_for_changeable(before):
        raise TuinetError(
            f"{path} was changed: that makes it another run",
            f"put it back, or start a new run with it; what may change: {', '.join(CHANGEABLE)}",
        )
    refused = sorted({change.partition("=")[0].strip() for change in changes}.difference(CHANGEABLE))
    if refused:
        raise TuinetError(
            f"{refused[0]} cannot change while a run goes on",
            f"changeable: {', '.join(CHANGEABLE)}; or start a new run",
        )
    after = apply_settings(file, changes) if changes else file
    if _but_for_changeable(after) != _but_for_changeable(before):
        raise TuinetError(f"{directory} has no early stopping whose patience could change", "start a new run")
    return before, after


def settle(
    directory: Path, progress: Progress, old: TrainingSettings, new: TrainingSettings, changes: Sequence[str]
) -> dict[str, str]:
    """Bring progress in line with the new settings, and return what changed in words.

    Lets a run that was stopped, or that the new settings give room, go on. Raises TuinetError if a change could have
    no effect.
    """
    said: dict[str, str] = {}
    if new.epochs != old.epochs:
        said[EPOCHS] = f"{old.epochs} -> {new.epochs}"
    if _patience(new) != _patience(old):
        said[PATIENCE] = f"{_patience(old)} -> {_patience(new)}"
    given = any(change.partition("=")[0].strip() == RATE for change in changes)
    rate = new.optimizer.rate
    if rate != old.optimizer.rate or (given and rate != progress.base_rate):
        said[RATE] = f"{progress.base_rate:g} -> {rate:g}"
    ending = progress.finished or progress.stop
    if EPOCHS in said or PATIENCE in said:
        _check_room(directory, progress, new, said, ending)
        progress.reopen()
    elif ending == "stopped":
        progress.reopen()
    elif progress.finished is not None and said:
        raise TuinetError(f"{directory} has ended ({progress.finished})", f"give it more with {EPOCHS}")
    if RATE in said:
        progress.base_rate = rate
    return said


def _check_room(
    directory: Path, progress: Progress, new: TrainingSettings, said: dict[str, str], ending: str | None
) -> None:
    done = progress.epoch - progress.phase_epoch
    if progress.phase != "main" and (PATIENCE in said or progress.phase_limit is not None):
        reason = "it has stopped early and goes on with all its data"
    elif done >= epochs_in_phase(progress, new):
        reason = f"it has done {done} epochs already"
    elif ending == "no-mistakes":
        reason = "it has ended without a mistake"
    elif ending == "early-stopping" and out_of_patience(progress, new):
        reason = f"it has stopped early after {progress.waited} validations without improvement"
    else:
        return
    raise TuinetError(f"{directory}: {' and '.join(said)} would change nothing: {reason}", "leave it as it is")


def _patience(settings: TrainingSettings) -> int | None:
    return settings.early_stopping.patience if settings.early_stopping is not None else None


def _but_for_changeable(experiment: Experiment) -> Experiment:
    """The experiment with everything that may change set to 1."""
    training = experiment.training
    stopping = training.early_stopping
    training = msgspec.structs.replace(
        training,
        epochs=1,
        optimizer=msgspec.structs.replace(training.optimizer, rate=1.0),
        early_stopping=msgspec.structs.replace(stopping, patience=1) if stopping is not None else None,
    )
    return msgspec.structs.replace(experiment, training=training)
