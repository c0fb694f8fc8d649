"""A few array operations that NumPy does much faster when asked in the right way (measured in benchmarks/)."""

from __future__ import annotations

import numpy as np

from tuinet.nn.params import Array


def add_bias(y: Array, bias: Array) -> None:
    """y (..., F) += bias (F,) in place."""
    y += bias


def sum_rows(matrix: Array, out: Array) -> None:
    """out (F,) = the sum of the rows of matrix (N, F): as a product, 8 to 16 times faster than a sum along the rows."""
    np.matmul(np.ones(matrix.shape[0], matrix.dtype), matrix, out=out)


def relu(x: Array, out: Array) -> Array:
    """out = max(x, 0); they may be the same array."""
    return np.maximum(x, 0, out=out)


def masked(x: Array, mask: Array, out: Array) -> Array:
    """out = x where mask is true, else 0."""
    return np.multiply(x, mask, out=out)
