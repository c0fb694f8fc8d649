"""From an experiment to all that `fit` needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tuinet.data.augmentation import Augmentation
from tuinet.data.dataset import Dataset
from tuinet.data.preparation import fit_preparation
from tuinet.data.sources import load as load_data
from tuinet.experiment.decode import load_experiment
from tuinet.experiment.spec import Experiment, TrainingSettings
from tuinet.files.load import load as load_model
from tuinet.model.model import Model, new_model
from tuinet.nn.network import Sequential


class Job(NamedTuple):
    """The arguments of `fit`, in its order."""

    model: Model
    data: Dataset
    settings: TrainingSettings
    augmentation: Sequence[Augmentation] = ()
    freeze: Sequence[str] = ()


def build(experiment: str | Experiment, base: Path | None = None) -> Job:
    """Load the data and make the model of an experiment: a recipe's name, a file, or the struct itself.

    `base` is the folder that relative paths in a struct start from (default: the current one).
    Raises TuinetError with what is wrong and where. `fit(*build("digits-cnn"))` trains it.
    """
    if isinstance(experiment, str):
        experiment = load_experiment(experiment)
    base = base or Path.cwd()
    settings = experiment.training
    data = load_data(experiment.data.source, experiment.data.split, settings.seed, base)
    preparation = fit_preparation(experiment.data.prepare, data.splits["train"], data.input_shape, data.maximum)
    model = new_model(
        Sequential(experiment.model.layers),
        data,
        preparation,
        settings.loss,
        settings.seed,
        experiment.name,
        targets=experiment.data.targets,
        dtype=settings.dtype,
    )
    if experiment.model.start is not None:
        _start_from(model, load_model(experiment.model.start, base))
    return Job(model, data, settings, experiment.data.augment, experiment.model.freeze)


def _start_from(model: Model, other: Model) -> None:
    """Copy the weights of every layer that the other model has under the same name and in the same shapes."""
    for path, array in model.params.items():
        found = other.params.get(path)
        if found is not None and found.shape == array.shape:
            array[...] = found
