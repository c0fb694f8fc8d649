"""Pooling: each window of each channel becomes one number. Windows that would leave the image are left out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.layer import Cache, Layer, Shape, Value
from tuinet.nn.layers.checks import output_value, require_image
from tuinet.nn.layers.windows import Pair, Windows, cells_at, lay_windows, pair, windows_on
from tuinet.nn.params import Array, Params


class _Pool(Layer, frozen=True):
    stem = "pool"

    window: Pair = 2
    """The size of the window: one number for both sides, or [rows, columns]."""
    stride: Pair | None = None
    """How far the window moves. Unset: by its own size, so that windows touch and do not overlap."""

    @property
    def _stride(self) -> int | tuple[int, ...]:
        return self.window if self.stride is None else self.stride

    def output_shape(self, shape: Shape) -> Shape:
        require_image("pooling", shape)
        windows = windows_on(shape, self.window, self._stride, "valid", "window")
        return Shape.image(*windows.output, shape.sizes[2])

    def multiply_adds(self, shape: Shape) -> int:
        rows, columns = pair(self.window)
        return self.output_shape(shape).size * rows * columns

    def windows(self, x: Array) -> Windows:
        """Where the windows lie on images x (B, H, W, C)."""
        return lay_windows((x.shape[1], x.shape[2]), pair(self.window), pair(self._stride), "valid")

    def values(self, params: Params, x: Array, y: Array, cache: Cache) -> Mapping[str, Value]:
        return {"output": output_value(y)}


def _slices(x: Array, windows: Windows) -> list[Array]:
    """For each cell of the window, in row-major order, the view (B, Ho, Wo, C) of that cell of every window."""
    rows, columns = windows.kernel
    return [cells_at(x, (i, j), windows.stride, windows.output) for i in range(rows) for j in range(columns)]


class MaxPool(_Pool, frozen=True, tag="max-pool"):
    """y = the greatest value of each window. The gradient goes to the first cell (row by row) that has it.

    x (B, H, W, C), y (B, ⌊(H − window) / stride⌋ + 1, …, C). `stride` defaults to the window.
    """

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        windows = self.windows(x)
        y = ctx.empty((x.shape[0], *windows.output, x.shape[3]), x.dtype)
        first, *rest = _slices(x, windows)
        np.copyto(y, first)
        for cells in rest:
            np.maximum(y, cells, out=y)
        return y, (x, y, windows)

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        if not need_dx:
            return None
        x, y, windows = cache
        dx = ctx.empty(x.shape, dy.dtype)
        dx.fill(0)
        rest = ctx.empty(dy.shape, dy.dtype)  # the gradient that has not found its cell yet
        np.copyto(rest, dy)
        part = ctx.empty(dy.shape, dy.dtype)
        for cells, into in zip(_slices(x, windows), _slices(dx, windows), strict=True):
            np.multiply(rest, cells == y, out=part)
            rest -= part
            into += part
        return dx


class SumPool(_Pool, frozen=True, tag="sum-pool"):
    """y = the sum of each window. x (B, H, W, C), y (B, ⌊(H − window) / stride⌋ + 1, …, C)."""

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        windows = self.windows(x)
        y = ctx.empty((x.shape[0], *windows.output, x.shape[3]), x.dtype)
        return _sum(x, windows, y), (x.shape, windows)

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        if not need_dx:
            return None
        shape, windows = cache
        return _spread(dy, windows, ctx.empty(shape, dy.dtype))


class AveragePool(_Pool, frozen=True, tag="average-pool"):
    """y = the mean of each window. x (B, H, W, C), y (B, ⌊(H − window) / stride⌋ + 1, …, C)."""

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        windows = self.windows(x)
        y = ctx.empty((x.shape[0], *windows.output, x.shape[3]), x.dtype)
        _sum(x, windows, y)
        y *= 1.0 / windows.cells
        return y, (x.shape, windows)

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        if not need_dx:
            return None
        shape, windows = cache
        dx = _spread(dy, windows, ctx.empty(shape, dy.dtype))
        dx *= 1.0 / windows.cells
        return dx


def _sum(x: Array, windows: Windows, out: Array) -> Array:
    first, *rest = _slices(x, windows)
    np.copyto(out, first)
    for cells in rest:
        out += cells
    return out


def _spread(dy: Array, windows: Windows, out: Array) -> Array:
    """Every cell of a window gets the window's dy."""
    out.fill(0)
    for cells in _slices(out, windows):
        cells += dy
    return out
