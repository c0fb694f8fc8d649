"""The products of a recurrent loop: a few rows times the same weight, step after step.

For every product BLAS first copies the weight into the order in which its inner loop reads it, and for the few rows of
a step the copy costs more than the product. OpenBLAS multiplies small matrices (up to `SMALL`) without it; so the
weight is cut into blocks of columns, once for all steps, each in order in memory, and a step is as many small products
as there are blocks: two to four times faster at 8 to 32 rows (docs/decisions/0013).
"""

from __future__ import annotations

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.layers.numeric import SMALL
from tuinet.nn.params import Array

MANY_STEPS = 8
"""From so many steps on it pays to copy a weight into the order in which its products run fastest."""

WIDEST, NARROWEST = 64, 32
"""The columns of a block: more do not stay in the processor's first cache, fewer leave its vectors half empty."""

CACHE_LINE = 64
"""Bytes that memory is read and written by."""


def laid_out(weight: Array, rows: int, steps: int, ctx: Context) -> Array:
    """The weight (K, N) for `steps` products with at most so many rows each: blocks of columns, (blocks, K, width).

    One block is the weight as it was, in order in memory if there are enough steps to pay for that.
    """
    if steps < MANY_STEPS:
        return weight[np.newaxis]
    inputs, outputs = weight.shape
    width = _width(rows, inputs, outputs)
    if width == outputs and weight.flags.c_contiguous:
        return weight[np.newaxis]
    found = ctx.empty((outputs // width, inputs, width), weight.dtype)
    if weight.strides[1] == weight.itemsize:
        np.copyto(found, weight.reshape(inputs, -1, width).swapaxes(0, 1))
        return found
    part = CACHE_LINE // weight.itemsize  # of a transposed weight wider parts would fetch every line many times
    for block, start in zip(found, range(0, outputs, width), strict=True):
        for column in range(0, width, part):
            stop = min(column + part, width)
            block[:, column:stop] = weight[:, start + column : start + stop]
    return found


def times(x: Array, weight: Array, out: Array) -> Array:
    """out (n, N) = x (n, K) times the weight that `laid_out` has given; out's rows lie one after the other."""
    blocks, _, width = weight.shape
    if blocks == 1:
        return np.matmul(x, weight[0], out=out)
    np.matmul(x, weight, out=out.reshape(len(out), blocks, width).swapaxes(0, 1))
    return out


def _width(rows: int, inputs: int, outputs: int) -> int:
    """The columns of a block: the most that divide them all and keep the product small; all of them if none do, or if
    there is one row, for which BLAS copies nothing."""
    if rows == 1:
        return outputs
    most = min(WIDEST, SMALL // max(1, rows * inputs))
    return next((width for width in range(most, NARROWEST - 1, -1) if outputs % width == 0), outputs)
