"""The rows of a CSV file or of lines of text, strictly read, and the numbers that their cells become."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import IO

import numpy as np

from tuinet.data.dataset import Column
from tuinet.data.reading import LARGEST, reading
from tuinet.errors import TuinetError
from tuinet.nn.params import Array

MAX_BYTES = 1 << 30
"""Largest file read: 1 GiB."""

MAX_CELLS = 100_000_000
"""Most cells read, and most values after words have become inputs: 800 MB as float64."""

MAX_LINE = 4 << 20
MAX_COLUMNS = 1 << 16
BLOCK_CELLS = 20_000

Row = tuple[int, list[str]]
"""The line a row ends on, and its cells."""


@contextmanager
def file_rows(path: Path, delimiter: str) -> Iterator[Iterator[Row]]:
    """The rows of a file, read as they are asked for."""
    with reading(path) as file:
        if path.stat().st_size > MAX_BYTES:
            hint = "turn it into a pair of .npy files: they are read from the disk as needed"
            raise TuinetError(f"{path} is larger than the {MAX_BYTES >> 30} GiB that are read of a table", hint)
        yield rows_of(_lines(file, path), path, delimiter)


def rows_of(lines: Iterable[str], where: object, delimiter: str) -> Iterator[Row]:
    """The rows in `lines`: cells without white space around them, equally many in each. Empty lines do not count."""
    reader = csv.reader(lines, strict=True, delimiter=delimiter, skipinitialspace=delimiter != " ")
    width = cells_read = 0
    first = 1
    try:
        for raw in reader:
            if not raw:
                continue
            cells = [cell.strip() for cell in raw]
            if not width:
                width, first = len(cells), reader.line_num
                if width > MAX_COLUMNS:
                    raise TuinetError(f"{where} has {width} columns; at most {MAX_COLUMNS} are read")
            if len(cells) != width:
                raise TuinetError(f"{where}, line {reader.line_num}: {len(cells)} cells, but line {first} has {width}")
            cells_read += width
            if cells_read > MAX_CELLS:
                raise TuinetError(f"{where} holds more than the {MAX_CELLS:,} cells that are read of a table")
            yield reader.line_num, cells
    except csv.Error as error:
        raise TuinetError(
            f"{where}, line {reader.line_num}: {error}", "is it a table, and is the quoting right?"
        ) from None


def blocks_of(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """The rows, about 20,000 cells at a time: few enough to stay in the cache."""
    for first in rows:
        yield [first, *islice(rows, BLOCK_CELLS // len(first[1]))]


def _lines(file: IO[bytes], path: Path) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise TuinetError(f"{path}, line {number} is longer than {MAX_LINE >> 20} MiB", "is it a table?")
        if b"\0" in line:
            raise TuinetError(f"{path}, line {number} holds a zero byte: this is not a table in UTF-8")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            hint = "save the table as UTF-8"
            raise TuinetError(f"{path}, line {number}, byte {error.start + 1} is not UTF-8", hint) from None
        yield text.removeprefix("\ufeff") if number == 1 else text


def rows_from_csv(source: Path | Iterable[str], columns: Sequence[Column], delimiter: str = ",") -> Array:
    """The inputs (N, P) in float64 that a table, or lines of one, hold for a model trained on `columns`.

    If the first line names all columns, they are found by name, in any order, and others (the target, say) are passed
    over; else every line holds exactly the values of `columns`, in order. Raises TuinetError with line and column.
    """
    if isinstance(source, Path):
        with file_rows(source, delimiter) as rows:
            return _inputs(rows, columns, source)
    return _inputs(rows_of(source, "the input", delimiter), columns, "the input")


def _inputs(rows: Iterator[Row], columns: Sequence[Column], where: object) -> Array:
    first = next(rows, None)
    if first is None:
        raise TuinetError(f"{where} holds no rows")
    names = [column.name for column in columns]
    cells = first[1]
    if columns and set(names) <= set(cells):
        picks = [(cells.index(column.name), column) for column in columns]
    else:
        if len(cells) != len(columns):
            shown = ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
            hint = f"give the columns in this order, or a first line that names them: {shown}"
            raise TuinetError(f"{where} has {len(cells)} columns, but the model takes {len(columns)}", hint)
        picks = list(enumerate(columns))
        rows = chain([first], rows)
    width = sum(column.width for column in columns)
    parts: list[Array] = []
    total = 0
    for block in blocks_of(rows):
        total += len(block) * width
        if total > MAX_CELLS:
            raise TuinetError(f"{where} holds more than {MAX_CELLS:,} values", "predict it in several parts")
        parts.append(np.zeros((len(block), width)))
        encode(block, picks, parts[-1], where)
    if not parts:
        raise TuinetError(f"{where} holds no rows below the names")
    return np.concatenate(parts)


def encode(block: list[Row], picks: Sequence[tuple[int, Column]], out: Array, where: object) -> None:
    """Write the numbers, and ones for the words, of the picked columns into `out` (rows, width), which is zero."""
    start = 0
    for index, column in picks:
        cells = [cells[index] for _, cells in block]
        if column.categories:
            places = {word: place for place, word in enumerate(column.categories)}
            for row, cell in enumerate(cells):
                if cell not in places:
                    known = ", ".join(column.categories[:10]) + (" …" if len(places) > 10 else "")
                    raise at(where, block[row][0], column.name, f"holds {cell[:40]!r}", f"known words: {known}")
                out[row, start + places[cell]] = 1
        else:
            values = all_numbers(cells)
            if values is None:
                line, cell = next((line, row[index]) for line, row in block if number_in(row[index]) is None)
                what = f"holds {cell[:40]!r}, which is not a number" if cell else "is empty"
                raise at(where, line, column.name, what)
            check_range(values, block, index, column.name, where)
            out[:, start] = values
        start += column.width


def all_numbers(cells: list[str]) -> Array | None:
    # float() takes 1_000 for a thousand; in a table it is a word.
    if "_" in "".join(cells):
        return None
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError:
        return None


def number_in(cell: str) -> float | None:
    values = all_numbers([cell])
    return None if values is None else float(values[0])


def check_range(values: Array, block: list[Row], index: int, name: str, where: object) -> None:
    fine = np.abs(values) <= LARGEST  # false for NaN
    if not fine.all():
        line, cells = block[int(np.argmin(fine))]
        raise at(where, line, name, f"holds {cells[index][:40]!r}, which is not a finite number (of float32)")


def at(where: object, line: int, column: str, what: str, hint: str = "") -> TuinetError:
    return TuinetError(f"{where}, line {line}, column {column!r} {what}", hint)
