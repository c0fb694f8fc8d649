"""Whether data, training settings and the model to start from go together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tuinet.data.augmentation import check_augmentation
from tuinet.data.augmentation import warnings as augmentation_warnings
from tuinet.data.dataset import DatasetInfo
from tuinet.data.preparation import prepared_shape
from tuinet.data.splits import split_sizes
from tuinet.errors import TuinetError
from tuinet.experiment.costs import machine_memory, size_in_words
from tuinet.experiment.report import Findings, Memory
from tuinet.experiment.spec import Experiment
from tuinet.files.load import load
from tuinet.nn.layer import Shape, ShapeError
from tuinet.nn.network import Sequential
from tuinet.nn.ranges import is_frozen
from tuinet.nn.schedules import Constant, Cosine, StepDecay

LARGEST_MEMORY = 64 * 10**9
"""Bytes: what training may take where the machine does not say how much memory it has."""


def check_split(experiment: Experiment, info: DatasetInfo, findings: Findings) -> dict[str, int]:
    """The samples in each part after the cut."""
    try:
        sizes = split_sizes(info.sizes, experiment.data.split)
    except TuinetError as error:
        path, colon, message = error.message.partition(": ")
        known = bool(colon) and path.startswith("data.")
        findings.refuse(path if known else "data.split", message if known else error.message, error.hint)
        return {name: size for name, size in info.sizes.items() if size}
    for part, size in sizes.items():
        if size < info.classes:
            message = f"{size} samples in the {part} part cannot show all {info.classes} classes"
            if part == "train":
                findings.refuse("data.split", message, "cut off less, or take more data")
            else:
                findings.warn(f"data.split.{part}", message)
    return sizes


def check_preparation(experiment: Experiment, info: DatasetInfo, findings: Findings) -> Shape | None:
    """The shape the network gets."""
    if info.input_shape.kind == "id" and experiment.data.prepare:
        findings.refuse("data.prepare", "ids of symbols are only names: there is nothing to calculate", "leave it out")
        return info.input_shape
    try:
        shape = prepared_shape(experiment.data.prepare, info.input_shape)
    except ShapeError as error:
        findings.refuse(f"data.prepare{error.field}", error.message, error.hint)
        return None
    for index, step in enumerate(experiment.data.augment):
        if shape.sequence:
            findings.refuse(f"data.augment[{index}]", "only images and vectors can be changed, not sequences")
            continue
        try:
            check_augmentation((step,), shape)
        except ShapeError as error:
            findings.refuse(f"data.augment[{index}]", error.message, error.hint)
    for warning in augmentation_warnings(experiment.data.augment, info):
        findings.warn("data.augment", warning)
    return shape


def check_training(experiment: Experiment, info: DatasetInfo, sizes: Mapping[str, int], findings: Findings) -> int:
    """Batches, validation, stopping, schedule. Returns the steps of an epoch."""
    settings, stopping = experiment.training, experiment.training.early_stopping
    samples = sizes.get("train", 0)
    batch = samples if settings.batch_size == "all" else settings.batch_size
    if too_large := batch_warning(batch, samples):
        findings.warn("training.batch_size", too_large)
    if info.task == "next-symbol" and settings.carry_state:  # every row of every batch goes on in the next
        steps_per_epoch = samples // max(1, min(batch, samples))
    else:
        steps_per_epoch = -(-samples // max(1, batch))
    steps = steps_per_epoch * settings.epochs
    if "validation" not in sizes:
        hint = "set data.split.validation = 0.1, or leave training.early_stopping out"
        if stopping is not None:
            findings.refuse("training.early_stopping", "there is no validation part to watch", hint)
        if settings.validate_every is not None:
            findings.warn("training.validate_every", "there is no validation part, so nothing is validated")
    elif settings.validate_every is not None and settings.validate_every > steps:
        findings.warn("training.validate_every", f"the whole run has only {steps:,} steps")
    if stopping is not None:
        if stopping.monitor == "accuracy" and info.task == "regression":
            message = f"{info.name} has real targets, so there is no accuracy"
            findings.refuse("training.early_stopping.monitor", message, 'take "loss"')
        if stopping.reuse_epochs is not None and stopping.reuse != "continue":
            message = 'this has a meaning only with reuse = "continue"'
            findings.warn("training.early_stopping.reuse_epochs", message)
        if settings.validate_every is None and stopping.patience >= settings.epochs:
            message = f"the run has {settings.epochs} epochs, so it never stops early"
            findings.warn("training.early_stopping.patience", message)
    _check_schedule(experiment, steps, findings)
    return steps_per_epoch


def batch_warning(batch: int, samples: int) -> str:
    """What is to be said of batches of that size, if anything."""
    if batch <= samples:
        return ""
    return f"{batch:,} samples a step are more than the {samples:,} there are: every step takes all of them"


def _check_schedule(experiment: Experiment, steps: int, findings: Findings) -> None:
    schedule, rate = experiment.training.schedule, experiment.training.optimizer.rate
    if isinstance(schedule, Constant | StepDecay | Cosine) and schedule.warmup >= steps > 0:
        message = f"the whole run has {steps:,} steps, so the rate never gets to where it should be"
        findings.refuse("training.schedule.warmup", message, f"take less than {steps:,}")
    if isinstance(schedule, StepDecay) and schedule.every >= experiment.training.epochs:
        message = f"the run has {experiment.training.epochs} epochs, so the rate never falls"
        findings.warn("training.schedule.every", message)
    decay = experiment.training.regularization.weight_decay
    if decay * rate >= 1:
        message = f"with a rate of {rate:g} every step takes {decay * rate:.0%} of each weight away"
        findings.refuse("training.regularization.weight_decay", message, f"take less than {1 / rate:g}")


def check_memory(memory: Memory, findings: Findings) -> None:
    """Against the memory of this machine."""
    limit = machine_memory() or LARGEST_MEMORY
    if memory.total > limit:
        parts = {"weights, gradients and optimizer": memory.total - memory.activations, "batch": memory.activations}
        largest = max(parts, key=lambda part: parts[part])
        message = f"training takes about {size_in_words(memory.total)}, most of it for the {largest}"
        hint = "take a smaller network" if largest != "batch" else "take a smaller training.batch_size"
        findings.refuse("model", f"{message}; this machine has {size_in_words(limit)}", hint)
    elif memory.total > limit // 2:
        message = f"training takes about {size_in_words(memory.total)} of this machine's {size_in_words(limit)}"
        findings.warn("model", message)


def check_start(experiment: Experiment, shape: Shape, base: Path | None, findings: Findings) -> None:
    """Which parameters the model to start from has, by name and shape."""
    start = experiment.model.start
    if start is None:
        return
    try:
        other = load(start, base)
    except TuinetError as error:
        findings.refuse("model.start", error.message, error.hint)
        return
    specs = Sequential(experiment.model.layers).param_shapes(shape)
    equal = [path for path, spec in specs.items() if path in other.params and other.params[path].shape == spec.shape]
    if not equal:
        hint = f"it has {', '.join(_shape(path, array.shape) for path, array in list(other.params.items())[:6])}"
        findings.refuse("model.start", f"no parameter of {start} has the name and shape of one here", hint)
        return
    for path, spec in specs.items():
        if path in equal:
            continue
        there = other.params[path].shape if path in other.params else None
        if is_frozen(path, experiment.model.freeze):
            found = f"is {_shape('', there)} in {start}" if there else f"is not in {start}"
            findings.warn("model.freeze", f"{_shape(path, spec.shape)} {found}, so it stays at its random start")


def _shape(path: str, shape: tuple[int, ...]) -> str:
    return f"{path} {'×'.join(map(str, shape))}".strip()
