"""What a data set is: splits of raw arrays, and the names that belong to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from tuinet.nn.layer import Shape
from tuinet.nn.params import Array

Task = Literal["classification", "regression"]
Indices = npt.NDArray[np.intp]

SPLITS = ("train", "validation", "test")


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One column of a table: its name and, if it holds words in place of numbers, the words it may hold.

    A column of words becomes one input per word (1 for the word in the row, 0 for the others).
    """

    name: str
    categories: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many inputs the column becomes."""
        return len(self.categories) or 1


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set, in the dtype it is stored in; `inputs` and `targets` may be memory-mapped.

    inputs   (M, *raw input shape): images (M, H, W) or (M, H, W, C) of uint8, vectors (M, P)
    targets  (M,) class ids (whole numbers), or (M, T) real values
    rows     (N,) which rows of both belong to this part, in ascending order; None: all of them
    """

    inputs: Array
    targets: Array
    rows: Indices | None = None

    def __len__(self) -> int:
        return len(self.targets) if self.rows is None else len(self.rows)

    def take(self, indices: npt.ArrayLike | slice) -> tuple[Array, Array]:
        """The raw inputs and targets at these places (0 … N − 1) of this part, in the order asked for.

        Only the rows asked for are read. A slice of an undivided part gives views, not copies.
        """
        where: Any = indices if isinstance(indices, slice) else np.asarray(indices, np.intp)
        if self.rows is not None:
            where = self.rows[where]
        return np.asarray(self.inputs[where]), np.asarray(self.targets[where])

    def batches(self, size: int) -> Iterator[tuple[Array, Array]]:
        """The whole part in order, `size` rows at a time (the last may be smaller)."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))

    def all_targets(self) -> Array:
        """(N,) or (N, T): the targets of this part alone. Targets are small, inputs need not be."""
        return np.asarray(self.targets if self.rows is None else self.targets[self.rows])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Raw data and what is known about it. Nothing is scaled here: see preparation.py.

    input_shape        one raw sample; a grey image of 28×28 is 28×28×1, though stored (N, 28, 28)
    splits             "train", and "validation" and "test" where there are such parts
    labels             the class names; class id c is labels[c]; () for regression
    columns            the table's columns, in the order of the inputs; () if the inputs are no table
    target_names       the names of the T target values of a regression
    maximum            the largest value a raw pixel can have (255; 16 for 8×8 digits): images are divided by it
                       unless told otherwise; 1 for data that is no image
    letters_or_digits  turning or mirroring a sample may make it another class (6 and 9, b and d)
    """

    name: str
    task: Task
    input_shape: Shape
    splits: Mapping[str, Split]
    labels: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    target_names: tuple[str, ...] = ()
    maximum: float = 1.0
    letters_or_digits: bool = False

    @property
    def info(self) -> DatasetInfo:
        return DatasetInfo(
            name=self.name,
            task=self.task,
            input_shape=self.input_shape,
            sizes={name: len(split) for name, split in self.splits.items()},
            labels=self.labels,
            columns=self.columns,
            target_names=self.target_names,
            maximum=self.maximum,
            letters_or_digits=self.letters_or_digits,
        )


@dataclass(frozen=True)
class DatasetInfo:
    """All of a Dataset but its arrays: what `check` needs, found without reading the arrays where that can be.

    sizes  samples a part, by its name
    """

    name: str
    task: Task
    input_shape: Shape
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    labels: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    target_names: tuple[str, ...] = ()
    maximum: float = 1.0
    letters_or_digits: bool = False

    @property
    def classes(self) -> int:
        """The number of classes; 0 for regression."""
        return len(self.labels)

    @property
    def outputs(self) -> int:
        """The number of target values a sample has in a regression; 0 for classification."""
        return len(self.target_names)
