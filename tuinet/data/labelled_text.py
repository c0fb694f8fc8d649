"""Texts with a class each: what a sentence says of a film, the language a name comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tuinet.data.dataset import Dataset, DatasetInfo, Split
from tuinet.data.pairs import Columns, read_columns
from tuinet.data.reading import MAX_CLASSES, FileSource
from tuinet.data.text_lines import WORDS
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape
from tuinet.nn.params import Array


class LabelledText(FileSource, frozen=True, tag="labelled-text"):
    """One sample a line: the text, a TAB, its class; further columns do not count. UTF-8, `.gz` is unpacked.

    The classes are the different words of the second column, in the order of their code points. Empty lines are passed
    over. On the command line a .tsv file is a table (`csv`); this is named in an experiment file.
    """

    path: str
    """The texts to learn from."""
    validation_path: str | None = None
    """The texts to validate on, if they have a file of their own."""
    test_path: str | None = None
    """The texts to test on, if they have a file of their own."""

    def load(self, base: Path, seed: int) -> Dataset:
        paths = {"train": self.path, "validation": self.validation_path, "test": self.test_path}
        parts = {part: read_columns(base / path, "label") for part, path in paths.items() if path is not None}
        return labelled_dataset(base / self.path, parts)

    def describe(self, base: Path) -> DatasetInfo:
        return self.load(base, 0).info


def labelled_dataset(path: Path, parts: Mapping[str, Columns]) -> Dataset:
    """A data set of texts and the names of their classes, which are those of the training part."""
    labels = label_names(path, parts["train"][1])
    splits = {
        part: Split(Texts(texts), label_ids(names, labels, f"{path} ({part} part)"))
        for part, (texts, names) in parts.items()
    }
    return Dataset(path.name.split(".")[0], "classification", Shape.tokens(0), splits, labels=labels, tokens=WORDS)


def label_names(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """The different names in the order of their code points. Raises TuinetError if there are too many."""
    labels = tuple(sorted(set(names)))
    if len(labels) > MAX_CLASSES:
        raise TuinetError(f"{path} has {len(labels):,} different labels; at most {MAX_CLASSES:,} are possible")
    return labels


def label_ids(names: Sequence[str], labels: Sequence[str], where: str) -> Array:
    """(N,) the number of each name. Raises TuinetError, with the row, for a name that is no label."""
    numbers = {label: number for number, label in enumerate(labels)}
    for row, name in enumerate(names):
        if name not in numbers:
            known = ", ".join(labels[:10]) + (" …" if len(labels) > 10 else "")
            raise TuinetError(f"{where}, row {row + 1}: there is no {name[:40]!r} in training", f"labels: {known}")
    return np.array([numbers[name] for name in names], np.int32)
