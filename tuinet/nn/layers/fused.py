"""Neighbouring layers done in one go: the same numbers as the layers one by one, for less work.

A fused operation is a `Layer` that never appears in an experiment or a model: only the plan of a network
(network.py) makes it, and `trace` always runs the plain list. Its parameters are those of its first layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.layer import Cache, Layer, Shape
from tuinet.nn.layers.conv import Conv2D, back_size, back_start
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.numeric import add_bias, pass_positive, relu, sum_rows
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.layers.windows import Windows, pad, pair, unfold
from tuinet.nn.params import Array, Params, ParamSpec


class DenseRelu(Layer, frozen=True):
    """relu(x W + b), the ReLU in place."""

    dense: Dense

    def output_shape(self, shape: Shape) -> Shape:
        return self.dense.output_shape(shape)

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        return self.dense.param_shapes(shape)

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y, cache = self.dense.forward(params, x, ctx)
        return relu(y, y), (cache, y)

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        inner, y = cache
        d = pass_positive(dy, y, ctx)
        return self.dense.backward(params, inner, d, grads, ctx, need_dx)


class ConvPoolCache(NamedTuple):
    columns: (
        Array  # (ph·pw·M, kh·kw·C) with M = B·(Ho / ph)·(Wo / pw), the cells of each pooling window in ph·pw blocks
    )
    windows: Windows
    rounds: list[Array]  # who met in each round of the tournament for the maximum: (players, M, F)
    y: Array


class ConvPool(Layer, frozen=True):
    """max-pool(conv2d(x)), with a ReLU before or after the pooling or none.

    Pooling commutes with ReLU and with adding a bias, since both keep the order of the values: done after it, they see
    a quarter of the values. The convolution's rows come out ordered by their place in the pooling window, so that each
    maximum runs over contiguous blocks. The pooling windows must tile the map (`fits`).
    """

    conv: Conv2D
    pool: MaxPool
    relu: bool

    @staticmethod
    def fits(conv: Conv2D, pool: MaxPool, shape: Shape) -> bool:
        """Whether a convolution of `shape` followed by `pool` can be done as one."""
        rows, columns, _ = conv.output_shape(shape).sizes
        height, width = pair(pool.window)
        tiled = pool.stride is None or pair(pool.stride) == (height, width)
        reach = min(back_start(conv.windows((shape.sizes[0], shape.sizes[1]))))
        return tiled and rows % height == 0 and columns % width == 0 and reach >= 0

    def output_shape(self, shape: Shape) -> Shape:
        return self.pool.output_shape(self.conv.output_shape(shape))

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        return self.conv.param_shapes(shape)

    def forward(self, params: Params, x: Array, ctx: Context) -> tuple[Array, Cache]:
        windows, (ph, pw), filters = self.conv.windows(x.shape[1:3]), pair(self.pool.window), self.conv.filters
        columns = unfold(pad(x, windows, ctx), windows, ctx, (ph, pw))
        count = columns.shape[0] // (ph * pw)
        z = ctx.empty((ph * pw, count, filters), x.dtype)
        np.matmul(columns, params["weight"].reshape(-1, filters), out=z.reshape(columns.shape[0], filters))
        rounds: list[Array] = []
        while z.shape[0] > 1:
            rounds.append(z)
            z = _winners(z, ctx)
        y = z[0]  # (M, F)
        if self.conv.bias:
            add_bias(y, params["bias"])
        if self.relu:
            relu(y, y)
        rows, places = windows.output
        shaped = y.reshape(x.shape[0], rows // ph, places // pw, filters)
        return shaped, ConvPoolCache(columns, windows, rounds, y)

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        columns, windows, rounds, y = cache
        (ph, pw), filters, batch = pair(self.pool.window), self.conv.filters, dy.shape[0]
        d = dy.reshape(y.shape)
        if self.relu:
            d = pass_positive(d, y, ctx)
        if self.conv.bias:
            sum_rows(d, grads["bias"])
        dz = _send_back(rounds, d, ctx)
        np.matmul(columns.T, dz.reshape(columns.shape[0], filters), out=grads["weight"].reshape(-1, filters))
        if not need_dx:
            return None
        rows, places = windows.output
        blocks = dz.reshape(ph, pw, batch, rows // ph, places // pw, filters).transpose(2, 3, 0, 4, 1, 5)
        if windows.stride != (1, 1):
            ordered = ctx.empty((batch, rows, places, filters), dy.dtype)
            np.copyto(ordered.reshape(blocks.shape), blocks)
            return self.conv.scatter_back(params["weight"], ordered, windows, ctx)
        spread = ctx.empty((batch, *back_size(windows), filters), dy.dtype)
        top, left = back_start(windows)
        spread.fill(0)
        np.copyto(spread[:, top : top + rows, left : left + places].reshape(blocks.shape, copy=False), blocks)
        return self.conv.correlate_back(params["weight"], spread, windows, ctx)


def _winners(players: Array, ctx: Context) -> Array:
    """The greater of each two neighbours (players, M, F); an odd one at the end goes on as it is."""
    pairs, odd = divmod(players.shape[0], 2)
    out = ctx.empty((pairs + odd, *players.shape[1:]), players.dtype)
    np.maximum(players[: 2 * pairs : 2], players[1 : 2 * pairs : 2], out=out[:pairs])
    if odd:
        np.copyto(out[pairs], players[-1])
    return out


def _send_back(rounds: list[Array], d: Array, ctx: Context) -> Array:
    """The gradient d (M, F) goes back through the rounds to the winner, of equals to the first: (cells, M, F)."""
    given = d[np.newaxis]
    for players in reversed(rounds):
        pairs, odd = divmod(players.shape[0], 2)
        shares = ctx.empty(players.shape, d.dtype)
        left, right = shares[: 2 * pairs : 2], shares[1 : 2 * pairs : 2]
        first = ctx.empty(left.shape, np.bool_)
        np.greater_equal(players[: 2 * pairs : 2], players[1 : 2 * pairs : 2], out=first)
        np.multiply(given[:pairs], first, out=left)
        np.subtract(given[:pairs], left, out=right)  # exact: one of the two is 0
        if odd:
            np.copyto(shares[-1], given[-1])
        given = shares
    return given
