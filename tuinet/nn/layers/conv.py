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
from tuinet.nn.layers.unfold import KEPT_BYTES, Room, Term, add_gradient, multiply_windows, unfold_in_blocks
from tuinet.nn.layers.windows import Padding, Pair, Size, Windows, cells_at, lay_windows, pad, pair, windows_on
from tuinet.nn.params import Array, Params, ParamSpec


class ConvCache(NamedTuple):
    x: Array  # (B, Hp, Wp, C), with its padding
    windows: Windows
    terms: list[Term] | None  # the unfolded windows, kept if they are but one block; else they are unfolded again


class Conv2D(Layer, frozen=True, tag="conv2d"):
    """Every filter slides over the image and answers at each place with the sum of products, plus its bias:

    y[b, i, j, f] = Σ_{u, v, c} x[b, i·s + u − p, j·s + v − p, c] · weight[u, v, c, f] + bias[f]

    x (B, H, W, C), weight (kh, kw, C, F) with F = `filters`, y (B, Ho, Wo, F). As in all of deep learning the kernel
    is not flipped (a cross-correlation). `padding`: "valid" none; "same" gives ⌈H / stride⌉ rows, zeros shared between
    both sides, the odd one at the bottom and right; a number puts that many zeros on every side.
    """

    stem = "conv"

    filters: Size
    """How many kernels, and so maps, there are."""
    kernel: Pair
    """The size of a kernel: one number for both sides, or [rows, columns]."""
    stride: Pair = 1
    """How far the kernel moves from place to place."""
    padding: Padding = "valid"
    """"valid": no zeros around the image; "same": as many as keep its size at stride 1; or that many on every side."""
    bias: bool = True
    """Whether a bias is added to each map."""
    initializer: Initializer | None = None
    """How the kernels start. Unset: He before a ReLU, Glorot before anything else."""

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

    def windows(self, image: tuple[int, ...]) -> Windows:
        """Where the kernel lies on an image of (rows, columns)."""
        return lay_windows((image[0], image[1]), pair(self.kernel), pair(self.stride), self.padding)

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        windows = self.windows(x.shape[1:3])
        padded = pad(x, windows, ctx)
        y = ctx.empty((x.shape[0], *windows.output, self.filters), x.dtype)
        kept, room = None, Room(ctx)
        for part, terms in unfold_in_blocks(padded, windows, ctx, whole=KEPT_BYTES):
            flat = y[part].reshape(-1, self.filters)  # (M, F)
            multiply_windows(terms, params["weight"].reshape(-1, self.filters), flat, (1, 1), room)
            if self.bias:
                add_bias(flat, params["bias"])
            kept = terms if flat.size == y.size else None
        return y, ConvCache(padded, windows, kept)

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        x, windows, kept = cache
        weight = grads["weight"].reshape(-1, self.filters)
        weight[...] = 0
        room = Room(ctx)
        for part, terms in unfold_in_blocks(x, windows, ctx) if kept is None else [(slice(None), kept)]:
            add_gradient(terms, dy[part].reshape(-1, self.filters), weight, (1, 1), room)
        if self.bias:
            sum_rows(dy.reshape(dy.size // self.filters, self.filters), grads["bias"])
        if not need_dx:
            return None
        if windows.stride != (1, 1):
            return self.scatter_back(params["weight"], dy, windows, ctx)
        spread = ctx.empty((dy.shape[0], *back_size(windows), self.filters), dy.dtype)
        place(dy, spread, back_start(windows))
        return self.correlate_back(params["weight"], spread, windows, ctx)

    def correlate_back(self, weight: Array, spread: Array, windows: Windows, ctx: Context) -> Array:
        """dJ/dx at stride 1: dJ/dy with room around it, `spread`, under the kernels turned by 180°.

        One and a half to two times faster than adding up the windows' gradients, whose cells overlap.
        """
        channels = weight.shape[2]
        around = lay_windows(back_size(windows), windows.kernel, (1, 1), "valid")
        turned = np.ascontiguousarray(weight[::-1, ::-1].swapaxes(2, 3)).reshape(-1, channels)  # (kh·kw·F, C)
        dx = ctx.empty((spread.shape[0], *windows.image, channels), spread.dtype)
        room = Room(ctx)
        for part, terms in unfold_in_blocks(spread, around, ctx):
            multiply_windows(terms, turned, dx[part].reshape(-1, channels), (1, 1), room)
        return dx

    def scatter_back(self, weight: Array, dy: Array, windows: Windows, ctx: Context) -> Array:
        """dJ/dx at any stride: each window's gradient is added to the cells it came from."""
        (height, width), (top, left), (kh, kw) = windows.image, windows.before, windows.kernel
        batch, channels = dy.shape[0], weight.shape[2]
        columns = ctx.empty((batch, *windows.output, kh, kw, channels), dy.dtype)
        count = batch * windows.output[0] * windows.output[1]
        flat = dy.reshape(count, self.filters)
        np.matmul(flat, weight.reshape(-1, self.filters).T, out=columns.reshape(count, windows.cells * channels))
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


def back_size(windows: Windows) -> tuple[int, int]:
    """The size that dJ/dy at stride 1 is spread to, so that the turned kernels find a window for every input."""
    return windows.image[0] + windows.kernel[0] - 1, windows.image[1] + windows.kernel[1] - 1


def back_start(windows: Windows) -> tuple[int, int]:
    """Where dJ/dy begins on that spread; negative if the padding is wider than the kernel reaches."""
    return windows.kernel[0] - 1 - windows.before[0], windows.kernel[1] - 1 - windows.before[1]


def place(small: Array, out: Array, start: tuple[int, int]) -> None:
    """out (B, H, W, C) = zeros with `small` laid on it from `start`; what lies outside of out is cut off."""
    spans: list[tuple[slice, slice]] = []
    for first, count, room in zip(start, small.shape[1:3], out.shape[1:3], strict=True):
        begin, end = max(first, 0), min(first + count, room)
        spans.append((slice(begin, end), slice(begin - first, end - first)))
    (rows, small_rows), (columns, small_columns) = spans
    out.fill(0)
    out[:, rows, columns] = small[:, small_rows, small_columns]
