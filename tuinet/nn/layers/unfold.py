"""The windows of images, unfolded, so that a convolution is a sum of matrix products.

With few values in a row of the kernel (kw·C), every window becomes one row of a matrix, known as im2col, and there is
one product. Else only the rows of windows are unfolded, each value kw times and not kh·kw times, and there is one
product for each row of the kernel: neighbouring windows share the rows that they have in common
(docs/decisions/0014).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tuinet.nn.context import Context
from tuinet.nn.layers.numeric import product
from tuinet.nn.layers.windows import Windows
from tuinet.nn.params import Array

LONG_ROW = 16
"""From so many values on, one window row (kw·C) is worth a copy of its own (measured for 3×3 kernels)."""

SHARED_ROW, SHARED_WINDOWS = 48, 1024
"""From so many values on, a window row makes a product of its own that pays; from so many windows on, several products
cost less than the copies that they save. The windows of one image and phase must be a quarter of the row's values:
with fewer, the gradients of the weights, which are added up image by image, outgrow what they are made of."""

BLOCK_BYTES = 1 << 21
"""What the unfolded windows of a block may take; with half as much a CNN trained 3 % slower."""

KEPT_BYTES = 4 << 20
"""Up to here the unfolded windows are kept for the way back; to unfold more than this twice costs less."""


class Term(NamedTuple):
    """One product of the sum."""

    phase: int | None
    """The row phase of the windows, None for all of them."""
    weights: slice
    """Which rows of the weight (kh·kw·C, F)."""
    cells: Array
    """(pw, b, n, K) of the phase's windows, or (M, K) of all."""


def unfold_in_blocks(
    x: Array, windows: Windows, ctx: Context, phases: tuple[int, int] = (1, 1), whole: int = 0
) -> Iterator[tuple[slice, list[Term]]]:
    """(which images, their windows unfolded), a few images at a time and always in the same memory.

    The unfolded windows of x (B, Hp, Wp, C), padded, are several times as large as the images: block by block they stay
    in the processor's cache. All images are one block if they need no more than `whole` bytes; there is one block even
    of no image. A block stands for M = b·Ho·Wo windows in the order (row mod ph, column mod pw, b, row div ph, column
    div pw) for `phases` (ph, pw), which must divide the output: with the window of a pooling layer as phases, the cells
    it compares lie in ph·pw blocks.
    """
    batch, channels = x.shape[0], x.shape[3]
    row = windows.kernel[1] * channels
    count = windows.output[0] * windows.output[1]
    shared = windows.kernel[0] > 1 and row >= SHARED_ROW and batch * count >= SHARED_WINDOWS
    shared = shared and 4 * count // (phases[0] * phases[1]) >= row
    if shared:
        cycle = phases[0] * windows.stride[0]
        size = cycle * -(-windows.padded[0] // cycle) * windows.output[1] * row
    else:
        size = windows.output[0] * windows.output[1] * windows.kernel[0] * row
    fits = batch * size * x.itemsize <= whole
    block = max(1, batch if fits else min(batch, BLOCK_BYTES // (size * x.itemsize)))
    buffer = ctx.empty((block * size,), x.dtype)
    for start in range(0, max(1, batch), block):
        part = slice(start, start + block)
        if shared:
            yield part, _rows(buffer, x[part], windows, phases)
        else:
            yield part, [Term(None, slice(None), _all(buffer, x[part], windows, phases))]


class Room:
    """Scratch memory that is the same each time it is asked for: what was in it is gone."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._buffer: Array | None = None

    def empty(self, shape: tuple[int, ...], like: Array) -> Array:
        size = math.prod(shape)
        if self._buffer is None or self._buffer.size < size:
            self._buffer = self._ctx.empty((size,), like.dtype)
        return self._buffer[:size].reshape(shape)


def multiply_windows(terms: list[Term], weight: Array, out: Array, phases: tuple[int, int], room: Room) -> None:
    """out (M, F) = the unfolded windows times weight (kh·kw·C, F), summed over the terms."""
    for phase, weights, cells in terms:
        into = _at(out, phase, cells, phases)
        if weights.start:
            into += product(cells, weight[weights], room.empty(into.shape, into))
        else:
            product(cells, weight[weights], into)


def add_gradient(terms: list[Term], dy: Array, out: Array, phases: tuple[int, int], room: Room) -> None:
    """out (kh·kw·C, F) += the unfolded windows, transposed, times dy (M, F)."""
    for phase, weights, cells in terms:
        into = out[weights]
        given = _at(dy, phase, cells, phases)
        if cells.ndim == 2:
            into += np.matmul(cells.T, given, out=room.empty(into.shape, into))
            continue
        parts = room.empty((*cells.shape[:2], *into.shape), into)  # (pw, b, K, F): of each image
        np.matmul(cells.swapaxes(2, 3), given, out=parts)
        into += np.add.reduce(parts.reshape(-1, *into.shape), axis=0)


def _at(rows: Array, phase: int | None, cells: Array, phases: tuple[int, int]) -> Array:
    """Of rows (M, F), those that the cells of a term belong to: a view (pw, b, n, F), or all of them."""
    if phase is None:
        return rows
    return rows.reshape(phases[0], *cells.shape[:3], rows.shape[1])[phase]


def _rows(buffer: Array, x: Array, windows: Windows, phases: tuple[int, int]) -> list[Term]:
    """Rows of windows. Those of x that belong to the same phase of the windows lie one after the other."""
    (ph, pw), (sh, sw), (kh, kw) = phases, windows.stride, windows.kernel
    (rows, columns), (batch, height, _, channels) = windows.output, x.shape
    sample, row, column, channel = x.strides
    cycle = ph * sh
    deep, wide = -(-height // cycle), columns // pw
    space = buffer[: cycle * batch * deep * columns * kw * channels].reshape(cycle, pw, batch, deep, wide, kw, channels)
    for first in range(cycle):
        given = x[:, first::cycle]
        shape = (pw, batch, given.shape[1], wide, kw, channels)
        steps = (sw * column, sample, cycle * row, pw * sw * column, column, channel)
        np.copyto(space[first, :, :, : given.shape[1]], as_strided(given, shape, steps, writeable=False))
    terms: list[Term] = []
    for phase in range(ph):
        for u in range(kh):
            above, first = divmod(phase * sh + u, cycle)
            cells = space[first, :, :, above : above + rows // ph]
            weights = slice(u * kw * channels, (u + 1) * kw * channels)
            terms.append(Term(phase, weights, cells.reshape(pw, batch, rows // ph * wide, kw * channels, copy=False)))
    return terms


def _all(buffer: Array, x: Array, windows: Windows, phases: tuple[int, int]) -> Array:
    """Every window of the padded x (B, H, W, C) as one row: (B·Ho·Wo, kh·kw·C).

    It may be a transposed view: where window rows are short, it is faster to fill column by column.
    """
    (ph, pw), (sh, sw), (rows, columns) = phases, windows.stride, windows.output
    batch, channels = x.shape[0], x.shape[3]
    count, width = batch * rows * columns, windows.cells * channels
    if windows.kernel == windows.stride == phases == (1, 1) and x.flags.c_contiguous:
        return x.reshape(count, channels)
    out = buffer[: count * width]
    sample, row, column, channel = x.strides
    places = (ph, pw, batch, rows // ph, columns // pw)
    steps = (sh * row, sw * column, sample, ph * sh * row, pw * sw * column)
    if windows.kernel[1] * channels >= LONG_ROW:
        view = as_strided(x, (*places, *windows.kernel, channels), (*steps, row, column, channel), writeable=False)
        np.copyto(out.reshape(view.shape), view)
        return out.reshape(count, width)
    view = as_strided(x, (*windows.kernel, channels, *places), (row, column, channel, *steps), writeable=False)
    np.copyto(out.reshape(view.shape), view)
    return out.reshape(width, count).T
