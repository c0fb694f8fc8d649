"""What a person gives a model, as raw samples: images, rows of tables, arrays, one row as text; and texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tuinet.data.array_files import read_npy
from tuinet.data.csv_rows import file_rows, rows_from_csv
from tuinet.data.dataset import Column
from tuinet.data.image_folder import read_image
from tuinet.data.preparation import Scale
from tuinet.errors import TuinetError
from tuinet.model.meta import Meta

TABLES = {".csv": ",", ".tsv": "\t"}


class Inputs(NamedTuple):
    """Raw samples (N, *input shape), or texts, or sequences, from one argument; `many` if they are numbered."""

    name: str
    samples: Any
    many: bool


def valid_text(text: str, what: str) -> str:
    """The text of an argument. Raises TuinetError if it holds bytes that are not UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise TuinetError(f"{what} is not UTF-8", "Write it in UTF-8.") from None
    return text


def checked_text(text: str, what: str) -> str:
    """A text that a model can be given. Raises TuinetError if it is empty or not UTF-8."""
    if not text.strip():
        raise TuinetError(f"{what} is empty", "A text has at least one symbol.")
    return valid_text(text, what)


def _refuse_other_columns(path: Path, meta: Meta, delimiter: str) -> None:
    """A column that names the sequences would be passed over, and all of them read as one."""
    names = [column.name for column in _columns(meta)]
    with file_rows(path, delimiter) as rows:
        first = next(rows, None)
    others = [cell for cell in first[1] if cell not in names] if first is not None else []
    if first is not None and set(names) <= set(first[1]) and others:
        raise TuinetError(
            f"{path} has the column {others[0]!r} besides {', '.join(names)}",
            "The rows of a file are the steps of one sequence: give each sequence a file, with these columns alone.",
        )


def read_inputs(text: str, meta: Meta) -> Inputs:
    """The samples that one INPUT holds: a file by its suffix, or a row of values. Raises TuinetError."""
    path = Path(valid_text(text, "an input"))
    suffix = path.suffix.lower()
    sequence = meta.input_shape.sequence
    if suffix in TABLES:  # the rows of a table are samples, or the steps of one sequence
        if sequence:
            _refuse_other_columns(path, meta, TABLES[suffix])
        rows = rows_from_csv(path, _columns(meta), TABLES[suffix])
        return Inputs(text, [rows] if sequence else rows, many=not sequence)
    if suffix == ".npy":
        array = read_npy(path)
        sizes = meta.input_shape.sizes
        if sequence:
            single = array.ndim == 1 + len(sizes)
            return Inputs(text, list(array[np.newaxis] if single else array), many=not single)
        one = array.shape == sizes or (array.shape == sizes[:-1] and sizes[-1] == 1)
        return Inputs(text, array[np.newaxis] if one else array, many=not one)
    if path.is_file():
        return Inputs(text, _image(path, meta), many=False)
    missing = f"{text} is not a file" if text and path.exists() else f"there is no file {text!r}"
    if sequence:
        raise TuinetError(missing, "An input is a .csv file, a step of the sequence a row, or a .npy file.")
    if "," in text or _is_number(text):
        return Inputs(text, rows_from_csv([text], _columns(meta)), many=False)
    raise TuinetError(missing, "An input is an image, a .csv, a .npy file, or a row: 5.1,3.5,1.4,0.2")


def rows_in(lines: Sequence[str], meta: Meta) -> npt.NDArray[np.float64]:
    """The rows of values that are written in these lines, the first of which may name the columns; a file is none.

    Raises TuinetError.
    """
    shape = meta.input_shape
    if shape.sequence or len(shape.sizes) != 1:
        what = "sequences" if shape.sequence else "images"
        raise TuinetError(f"{meta.name} takes {what}, not rows of numbers", "Give it a file: --file PATH.")
    columns = _columns(meta)
    for line in lines:
        valid_text(line, "an input")
        if "," not in line and not _is_number(line) and line.strip() not in [column.name for column in columns]:
            hint = "A row is like 5.1,3.5,1.4,0.2; a file is given by --file PATH."
            raise TuinetError(f"{line[:60]!r} is no row of numbers", hint)
    return rows_from_csv(lines, columns)


def _columns(meta: Meta) -> list[Column]:
    """The columns that a row for this model has: those it was trained on, else one for each of its inputs."""
    if meta.columns:
        return list(meta.columns)
    if len(meta.input_shape.sizes) != 1:
        raise TuinetError(
            f"{meta.name} takes images of {meta.input_shape}, not rows of a table",
            "Give it image files or a .npy file.",
        )
    return [Column(f"input {number + 1}") for number in range(meta.input_shape.size)]


def _image(path: Path, meta: Meta) -> npt.NDArray[np.generic]:
    """The image at the model's size and with its channels, in the range of the pixels that it was trained on."""
    if len(meta.input_shape.sizes) != 3:
        columns = ", ".join(column.name for column in _columns(meta)[:10])
        raise TuinetError(f"{path}: {meta.name} takes rows, not images", f"A row holds: {columns}")
    height, width, channels = meta.input_shape.sizes
    pixels = read_image(path, height, width, channels)[np.newaxis]
    largest = largest_pixel(meta)
    return pixels if largest == 255 else pixels * np.float32(largest / 255)


def largest_pixel(meta: Meta) -> float:
    """Images hold 0 … 255; some data sets do not (`digits`: 0 … 16), and their models divide by the largest."""
    first = meta.preparation[0] if meta.preparation else None
    return first.divisor if isinstance(first, Scale) and first.divisor is not None else 255.0


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
