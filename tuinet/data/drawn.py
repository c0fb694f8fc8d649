"""What a person draws with a pen, made into a sample as the data set's own were made.

digits  UCI's preprocessing (Alpaydin and Kaynak 1998, with the programs of NIST): the character fills the height of
        32×32 pixels and at most 20 columns in their middle, each pixel is black or white, and a value is the number
        of black ones in a block of 4×4, 0 … 16. All 1,797 samples of `digits` fill their eight rows.
MNIST   LeCun, Cortes and Burges 1998: scaled, proportions kept, so that its longer side fills a box of 20 pixels, grey
        at its edges, and placed in 28×28 with its centre of mass at the middle, 0 … 255.
others  the whole canvas at the size of the samples, white on black.

Ink is (H, W), 0 … 1 a pixel, which stands at the whole numbers (row, column): (0, 0) is the middle of the first.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from tuinet.nn.params import Array

SMALLEST, LARGEST = 24, 64
"""Rows or columns of a canvas for other samples: what can be drawn on with a pen, and what a terminal shows."""

MIDDLE = 13.5
"""Of MNIST's samples the centre of mass lies from here to 14.5, counted from 0: at 14, rounded."""

FAINTEST = 1e-6
"""Ink below this is none."""

_SIDE, _BLOCK, _WIDEST = 32, 4, 20
_BOX, _FRAME = 20, 28

Point = tuple[float, float]


class Drawing(NamedTuple):
    """How a drawing becomes a sample.

    sizes    of a sample: (rows, columns, channels)
    canvas   (rows, columns) to draw on
    maximum  what a white pixel of a sample is
    """

    how: Literal["blocks", "box", "scaled"]
    sizes: tuple[int, int, int]
    canvas: tuple[int, int]
    maximum: float

    @property
    def about(self) -> str:
        """For people."""
        rows, columns = self.canvas
        if self.how == "blocks":
            return f"{rows}×{columns}, fitted to its height, counted in {_BLOCK}×{_BLOCK} blocks"
        if self.how == "box":
            return f"scaled into {_BOX}×{_BOX}, its centre of mass in the middle of {_FRAME}×{_FRAME}"
        return f"scaled to {self.sizes[0]}×{self.sizes[1]}, white on black"

    @property
    def pen(self) -> float:
        """The radius of a pen whose strokes are about as thick as those of handwritten digits."""
        return 1.5 * max(self.canvas) / _SIDE


DIGITS = Drawing("blocks", (_SIDE // _BLOCK, _SIDE // _BLOCK, 1), (_SIDE, _SIDE), float(_BLOCK**2))
MNIST = Drawing("box", (_FRAME, _FRAME, 1), (_FRAME, _FRAME), 255.0)


def scaled(sizes: tuple[int, ...], maximum: float) -> Drawing | None:
    """For samples of any other set, on a canvas of their proportions. None if they are no images in grey or RGB."""
    if len(sizes) != 3 or sizes[2] not in (1, 3) or min(sizes[:2]) < 4:
        return None
    height, width, channels = sizes
    times = -(-SMALLEST // min(height, width))
    if max(height, width) * times > LARGEST:
        times = min(1.0, LARGEST / max(height, width))
    canvas = max(1, round(height * times)), max(1, round(width * times))
    return Drawing("scaled", (height, width, channels), canvas, maximum)


def empty(size: tuple[int, int]) -> Array:
    """Nothing drawn yet."""
    return np.zeros(size, np.float32)


def stroke(ink: Array, start: Point, end: Point, radius: float) -> None:
    """Draw the line from `start` to `end` into `ink`, in place, with a round pen: what it leaves out stays.

    A pixel at distance d from the line gets max(ink, min(1, radius + ½ − d)), so edges are grey.
    """
    (row, column), (down, right) = start, (end[0] - start[0], end[1] - start[1])
    reach = radius + 0.5
    rows = _near(row, end[0], reach, ink.shape[0])
    columns = _near(column, end[1], reach, ink.shape[1])
    y = np.arange(ink.shape[0], dtype=np.float32)[rows, None] - row
    x = np.arange(ink.shape[1], dtype=np.float32)[None, columns] - column
    length = down * down + right * right
    along = np.clip((y * down + x * right) / length, 0, 1) if length else np.float32(0)
    distance = np.hypot(y - along * down, x - along * right)
    part = ink[rows, columns]
    np.maximum(part, np.clip(reach - distance, 0, 1), out=part)


def _near(one: float, other: float, reach: float, count: int) -> slice:
    first, last = math.ceil(min(one, other) - reach), math.floor(max(one, other) + reach)
    return slice(min(max(first, 0), count), min(max(last + 1, 0), count))


def prepare_drawing(ink: Array, drawing: Drawing) -> Array:
    """The raw sample (H, W, C) that a drawing is, float32 from 0 to `drawing.maximum`. No ink: all 0."""
    if drawing.how == "blocks":
        found = _counted(ink) * (drawing.maximum / DIGITS.maximum)
    elif drawing.how == "box":
        found = np.round(_centred(ink) * MNIST.maximum) * (drawing.maximum / MNIST.maximum)
    else:
        found = _resized(ink, *drawing.sizes[:2]) * drawing.maximum
    pixels = found.astype(np.float32)
    return np.repeat(pixels[:, :, None], drawing.sizes[2], axis=2)


def _counted(ink: Array) -> Array:
    """(8, 8): how many of the 4×4 pixels of each block are black."""
    black = np.zeros((_SIDE, _SIDE), bool)
    part = _cropped(ink, 0.5)
    if part.size:
        # A character that is wider than it may be is squeezed: all samples are as high as there is room.
        width = min(_WIDEST, max(1, round(part.shape[1] * _SIDE / part.shape[0])))
        left = (_SIDE - width) // 2
        black[:, left : left + width] = _resized(part, _SIDE, width) >= 0.5
    count = _SIDE // _BLOCK
    return black.reshape(count, _BLOCK, count, _BLOCK).sum(axis=(1, 3))


def _centred(ink: Array) -> Array:
    """(28, 28): the drawing in its box of 20, its centre of mass at MIDDLE + ½, as near as the frame allows."""
    frame = np.zeros((_FRAME, _FRAME), np.float32)
    part = _cropped(ink, FAINTEST)
    if part.size:
        times = _BOX / max(part.shape)
        part = _resized(part, *(max(1, round(size * times)) for size in part.shape))
        rows, columns = part.shape
        top, left = (
            min(max(math.ceil(MIDDLE - _centre(part.sum(axis=1 - axis))), 0), _FRAME - part.shape[axis])
            for axis in (0, 1)
        )
        frame[top : top + rows, left : left + columns] = part
    return frame


def _centre(weights: Array) -> float:
    total = float(weights.sum(dtype=np.float64))
    return float(weights @ np.arange(len(weights), dtype=np.float64)) / total if total else 0.0


def _cropped(ink: Array, least: float) -> Array:
    """What lies within the smallest box around all pixels with as much ink."""
    rows, columns = (np.flatnonzero((ink >= least).any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if rows.size else ink[:0, :0]


def _resized(ink: Array, height: int, width: int) -> Array:
    """Bilinear; where pixels become fewer, each is a mean of those that it stands for."""
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(ink, np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
