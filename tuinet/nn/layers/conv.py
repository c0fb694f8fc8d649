"""The two-dimensional convolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.initializers import Initializer
from tuinet.nn.layer import Cache, Layer, Shape, Value
from tuinet.nn.layers.checks import output_value, require_image
from tuinet.nn.layers.numeric import add_bias, sum_rows
from tuinet.nn.layers.windows import (
    Padding,
    Pair,
    Size,
    Windows,
    cells_at,
    clear_border,
    gather,
    lay_windows,
    pad,
    pair,
    windows_on,
)
from tuinet.nn.params import Array, Params, ParamSpec


class ConvCache(NamedTuple):
    columns: Array  # (B·Ho·Wo, kh·kw·C)
    windows: Windows


class Conv2D(Layer, frozen=True, tag="conv2d"):
    """Every filter slides over the image and answers at each place with the sum of products, plus its bias:

    y[b, i, j, f] = Σ_{u, v, c} x[b, i·s + u − p, j·s + v − p, c] · weight[u, v, c, f] + bias[f]

    x (B, H, W, C), weight (kh, kw, C, F) with F = `filters`, y (B, Ho, Wo, F). As in all of deep learning the kernel
    is not flipped (a cross-correlation). `padding`: "valid" none; "same" gives ⌈H / stride⌉ rows, zeros shared between
    both sides, the odd one at the bottom and right; a number puts that many zeros on every side.
    """

    stem = "conv"

    filters: Size
    kernel: Pair
    stride: Pair = 1
    padding: Padding = "valid"
    bias: bool = True
    initializer: Initializer | None = None

    def output_shape(self, shape: Shape) -> Shape:
        require_image("conv2d", shape)
        windows = windows_on(shape, self.kernel, self.stride, self.padding, "kernel")
        return Shape.image(*windows.output, self.filters)

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        height, width = pair(self.kernel)
        channels = shape.sizes[-1]
        fan_in, fan_out = height * width * channels, height * width * self.filters
        size = (height, width, channels, self.filters)
        specs = {"weight": ParamSpec(size, "weight", fan_in, fan_out, self.initializer)}
        if self.bias:
            specs["bias"] = ParamSpec((self.filters,), "bias", fan_in, fan_out)
        return specs

    def multiply_adds(self, shape: Shape) -> int:
        height, width = pair(self.kernel)
        return self.output_shape(shape).size * height * width * shape.sizes[-1]

    def windows(self, x: Array) -> Windows:
        """Where the kernel lies on images x (B, H, W, C)."""
        return lay_windows((x.shape[1], x.shape[2]), pair(self.kernel), pair(self.stride), self.padding)

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        weight = params["weight"]
        windows = self.windows(x)
        batch, channels = x.shape[0], x.shape[3]
        columns = ctx.empty((batch, *windows.output, *windows.kernel, channels), x.dtype)
        gather(pad(x, windows, ctx), windows.kernel, windows.stride, windows.output, columns)
        matrix = columns.reshape(-1, windows.cells * channels)  # (B·Ho·Wo, kh·kw·C)
        y = ctx.empty((batch, *windows.output, self.filters), x.dtype)
        np.matmul(matrix, weight.reshape(-1, self.filters), out=y.reshape(-1, self.filters))
        if self.bias:
            add_bias(y, params["bias"])
        return y, ConvCache(matrix, windows)

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        columns, windows = cache
        flat = dy.reshape(-1, self.filters)  # (B·Ho·Wo, F)
        np.matmul(columns.T, flat, out=grads["weight"].reshape(-1, self.filters))
        if self.bias:
            sum_rows(flat, grads["bias"])
        if not need_dx:
            return None
        if windows.stride == (1, 1):
            return self.correlate_back(params["weight"], dy, windows, ctx)
        return self.scatter_back(params["weight"], dy, windows, ctx)

    def correlate_back(self, weight: Array, dy: Array, windows: Windows, ctx: Context) -> Array:
        """dJ/dx at stride 1: dy, with room around it, under the kernels turned by 180°."""
        (height, width), (kh, kw) = windows.image, windows.kernel
        batch, channels = dy.shape[0], weight.shape[2]
        top, left = kh - 1 - windows.before[0], kw - 1 - windows.before[1]
        spread = ctx.empty((batch, height + kh - 1, width + kw - 1, self.filters), dy.dtype)
        place(dy, spread, (top, left))
        columns = ctx.empty((batch, height, width, kh, kw, self.filters), dy.dtype)
        gather(spread, windows.kernel, (1, 1), windows.image, columns)
        turned = np.ascontiguousarray(weight[::-1, ::-1].swapaxes(2, 3)).reshape(-1, channels)  # (kh·kw·F, C)
        dx = ctx.empty((batch, height, width, channels), dy.dtype)
        np.matmul(columns.reshape(-1, kh * kw * self.filters), turned, out=dx.reshape(-1, channels))
        return dx

    def scatter_back(self, weight: Array, dy: Array, windows: Windows, ctx: Context) -> Array:
        """dJ/dx at any stride: each window's gradient is added to the cells it came from."""
        (height, width), (top, left), (kh, kw) = windows.image, windows.before, windows.kernel
        batch, channels = dy.shape[0], weight.shape[2]
        columns = ctx.empty((batch, *windows.output, kh, kw, channels), dy.dtype)
        rows = dy.reshape(-1, self.filters)
        np.matmul(rows, weight.reshape(-1, self.filters).T, out=columns.reshape(-1, kh * kw * channels))
        padded = ctx.empty((batch, *windows.padded, channels), dy.dtype)
        padded.fill(0)
        for i in range(kh):
            for j in range(kw):
                cells = cells_at(padded, (i, j), windows.stride, windows.output)
                cells += columns[:, :, :, i, j]
        return np.ascontiguousarray(padded[:, top : top + height, left : left + width])

    def values(self, params: Params, x: Array, y: Array, cache: Cache) -> Mapping[str, Value]:
        return {
            "output": output_value(y),
            "kernels": Value(params["weight"], ("row", "column", "channel", "filter")),
        }


def place(small: Array, out: Array, start: tuple[int, int]) -> None:
    """out (B, H, W, C) = zeros with `small` laid on it from `start`; what lies outside of out is cut off."""
    spans: list[tuple[slice, slice]] = []
    for first, count, room in zip(start, small.shape[1:3], out.shape[1:3], strict=True):
        begin, end = max(first, 0), min(first + count, room)
        spans.append((slice(begin, end), slice(begin - first, end - first)))
    (rows, small_rows), (columns, small_columns) = spans
    clear_border(out, (rows.start, columns.start), (rows.stop - rows.start, columns.stop - columns.start))
    out[:, rows, columns] = small[:, small_rows, small_columns]
