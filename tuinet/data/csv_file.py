"""Tables as comma-separated values: columns of numbers, columns of words, and one column that is to be predicted.

A table is read twice: once to learn its columns (`survey`), once to fill an array of exactly the right size, so that
memory stays at 8 bytes a cell. UTF-8, quoting as in RFC 4180; white space around cells and empty lines do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from tuinet.data.csv_rows import (
    MAX_CELLS,
    Row,
    all_numbers,
    at,
    blocks_of,
    check_range,
    encode,
    file_rows,
    number_in,
    rows_from_csv,
)
from tuinet.data.dataset import Column, Dataset, DatasetInfo, Split, Task
from tuinet.data.reading import FileSource
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape
from tuinet.nn.params import Array

__all__ = ["CsvFile", "rows_from_csv"]

MAX_WORDS = 1000
"""Most different words in a column, and most classes."""

FEW = 20
"""A target of whole numbers with at most this many different ones, each twice on average, is taken for classes."""

Name = str | int


class CsvFile(FileSource, frozen=True, tag="csv"):
    """A table with one row a sample.

    target       the column to predict, by name or by number: 0 is the first, −1 the last
    header       whether the first line holds the names; if not said, it does if it has no number where all lines below
                 have numbers, or if a column is called by a name
    task         if not said: words are classes; numbers are classes if they are whole and few (at most 20 different
                 ones, each twice on average), else values of a regression
    categorical  columns of numbers that are to be taken as words (each word becomes an input of 0 or 1)
    ignore       columns that are neither inputs nor target
    delimiter    what stands between two cells
    """

    path: str
    """The table."""
    target: Name = -1
    header: bool | None = None
    task: Literal["classification", "regression"] | None = None
    categorical: tuple[Name, ...] = ()
    ignore: tuple[Name, ...] = ()
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","

    def load(self, base: Path, seed: int) -> Dataset:
        """Inputs (N, P) and regression targets (N, 1) in float64, class ids (N,) in int32."""
        path = base / self.path
        table = _survey(self, path)
        inputs = np.zeros((table.rows, sum(column.width for _, column in table.inputs)))
        goal = np.zeros((table.rows, 1))
        done = 0
        with file_rows(path, self.delimiter) as rows:
            if table.header:
                next(rows)
            for block in blocks_of(rows):
                if done + len(block) > table.rows:
                    raise TuinetError(f"{path} changed while it was read")
                part = slice(done, done + len(block))
                encode(block, table.inputs, inputs[part], path)
                _encode_target(block, table, goal[part], path)
                done += len(block)
        if done != table.rows:
            raise TuinetError(f"{path} changed while it was read")
        targets = goal if table.task == "regression" else goal[:, 0].astype(np.int32)
        return self._dataset(path, table, inputs, targets)

    def describe(self, base: Path) -> DatasetInfo:
        path = base / self.path
        table = _survey(self, path)
        width = sum(column.width for _, column in table.inputs)
        nothing = np.broadcast_to(np.zeros(()), (table.rows, width))
        return self._dataset(path, table, nothing, nothing[:, 0]).info

    def _dataset(self, path: Path, table: _Table, inputs: Array, targets: Array) -> Dataset:
        return Dataset(
            name=path.stem,
            task=table.task,
            input_shape=Shape.vector(inputs.shape[1]),
            splits={"train": Split(inputs, targets)},
            labels=table.labels,
            columns=tuple(column for _, column in table.inputs),
            target_names=(table.target.name,) if table.task == "regression" else (),
        )


@dataclass
class _Seen:
    """What the survey saw in one column."""

    words: dict[str, int] = field(default_factory=dict[str, int])  # word → the line of its first use
    word_rows: int = 0
    number_rows: int = 0
    number: tuple[int, str] = (0, "")  # the first: line and text
    values: set[float] = field(default_factory=set[float])  # different numbers, while they are few


@dataclass(frozen=True)
class _Table:
    """What the survey found out."""

    header: bool
    rows: int
    inputs: list[tuple[int, Column]]
    target_index: int
    target: Column
    task: Task
    labels: tuple[str, ...]
    classes: Array  # the number behind each label, for classes that are numbers


def _survey(source: CsvFile, path: Path) -> _Table:
    """Look at every cell once: what the columns are, and whether all their cells fit."""
    with file_rows(path, source.delimiter) as rows:
        first = next(rows, None)
        if first is None:
            raise TuinetError(f"{path} is empty")
        by_name = any(isinstance(name, str) for name in (source.target, *source.categorical, *source.ignore))
        if by_name and source.header is False:
            raise TuinetError(f"{path}: header = false, but a column is called by its name", "call it by its number")
        names = _names(first[1], source, path) if by_name or source.header else None
        ignored = {_index(name, first[1], names, path) for name in source.ignore}
        forced = {_index(name, first[1], names, path) for name in source.categorical}
        target = _index(source.target, first[1], names, path)
        used = [index for index in range(len(first[1])) if index not in ignored or index == target]
        if len(used) < 2:
            raise TuinetError(f"{path} has no input columns besides the target", "is the delimiter right?")
        seen = {index: _Seen() for index in used}
        # Until all lines are seen, what holds no number is called by its first cell: most tables have names there.
        guessed = [cell if cell and number_in(cell) is None else f"column {n + 1}" for n, cell in enumerate(first[1])]
        labels = names or guessed
        count = 0
        for block in blocks_of(rows):
            count += len(block)
            _look(block, seen, forced, labels, path)
        if names is None and _is_header(source, first, seen, path):
            names = labels = _names(first[1], source, path)
        if names is None:
            count += 1
            labels = [f"column {index + 1}" for index in range(len(first[1]))]
            _look([first], seen, forced, labels, path)
    if not count:
        raise TuinetError(f"{path} holds no rows below the names")
    columns = {index: _column(index, labels[index], what, path) for index, what in seen.items()}
    task, classes = _task(source, columns[target], seen[target], count, path)
    goal = columns.pop(target)
    width = sum(column.width for column in columns.values())
    if count * width > MAX_CELLS:
        raise TuinetError(f"{path}: {count} rows of {width} inputs are more than {MAX_CELLS:,} values")
    texts = goal.categories or tuple(str(int(value)) if value.is_integer() else repr(value) for value in classes)
    return _Table(
        names is not None, count, list(columns.items()), target, goal, task, texts, np.array(classes, np.float64)
    )


def _look(block: list[Row], seen: dict[int, _Seen], forced: set[int], names: list[str], path: Path) -> None:
    for index, what in seen.items():
        cells = [cells[index] for _, cells in block]
        values = None if index in forced else all_numbers(cells)
        if values is not None:
            check_range(values, block, index, names[index], path)
            what.number = what.number if what.number_rows else (block[0][0], cells[0])
            what.number_rows += len(cells)
            if len(what.values) <= MAX_WORDS:
                what.values.update(values.tolist())
            continue
        for line, row in block:
            cell = row[index]
            value = None if index in forced else number_in(cell)
            if not cell:
                raise at(path, line, names[index], "is empty", "fill it in or leave the row out")
            if value is None:
                what.words.setdefault(cell, line)
                what.word_rows += 1
                if len(what.words) > MAX_WORDS:
                    hint = f"if it only names the rows, leave it out: ignore = [{index}]"
                    raise at(path, line, names[index], f"is the {MAX_WORDS + 1}th different word of its column", hint)
            else:
                check_range(np.array([value]), [(line, row)], index, names[index], path)
                what.number = what.number if what.number_rows else (line, cell)
                what.number_rows += 1
                if len(what.values) <= MAX_WORDS:
                    what.values.add(value)


def _is_header(source: CsvFile, first: Row, seen: dict[int, _Seen], path: Path) -> bool:
    if source.header is not None:
        return source.header
    numeric = [index for index, what in seen.items() if what.number_rows and not what.word_rows]
    if not numeric:
        hint = "say header = true or header = false"
        raise TuinetError(f"{path}: it cannot be seen whether the first line holds the names of the columns", hint)
    return all(number_in(first[1][index]) is None for index in numeric)


def _column(index: int, name: str, what: _Seen, path: Path) -> Column:
    if not what.word_rows:
        return Column(name)
    if what.number_rows:
        word = next(iter(what.words.items()))
        if what.word_rows <= what.number_rows:
            line, text, why = word[1], word[0], "is not a number, unlike others in its column"
        else:
            line, text, why = *what.number, "is a number, unlike others in its column"
        hint = f"correct it, or take the column as words: categorical = [{index}]"
        raise at(path, line, name, f"holds {text[:40]!r}, which {why}", hint)
    return Column(name, tuple(sorted(what.words)))


def _task(source: CsvFile, target: Column, what: _Seen, rows: int, path: Path) -> tuple[Task, list[float]]:
    """What is to be learnt, and the sorted class numbers if the classes are numbers."""
    if target.categories:
        if source.task == "regression":
            word, line = next(iter(what.words.items()))
            raise at(path, line, target.name, f"holds {word[:40]!r}, but a regression needs numbers")
        return "classification", []
    few = len(what.values) <= min(FEW, rows // 2) and all(value == round(value) for value in what.values)
    task: Task = source.task or ("classification" if few else "regression")
    if task == "classification" and len(what.values) > MAX_WORDS:
        raise TuinetError(f"{path}: column {target.name!r} holds more than {MAX_WORDS} different numbers: no classes")
    return task, sorted(what.values) if task == "classification" else []


def _encode_target(block: list[Row], table: _Table, out: Array, path: Path) -> None:
    """Write class ids, or the values of a regression, into `out` (rows, 1)."""
    if table.target.categories:
        ids = {word: number for number, word in enumerate(table.target.categories)}
        out[:, 0] = [ids.get(cells[table.target_index], -1) for _, cells in block]
        if out.min() < 0:
            raise TuinetError(f"{path} changed while it was read")
        return
    encode(block, [(table.target_index, table.target)], out, path)
    if table.task == "classification":
        out[:] = np.searchsorted(table.classes, out)


def _names(cells: list[str], source: CsvFile, path: Path) -> list[str]:
    for index, name in enumerate(cells):
        if name and name in cells[:index]:
            raise TuinetError(f"{path}: two columns are called {name!r}", "give every column its own name")
        ignored = index in source.ignore or index - len(cells) in source.ignore
        if not name and not ignored:
            raise TuinetError(
                f"{path}: column {index + 1} has no name", f"name it, or leave it out: ignore = [{index}]"
            )
    return cells


def _index(name: Name, cells: list[str], names: list[str] | None, path: Path) -> int:
    if isinstance(name, int):
        if not -len(cells) <= name < len(cells):
            hint = f"columns are numbered from 0 to {len(cells) - 1}, or from the end: −1 is the last"
            raise TuinetError(f"{path} has no column {name}", hint)
        return name % len(cells)
    if names is None or name not in names:
        shown = ", ".join(cells[:20]) + (" …" if len(cells) > 20 else "")
        raise TuinetError(f"{path} has no column {name!r}", f"its first line holds: {shown}")
    return names.index(name)
