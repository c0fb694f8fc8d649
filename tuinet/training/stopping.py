"""When to stop: the best validation so far, patience, epochs without mistakes, and what to say at the end."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tuinet.experiment.spec import EarlyStopping, TrainingSettings
from tuinet.training.progress import Progress, Reason


def improved(progress: Progress, stopping: EarlyStopping | None, validation: Mapping[str, float | None]) -> bool:
    """Whether this validation is the best so far; counts the checks since it was.

    Without early stopping it is the loss that counts. A loss that is not finite is never the best.
    """
    monitor = stopping.monitor if stopping is not None else "loss"
    value = validation[monitor]
    signed = math.inf if value is None else -value if monitor == "accuracy" else value
    least = stopping.minimum_change if stopping is not None else 0.0
    best = math.inf if progress.best_value is None else progress.best_value
    if signed < best - least:
        progress.best_value, progress.best_loss = signed, validation["loss"]
        progress.best_step, progress.waited = progress.step, 0
        return True
    progress.waited += 1
    return False


def epochs_in_phase(progress: Progress, settings: TrainingSettings) -> int:
    """The most epochs of the present phase."""
    return progress.phase_limit or settings.epochs


def forcing_now(progress: Progress, settings: TrainingSettings, steps_per_epoch: int) -> float:
    """The share of true symbols that a decoder is fed in the next step."""
    forcing = settings.teacher_forcing
    if progress.forcing is not None or forcing.last is None:
        return forcing.ratio if progress.forcing is None else progress.forcing
    done = (progress.step - progress.phase_step) / max(1, epochs_in_phase(progress, settings) * steps_per_epoch)
    return forcing.ratio + (forcing.last - forcing.ratio) * min(1.0, done)


def reason_to_stop(progress: Progress, settings: TrainingSettings, *, no_mistakes: bool) -> Reason | None:
    """Why training ends after this epoch, or None."""
    if no_mistakes:
        return "no-mistakes"
    return "epochs" if progress.epoch - progress.phase_epoch >= epochs_in_phase(progress, settings) else None


def out_of_patience(progress: Progress, settings: TrainingSettings) -> bool:
    """Whether so many validations in a row brought no improvement that training stops early."""
    stopping = settings.early_stopping
    return progress.phase == "main" and stopping is not None and progress.waited >= stopping.patience


def keeps_best(progress: Progress, settings: TrainingSettings) -> bool:
    """Whether the best weights are handed back rather than the last: early stopping does, a command can say so."""
    wanted = progress.keep or ("best" if settings.early_stopping is not None else "last")
    return wanted == "best" and progress.phase == "main" and progress.best_step > 0


def kept_step(progress: Progress, settings: TrainingSettings) -> int:
    """The step whose weights are handed back."""
    return progress.best_step if keeps_best(progress, settings) else progress.step


def not_separable(progress: Progress, samples: int) -> str | None:
    """What to tell a person whose perceptron still makes mistakes at the epoch limit."""
    if progress.finished != "epochs" or not progress.wrong:
        return None
    return (
        f"in the last of {progress.epoch} epochs the rule still made {progress.wrong} corrections on {samples} "
        "samples: the data may not be linearly separable. Each unit of a perceptron draws one straight line (a "
        "hyperplane), and the rule never settles where no such line parts the classes, as in XOR. A hidden layer "
        "bends the line: see the recipe xor"
    )
