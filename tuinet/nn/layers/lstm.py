"""The long short-term memory layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.initializers import GateBias, Orthogonal
from tuinet.nn.layer import Cache, Shape, Value
from tuinet.nn.layers.numeric import add_bias, sum_rows
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


class LSTM(OverTime, frozen=True, tag="lstm"):
    """f, i, o = σ(x U + h W + b), C̃ = tanh(x U + h W + b), C ← f ⊙ C + i ⊙ C̃, h = o ⊙ tanh(C).

    The gates lie side by side in the order f, i, o, C̃: U = input_weight (C, 4H), W = recurrent_weight (H, 4H),
    b = bias (4H,), with H = `units`. Hochreiter & Schmidhuber (1997), with the forget gate of Gers et al. (2000).
    """

    stem = "lstm"

    units: Size
    """How many hidden units (and memory cells) there are."""
    forget_bias: float = 1.0
    """Where the biases of the forget gates start: above 0, cells begin by remembering."""

    def output_shape(self, shape: Shape) -> Shape:
        require_steps("lstm", shape)
        return Shape.vector(self.units).over_time

    def state_sizes(self) -> Mapping[str, int]:
        return {"hidden": self.units, "cell": self.units}

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        inputs, units = shape.size, self.units
        bias = GateBias((self.forget_bias, 0.0, 0.0, 0.0))
        return {
            "input_weight": ParamSpec((inputs, 4 * units), "weight", inputs, units),
            "recurrent_weight": ParamSpec((units, 4 * units), "weight", units, units, Orthogonal()),
            "bias": ParamSpec((4 * units,), "bias", inputs, units, bias),
        }

    def multiply_adds(self, shape: Shape) -> int:
        return (shape.size + self.units) * 4 * self.units

    def run(self, params: Params, x: Sequence, state: State, ctx: Context) -> tuple[Sequence, State, Cache]:
        values, steps = x
        hidden, cell = history(state[0], steps, ctx), history(state[1], steps, ctx)  # (B + N, H)
        gates = ctx.empty((steps.total, 4 * self.units), hidden.dtype)
        np.matmul(values, params["input_weight"], out=gates)
        add_bias(gates, params["bias"])
        squashed = ctx.empty((steps.total, self.units), hidden.dtype)  # tanh(C)
        weight = params["recurrent_weight"]
        for rows, now, before, _ in loop(steps):
            self.step(weight, gates[rows], hidden[before], cell[before], hidden[now], cell[now], squashed[rows])
        y = Sequence(hidden[len(steps) :], steps)
        return y, (final(hidden, steps), final(cell, steps)), (values, gates, hidden, cell, squashed, steps)

    def step(
        self, weight: Array, a: Array, hidden: Array, cell: Array, new_hidden: Array, new_cell: Array, squashed: Array
    ) -> None:
        """One step of n sequences, in place: a (n, 4H), the input's part of the sums, becomes the gates."""
        units = self.units
        a += hidden @ weight
        sigmoid = a[:, : 3 * units]
        sigmoid *= 0.5  # σ(a) = ½ tanh(½ a) + ½: one tanh for all four, and nothing can overflow
        np.tanh(a, out=a)
        sigmoid *= 0.5
        sigmoid += 0.5
        forget, enter, leave, candidate = (a[:, k * units : (k + 1) * units] for k in range(4))
        np.multiply(forget, cell, out=new_cell)
        new_cell += enter * candidate
        np.tanh(new_cell, out=squashed)
        np.multiply(leave, squashed, out=new_hidden)

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
        values, gates, hidden, cell, squashed, steps = cache
        units = self.units
        da = self._slopes(gates, one_before(cell, steps), squashed, ctx)  # (N, 4H), becomes dJ/da
        through = ctx.empty(squashed.shape, squashed.dtype)  # dC/dh of the same step: o (1 − tanh² C)
        np.multiply(squashed, squashed, out=through)
        np.subtract(1, through, out=through)
        through *= gates[:, 2 * units : 3 * units]
        weight = np.ascontiguousarray(params["recurrent_weight"].T)  # (4H, H)
        dhidden = last_gradient(dstate, 0, hidden, steps)  # (B, H)
        dcell = last_gradient(dstate, 1, hidden, steps)
        for rows, _, _, running in loop_back(steps):
            if dy is not None:
                dhidden[running] += dy.values[rows]
            self.step_back(weight, gates[rows], da[rows], through[rows], dhidden[running], dcell[running])
        np.matmul(values.T, da, out=grads["input_weight"])
        np.matmul(one_before(hidden, steps).T, da, out=grads["recurrent_weight"])
        sum_rows(da, grads["bias"])
        dx = None
        if need_dx:
            dx = Sequence(np.matmul(da, params["input_weight"].T, out=ctx.empty(values.shape, da.dtype)), steps)
        return dx, (out_of_order(dhidden, steps), out_of_order(dcell, steps))

    def _slopes(self, gates: Array, cell_before: Array, squashed: Array, ctx: Context) -> Array:
        """(N, 4H): for all steps at once, dC/da of f, i and C̃, and dh/da of o."""
        units = self.units
        slopes = ctx.empty(gates.shape, gates.dtype)
        sigmoid, into = gates[:, : 3 * units], slopes[:, : 3 * units]
        np.subtract(1, sigmoid, out=into)
        into *= sigmoid
        candidate, of_candidate = gates[:, 3 * units :], slopes[:, 3 * units :]
        slopes[:, :units] *= cell_before
        slopes[:, units : 2 * units] *= candidate
        slopes[:, 2 * units : 3 * units] *= squashed
        np.multiply(candidate, candidate, out=of_candidate)
        np.subtract(1, of_candidate, out=of_candidate)
        of_candidate *= gates[:, units : 2 * units]
        return slopes

    def step_back(
        self, weight: Array, gates: Array, slopes: Array, through: Array, dhidden: Array, dcell: Array
    ) -> None:
        """One step back, in place: slopes become dJ/da; dhidden and dcell (n, H) become those of the step before."""
        units = self.units
        dcell += dhidden * through
        slopes[:, : 2 * units].reshape(-1, 2, units)[...] *= dcell[:, None]
        slopes[:, 2 * units : 3 * units] *= dhidden
        slopes[:, 3 * units :] *= dcell
        np.matmul(slopes, weight, out=dhidden)
        dcell *= gates[:, :units]

    def values(self, params: Params, x: Sequence, y: Sequence, cache: Cache) -> Mapping[str, Value]:
        _, gates, _, cell, _, steps = cache
        units = self.units
        names = ("forget", "input", "output_gate", "candidate")
        seen = {name: over_time_value(gates[:, k * units : (k + 1) * units], steps) for k, name in enumerate(names)}
        return {
            "output": over_time_value(y.values, steps),
            "cell": over_time_value(cell[len(steps) :], steps),
            **seen,
            "input_weight": Value(params["input_weight"], ("input", "unit")),
            "recurrent_weight": Value(params["recurrent_weight"], ("from", "unit")),
        }
