"""From an experiment to all that `fit` needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from tuinet.data.augmentation import Augmentation
from tuinet.data.dataset import Dataset
from tuinet.data.encoding import EncodedDataset
from tuinet.data.preparation import fit_preparation
from tuinet.data.sources import NamedSource
from tuinet.experiment.costs import kind_of, settings_in_words
from tuinet.experiment.data import fill_in, load_data
from tuinet.experiment.decode import load_experiment, to_raw
from tuinet.experiment.spec import Experiment, TrainingSettings
from tuinet.files.load import load as load_model
from tuinet.model.blas import one_blas_thread
from tuinet.model.model import Model, new_model
from tuinet.nn.network import Sequential
from tuinet.nn.regularization import Regularization
from tuinet.nn.schedules import Constant


class Job(NamedTuple):
    """The arguments of `fit`, in its order."""

    model: Model
    data: Dataset
    settings: TrainingSettings
    augmentation: Sequence[Augmentation] = ()
    freeze: Sequence[str] = ()


def build(
    experiment: str | Experiment,
    base: Path | None = None,
    *,
    start: bool = True,
    encoded: EncodedDataset | None = None,
) -> Job:
    """Load the data and make the model of an experiment: a recipe's name, a file, or the struct itself.

    `base` is the folder that relative paths in a struct start from (default: the current one). `start` false leaves
    out the weights of `model.start`, for who has later ones. `encoded`: the data, for who has read them already.
    Raises TuinetError with what is wrong and where. `fit(*build("digits-cnn"))` trains it.
    """
    if isinstance(experiment, str):
        experiment = load_experiment(experiment)
    base = base or Path.cwd()
    settings = experiment.training
    encoded = encoded or load_data(experiment, base)
    data = encoded.dataset
    preparation = fit_preparation(experiment.data.prepare, data.splits["train"], data.input_shape, data.maximum)
    with one_blas_thread:  # orthogonal weights come out of products, whose bits must not depend on cores
        model = new_model(
            Sequential(fill_in(experiment.model.layers, data.info)),
            data,
            preparation,
            settings.loss,
            settings.seed,
            experiment.name,
            targets=experiment.data.targets,
            dtype=settings.dtype,
            vocabulary=encoded.vocabulary,
            target_vocabulary=encoded.target_vocabulary,
        )
    if start and experiment.model.start is not None:
        _start_from(model, load_model(experiment.model.start, base))
    meta = msgspec.structs.replace(model.meta, training=training_in_words(experiment), data=_trained_on(experiment))
    model.meta = meta if meta.data else msgspec.structs.replace(meta, data=data.name)
    return Job(model, data, settings, experiment.data.augment, experiment.model.freeze)


def _trained_on(experiment: Experiment) -> str:
    """Which data of tuinet's own sets the model sees, and how they are divided, so that it can be evaluated anywhere.

    "" for files of one's own: where they lie is nobody's business.
    """
    source, split = experiment.data.source, experiment.data.split
    if not isinstance(source, NamedSource):
        return ""
    # Complete: what is left out as a default would depend on whether the struct was read or made.
    said = {"source": to_raw(source, complete=True), "split": to_raw(split, complete=True)}
    return msgspec.json.encode(said).decode()


def training_in_words(experiment: Experiment) -> str:
    """Like "adam, rate 0.001; schedule cosine; batches of 32; shift, pixels 2": what a model file says of it."""
    settings, stopping = experiment.training, experiment.training.early_stopping
    parts = [f"{kind_of(settings.optimizer)}, {settings_in_words(settings.optimizer)}"]
    if settings.schedule != Constant():
        parts.append(f"schedule {_changed(settings.schedule)}")
    if settings.regularization != Regularization():
        parts.append(_changed(settings.regularization))
    parts.append("all samples at once" if settings.batch_size == "all" else f"batches of {settings.batch_size}")
    parts += [f"augmented by {kind_of(step)}, {settings_in_words(step)}" for step in experiment.data.augment]
    if stopping is not None:
        parts.append(f"early stopping, patience {stopping.patience}, then {stopping.reuse}")
    if experiment.model.start is not None:
        parts.append(f"started from {experiment.model.start}")
    if experiment.model.freeze:
        parts.append(f"frozen {', '.join(experiment.model.freeze)}")
    return "; ".join(parts)


def _changed(part: msgspec.Struct) -> str:
    """The kind, if it has one, and what is set to another value than the default."""
    table = cast("dict[str, object]", to_raw(part, complete=False))
    return ", ".join(str(value) if key == "kind" else f"{key} {value}" for key, value in table.items())


def _start_from(model: Model, other: Model) -> None:
    """Copy the weights of every layer that the other model has under the same name and in the same shapes."""
    for path, array in model.params.items():
        found = other.params.get(path)
        if found is not None and found.shape == array.shape:
            array[...] = found
