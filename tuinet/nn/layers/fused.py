"""Neighbouring layers done in one go: the same numbers as the layers one by one, for less work.

A fused operation is a `Layer` that never appears in an experiment or a model: only the plan of a stack
(stack.py) makes it, and `trace` always runs the plain list. Its parameters are those of its first layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.layer import Cache, Layer, Shape
from tuinet.nn.layers.conv import Conv2D, back_size, back_start
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.numeric import add_bias, pass_positive, relu, sum_rows
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.layers.unfold import KEPT_BYTES, Room, Term, add_gradient, multiply_windows, unfold_in_blocks
from tuinet.nn.layers.windows import Windows, pad, pair
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
    x: Array  # (B, Hp, Wp, C), with its padding
    windows: Windows
    terms: list[Term] | None  # the unfolded windows, kept if they are but one block
    rounds: list[list[Array]]  # for each block of images, who met in each round for the maximum: (players, m, F)
    y: Array  # (B, Ho / ph, Wo / pw, F)


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
        padded = pad(x, windows, ctx)
        y = ctx.empty((x.shape[0], windows.output[0] // ph, windows.output[1] // pw, filters), x.dtype)
        met: list[list[Array]] = []
        kept, room = None, Room(ctx)
        for part, terms in unfold_in_blocks(padded, windows, ctx, (ph, pw), KEPT_BYTES):
            flat = y[part].reshape(-1, filters)  # (m, F)
            z = ctx.empty((ph * pw, *flat.shape), x.dtype)
            multiply_windows(terms, params["weight"].reshape(-1, filters), z.reshape(-1, filters), (ph, pw), room)
            met.append(_play(z, flat, ctx))
            if self.conv.bias:
                add_bias(flat, params["bias"])
            if self.relu:
                relu(flat, flat)
            kept = terms if flat.size == y.size else None
        return y, ConvPoolCache(padded, windows, kept, met, y)

    def backward(
        self, params: Params, cache: Cache, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Array | None:
        x, windows, kept, met, y = cache
        phases, filters, batch = pair(self.pool.window), self.conv.filters, len(dy)
        d = pass_positive(dy, y, ctx) if self.relu else dy
        if self.conv.bias:
            sum_rows(d.reshape(d.size // filters, filters), grads["bias"])
        spread, into = self._room(windows, batch, ctx, dy.dtype) if need_dx else (None, None)
        weight = grads["weight"].reshape(-1, filters)
        weight[...] = 0
        room = Room(ctx)
        blocks = unfold_in_blocks(x, windows, ctx, phases) if kept is None else [(slice(0, batch), kept)]
        for (part, terms), rounds in zip(blocks, met, strict=True):
            given = d[part]
            dz = _send_back(rounds, given.reshape(given.size // filters, filters), ctx)
            add_gradient(terms, dz.reshape(-1, filters), weight, phases, room)
            if into is not None:
                _put_in_place(dz, into[part], phases)
        if spread is None:
            return None
        if windows.stride == (1, 1):
            return self.conv.correlate_back(params["weight"], spread, windows, ctx)
        return self.conv.scatter_back(params["weight"], spread, windows, ctx)

    def _room(self, windows: Windows, batch: int, ctx: Context, dtype: Any) -> tuple[Array, Array]:
        """What the convolution's way back asks for, and in it the place of dJ/d(its output), (B, Ho, Wo, F)."""
        filters, (rows, columns) = self.conv.filters, windows.output
        if windows.stride != (1, 1):
            ordered = ctx.empty((batch, rows, columns, filters), dtype)
            return ordered, ordered
        top, left = back_start(windows)
        spread = ctx.empty((batch, *back_size(windows), filters), dtype)
        spread.fill(0)
        return spread, spread[:, top : top + rows, left : left + columns]


def _put_in_place(dz: Array, out: Array, phases: tuple[int, int]) -> None:
    """From the order of the pooling windows' cells, (ph·pw, m, F), to that of the image, out (b, Ho, Wo, F)."""
    (ph, pw), (batch, rows, columns, filters) = phases, out.shape
    cells = dz.reshape(ph, pw, batch, rows // ph, columns // pw, filters).transpose(2, 3, 0, 4, 1, 5)
    np.copyto(out.reshape(cells.shape, copy=False), cells)


def _play(players: Array, champion: Array, ctx: Context) -> list[Array]:
    """The tournament for the maximum over players (cells, m, F), into champion (m, F): who met in each round."""
    rounds: list[Array] = []
    while players.shape[0] > 1:
        rounds.append(players)
        players = _winners(players, champion, ctx)
    if not rounds:  # a window of one cell
        np.copyto(champion, players[0])
    return rounds


def _winners(players: Array, champion: Array, ctx: Context) -> Array:
    """The greater of each two neighbours (players, M, F); an odd one at the end goes on as it is."""
    pairs, odd = divmod(players.shape[0], 2)
    final = players.shape[0] == 2
    out = champion[np.newaxis] if final else ctx.empty((pairs + odd, *players.shape[1:]), players.dtype)
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
