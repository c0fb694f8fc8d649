"""What a person gives `predict`, as raw samples for a model: images, rows of tables, arrays, one row as text."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tuinet.data.array_files import read_npy
from tuinet.data.csv_rows import rows_from_csv
from tuinet.data.dataset import Column
from tuinet.data.preparation import Scale
from tuinet.errors import TuinetError
from tuinet.model.meta import Meta

TABLES = {".csv": ",", ".tsv": "\t"}


class Inputs(NamedTuple):
    """Raw samples (N, *input shape) from one argument; `many` if they are numbered, as in a table."""

    name: str
    samples: npt.NDArray[np.generic]
    many: bool


def read_inputs(text: str, meta: Meta) -> Inputs:
    """The samples that one INPUT holds: a file by its suffix, or a row of values. Raises TuinetError."""
    path = Path(text)
    suffix = path.suffix.lower()
    if suffix in TABLES:
        return Inputs(text, rows_from_csv(path, _columns(meta), TABLES[suffix]), many=True)
    if suffix == ".npy":
        array = read_npy(path)
        sizes = meta.input_shape.sizes
        one = array.shape == sizes or (array.shape == sizes[:-1] and sizes[-1] == 1)
        return Inputs(text, array[np.newaxis] if one else array, many=not one)
    if path.is_file():
        return Inputs(text, _image(path, meta), many=False)
    if "," in text or _is_number(text):
        return Inputs(text, rows_from_csv([text], _columns(meta)), many=False)
    raise TuinetError(
        f"there is no file {text}", "An input is an image, a .csv, a .npy file, or a row: 5.1,3.5,1.4,0.2"
    )


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
    from tuinet.data.image_folder import read_image

    if len(meta.input_shape.sizes) != 3:
        columns = ", ".join(column.name for column in _columns(meta)[:10])
        raise TuinetError(f"{path}: {meta.name} takes rows, not images", f"A row holds: {columns}")
    height, width, channels = meta.input_shape.sizes
    pixels = read_image(path, height, width, channels)[np.newaxis]
    largest = _largest_pixel(meta)
    return pixels if largest == 255 else pixels * np.float32(largest / 255)


def _largest_pixel(meta: Meta) -> float:
    """Images hold 0 … 255; some data sets do not (`digits`: 0 … 16), and their models divide by the largest."""
    first = meta.preparation[0] if meta.preparation else None
    return first.divisor if isinstance(first, Scale) and first.divisor is not None else 255.0


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
