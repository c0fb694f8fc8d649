"""From a sequence to one vector, and from an image to a sequence."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.layer import Cache, Layer, Shape, ShapeError, Value
from tuinet.nn.layers.checks import require_numbers
from tuinet.nn.params import Array, Params
from tuinet.nn.recurrent import over_time_value, require_steps
from tuinet.nn.sequence import Sequence, pack, unpack


class _Pooling(Layer, frozen=True):
    """One vector of each sequence: x (N, H), y (B, H)."""

    over_time = True

    def output_shape(self, shape: Shape) -> Shape:
        require_steps(str(self.__struct_config__.tag), shape)
        return shape.step

    def values(self, params: Params, x: Sequence, y: Array, cache: Cache) -> Mapping[str, Value]:
        return {"output": Value(y, ("sample", "unit"))}


class LastStep(_Pooling, frozen=True, tag="last-step"):
    """y = x⁽ᵀ⁾: each sequence's own last step. x (N, H), y (B, H)."""

    stem = "last"
    both_ways: bool = False
    """After a bidirectional layer: the second half of the units is taken from the first step, where the backward
    direction ends."""

    def output_shape(self, shape: Shape) -> Shape:
        pooled = super().output_shape(shape)
        if self.both_ways and shape.size % 2:
            raise ShapeError(f"{shape.size} units have no two equal halves", "leave it out", "both_ways")
        return pooled

    def forward(self, params: Params, x: Sequence, ctx: Context) -> tuple[Array, Cache]:
        y = x.values[x.steps.last]  # (B, H)
        if self.both_ways:
            half = y.shape[1] // 2
            y[:, half:] = x.values[x.steps.place, half:]
        return y, x.steps

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Sequence | None:
        if not need_dx:
            return None
        dx = np.zeros((cache.total, dy.shape[1]), dy.dtype)
        if not self.both_ways:
            dx[cache.last] = dy
            return Sequence(dx, cache)
        half = dy.shape[1] // 2
        dx[cache.last, :half] = dy[:, :half]
        dx[cache.place, half:] = dy[:, half:]
        return Sequence(dx, cache)


class MeanOverTime(_Pooling, frozen=True, tag="mean-over-time"):
    """y = (1/T) Σₜ x⁽ᵗ⁾ over each sequence's own T steps. x (N, H), y (B, H)."""

    stem = "mean"

    def forward(self, params: Params, x: Sequence, ctx: Context) -> tuple[Array, Cache]:
        data = unpack(x)
        y = np.add.reduceat(data.values, data.offsets[:-1], axis=0) if len(x.steps) else x.values[:0]
        y /= x.steps.lengths[:, None].astype(y.dtype)
        return y, x.steps

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Sequence | None:
        if not need_dx:
            return None
        return Sequence((dy / cache.lengths[:, None].astype(dy.dtype))[cache.samples], cache)


class MaxOverTime(_Pooling, frozen=True, tag="max-over-time"):
    """y = maxₜ x⁽ᵗ⁾, for each unit the largest value at any step (the first of equals). x (N, H), y (B, H)."""

    stem = "max"

    def forward(self, params: Params, x: Sequence, ctx: Context) -> tuple[Array, Cache]:
        values, steps = x
        y = values[: len(steps)].copy()
        winner = np.broadcast_to(np.arange(len(steps))[:, None], y.shape).copy()  # (B, H) the row of the largest
        for t, count in enumerate(steps.counts):
            part, best = values[steps.rows(t)], y[:count]
            larger = part > best
            best[larger] = part[larger]
            winner[:count][larger] = (np.arange(count)[:, None] + steps.starts[t] + np.zeros_like(winner[:1]))[larger]
        return y[steps.place], (winner[steps.place], steps)

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Sequence | None:
        if not need_dx:
            return None
        winner, steps = cache
        dx = np.zeros((steps.total, dy.shape[1]), dy.dtype)
        if dx.size:
            np.put_along_axis(dx, winner, dy, axis=0)
        return Sequence(dx, steps)


class Rows(Layer, frozen=True, tag="rows"):
    """An image (H, W, C), or a table (H, W), as a sequence of its H rows, each a vector of its values."""

    stem = "rows"
    over_time = True

    def output_shape(self, shape: Shape) -> Shape:
        require_numbers("rows", shape)
        if shape.sequence or len(shape.sizes) < 2:
            raise ShapeError(f"rows reads an image row by row, and {shape} is none", "leave it out")
        return Shape.vector(shape.size // shape.sizes[0]).over_time

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Sequence, Cache]:
        return pack(x.reshape(*x.shape[:2], math.prod(x.shape[2:]))), x.shape

    def backward(
        self, params: Params, cache: Cache, dy: Sequence, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        return unpack(dy).values.reshape(cache) if need_dx else None

    def values(self, params: Params, x: Array, y: Sequence, cache: Cache) -> Mapping[str, Value]:
        return {"output": over_time_value(y.values, y.steps)}
