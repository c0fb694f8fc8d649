"""The plain recurrent layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.initializers import Orthogonal
from tuinet.nn.layer import Cache, Shape, Value
from tuinet.nn.layers.inputs import sums, sums_back
from tuinet.nn.layers.numeric import relu
from tuinet.nn.layers.steps import laid_out, times
from tuinet.nn.layers.windows import Size
from tuinet.nn.params import Array, Params, ParamSpec
from tuinet.nn.recurrent import (
    OverTime,
    State,
    final,
    history,
    last_gradient,
    loop,
    loop_back,
    one_before,
    out_of_order,
    over_time_value,
    require_steps,
)
from tuinet.nn.sequence import Sequence


class RNN(OverTime, frozen=True, tag="rnn"):
    """s⁽ᵗ⁾ = f(U x⁽ᵗ⁾ + W s⁽ᵗ⁻¹⁾ + b) with f = tanh or ReLU: every step sees its input and the step before.

    x (N, C), U = input_weight (C, H), W = recurrent_weight (H, H), b = bias (H,), s (N, H), with H = `units`.
    Elman, "Finding structure in time" (1990).
    """

    stem = "rnn"

    units: Size
    """How many hidden units there are."""
    activation: Literal["tanh", "relu"] = "tanh"
    """f, which keeps the hidden units in bounds (tanh) or lets them grow (relu)."""

    def output_shape(self, shape: Shape) -> Shape:
        require_steps("rnn", shape)
        return Shape.vector(self.units).over_time

    def state_sizes(self) -> Mapping[str, int]:
        return {"hidden": self.units}

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        inputs, units = shape.size, self.units
        return {
            "input_weight": ParamSpec((inputs, units), "weight", inputs, units),
            "recurrent_weight": ParamSpec((units, units), "weight", units, units, Orthogonal()),
            "bias": ParamSpec((units,), "bias", inputs, units),
        }

    def multiply_adds(self, shape: Shape) -> int:
        return (shape.size + self.units) * self.units

    def run(self, params: Params, x: Sequence, state: State, ctx: Context) -> tuple[Sequence, State, Cache]:
        values, steps = x
        kept = history(state[0], steps, ctx)  # (B + N, H)
        hidden = kept[len(steps) :]
        sums(values, params["input_weight"], params["bias"], hidden)
        weight = laid_out(params["recurrent_weight"], len(steps), len(steps.counts), ctx)
        room = ctx.empty((len(steps), self.units), kept.dtype)
        for _, now, before, running in loop(steps):
            self.step(weight, kept[now], kept[before], room[running])
        return Sequence(hidden, steps), (final(kept, steps),), (values, kept, steps)

    def step(self, weight: Array, a: Array, hidden: Array, room: Array) -> None:
        """One step, in place: a (n, H), the input's part of the sum, becomes the new hidden state."""
        a += times(hidden, weight, room)
        if self.activation == "tanh":
            np.tanh(a, out=a)
        else:
            relu(a, a)

    def step_back(self, back: Array, slope: Array, dhidden: Array) -> None:
        """dJ/d(this hidden state) becomes that of one step before; turns slope f′(a) into dJ/da."""
        slope *= dhidden
        times(slope, back, dhidden)

    def run_back(
        self,
        params: Params,
        cache: Cache,
        dy: Sequence | None,
        dstate: State | None,
        grads: Params,
        ctx: Context,
        need_dx: bool = True,
    ) -> tuple[Sequence | None, State]:
        values, kept, steps = cache
        hidden = kept[len(steps) :]
        da = ctx.empty(hidden.shape, hidden.dtype)  # f′(a) of every step, then dJ/da
        if self.activation == "tanh":
            np.multiply(hidden, hidden, out=da)
            np.subtract(1, da, out=da)
        else:
            np.greater(hidden, 0, out=da, casting="unsafe")
        back = laid_out(params["recurrent_weight"].T, len(steps), len(steps.counts), ctx)
        dhidden = last_gradient(dstate, 0, hidden, steps)  # (B, H)
        for rows, _, _, running_now in loop_back(steps):
            running = dhidden[running_now]
            if dy is not None:
                running += dy.values[rows]
            self.step_back(back, da[rows], running)
        dx = sums_back(values, da, params, grads, ctx, need_dx)
        np.matmul(one_before(kept, steps, ctx).T, da, out=grads["recurrent_weight"])
        return None if dx is None else Sequence(dx, steps), (out_of_order(dhidden, steps),)

    def values(self, params: Params, x: Sequence, y: Sequence, cache: Cache) -> Mapping[str, Value]:
        return {
            "output": over_time_value(y.values, y.steps),
            "input_weight": Value(params["input_weight"], ("input", "unit")),
            "recurrent_weight": Value(params["recurrent_weight"], ("from", "unit")),
        }
