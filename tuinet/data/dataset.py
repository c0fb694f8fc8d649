"""What a data set is: splits of raw arrays, and the names that belong to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from tuinet.data.texts import Texts
from tuinet.data.vocabulary import Tokens
from tuinet.nn.layer import Shape
from tuinet.nn.params import Array
from tuinet.nn.sequence import Ragged

Task = Literal["classification", "regression", "tagging", "next-symbol", "seq2seq"]
"""What is to be learnt, and so what the targets of M samples are.

classification  (M,) class ids
regression      (M, T) real values
tagging         Ragged class ids, one a step of the input
next-symbol     (W, T) ids: the inputs, windows of one long text, moved on by one symbol. Before it is encoded, inputs
                and targets are the same Texts, which are read one after the other as one text
seq2seq         Ragged ids (or Texts) of any length, without start and end
"""

Indices = npt.NDArray[np.intp]
Data = Array | Ragged | Texts
"""What a part holds of its inputs or its targets: M rows that can be taken by a slice or by places."""

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

    inputs   (M, *raw input shape): images (M, H, W) or (M, H, W, C) of uint8, vectors (M, P); or M sequences, or texts
    targets  (M,) class ids (whole numbers), (M, T) real values, or what else the task says
    rows     (N,) which rows of both belong to this part, in ascending order; None: all of them

    Inputs and targets are `Data`: which of the three follows from the task and the source.
    """

    inputs: Any
    targets: Any
    rows: Indices | None = None

    def __len__(self) -> int:
        return len(self.targets) if self.rows is None else len(self.rows)

    def take(self, indices: npt.ArrayLike | slice) -> tuple[Any, Any]:
        """The raw inputs and targets at these places (0 … N − 1) of this part, in the order asked for.

        Arrays give arrays, Ragged Ragged and Texts Texts. Only the rows asked for are read. A slice of an undivided
        part gives views of arrays, not copies.
        """
        where: Any = indices if isinstance(indices, slice) else np.asarray(indices, np.intp)
        if self.rows is not None:
            where = self.rows[where]
        return _taken(self.inputs, where), _taken(self.targets, where)

    def batches(self, size: int) -> Iterator[tuple[Any, Any]]:
        """The whole part in order, `size` rows at a time (the last may be smaller)."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))

    def all_targets(self) -> Any:
        """The targets of this part alone. Targets are small, inputs need not be."""
        return _taken(self.targets, slice(None)) if self.rows is None else _taken(self.targets, self.rows)


def _taken(data: Data, where: Any) -> Data:
    taken = data if isinstance(where, slice) and where == slice(None) else data[where]
    return taken if isinstance(taken, Ragged | Texts) else np.asarray(taken)


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
    tokens             how the source's texts are best cut into symbols; None if the inputs are no texts
    target_tokens      the same of the targets
    target_ids         the size of the vocabulary that the targets are ids of; 0 before encoding, and of other targets

    The input shape of texts is Shape.tokens(0) until they are encoded (encoding.py).
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
    tokens: Tokens | None = None
    target_tokens: Tokens | None = None
    target_ids: int = 0

    @property
    def info(self) -> DatasetInfo:
        length, target_length = _mean_lengths(self)
        return DatasetInfo(
            name=self.name,
            task=self.task,
            input_shape=self.input_shape,
            sizes={name: part_size(split, self.task) for name, split in self.splits.items()},
            labels=self.labels,
            columns=self.columns,
            target_names=self.target_names,
            maximum=self.maximum,
            letters_or_digits=self.letters_or_digits,
            tokens=self.tokens,
            target_tokens=self.target_tokens,
            length=length,
            target_length=target_length,
            target_ids=self.target_ids,
        )


def _mean_lengths(dataset: Dataset) -> tuple[float, float]:
    """The mean number of steps of the training part's inputs, and of its targets; 1 before texts are encoded."""
    train = dataset.splits.get("train")
    if train is None or isinstance(train.inputs, Texts):
        return 1.0, 1.0
    windows = dataset.task == "next-symbol"
    return _mean_length(train, train.inputs, dataset.input_shape.sequence), _mean_length(train, train.targets, windows)


def _mean_length(split: Split, data: Data, sequences: bool) -> float:
    """`sequences`: whether the rows of an array are sequences. Rows that are none have one step."""
    if isinstance(data, Ragged):
        lengths = data.lengths if split.rows is None else data.lengths[split.rows]
        return float(lengths.mean()) if len(lengths) else 1.0
    return float(data.shape[1]) if sequences and isinstance(data, np.ndarray) else 1.0


def part_size(split: Split, task: Task) -> int:
    """The samples of a part. The size of a text for "next-symbol" is its characters, until windows are cut from it."""
    if task == "next-symbol" and isinstance(split.inputs, Texts):
        return split.take(slice(None))[0].characters
    return len(split)


@dataclass(frozen=True)
class DatasetInfo:
    """All of a Dataset but its arrays: what `check` needs, found without reading the arrays where that can be.

    sizes          samples a part, by its name; of a text with next symbols to learn: characters, until it is encoded
    length         the mean number of steps of a training input; 1 if it is no sequence, or not encoded yet
    target_length  the same of a target
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
    tokens: Tokens | None = None
    target_tokens: Tokens | None = None
    length: float = 1.0
    target_length: float = 1.0
    target_ids: int = 0

    def dataset(self, splits: Mapping[str, Split]) -> Dataset:
        """The data set that this describes, with these parts, not encoded yet."""
        names = ("name", "task", "input_shape", "labels", "columns", "target_names", "maximum", "letters_or_digits")
        kept = {name: getattr(self, name) for name in (*names, "tokens", "target_tokens")}
        return Dataset(**kept, splits=splits)

    @property
    def classes(self) -> int:
        """The number of classes; 0 where the targets are no classes."""
        return len(self.labels)

    @property
    def outputs(self) -> int:
        """The number of target values a sample has in a regression; 0 for classification."""
        return len(self.target_names)
