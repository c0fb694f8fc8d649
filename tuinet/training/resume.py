"""Going on with a run under other settings: each change is applied and logged, or refused; never ignored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tuinet.errors import TuinetError
from tuinet.experiment.decode import encode
from tuinet.experiment.edit import apply_settings
from tuinet.experiment.spec import Experiment, TrainingSettings
from tuinet.files.atomic import write_bytes
from tuinet.training.directory import EXPERIMENT
from tuinet.training.progress import Progress

CHANGEABLE = ("training.epochs", "training.optimizer.rate", "training.early_stopping.patience")


def write_experiment(path: Path, experiment: Experiment) -> None:
    """The complete experiment as TOML, whole or not at all."""
    write_bytes(path, encode(experiment).encode())


def change_settings(
    directory: Path, experiment: Experiment, changes: Sequence[str], progress: Progress
) -> tuple[TrainingSettings, dict[str, str]]:
    """Apply KEY=VALUE changes to a run that is continued: the new settings, and what changed in words.

    Raises TuinetError for a key that would make another run of it, or if a run that has ended would end at once.
    """
    keys = {change.partition("=")[0].strip() for change in changes}
    refused = sorted(keys.difference(CHANGEABLE))
    if refused:
        raise TuinetError(
            f"{refused[0]} cannot change while a run goes on",
            f"changeable: {', '.join(CHANGEABLE)}; or start a new run",
        )
    changed = apply_settings(experiment, changes)
    old, new = experiment.training, changed.training
    said: dict[str, str] = {}
    if new.epochs != old.epochs:
        said["training.epochs"] = f"{old.epochs} -> {new.epochs}"
    if new.optimizer.rate != progress.base_rate:
        said["training.optimizer.rate"] = f"{progress.base_rate:g} -> {new.optimizer.rate:g}"
    patience = [settings.early_stopping.patience if settings.early_stopping else 0 for settings in (old, new)]
    if patience[0] != patience[1]:
        said["training.early_stopping.patience"] = f"{patience[0]} -> {patience[1]}"
    if "training.optimizer.rate" in keys:
        progress.base_rate = new.optimizer.rate
    else:
        said.pop("training.optimizer.rate", None)
    _reopen(directory, progress, new)
    write_experiment(directory / EXPERIMENT, changed)
    return new, said


def _reopen(directory: Path, progress: Progress, settings: TrainingSettings) -> None:
    """Let a run that had ended go on, if the new settings give it room."""
    done = progress.epoch - progress.phase_epoch
    epochs_left = done < (progress.phase_limit or settings.epochs)
    stopping = settings.early_stopping
    if progress.finished is None:
        if not epochs_left:
            raise TuinetError(f"{directory} has done {done} epochs already", "training.epochs must be more than that")
        return
    patient = stopping is None or progress.phase != "main" or progress.waited < stopping.patience
    if progress.finished == "no-mistakes" or not epochs_left or not patient:
        raise TuinetError(
            f"{directory} has ended ({progress.finished}), and these settings leave it nothing to do",
            "raise training.epochs or training.early_stopping.patience",
        )
    progress.finished = progress.stop = None
