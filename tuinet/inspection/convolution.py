"""The convolution of any image with any kernel, step by step: every window, its products and their sum.

y[i, j] = Σ_{u, v} x[i·s + u − p, j·s + v − p] · k[u, v] for every channel by itself. As in all of deep learning, and as
in the lecture, the kernel is not flipped.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.view import Axis, Part, Sum, Term, View
from tuinet.nn.layers.windows import Windows, cells_at, lay_windows
from tuinet.nn.params import Array

KERNELS: dict[str, tuple[tuple[float, ...], ...]] = {
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "blur": ((1 / 9, 1 / 9, 1 / 9),) * 3,
    "edge-enhance": ((0, 0, 0), (-1, 1, 0), (0, 0, 0)),
    "edge-detect": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    "emboss": ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
}
"""The named kernels. As in the GIMP manual, "Convolution matrix", and the lecture."""

MAX_VALUES = 1 << 24
"""Most values of an image, with its padding: 128 MiB of float64."""

MAX_SIDE = 64
"""Most rows, and columns, of a kernel."""

MAX_PRODUCTS = 1 << 31
"""Most multiplications: some seconds."""

LARGEST = 1e100
"""No value may be larger: products and sums stay far from what float64 cannot hold."""

COLORS = ("red", "green", "blue")


@dataclass(frozen=True, eq=False)
class Convolution:
    """An image (H, W, C), a kernel (kh, kw), where its windows lie, and what comes out (Ho, Wo, C), in float64."""

    image: Array
    kernel: Array
    windows: Windows
    result: Array
    name: str = ""

    def window(self, row: int, column: int, channel: int = 0) -> Array:
        """(kh, kw) what the kernel lies on at this step, 0 where that is padding. Raises TuinetError as `step`."""
        self._check(row, column, channel)
        tops, lefts = self._places(row, column)
        rows, columns = (tops >= 0) & (tops < self.image.shape[0]), (lefts >= 0) & (lefts < self.image.shape[1])
        out = np.zeros(self.windows.kernel)
        out[np.ix_(rows, columns)] = self.image[np.ix_(tops[rows], lefts[columns])][..., channel]
        return out

    def step(self, row: int, column: int, channel: int = 0) -> Sum:
        """How the value at (row, column) of the result comes about. Raises TuinetError if there is no such step."""
        cells = self.window(row, column, channel)
        tops, lefts = self._places(row, column)
        terms: list[Term] = []
        for (u, v), weight in np.ndenumerate(self.kernel):
            top, left = int(tops[u]), int(lefts[v])
            inside = 0 <= top < self.image.shape[0] and 0 <= left < self.image.shape[1]
            cell = f"x[{top},{left}]" if inside else "0 of the padding"
            value, factor = float(cells[u, v]), float(weight)
            terms.append(Term((cell, f"k[{u},{v}]"), (value, factor), value * factor + 0.0))  # −0 is 0
        total, magnitude = (math.fsum(map(size, terms)) for size in (_product, _magnitude))
        labels = [_labels(places, size) for places, size in zip((tops, lefts), self.image.shape[:2], strict=True)]
        seen = (Axis("row", labels[0]), Axis("column", labels[1]))
        pictures = (
            View("window", "matrix", seen, cells, title="what the kernel lies on"),
            View("kernel", "matrix", (Axis("row"), Axis("column")), self.kernel, title=self.name or "the kernel"),
            View("products", "matrix", seen, cells * self.kernel + 0.0, title="cell by cell, window × kernel"),
        )
        padded = sum("padding" in term.names[0] for term in terms)
        return Sum(
            name=f"row {row}, column {column}" + (f", {COLORS[channel]}" if self.is_color else ""),
            equation="y[i, j] = Σ x[i·s + u − p, j·s + v − p] · k[u, v]",
            parts=(Part("sum of products", "sum", tuple(terms), total, "", total),),
            value=total,
            stored=float(self.result[row, column, channel]),
            magnitude=magnitude,
            bound=1e-12 * magnitude,
            pictures=pictures,
            notes=(f"{padded} of the window's {len(terms)} cells lie in the padding",) if padded else (),
        )

    @property
    def is_color(self) -> bool:
        return self.image.shape[2] > 1

    def views(self) -> tuple[View, ...]:
        """The image, the kernel and the result."""
        (rows, columns), stride = self.windows.output, self.windows.stride
        notes = (f"{rows}×{columns} steps of {stride[0]}×{stride[1]}",)
        if self.windows.is_padded:
            (top, left), (bottom, right) = self.windows.before, self._behind()
            around = f"{top} above, {bottom} below, {left} on the left, {right} on the right"
            notes = (*notes, f"zeros around the image: {around}")
        low = high = None
        if self.is_color and self.image.max() > 0:  # in the colours of the image, not around a grey that stands for 0
            low, high = 0.0, float(self.image.max())
            notes = (*notes, f"values from {self.result.min():.6g} to {self.result.max():.6g}")
        axes = (Axis("row"), Axis("column"), Axis("channel"))
        return (
            View("image", "image", axes, self.image, title="the image"),
            View("kernel", "matrix", axes[:2], self.kernel, title=self.name or "the kernel"),
            View("result", "image", axes, self.result, None, low, high, "what comes out", notes),
        )

    def _behind(self) -> tuple[int, int]:
        """Rows of padding below the image, and columns on its right."""
        windows = self.windows
        bottom, right = (
            padded - before - size
            for padded, before, size in zip(windows.padded, windows.before, windows.image, strict=True)
        )
        return bottom, right

    def _places(self, row: int, column: int) -> tuple[Array, Array]:
        """(kh,), (kw,): the rows and the columns of the image under the kernel, outside of it where that is padding."""
        starts = (row * self.windows.stride[0], column * self.windows.stride[1])
        tops, lefts = (
            start - before + np.arange(size)
            for start, before, size in zip(starts, self.windows.before, self.windows.kernel, strict=True)
        )
        return tops, lefts

    def _check(self, row: int, column: int, channel: int) -> None:
        rows, columns, channels = self.result.shape
        for what, place, count in (("row", row, rows), ("column", column, columns), ("channel", channel, channels)):
            if not 0 <= place < count:
                raise TuinetError(f"the result has no {what} {place}", f"There are {count}: 0 to {count - 1}.")


def _product(term: Term) -> float:
    return term.product


def _magnitude(term: Term) -> float:
    return abs(term.product)


def _labels(places: Array, size: int) -> tuple[str, ...]:
    return tuple(str(place) if 0 <= place < size else "·" for place in places.tolist())


def convolve(
    image: Array,
    kernel: Array,
    stride: int | tuple[int, int] = 1,
    padding: Literal["valid", "same"] | int = "valid",
    name: str = "",
) -> Convolution:
    """The kernel (kh, kw) slid over an image (H, W), or over each channel of (H, W, C) by itself.

    `padding` as of a convolutional layer. Raises TuinetError for what is no grey or colour image, no kernel, not
    finite, too large, or if the kernel does not fit the image.
    """
    pixels, weights = _numbers(image, "the image"), _numbers(kernel, "the kernel")
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or 0 in pixels.shape:
        shape = "×".join(map(str, np.shape(image))) or "a single number"
        raise TuinetError(f"an array of {shape} is no image", "Give rows × columns, or rows × columns × 3 colours.")
    if weights.ndim != 2 or 0 in weights.shape or max(weights.shape) > MAX_SIDE:
        shape = "×".join(map(str, weights.shape)) or "a single number"
        raise TuinetError(f"an array of {shape} is no kernel", f"Give 1 to {MAX_SIDE} rows and columns.")
    steps = (stride, stride) if isinstance(stride, int) else stride
    if min(steps) < 1 or (isinstance(padding, int) and padding < 0):
        raise TuinetError(f"a stride of {stride} and padding of {padding} cannot be", "Strides are 1 or more.")
    rows, columns, channels = pixels.shape
    windows = lay_windows((rows, columns), (weights.shape[0], weights.shape[1]), steps, padding)
    if max(pixels.size, math.prod(windows.padded) * channels) > MAX_VALUES:
        raise TuinetError(f"the image has more than {MAX_VALUES:,} values, its padding among them", "Make it smaller.")
    if 0 in windows.output:
        size = f"{windows.padded[0]}×{windows.padded[1]}"
        hint = 'Take padding "same", or a smaller kernel.'
        raise TuinetError(f"a {weights.shape[0]}×{weights.shape[1]} kernel does not fit {size}", hint)
    if math.prod(windows.output) * channels * weights.size > MAX_PRODUCTS:
        raise TuinetError(f"this is more than {MAX_PRODUCTS:,} multiplications", "Take a larger stride.")
    result = _slide(pixels, weights, windows)
    return Convolution(pixels, weights, windows, result, name)


def _slide(pixels: Array, weights: Array, windows: Windows) -> Array:
    """(Ho, Wo, C): cell by cell of the kernel, that cell of every window."""
    (height, width), (top, left) = windows.image, windows.before
    padded = pixels
    if windows.is_padded:
        padded = np.zeros((*windows.padded, pixels.shape[2]))
        padded[top : top + height, left : left + width] = pixels
    result = np.zeros((*windows.output, pixels.shape[2]))
    for (u, v), weight in np.ndenumerate(weights):
        result += weight * cells_at(padded[None], (u, v), windows.stride, windows.output)[0]
    return result


def _numbers(array: Array, what: str) -> Array:
    """The same in float64. Raises TuinetError for what is no number, not finite or beyond all bounds."""
    given = np.asarray(array)
    if given.dtype.kind not in "biuf" or given.dtype.itemsize > 8:
        raise TuinetError(f"{what} holds {given.dtype}, not numbers", "Save it as uint8 or float32.")
    if given.size > MAX_VALUES:
        raise TuinetError(f"{what} has more than {MAX_VALUES:,} values", "Make it smaller.")
    values = np.array(given, np.float64)
    if not (np.abs(values) <= LARGEST).all():  # NaN fails, too
        raise TuinetError(f"{what} holds a value that is not finite or far too large", "Every value must be a number.")
    return values


def parse_kernel(text: str) -> tuple[str, Array]:
    """The name and the numbers of a kernel: one of `KERNELS`, or rows: "0 1 0; 1 -4 1; 0 1 0".

    Raises TuinetError for anything else.
    """
    if text in KERNELS:
        return text, np.array(KERNELS[text], np.float64)
    if not re.fullmatch(r"[\s\d;,.+\-eE]+", text) or not re.search(r"\d", text):
        near = difflib.get_close_matches(text, KERNELS, 1)
        hint = f"Did you mean {near[0]}? " if near else ""
        listed = f'{", ".join(KERNELS)}; a file; or rows: "0 1 0; 1 -4 1; 0 1 0"'
        raise TuinetError(f"there is no kernel {text[:60]!r}", f"{hint}Kernels: {listed}.")
    return "the kernel", parse_rows(text.split(";"), "the kernel")


def parse_rows(lines: list[str], where: str) -> Array:
    """A matrix whose rows are written in lines, the numbers separated by white space or commas; empty lines at the end
    do not count. Raises TuinetError, with the row, for what is no number, or rows of different lengths."""
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    rows: list[list[float]] = []
    for number, line in enumerate(lines):
        cells = [cell.strip() for cell in line.split(",")] if "," in line else line.split()
        cells = [part for cell in cells for part in (cell.split() or [""])]
        if not cells:
            raise TuinetError(f"{where}: row {number} is empty", "A row holds numbers: 0 1 0")
        if rows and len(cells) != len(rows[0]):
            raise TuinetError(f"{where}: row {number} has {len(cells)} numbers, row 0 has {len(rows[0])}")
        rows.append([_number(cell, where, number) for cell in cells])
    if not rows:
        raise TuinetError(f"{where} holds no numbers", "A row holds numbers: 0 1 0")
    return np.array(rows)


def _number(cell: str, where: str, row: int) -> float:
    try:
        value = float(cell) if "_" not in cell else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TuinetError(f"{where}: row {row} holds {cell[:40]!r}, which is no number")
    return value
