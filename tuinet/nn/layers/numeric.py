"""A few array operations that NumPy does several times faster when asked in the right way."""

from __future__ import annotations

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.params import Array

_ROW = 1024
_BLOCK = 65_536
_ZEROS = {np.dtype(kind): np.zeros(_BLOCK, kind) for kind in (np.float32, np.float64)}
for _block in _ZEROS.values():
    _block.flags.writeable = False


def add_bias(y: Array, bias: Array) -> None:
    """y (N, F) += bias (F,) in place. A short row is added several rows at a time: NumPy's inner loop is a row long."""
    count, width = y.shape
    repeats = min(count & -count, 1 << (max(1, _ROW // width).bit_length() - 1))  # powers of two; the first divides N
    if repeats > 1 and y.flags.c_contiguous:
        y = y.reshape(count // repeats, repeats * width)
        bias = np.tile(bias, repeats)
    y += bias


def sum_rows(matrix: Array, out: Array) -> None:
    """out (F,) = the sum of the rows of matrix (N, F): as a product, 8 to 16 times faster than a sum along the rows."""
    np.matmul(np.ones(matrix.shape[0], matrix.dtype), matrix, out=out)


def relu(x: Array, out: Array) -> Array:
    """out = max(x, 0); they may be the same array.

    Block by block against zeros that stay in the cache: with the number 0 NumPy takes a loop four times slower.
    """
    zeros = _ZEROS.get(x.dtype)
    if zeros is None or not (x.flags.c_contiguous and out.flags.c_contiguous):
        return np.maximum(x, 0, out=out)
    flat, into = x.reshape(x.size), out.reshape(x.size)
    for start in range(0, x.size, _BLOCK):
        part = into[start : start + _BLOCK]
        np.maximum(flat[start : start + _BLOCK], zeros[: part.size], out=part)
    return out


def pass_positive(dy: Array, y: Array, ctx: Context) -> Array:
    """dy where y > 0, else 0: the way back through a ReLU whose output was y."""
    positive = np.greater(y, 0, out=ctx.empty(y.shape, np.bool_))
    return np.multiply(dy, positive, out=ctx.empty(dy.shape, dy.dtype))
