"""The long short-term memory layer, with or without peepholes, with free or coupled gates."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.initializers import ChronoBias, GateBias, Normal, Orthogonal
from tuinet.nn.layer import Cache, Shape, Value
from tuinet.nn.layers.inputs import sums, sums_back
from tuinet.nn.layers.numeric import sigmoid, sum_rows
from tuinet.nn.layers.steps import MANY_STEPS, laid_out, times
from tuinet.nn.layers.windows import Size
from tuinet.nn.params import Array, Params, ParamSpec
from tuinet.nn.recurrent import (
    Longest,
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
from tuinet.nn.sequence import Sequence, Steps


class LSTM(OverTime, frozen=True, tag="lstm"):
    """f, i, o = σ(x U + h W + b), C̃ = tanh(x U + h W + b), C ← f ⊙ C + i ⊙ C̃, h = o ⊙ tanh(C).

    The gates lie side by side in the order f, i, o, C̃: U = input_weight (C, 4H), W = recurrent_weight (H, 4H),
    b = bias (4H,), with H = `units`. With `coupled` gates i is left out everywhere. With a peephole, P = peephole holds
    f, i and o: (3, H) diagonal, (H, 3H) full.
    Hochreiter & Schmidhuber (1997), with the forget gate of Gers, Schmidhuber & Cummins (2000).
    """

    stem = "lstm"

    units: Size
    """How many hidden units (and memory cells) there are."""
    peephole: Literal["none", "diagonal", "full"] = "none"
    """Whether the gates see the cells, f and i the old ones, o the new: not at all; each gate its own cell, as
    f = σ(… + C ⊙ P) (Gers & Schmidhuber 2000); or each gate every cell, as f = σ(… + C P)."""
    coupled: bool = False
    """i = 1 − f: what is let in replaces what is forgotten, C ← f ⊙ C + (1 − f) ⊙ C̃."""
    forget_bias: float = 1.0
    """Where the biases of the forget gates start: above 0, cells begin by remembering."""
    chrono: Longest | None = None
    """The longest distance to bridge, in steps. Set, the biases of the forget gates start at log u with u between 1 and
    this − 1, those of the input gates at − log u (Tallec & Ollivier 2018), and `forget_bias` counts for nothing."""

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates in the order in which they lie, the candidate last."""
        return ("forget", "output_gate", "candidate") if self.coupled else _GATES

    def output_shape(self, shape: Shape) -> Shape:
        require_steps("lstm", shape)
        return Shape.vector(self.units).over_time

    def state_sizes(self) -> Mapping[str, int]:
        return {"hidden": self.units, "cell": self.units}

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        inputs, units, count = shape.size, self.units, len(self.gates)
        if self.chrono is None:
            bias = GateBias((self.forget_bias, *[0.0] * (count - 1)))
        else:
            bias = ChronoBias((1.0, 0.0, 0.0) if self.coupled else (1.0, -1.0, 0.0, 0.0), self.chrono)
        specs = {
            "input_weight": ParamSpec((inputs, count * units), "weight", inputs, units),
            "recurrent_weight": ParamSpec((units, count * units), "weight", units, units, Orthogonal()),
            "bias": ParamSpec((count * units,), "bias", inputs, units, bias),
        }
        if self.peephole == "diagonal":
            specs["peephole"] = ParamSpec((count - 1, units), "weight", 1, 1, Normal(0.1))
        elif self.peephole == "full":
            specs["peephole"] = ParamSpec((units, (count - 1) * units), "weight", units, units)
        return specs

    def multiply_adds(self, shape: Shape) -> int:
        count = len(self.gates)
        seen = {"none": 0, "diagonal": 1, "full": self.units}[self.peephole]
        return ((shape.size + self.units) * count + seen * (count - 1)) * self.units

    def run(self, params: Params, x: Sequence, state: State, ctx: Context) -> tuple[Sequence, State, Cache]:
        values, steps = x
        hidden, cell = history(state[0], steps, ctx), history(state[1], steps, ctx)  # (B + N, H)
        gates = ctx.empty((steps.total, len(self.gates) * self.units), hidden.dtype)  # (N, 4H)
        sums(values, params["input_weight"], params["bias"], gates)
        squashed = ctx.empty((steps.total, self.units), hidden.dtype)  # tanh(C)
        tools = self._tools(params, steps, ctx)
        for rows, now, before, _ in loop(steps):
            self.step(tools, gates[rows], hidden[before], cell[before], hidden[now], cell[now], squashed[rows])
        y = Sequence(hidden[len(steps) :], steps)
        return y, (final(hidden, steps), final(cell, steps)), (values, gates, hidden, cell, squashed, steps)

    def _tools(self, params: Params, steps: Steps, ctx: Context) -> Tools:
        count = len(steps.counts)
        weight = laid_out(params["recurrent_weight"], len(steps), count, ctx)
        scale, shift = _halves(self.units, len(self.gates), weight.dtype)
        if count >= MANY_STEPS:  # as large as a step: NumPy is three times slower row by row
            scale, shift = np.tile(scale, (len(steps), 1)), np.tile(shift, (len(steps), 1))
        peephole = None if self.peephole == "none" else params["peephole"]
        return Tools(weight, peephole, scale, shift, ctx.empty((len(steps), scale.shape[1]), weight.dtype))

    def step(
        self,
        tools: Tools,
        a: Array,
        hidden: Array,
        cell: Array,
        new_hidden: Array,
        new_cell: Array,
        squashed: Array,
    ) -> None:
        """One step of n sequences, in place: a (n, 4H), the input's part of the sums, becomes the gates."""
        count, units = len(a), self.units
        product = tools.product[:count]
        a += times(hidden, tools.weight, product)
        forget, leave, candidate = a[:, :units], a[:, -2 * units : -units], a[:, -units:]
        if tools.peephole is None:  # σ(a) = ½ tanh(½ a) + ½: one tanh for all four, and nothing can overflow
            scale = tools.scale[:count]
            a *= scale
            np.tanh(a, out=a)
            a *= scale
            a += tools.shift[:count]
        else:
            early = a[:, : -2 * units]  # f and i
            self._peep(early, cell, tools.peephole, 0)
            sigmoid(early)
            np.tanh(candidate, out=candidate)
        if self.coupled:  # f C + (1 − f) C̃
            np.subtract(cell, candidate, out=new_cell)
            new_cell *= forget
            new_cell += candidate
        else:
            np.multiply(forget, cell, out=new_cell)
            np.multiply(a[:, units : 2 * units], candidate, out=squashed)
            new_cell += squashed
        if tools.peephole is not None:
            self._peep(leave, new_cell, tools.peephole, len(self.gates) - 2)
            sigmoid(leave)
        np.tanh(new_cell, out=squashed)
        np.multiply(leave, squashed, out=new_hidden)

    def _peep(self, a: Array, cell: Array, peephole: Array, first: int) -> None:
        """Adds what the gates from `first` on see of the cells to their sums: a (n, gates · H)."""
        units = self.units
        if self.peephole == "full":
            a += cell @ peephole[:, first * units : first * units + a.shape[1]]
            return
        for k in range(a.shape[1] // units):
            a[:, k * units : (k + 1) * units] += cell * peephole[first + k]

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
        cell_before = one_before(cell, steps, ctx)
        da, through = self._slopes(gates, cell_before, squashed, hidden[len(steps) :], ctx)  # (N, 4H) becomes dJ/da
        weight = laid_out(params["recurrent_weight"].T, len(steps), len(steps.counts), ctx)  # (4H, H) in blocks
        peephole = None if self.peephole == "none" else params["peephole"]
        dhidden = last_gradient(dstate, 0, hidden, steps)  # (B, H)
        dcell = last_gradient(dstate, 1, hidden, steps)
        for rows, _, _, running in loop_back(steps):
            dh, dc = dhidden[running], dcell[running]
            if dy is not None:
                dh += dy.values[rows]
            self.step_back(weight, peephole, gates[rows], da[rows], through[rows], dh, dc)
        dx = sums_back(values, da, params, grads, ctx, need_dx)
        np.matmul(one_before(hidden, steps, ctx).T, da, out=grads["recurrent_weight"])
        if peephole is not None:
            self._peephole_gradient(da, cell_before, cell[len(steps) :], grads["peephole"])
        return None if dx is None else Sequence(dx, steps), (out_of_order(dhidden, steps), out_of_order(dcell, steps))

    def _slopes(
        self, gates: Array, cell_before: Array, squashed: Array, hidden: Array, ctx: Context
    ) -> tuple[Array, Array]:
        """For all steps at once: (N, 4H) dC/da of f, i and C̃ and dh/da of o; (N, H) dh/dC = o (1 − tanh² C)."""
        units = self.units
        slopes, through = ctx.empty(gates.shape, gates.dtype), ctx.empty(squashed.shape, squashed.dtype)
        forget, leave, candidate = gates[:, :units], gates[:, -2 * units : -units], gates[:, -units:]
        of_forget, of_leave, of_candidate = slopes[:, :units], slopes[:, -2 * units : -units], slopes[:, -units:]
        np.subtract(1, gates[:, :-units], out=slopes[:, :-units])  # 1 − σ, for σ′ = σ (1 − σ)
        if self.coupled:
            np.multiply(candidate, candidate, out=of_candidate)
            np.subtract(1, of_candidate, out=of_candidate)
            of_candidate *= of_forget
            of_forget *= cell_before - candidate
        else:
            enter = gates[:, units : 2 * units]
            np.multiply(enter, candidate, out=of_candidate)
            slopes[:, units : 2 * units] *= of_candidate
            of_candidate *= candidate
            np.subtract(enter, of_candidate, out=of_candidate)  # i (1 − C̃²) = i − (i C̃) C̃
            of_forget *= cell_before
        of_forget *= forget
        of_leave *= hidden  # o (1 − o) tanh C = (1 − o) h
        np.multiply(hidden, squashed, out=through)
        np.subtract(leave, through, out=through)
        return slopes, through

    def step_back(
        self,
        weight: Array,
        peephole: Array | None,
        gates: Array,
        slopes: Array,
        through: Array,
        dhidden: Array,
        dcell: Array,
    ) -> None:
        """One step back, in place: slopes become dJ/da; dhidden and dcell (n, H) become those of the step before."""
        units, early = self.units, len(self.gates) - 2  # f and i, or f alone
        leave = slopes[:, -2 * units : -units]
        leave *= dhidden
        dcell += dhidden * through
        if peephole is not None:
            dcell += self._peep_back(leave, peephole, early)
        slopes[:, :units] *= dcell
        if early == 2:
            slopes[:, units : 2 * units] *= dcell
        slopes[:, -units:] *= dcell
        times(slopes, weight, dhidden)
        dcell *= gates[:, :units]
        if peephole is not None:
            dcell += self._peep_back(slopes[:, : early * units], peephole, 0)

    def _peep_back(self, da: Array, peephole: Array, first: int) -> Array:
        """dJ/dC (n, H) through what the gates from `first` on saw, given their dJ/da (n, gates · H)."""
        units = self.units
        if self.peephole == "full":
            return da @ peephole[:, first * units : first * units + da.shape[1]].T
        found = da[:, :units] * peephole[first]
        if da.shape[1] > units:
            found += da[:, units:] * peephole[first + 1]
        return found

    def _peephole_gradient(self, da: Array, cell_before: Array, cell: Array, out: Array) -> None:
        units = self.units
        for k in range(len(self.gates) - 1):
            seen = cell if k == len(self.gates) - 2 else cell_before  # only o sees the new cells
            part = da[:, k * units : (k + 1) * units]
            if self.peephole == "full":
                np.matmul(seen.T, part, out=out[:, k * units : (k + 1) * units])
            else:
                sum_rows(seen * part, out[k])

    def values(self, params: Params, x: Sequence, y: Sequence, cache: Cache) -> Mapping[str, Value]:
        _, gates, _, cell, _, steps = cache
        units = self.units
        found = {"output": over_time_value(y.values, steps), "cell": over_time_value(cell[len(steps) :], steps)}
        for k, name in enumerate(self.gates):
            found[name] = over_time_value(gates[:, k * units : (k + 1) * units], steps)
        found["input_weight"] = Value(params["input_weight"], ("input", "unit"))
        found["recurrent_weight"] = Value(params["recurrent_weight"], ("from", "unit"))
        if self.peephole != "none":
            first = "gate" if self.peephole == "diagonal" else "from"
            found["peephole"] = Value(params["peephole"], (first, "unit"))
        return found


_GATES = ("forget", "input", "output_gate", "candidate")


class Tools(NamedTuple):
    """What every step of one run uses."""

    weight: Array
    """(H, 4H) in blocks of columns."""
    peephole: Array | None
    scale: Array
    """(B, 4H) or (1, 4H): ½ for σ, 1 for tanh."""
    shift: Array
    """(B, 4H) or (1, 4H): ½ for σ, 0 for tanh."""
    product: Array
    """(B, 4H): room for h W."""


@lru_cache(maxsize=64)
def _halves(units: int, gates: int, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """(1, gates · H) each: `scale` and `shift` for all gates but the candidate, which is no σ."""
    scale, shift = np.full((1, gates * units), 0.5, dtype), np.full((1, gates * units), 0.5, dtype)
    scale[:, -units:], shift[:, -units:] = 1, 0
    scale.flags.writeable = shift.flags.writeable = False
    return scale, shift
