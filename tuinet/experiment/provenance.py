"""Which data to measure a model on: those that are named, or those it was trained on, divided as they were then."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tuinet.data.dataset import Dataset, Split
from tuinet.data.kept import user_path
from tuinet.data.labelled_text import LabelledText
from tuinet.data.pairs import PairsFile
from tuinet.data.sources import DATASETS, Source, load, source_from_argument
from tuinet.data.splits import SplitSettings, join
from tuinet.errors import TuinetError
from tuinet.experiment.decode import load_experiment
from tuinet.experiment.spec import Experiment
from tuinet.model.model import Model
from tuinet.nn.sequence import Ragged


class TrainedOn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data of a training; `split` None if it is not known how they were divided."""

    source: Source
    split: SplitSettings | None = None


_FILES_OF_A_RUN = re.compile(r"(model|live|snapshots/epoch-[0-9]+)\.safetensors")
"""The models that a run's folder holds: the best, that of this moment, those of its epochs."""


def trained_on(path: Path, model: Model) -> TrainedOn | None:
    """What the model in `path` was trained on: its run's experiment says it, or the model itself."""
    experiment = run_experiment(path)
    return said_by(model) if experiment is None else TrainedOn(experiment.data.source, experiment.data.split)


def run_experiment(path: Path) -> Experiment | None:
    """The experiment of the run that the model in `path` is of, its paths absolute; None if it lies in no run."""
    where = path.absolute()  # a bare name, too, lies in a folder
    for folder in (where.parent, where.parent.parent):
        file = folder / "experiment.toml"
        if _FILES_OF_A_RUN.fullmatch(where.relative_to(folder).as_posix()) and file.is_file():
            return load_experiment(str(file))
    return None


def said_by(model: Model) -> TrainedOn | None:
    """What the model itself says that it was trained on, if it does."""
    said = model.meta.data
    try:
        return msgspec.json.decode(said, type=TrainedOn)
    except (msgspec.DecodeError, RecursionError):
        return TrainedOn(DATASETS[said].source) if said in DATASETS else None


def _named(data: str, model: Model) -> Source:
    """What a name or a path means for a model: a .tsv or .txt file holds pairs, or texts with labels, for one that
    reads such; an experiment file names its data. Raises TuinetError if it is neither a data set's name nor a file."""
    path = user_path(data)
    if data not in DATASETS and path.suffix == ".toml" and path.is_file():
        return load_experiment(str(path)).data.source
    if (
        data not in DATASETS
        and model.meta.vocabulary is not None
        and path.suffix in (".tsv", ".txt")
        and path.is_file()
    ):
        if model.meta.task == "seq2seq":
            return PairsFile(str(path))
        if model.meta.task == "classification":
            return LabelledText(str(path))
    return source_from_argument(data)


def _same_file(one: Source, other: Source) -> bool:
    """Whether both are the same set, or read the same file or folder."""
    paths = [getattr(source, "path", None) for source in (one, other)]
    if type(one) is type(other) and isinstance(paths[0], str) and isinstance(paths[1], str):
        return Path(paths[0]).resolve() == Path(paths[1]).resolve()
    return one == other


def _by_name(dataset: Dataset, model: Model) -> Dataset:
    """The same with the model's class ids in place of its own, class by class of the same name: the ids of a file
    follow from the classes in it. Raises TuinetError for a class that the model does not know."""
    known = model.meta.labels
    if dataset.labels == known or not known or not dataset.labels:
        return dataset
    unknown = [label for label in dataset.labels if label not in known]
    if unknown:
        raise TuinetError(
            f"{dataset.name} has the class {unknown[0]!r}, which {model.meta.name} does not know",
            f"Its classes: {', '.join(known[:20])}{' …' if len(known) > 20 else ''}",
        )
    ids = np.array([known.index(label) for label in dataset.labels])

    def renamed(targets: Any) -> Any:
        return Ragged(ids[targets.values], targets.offsets) if isinstance(targets, Ragged) else ids[targets]

    parts = {name: Split(part.inputs, renamed(part.targets), part.rows) for name, part in dataset.splits.items()}
    return replace(dataset, labels=known, splits=parts)


def find_part(path: Path, model: Model, data: str | None, part: str | None) -> tuple[Dataset, str, Split]:
    """The data set, the part's name, and the part. `part` None: "test".

    Data that are named and have no parts are taken whole, unless the model was trained on some of them.
    Raises TuinetError if there is no such part, or if a test part would hold samples that were trained on.
    """
    trained = trained_on(path, model)
    if data is None and trained is None:
        raise TuinetError(f"{path} does not say what it was trained on", "Name data to measure it on with --data.")
    source = _named(data, model) if data is not None else trained.source if trained is not None else None
    assert source is not None
    same = trained is not None and _same_file(trained.source, source)
    if same and trained is not None:
        source = trained.source  # with the target and all else it was read with
    split = trained.split if same and trained is not None else SplitSettings()
    dataset = load(source, split or SplitSettings(), model.meta.seed, Path.cwd())
    if dataset.task != model.meta.task:
        raise TuinetError(
            f"{model.meta.name} was trained for {model.meta.task}, and {dataset.name} is for {dataset.task}"
        )
    dataset = _by_name(dataset, model)
    parts = dataset.splits
    if part is None and not same and list(parts) == ["train"]:
        part = "all"
    part = part or "test"
    if part == "all":
        return dataset, part, reduce(join, parts.values())
    if part not in parts and split is None:
        raise TuinetError(
            f"{path} does not say how {dataset.name} was divided, so nobody knows which samples are new to it",
            "Name the run's directory, or other --data; --split all takes everything.",
        )
    if part not in parts:
        there = ", ".join(f"{name} ({len(split):,})" for name, split in parts.items())
        raise TuinetError(f"{dataset.name} has no {part} part", f"There are: {there}; --split all takes everything.")
    return dataset, part, parts[part]
