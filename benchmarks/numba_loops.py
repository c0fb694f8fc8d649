"""What numba makes of tuinet's elementwise work: each a loop that goes once over what NumPy goes over many times.

The operations are NumPy's, one by one and in float32: nothing is reordered (no fastmath), so the numbers are the same
to a rounding of tanh. Whether LLVM finds vector instructions for them hangs on three things: loops as long as an array
is (elsewhere numba asks whether an index is negative), division as in NumPy (Python's may raise), tanh without a call.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.layers.lstm import LSTM, Tools
from tuinet.nn.layers.steps import times
from tuinet.nn.optimizers import Adam
from tuinet.nn.params import Array

compiled = numba.njit(error_model="numpy", cache=True)
HALF, ONE, MOST = np.float32(0.5), np.float32(1), np.float32(9)

# tanh x ≈ x P(x²) / Q(x²) for |x| ≤ 9, beyond which float32 has ±1: P and Q, from x⁰ up, fitted to the relative error.
P0, P1, P2, P3, P4 = map(np.float32, (1, 1.33809811e-1, 3.49553449e-3, 2.06081841e-5, 1.33534121e-8))
Q0, Q1, Q2, Q3, Q4 = map(np.float32, (1, 4.67142968e-1, 2.58767799e-2, 3.28554625e-4, 7.77604676e-7))


@compiled
def tanh(x):
    """To 4e-7 of its value. The C library's, which numba takes, is a call for each value: forty times slower."""
    x = min(max(x, -MOST), MOST)
    s = x * x
    p = (((P4 * s + P3) * s + P2) * s + P1) * s + P0
    return x * p / ((((Q4 * s + Q3) * s + Q2) * s + Q1) * s + Q0)


@compiled
def sigmoid(x):
    return HALF * tanh(HALF * x) + HALF


def adam_scalars(adam: Adam, rate: float, step: int) -> tuple[np.float32, ...]:
    """β₁, β₂, scale and ε as `Adam.update` works them out."""
    first = (1.0 - adam.beta1) / (1.0 - adam.beta1**step)
    second = math.sqrt((1.0 - adam.beta2) / (1.0 - adam.beta2**step))
    found = (adam.beta1, adam.beta2, rate * first / second, adam.epsilon / second)
    return tuple(np.float32(each) for each in found)


@compiled
def adam(theta, g, m, q, beta1, beta2, scale, epsilon):
    """`Adam.update`, all ten passes in one."""
    for i in range(theta.size):
        m[i] = m[i] * beta1 + g[i]
        q[i] = q[i] * beta2 + g[i] * g[i]
        theta[i] -= m[i] / (np.sqrt(q[i]) + epsilon) * scale


@numba.njit(error_model="numpy", cache=True, parallel=True)
def adam_on_two(theta, g, m, q, beta1, beta2, scale, epsilon):
    """Half of it on each of two threads."""
    for half in numba.prange(2):
        start, stop = half * theta.size // 2, (half + 1) * theta.size // 2
        adam(theta[start:stop], g[start:stop], m[start:stop], q[start:stop], beta1, beta2, scale, epsilon)


@compiled
def lstm_step(a, product, cell, new_cell, new_hidden, squashed):
    """`LSTM.step` after its product, without peepholes."""
    units = cell.shape[1]
    for i in range(len(a)):
        for k in range(3 * units):
            a[i, k] = sigmoid(a[i, k] + product[i, k])
        candidate, share = a[i, 3 * units :], product[i, 3 * units :]
        for k in range(units):
            candidate[k] = tanh(candidate[k] + share[k])
        forget, enter, leave = a[i, :units], a[i, units : 2 * units], a[i, 2 * units : 3 * units]
        before, now, hidden, bounded = cell[i], new_cell[i], new_hidden[i], squashed[i]
        for k in range(units):
            c = forget[k] * before[k] + enter[k] * candidate[k]
            t = tanh(c)
            now[k], bounded[k], hidden[k] = c, t, leave[k] * t


@compiled
def lstm_slopes(gates, cell_before, squashed, hidden, slopes, through):
    """`LSTM._slopes` of gates that are not coupled."""
    units = squashed.shape[1]
    for i in range(len(gates)):
        forget, enter = gates[i, :units], gates[i, units : 2 * units]
        leave, candidate = gates[i, 2 * units : 3 * units], gates[i, 3 * units :]
        of_forget, of_enter = slopes[i, :units], slopes[i, units : 2 * units]
        of_leave, of_candidate = slopes[i, 2 * units : 3 * units], slopes[i, 3 * units :]
        before, bounded, out, way = cell_before[i], squashed[i], hidden[i], through[i]
        for k in range(units):
            of_forget[k] = (ONE - forget[k]) * before[k] * forget[k]
        for k in range(units):
            let_in = enter[k] * candidate[k]
            of_enter[k] = (ONE - enter[k]) * let_in
            of_candidate[k] = enter[k] - let_in * candidate[k]
        for k in range(units):
            of_leave[k] = (ONE - leave[k]) * out[k]
            way[k] = leave[k] - out[k] * bounded[k]


@compiled
def lstm_step_back(gates, slopes, through, dhidden, dcell):
    """`LSTM.step_back` before its product, which is the last that needs `dhidden`."""
    units = dcell.shape[1]
    for i in range(len(gates)):
        of_forget, of_enter = slopes[i, :units], slopes[i, units : 2 * units]
        of_leave, of_candidate = slopes[i, 2 * units : 3 * units], slopes[i, 3 * units :]
        forget, way, dh, dc = gates[i, :units], through[i], dhidden[i], dcell[i]
        for k in range(units):
            dc[k] += dh[k] * way[k]
            of_leave[k] *= dh[k]
        for k in range(units):
            of_enter[k] *= dc[k]
            of_candidate[k] *= dc[k]
        for k in range(units):
            of_forget[k] *= dc[k]
            dc[k] *= forget[k]


class FusedLSTM(LSTM, frozen=True, tag="lstm"):
    """Its steps in one loop each, beside their product."""

    def step(self, tools: Tools, a: Array, hidden: Array, cell: Array, *new: Array) -> None:
        new_hidden, new_cell, squashed = new
        product = tools.product[: len(a)]
        lstm_step(a, times(hidden, tools.weight, product), cell, new_cell, new_hidden, squashed)

    def step_back(self, weight: Array, peephole: Array | None, gates: Array, slopes: Array, *rest: Array) -> None:
        through, dhidden, dcell = rest
        lstm_step_back(gates, slopes, through, dhidden, dcell)
        times(slopes, weight, dhidden)


class BareLSTM(LSTM, frozen=True, tag="lstm"):
    """Its steps are their product and nothing else."""

    def step(self, tools: Tools, a: Array, hidden: Array, *_: Any) -> None:
        times(hidden, tools.weight, tools.product[: len(a)])

    def step_back(self, weight: Array, peephole: Array | None, gates: Array, slopes: Array, *rest: Array) -> None:
        times(slopes, weight, rest[1])


def fused_slopes(gates: Array, cell_before: Array, squashed: Array, hidden: Array, ctx: Context) -> tuple[Array, Array]:
    slopes, through = ctx.empty(gates.shape, gates.dtype), ctx.empty(squashed.shape, squashed.dtype)
    lstm_slopes(gates, cell_before, squashed, hidden, slopes, through)
    return slopes, through


@compiled
def conv_pool(x, weight, bias, y):
    """relu(max-pool 2×2(conv2d(x))) of one image: x (H + 2, W + 2, C), padded, y (H / 2, W / 2, F)."""
    rows, columns, filters = y.shape
    sums = np.empty((4, filters), np.float32)  # of the four cells of a pooling window
    for row in range(rows):
        for column in range(columns):
            sums[:] = 0
            for cell in range(4):
                into, top, left = sums[cell], 2 * row + cell // 2, 2 * column + cell % 2
                for i in range(3):
                    for j in range(3):
                        for channel in range(x.shape[2]):
                            value, share = x[top + i, left + j, channel], weight[i, j, channel]
                            for f in range(filters):
                                into[f] += value * share[f]
            for f in range(filters):
                largest = max(max(sums[0, f], sums[1, f]), max(sums[2, f], sums[3, f]))
                y[row, column, f] = max(largest + bias[f], np.float32(0))
