"""What a data set is made of, seen: some of its samples, before anything is done to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tuinet.data.augmentation import augment
from tuinet.data.dataset import Dataset
from tuinet.data.sources import Source, load
from tuinet.data.splits import SplitSettings
from tuinet.data.texts import Texts
from tuinet.experiment.spec import DataSettings
from tuinet.inspection.view import Axis, Cell, Seen, Table, View
from tuinet.nn.context import philox
from tuinet.nn.sequence import Ragged

COUNT = 10
"""Samples that are shown."""

MOST_CLASSES = 40

COPIES = 4

LONGEST = 200
"""Characters of a text, or values of a sequence, that are shown."""


def sample_views(source: Source, base: Path, count: int = COUNT) -> tuple[Seen, ...]:
    """The first samples of each class in turn, of the training part: images as pictures, all else as a table.

    Raises as the source's `load`.
    """
    dataset = load(source, SplitSettings(), 0, base)
    part = dataset.splits["train"]
    rows = _of_every_class(dataset, min(count, len(part)))
    inputs, targets = part.take(rows)
    answers = [_target(dataset, targets, row) for row in range(len(rows))]
    shape = dataset.input_shape
    if len(shape.sizes) == 3 and not shape.sequence:
        images = np.asarray(inputs).reshape(len(rows), *shape.sizes)
        axes = (Axis("sample", tuple(answers)), Axis("row"), Axis("column"), Axis("channel"))
        return (View(dataset.name, "images", axes, images, title=f"some of {dataset.name}"),)
    if dataset.task == "next-symbol":
        return (Table(dataset.name, ("text",), ((_text(inputs, 0),),), title=f"the beginning of {dataset.name}"),)
    if shape.sequence or shape.kind == "id":
        table = tuple((_text(inputs, row), answers[row]) for row in range(len(rows)))
        return (Table(dataset.name, ("input", "target"), table, title=f"some of {dataset.name}"),)
    names = tuple(column.name for column in dataset.columns) or tuple(f"x{n + 1}" for n in range(shape.size))
    numbers = np.asarray(inputs, np.float64).reshape(len(rows), -1)
    if numbers.shape[1] != len(names):
        names = tuple(f"x{n + 1}" for n in range(numbers.shape[1]))
    cells: list[tuple[Cell, ...]] = [(*map(float, row), answers[at]) for at, row in enumerate(numbers[:, :8])]
    return (Table(dataset.name, (*names[:8], "target"), tuple(cells), title=f"some of {dataset.name}"),)


def data_views(settings: DataSettings, base: Path, seed: int = 0) -> tuple[Seen, ...]:
    """All that a person wants to see of an experiment's data: some samples; of images what augmentation makes of them;
    how many samples each class has in each part.

    Raises as the source's `load`.
    """
    dataset = load(settings.source, settings.split, seed, base)
    return (*sample_views(settings.source, base), *_augmented(dataset, settings, seed), *balance(dataset))


def balance(dataset: Dataset) -> tuple[Seen, ...]:
    """How many samples each part has, and each class in it."""
    parts = dataset.splits
    if dataset.task != "classification" or not dataset.labels:
        rows = tuple(dataset.info.sizes.items())
        return (Table("parts", ("part", "samples"), rows, title=f"the parts of {dataset.name}"),)
    counts: dict[str, list[int]] = {}
    for name, part in parts.items():
        ids = np.asarray(part.all_targets()).astype(np.int64).ravel()
        counts[name] = np.bincount(ids, minlength=len(dataset.labels)).tolist()
    rows = tuple((label, *(counts[name][n] for name in parts)) for n, label in enumerate(dataset.labels[:MOST_CLASSES]))
    total = ("all", *(sum(counts[name]) for name in parts))
    left_out = len(dataset.labels) - MOST_CLASSES
    notes = (f"and {left_out:,} more classes",) if left_out > 0 else ()
    return (
        Table("balance", ("class", *parts), (*rows, total), f"how many samples of {dataset.name} there are", notes),
    )


def _augmented(dataset: Dataset, settings: DataSettings, seed: int) -> tuple[Seen, ...]:
    """A few images, and behind each some copies as training would see them."""
    shape = dataset.input_shape
    if not settings.augment or len(shape.sizes) != 3 or shape.sequence:
        return ()
    rows = _of_every_class(dataset, 3)
    inputs, _ = dataset.splits["train"].take(rows)
    images = np.asarray(inputs, np.float32).reshape(len(rows), *shape.sizes)
    copies = [augment(settings.augment, images, philox(seed, number)) for number in range(COPIES)]
    strip = np.stack([images, *copies], axis=1).reshape(-1, *shape.sizes)
    names = ("as it is", *(f"copy {number}" for number in range(1, COPIES + 1))) * len(rows)
    axes = (Axis("image", names), Axis("row"), Axis("column"), Axis("channel"))
    return (View("augmented", "images", axes, strip, title="what augmentation makes of them"),)


def _of_every_class(dataset: Dataset, count: int) -> list[int]:
    """The rows of the first sample of each class, then of the second …; of other tasks the first rows."""
    part = dataset.splits["train"]
    if not dataset.labels or dataset.task != "classification":
        return list(range(count))
    _, targets = part.take(slice(0, min(len(part), 2000)))
    ids = np.asarray(targets)
    if ids.ndim != 1:
        return list(range(count))
    seen: dict[int, int] = {}
    rank = [
        (seen.update({label: seen.get(label, -1) + 1}) or seen[label], label, row)
        for row, label in enumerate(ids.tolist())
    ]
    return [row for _, _, row in sorted(rank)[:count]]


def _target(dataset: Dataset, targets: Any, row: int) -> str:
    if isinstance(targets, Texts):
        return _cut(targets.row(row))
    if isinstance(targets, Ragged):
        values = targets.row(row)
        return _cut(
            " ".join(dataset.labels[int(value)] if dataset.labels else f"{value:g}" for value in np.ravel(values))
        )
    value = np.asarray(targets)[row]
    if dataset.labels and dataset.task == "classification":
        return dataset.labels[int(value)]
    return _cut(" ".join(f"{each:.4g}" for each in np.ravel(value)))


def _text(inputs: Any, row: int) -> str:
    if isinstance(inputs, Texts):
        return _cut(inputs.row(row))
    values = inputs.row(row) if isinstance(inputs, Ragged) else np.asarray(inputs)[row]
    return _cut(" ".join(f"{each:.3g}" for each in np.ravel(values)[:LONGEST]))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
