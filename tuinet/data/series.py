"""Sequences of measured values: tables with one row a step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from tuinet.data.csv_rows import Row, all_numbers, at, blocks_of, check_range, file_rows, number_in
from tuinet.data.dataset import Column, Dataset, DatasetInfo, Split
from tuinet.data.labelled_text import label_ids, label_names
from tuinet.data.reading import MAX_WHOLE, FileSource
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape
from tuinet.nn.sequence import Ragged

MAX_FILES = 100_000

Name = str | int


class SeriesFile(FileSource, frozen=True, tag="series"):
    """Sequences of numbers from CSV: one row a step, the first line names the columns.

    `path` is one file, in which a column names the sequence that a row belongs to (rows of one sequence lie one after
    the other), or a folder with one file a sequence. All columns but that one, the target and those ignored are values
    of the step. UTF-8, as `csv` reads it.
    """

    path: str
    """The table, or a folder of tables: its files that end in `.csv`, in the order of their names."""
    sequence: Name | None = None
    """The column that names the sequence, by name or number. Unset: one sequence a file."""
    target: Name = -1
    """The column to predict, by name or number: 0 is the first, −1 the last."""
    each: Literal["sequence", "step"] = "sequence"
    """What has a target: a whole sequence (all its rows say the same), or every step, which then is a class."""
    task: Literal["classification", "regression"] | None = None
    """What the targets of whole sequences are. Unset: numbers with a point or an exponent are values of a regression,
    all else is a class."""
    ignore: tuple[Name, ...] = ()
    """Columns that are neither values nor target."""
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    """What stands between two cells."""

    def load(self, base: Path, seed: int) -> Dataset:
        """Inputs Ragged (N, C) in float64."""
        path = base / self.path
        made = _Collected()
        for file in _files(path):
            self._read(file, made)
        if not made.lengths:
            raise TuinetError(f"{path} holds no rows below the names")
        inputs = Ragged(np.concatenate(made.values), np.concatenate([[0], np.cumsum(made.lengths)]).astype(np.intp))
        shape = Shape((len(made.columns),), ("channel",), sequence=True)
        columns = tuple(Column(name) for name in made.columns)
        names = made.targets
        if self.each == "sequence":
            task = self.task or ("regression" if _are_values(names) else "classification")
            if task == "regression":
                values = np.array([_number(name, made, row, path) for row, name in enumerate(names)])[:, None]
                goal = (made.target_name,)
                return Dataset(path.stem, task, shape, {"train": Split(inputs, values)}, (), columns, goal)
            labels = label_names(path, names)
            targets = label_ids(names, labels, str(path))
            return Dataset(path.stem, task, shape, {"train": Split(inputs, targets)}, labels, columns)
        if self.task == "regression":
            raise TuinetError(f"{path}: the target of a step is a class", 'leave out task, or say each = "sequence"')
        labels = label_names(path, names)
        tags = Ragged(label_ids(names, labels, str(path)), inputs.offsets)
        return Dataset(path.stem, "tagging", shape, {"train": Split(inputs, tags)}, labels, columns)

    def describe(self, base: Path) -> DatasetInfo:
        return self.load(base, 0).info

    def _read(self, path: Path, made: _Collected) -> None:
        """Add the sequences of one file."""
        with file_rows(path, self.delimiter) as rows:
            first = next(rows, None)
            if first is None:
                raise TuinetError(f"{path} is empty")
            names = first[1]
            goal = _index(self.target, names, path)
            key = None if self.sequence is None else _index(self.sequence, names, path)
            ignored = {_index(name, names, path) for name in self.ignore} | {goal, key}
            used = [index for index in range(len(names)) if index not in ignored]
            columns = [names[index] for index in used]
            if not used:
                raise TuinetError(f"{path} has no columns of values besides the target", "is the delimiter right?")
            if len(set(names)) != len(names) or not all(names):
                raise TuinetError(f"{path}: the first line does not name every column differently")
            if all(number_in(cell) is not None for cell in names):
                raise TuinetError(f"{path}: the first line holds numbers", "let it name the columns")
            if made.columns and columns != made.columns:
                raise TuinetError(
                    f"{path} has other columns than the first file", f"it has: {', '.join(columns)[:200]}"
                )
            made.columns, made.target_name = columns, names[goal]
            self._sequences(rows, used, goal, key, path, made)

    def _sequences(
        self, rows: Iterator[Row], used: list[int], goal: int, key: int | None, path: Path, made: _Collected
    ) -> None:
        started = len(made.lengths)
        current = ""
        seen: set[str] = set()
        for block in blocks_of(rows):
            values = np.empty((len(block), len(used)))
            for place, index in enumerate(used):
                cells = [cells[index] for _, cells in block]
                numbers = all_numbers(cells)
                if numbers is None:
                    line, cell = next((line, cells[index]) for line, cells in block if number_in(cells[index]) is None)
                    what = f"holds {cell[:40]!r}, which is not a number" if cell else "is empty"
                    raise at(path, line, made.columns[place], what)
                check_range(numbers, block, index, made.columns[place], path)
                values[:, place] = numbers
            made.add(values, path)
            for line, cells in block:
                name = "" if key is None else cells[key]
                new = name not in seen
                if new:
                    seen.add(name)
                    current = name
                    made.lengths.append(0)
                elif name != current:
                    raise TuinetError(
                        f"{path}, line {line}: sequence {name[:40]!r} was left before and goes on here",
                        "put all rows of a sequence one after the other, in the order of time",
                    )
                made.lengths[-1] += 1
                target = cells[goal]
                if not target:
                    raise at(path, line, made.target_name, "is empty", "fill it in")
                if new or self.each == "step":
                    made.targets.append(target)
                elif target != made.targets[-1]:
                    what = f"holds {target[:40]!r}, but the rows of the sequence before it {made.targets[-1][:40]!r}"
                    hint = 'a sequence has one target; if every step has its own: each = "step"'
                    raise at(path, line, made.target_name, what, hint)
        if len(made.lengths) == started:
            raise TuinetError(f"{path} holds no rows below the names")


class _Collected:
    """What was read so far, over all files."""

    def __init__(self) -> None:
        self.columns: list[str] = []
        self.target_name = ""
        self.values: list[np.ndarray] = []
        self.lengths: list[int] = []
        self.targets: list[str] = []  # one a sequence, or one a step
        self.bytes = 0

    def add(self, values: np.ndarray, path: Path) -> None:
        self.bytes += values.nbytes
        if self.bytes > MAX_WHOLE:
            raise TuinetError(f"{path}: more than the {MAX_WHOLE >> 30} GiB of values that are read", "take a part")
        self.values.append(values)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.csv"))
    if not files:
        raise TuinetError(f"{path} holds no .csv files", "put one file a sequence into it")
    if len(files) > MAX_FILES:
        raise TuinetError(f"{path} holds more than {MAX_FILES:,} files", "put the sequences into one file")
    return files


def _index(name: Name, names: list[str], path: Path) -> int:
    if isinstance(name, int):
        if not -len(names) <= name < len(names):
            raise TuinetError(f"{path} has no column {name}", f"columns are numbered from 0 to {len(names) - 1}")
        return name % len(names)
    if name not in names:
        shown = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
        raise TuinetError(f"{path} has no column {name!r}", f"its first line holds: {shown}")
    return names.index(name)


def _are_values(names: list[str]) -> bool:
    return all(number_in(name) is not None for name in names) and any(not _is_whole(name) for name in names)


def _is_whole(name: str) -> bool:
    return name.lstrip("+-").isdigit()


def _number(name: str, made: _Collected, row: int, path: Path) -> float:
    value = number_in(name)
    if value is None or not abs(value) <= float(np.finfo(np.float32).max):
        raise TuinetError(
            f"{path}: the target {made.target_name!r} of sequence {row + 1} is {name[:40]!r}, no finite number"
        )
    return value
