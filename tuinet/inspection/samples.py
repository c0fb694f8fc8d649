"""What a data set is made of, seen: some of its samples, its parts, how its classes, values and lengths are spread, and
what augmentation makes of its images."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tuinet.data.augmentation import Augmentation, augment, check_augmentation
from tuinet.data.dataset import Dataset, Split, part_size
from tuinet.data.preparation import Preparation, fit_preparation, prepare, prepared_shape
from tuinet.data.random import stream
from tuinet.data.sources import Source, load
from tuinet.data.splits import SplitSettings
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.experiment.spec import DataSettings
from tuinet.inspection.view import Axis, Cell, Seen, Table, View
from tuinet.nn.layer import ShapeError
from tuinet.nn.sequence import Ragged

COUNT = 10
"""Samples that are shown."""

COPIES = 3
"""Changed copies of each."""

BINS = 24
MOST_SPREADS = 3
"""Bins of a histogram, and targets that have one."""

LONGEST = 200
"""Characters of a text, or values of a sequence, that are shown."""


def sample_views(source: Source, base: Path, count: int = COUNT) -> tuple[Seen, ...]:
    """The first samples of each class in turn, of the training part: images as pictures, all else as a table.

    Raises as the source's `load`.
    """
    return _samples(load(source, SplitSettings(), 0, base), count)


def data_views(settings: DataSettings, base: Path, seed: int = 0) -> tuple[Seen, ...]:
    """All that a person wants to see of an experiment's data: some samples; what augmentation makes of them, if there
    is any; the parts, and what is in them.

    Raises as the source's `load`.
    """
    dataset = load(settings.source, settings.split, seed, base)
    changed: tuple[Seen, ...] = ()
    if settings.augment:
        with contextlib.suppress(TuinetError):  # what is wrong with it, `check` says
            changed = (augmented(dataset, settings.augment, seed, prepare_by=settings.prepare),)
    return (*_samples(dataset, COUNT), *changed, *overview(dataset))


def _samples(dataset: Dataset, count: int) -> tuple[Seen, ...]:
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


def overview(dataset: Dataset) -> tuple[Seen, ...]:
    """How large the parts are; and of the training part, how often each class is there, or how the target values are
    spread, and how long the sequences are."""
    part = dataset.splits["train"]
    parts = parts_table(dataset)
    if dataset.labels and dataset.task in ("classification", "tagging") and not isinstance(part.targets, Texts):
        view = class_balance(part, dataset.labels)
        sizes = ", ".join(f"{name} {size}" for name, size, _ in parts.rows)
        found: list[Seen] = [msgspec.structs.replace(view, notes=(*view.notes, f"the parts: {sizes}"))]
    else:
        found = [parts]
    if dataset.task == "regression":
        values = np.asarray(part.all_targets(), np.float64).reshape(len(part), -1)
        names = dataset.target_names or tuple(f"y{n + 1}" for n in range(values.shape[1]))
        found += [_spread(name, values[:, n], "samples") for n, name in enumerate(names[:MOST_SPREADS])]
    if dataset.task != "next-symbol":
        sides = (("input", part.inputs), *((("target", part.targets),) if dataset.task == "seq2seq" else ()))
        found += [view for side, data in sides if (view := _lengths(side, data, part)) is not None]
    return tuple(found)


def parts_table(dataset: Dataset) -> Table:
    """The parts, how many samples are in each, and which share of all that is."""
    sizes = {name: part_size(part, dataset.task) for name, part in dataset.splits.items()}
    total = sum(sizes.values()) or 1
    whole_text = dataset.task == "next-symbol" and isinstance(dataset.splits["train"].inputs, Texts)
    rows = tuple((name, f"{size:,}", f"{100 * size / total:.3g} %") for name, size in sizes.items())
    return Table("parts", ("part", "characters" if whole_text else "samples", "share"), rows, title="the parts")


def class_balance(of: Dataset | Split, labels: tuple[str, ...]) -> View:
    """How many samples (of tags: steps) of the training part, or of one part, are of each class.

    Raises TuinetError if the targets are no numbers of these classes.
    """
    part = of.splits["train"] if isinstance(of, Dataset) else of
    targets: Any = part.all_targets()
    ids = targets.values if isinstance(targets, Ragged) else targets
    if not isinstance(ids, np.ndarray) or ids.ndim != 1 or ids.dtype.kind not in "iu" or not labels:
        raise TuinetError("these targets are no classes, so there is no balance of them")
    if ids.size and not 0 <= ids.min() <= ids.max() < len(labels):
        raise TuinetError(f"a target is none of the {len(labels):,} classes")
    counts = np.bincount(ids, minlength=len(labels))
    notes: list[str] = []
    if counts.min() == 0:
        notes.append(f"there is no sample of {int((counts == 0).sum()):,} of the {len(labels):,} classes")
    elif counts.max() > counts.min():
        notes.append(f"the largest class has {counts.max() / counts.min():.3g} times the samples of the smallest")
    title = f"{counts.sum():,} {'steps' if isinstance(targets, Ragged) else 'samples'} by class"
    axes = (Axis("class", labels),)
    return View("balance", "vector", axes, counts.astype(np.float64), low=0.0, title=title, notes=tuple(notes))


def augmented(
    dataset: Dataset,
    augmentation: Sequence[Augmentation],
    seed: int,
    count: int = 3,
    prepare_by: Sequence[Preparation] = (),
    copies: int = COPIES,
) -> View:
    """Some samples of the training part as they are, and behind each the copies that augmentation makes of it.

    Samples come of each class in turn, prepared by `prepare_by` as for training, which is when they are changed. Every
    item (of vectors: every row) is a sample, called by its answer, or a changed copy of the one before.
    Raises TuinetError if these samples cannot be changed so.
    """
    part = dataset.splits["train"]
    if dataset.input_shape.kind == "id" or dataset.input_shape.sequence:
        raise TuinetError("only images and vectors can be changed, not sequences")
    try:
        shape = prepared_shape(prepare_by, dataset.input_shape)
        check_augmentation(augmentation, shape)
        steps = fit_preparation(prepare_by, part, dataset.input_shape, dataset.maximum)
    except ShapeError as error:
        raise TuinetError(error.message, error.hint) from None
    rows = _of_every_class(dataset, min(count, len(part)))
    inputs, targets = part.take(rows)
    x = prepare(steps, inputs, dataset.input_shape)
    rng = stream(seed, "augmented")
    versions = np.stack([x, *(augment(augmentation, x, rng) for _ in range(copies))], axis=1)  # (N, 1 + copies, …)
    answers = [_target(dataset, targets, row) for row in range(len(rows))]
    labels = tuple(name for answer in answers for name in (answer, *["changed"] * copies))
    title = "what augmentation makes of them"
    if len(shape.sizes) != 3:
        flat = versions.reshape(len(labels), -1)
        return View("augmented", "matrix", (Axis("sample", labels), Axis("value")), flat, title=title)
    axes = (Axis("sample", labels), Axis("row"), Axis("column"), Axis("channel"))
    return View("augmented", "images", axes, versions.reshape(len(labels), *shape.sizes), title=title)


def _spread(name: str, values: Any, of: str) -> View:
    """A histogram of finite numbers; of few whole ones with a bin for each."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    whole = bool((values == np.rint(values)).all()) and high - low < BINS
    edges = np.arange(low - 0.5, high + 1) if whole else np.linspace(low, high if high > low else low + 1, BINS + 1)
    counts, edges = np.histogram(values, edges)
    title = f"{name}: {len(values):,} {of}, mean {values.mean():.4g}" if len(values) else name
    return View(f"spread of {name}", "histogram", (Axis("bin"),), counts, edges, title=title)


def _lengths(side: str, data: Any, part: Split) -> View | None:
    """How long sequences are, in steps; texts that are not encoded yet, in characters."""
    if isinstance(data, Ragged):
        lengths = data.lengths if part.rows is None else data.lengths[part.rows]
        return _spread(f"steps of {'an' if side == 'input' else 'a'} {side}", lengths, "sequences")
    if isinstance(data, Texts):
        texts = data if part.rows is None else data[part.rows]
        lengths = np.array([len(text) for text in texts])
        return _spread(f"characters of {'an' if side == 'input' else 'a'} {side}", lengths, "texts")
    return None


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
