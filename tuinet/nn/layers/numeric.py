"""A few array operations that NumPy does several times faster when asked in the right way."""

from __future__ import annotations

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.params import Array

SMALL = 1_000_000
"""Multiply-adds of the largest product for which OpenBLAS does not first copy its matrices into an order of its own."""

PIECE = 64
"""The fewest rows of such a small product: with less, those BLAS that copy every time take longer."""

_SHORT, _ROW, _MANY = 128, 1024, 16_384
_BLOCK = 65_536
_ZEROS = {np.dtype(kind): np.zeros(_BLOCK, kind) for kind in (np.float32, np.float64)}
for _block in _ZEROS.values():
    _block.flags.writeable = False


def add_bias(y: Array, bias: Array) -> None:
    """y (N, F) += bias (F,) in place. Short rows are taken several at a time: NumPy's inner loop is one row long."""
    count, width = y.shape
    if width < _SHORT and y.size >= _MANY and y.flags.c_contiguous:
        repeats = min(count & -count, 1 << (_ROW // width).bit_length() - 1)  # powers of two; the first divides N
        y = y.reshape(count // repeats, repeats * width)
        bias = np.concatenate([bias] * repeats)
    y += bias


def sum_rows(matrix: Array, out: Array) -> None:
    """out (F,) = the sum of the rows of matrix (N, F): as a product, 8 to 16 times faster than a sum along the rows."""
    np.matmul(np.ones(matrix.shape[0], matrix.dtype), matrix, out=out)


def sigmoid(a: Array) -> None:
    """σ(a) = ½ tanh(½ a) + ½, in place. a is a part of wider rows, where every operation costs more than in `half`."""
    half = a * 0.5
    np.tanh(half, out=half)
    half *= 0.5
    np.add(half, 0.5, out=a)


def product(x: Array, weight: Array, out: Array) -> Array:
    """out (…, N, F) = x (…, N, K) weight (K, F), in pieces of N rows that are small products, where that can be.

    The rows of out must lie one after the other. A fifth faster for the tall matrices of a convolution.
    """
    count = x.shape[-2]
    most = SMALL // max(1, weight.size)
    rows = min(count & -count, 1 << max(0, most.bit_length() - 1))  # powers of two; the first divides N
    if rows < PIECE or rows == count:
        return np.matmul(x, weight, out=out)
    shape = (*x.shape[:-2], count // rows, rows)
    into = out.reshape(*shape, out.shape[-1], copy=False)
    np.matmul(x.reshape(*shape, x.shape[-1], copy=False), weight, out=into)
    return out


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
