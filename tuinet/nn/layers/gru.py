"""The gated recurrent unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.initializers import ChronoBias, GateBias, Orthogonal
from tuinet.nn.layer import Cache, Shape, ShapeError, Value
from tuinet.nn.layers.inputs import sums, sums_back
from tuinet.nn.layers.numeric import sigmoid, sum_rows
from tuinet.nn.layers.steps import laid_out, times
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


class GRU(OverTime, frozen=True, tag="gru"):
    """z, r = σ(x U + h W + b), h̃ = tanh(x U + (r ⊙ h) W + b), h ← (1 − z) ⊙ h + z ⊙ h̃.

    The gates lie side by side in the order z, r, h̃: U = input_weight (C, 3H), W = recurrent_weight (H, 3H),
    b = bias (3H,), with H = `units`. In PyTorch's form h̃ = tanh(x U + b + r ⊙ (h W + c)), h ← (1 − z) ⊙ h̃ + z ⊙ h,
    with c = recurrent_bias (H,).
    Cho et al., "Learning phrase representations using RNN encoder–decoder" (2014).
    """

    stem = "gru"

    units: Size
    """How many hidden units there are."""
    form: Literal["plain", "pytorch"] = "plain"
    """plain: r acts on the hidden state before its product with W, and z is the share of the new. pytorch: r acts after
    the product, which has a bias of its own, and z is the share of the old; so PyTorch's weights can be read."""
    bias: bool = True
    """Whether the sums have biases b (and c)."""
    update_bias: float = 0.0
    """Where the biases of z start: units begin by remembering if it is below 0; above 0 in PyTorch's form."""
    chrono: Longest | None = None
    """The longest distance to bridge, in steps. Set, the biases of z start at − log u with u between 1 and this − 1 (at
    + log u in PyTorch's form; Tallec & Ollivier 2018), and `update_bias` counts for nothing."""

    def output_shape(self, shape: Shape) -> Shape:
        require_steps("gru", shape)
        if not self.bias and self.chrono is not None:
            raise ShapeError("without biases there is nothing for chrono to set", "leave it out", "chrono")
        if not self.bias and self.update_bias:
            raise ShapeError("without biases there is no update bias", "leave it out", "update_bias")
        return Shape.vector(self.units).over_time

    def state_sizes(self) -> Mapping[str, int]:
        return {"hidden": self.units}

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        inputs, units = shape.size, self.units
        specs = {
            "input_weight": ParamSpec((inputs, 3 * units), "weight", inputs, units),
            "recurrent_weight": ParamSpec((units, 3 * units), "weight", units, units, Orthogonal()),
        }
        if self.bias:
            remember = 1.0 if self.form == "pytorch" else -1.0
            start = GateBias((self.update_bias, 0.0, 0.0))
            chrono = None if self.chrono is None else ChronoBias((remember, 0.0, 0.0), self.chrono)
            specs["bias"] = ParamSpec((3 * units,), "bias", inputs, units, chrono or start)
            if self.form == "pytorch":
                specs["recurrent_bias"] = ParamSpec((units,), "bias", units, units)
        return specs

    def multiply_adds(self, shape: Shape) -> int:
        return (shape.size + self.units) * 3 * self.units

    def run(self, params: Params, x: Sequence, state: State, ctx: Context) -> tuple[Sequence, State, Cache]:
        values, steps = x
        units = self.units
        kept = history(state[0], steps, ctx)  # (B + N, H)
        gates = ctx.empty((steps.total, 3 * units), kept.dtype)  # (N, 3H)
        sums(values, params["input_weight"], params["bias"] if self.bias else None, gates)
        acted = ctx.empty((steps.total, units), kept.dtype)  # r ⊙ h, or h W + c in PyTorch's form
        tools = self._tools(params, steps, ctx)
        for rows, now, before, _ in loop(steps):
            self.step(tools, gates[rows], kept[before], kept[now], acted[rows])
        return Sequence(kept[len(steps) :], steps), (final(kept, steps),), (values, gates, kept, acted, steps)

    def _tools(self, params: Params, steps: Steps, ctx: Context) -> Tools:
        weight, units, batch, count = params["recurrent_weight"], self.units, len(steps), len(steps.counts)
        product = ctx.empty((batch, 3 * units if self.form == "pytorch" else 2 * units), weight.dtype)
        if self.form == "pytorch":
            bias = params["recurrent_bias"] if self.bias else None
            return Tools(laid_out(weight, batch, count, ctx), None, bias, product)
        gates, candidate = weight[:, : 2 * units], weight[:, 2 * units :]
        return Tools(laid_out(gates, batch, count, ctx), laid_out(candidate, batch, count, ctx), None, product)

    def step(self, tools: Tools, a: Array, hidden: Array, new_hidden: Array, acted: Array) -> None:
        """One step of n sequences, in place: a (n, 3H), the input's part of the sums, becomes the gates."""
        units = self.units
        product = tools.product[: len(a)]
        times(hidden, tools.weight, product)
        both, update, reset, candidate = a[:, : 2 * units], a[:, :units], a[:, units : 2 * units], a[:, 2 * units :]
        both += product[:, : 2 * units]
        sigmoid(both)
        if tools.of_candidate is not None:
            np.multiply(reset, hidden, out=acted)
            candidate += times(acted, tools.of_candidate, new_hidden)
            np.tanh(candidate, out=candidate)
            np.subtract(candidate, hidden, out=new_hidden)  # h + z (h̃ − h)
            new_hidden *= update
            new_hidden += hidden
        else:
            acted[...] = product[:, 2 * units :]
            if tools.bias is not None:
                acted += tools.bias
            candidate += reset * acted
            np.tanh(candidate, out=candidate)
            np.subtract(hidden, candidate, out=new_hidden)  # h̃ + z (h − h̃)
            new_hidden *= update
            new_hidden += candidate

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
        values, gates, kept, acted, steps = cache
        units = self.units
        before = one_before(kept, steps, ctx)  # (N, H)
        slopes, stays = self._slopes(gates, before, acted, ctx)  # (N, 3H), becomes dJ/da; (N, H)
        within = ctx.empty(slopes.shape, slopes.dtype) if self.form == "pytorch" else slopes  # dJ/d(h W + c)
        back = self._back(params, steps, ctx)
        room = ctx.empty((len(steps), units), slopes.dtype)
        dhidden = last_gradient(dstate, 0, kept, steps)  # (B, H)
        for rows, _, _, running in loop_back(steps):
            dh = dhidden[running]
            if dy is not None:
                dh += dy.values[rows]
            if self.form == "plain":
                self.step_back(back, gates[rows], slopes[rows], stays[rows], dh, room[running])
            else:
                self.step_back_pytorch(back[0], gates[rows], slopes[rows], within[rows], stays[rows], dh, room[running])
        dx = sums_back(values, slopes, params, grads, ctx, need_dx)
        into = grads["recurrent_weight"]
        if self.form == "plain":
            np.matmul(before.T, slopes[:, : 2 * units], out=into[:, : 2 * units])
            np.matmul(acted.T, slopes[:, 2 * units :], out=into[:, 2 * units :])
        else:
            np.matmul(before.T, within, out=into)
        if self.bias and self.form == "pytorch":
            sum_rows(within[:, 2 * units :], grads["recurrent_bias"])
        return None if dx is None else Sequence(dx, steps), (out_of_order(dhidden, steps),)

    def _back(self, params: Params, steps: Steps, ctx: Context) -> tuple[Array, ...]:
        """The transposed weights: (3H, H) in PyTorch's form; (2H, H) of the gates and (H, H) of the candidate."""
        turned, units = params["recurrent_weight"].T, self.units
        parts = (turned,) if self.form == "pytorch" else (turned[: 2 * units], turned[2 * units :])
        return tuple(laid_out(part, len(steps), len(steps.counts), ctx) for part in parts)

    def _slopes(self, gates: Array, before: Array, acted: Array, ctx: Context) -> tuple[Array, Array]:
        """For all steps at once: ∂h/∂a of z and h̃ with, between them, how what r acted on moves with its a (N, 3H);
        and the share of the old h in the new (N, H)."""
        units = self.units
        update, candidate = gates[:, :units], gates[:, 2 * units :]
        slopes, stays = ctx.empty(gates.shape, gates.dtype), ctx.empty(before.shape, before.dtype)
        both, of_candidate = slopes[:, : 2 * units], slopes[:, 2 * units :]
        np.subtract(1, gates[:, : 2 * units], out=both)
        np.multiply(candidate, candidate, out=of_candidate)
        np.subtract(1, of_candidate, out=of_candidate)
        if self.form == "plain":
            stays[...] = slopes[:, :units]
            of_candidate *= update
            both *= gates[:, : 2 * units]
            slopes[:, :units] *= candidate - before
            slopes[:, units : 2 * units] *= before
        else:
            stays[...] = update
            of_candidate *= slopes[:, :units]
            both *= gates[:, : 2 * units]
            slopes[:, :units] *= before - candidate
            slopes[:, units : 2 * units] *= acted
        return slopes, stays

    def step_back(
        self, back: tuple[Array, ...], gates: Array, slopes: Array, stays: Array, dhidden: Array, room: Array
    ) -> None:
        """One step back, in place: slopes become dJ/da; dhidden (n, H) becomes that of the step before."""
        units, (of_gates, of_candidate) = self.units, back
        slopes[:, :units] *= dhidden
        candidate = slopes[:, 2 * units :]
        candidate *= dhidden
        dacted = times(candidate, of_candidate, room)  # dJ/d(r ⊙ h)
        slopes[:, units : 2 * units] *= dacted
        dacted *= gates[:, units : 2 * units]
        dhidden *= stays
        dhidden += dacted
        dhidden += times(slopes[:, : 2 * units], of_gates, room)

    def step_back_pytorch(
        self,
        back: Array,
        gates: Array,
        slopes: Array,
        within: Array,
        stays: Array,
        dhidden: Array,
        room: Array,
    ) -> None:
        """The same in PyTorch's form, where `within` (n, 3H) becomes dJ/d(h W + c)."""
        units = self.units
        slopes[:, :units] *= dhidden
        candidate = slopes[:, 2 * units :]
        candidate *= dhidden
        slopes[:, units : 2 * units] *= candidate
        within[:, : 2 * units] = slopes[:, : 2 * units]
        np.multiply(candidate, gates[:, units : 2 * units], out=within[:, 2 * units :])
        dhidden *= stays
        dhidden += times(within, back, room)

    def values(self, params: Params, x: Sequence, y: Sequence, cache: Cache) -> Mapping[str, Value]:
        _, gates, _, _, steps = cache
        units = self.units
        found = {"output": over_time_value(y.values, steps)}
        for k, name in enumerate(("update", "reset", "candidate")):
            found[name] = over_time_value(gates[:, k * units : (k + 1) * units], steps)
        found["input_weight"] = Value(params["input_weight"], ("input", "unit"))
        found["recurrent_weight"] = Value(params["recurrent_weight"], ("from", "unit"))
        return found


class Tools(NamedTuple):
    """What every step of one run uses."""

    weight: Array
    """(H, 2H), or (H, 3H) in PyTorch's form, in blocks of columns."""
    of_candidate: Array | None
    """(H, H) in blocks of columns: the candidate's part, for r ⊙ h; None in PyTorch's form."""
    bias: Array | None
    """c (H,)"""
    product: Array
    """(B, 2H) or (B, 3H): room for h W."""
