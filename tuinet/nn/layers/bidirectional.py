"""A recurrent layer in both directions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.layer import Cache, Shape, ShapeError, Value
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.params import Params, ParamSpec
from tuinet.nn.recurrent import OverTime, State, over_time_value, taken
from tuinet.nn.sequence import Sequence

Cell = RNN | LSTM | GRU | Clockwork


class Bidirectional(OverTime, frozen=True, tag="bidirectional"):
    """y⁽ᵗ⁾ = [→h⁽ᵗ⁾, ←h⁽ᵗ⁾]: one copy of `layer` reads each sequence from its start, another from its end.

    So the output at each step has seen the whole input. x (N, C), y (N, 2H). Schuster & Paliwal (1997).
    """

    stem = "bidirectional"
    goes_forward = False

    layer: Cell
    """The recurrent layer; each direction has weights of its own."""

    def output_shape(self, shape: Shape) -> Shape:
        try:
            return Shape.vector(2 * self.layer.output_shape(shape).size).over_time
        except ShapeError as error:
            field = f"layer.{error.field}" if error.field else ""
            raise ShapeError(error.message, error.hint, field) from None

    @property
    def counters(self) -> tuple[str, ...]:
        return tuple(f"{way}_{name}" for way in ("forward", "backward") for name in self.layer.counters)

    def state_sizes(self) -> Mapping[str, int]:
        sizes = self.layer.state_sizes()
        return {f"{way}_{name}": size for way in ("forward", "backward") for name, size in sizes.items()}

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        specs = self.layer.param_shapes(shape)
        return {f"{way}/{name}": spec for way in ("forward", "backward") for name, spec in specs.items()}

    def multiply_adds(self, shape: Shape) -> int:
        return 2 * self.layer.multiply_adds(shape)

    def run(self, params: Params, x: Sequence, state: State, ctx: Context) -> tuple[Sequence, State, Cache]:
        values, steps = x
        half = len(state) // 2
        ahead, ahead_state, ahead_cache = self.layer.run(params.scope("forward"), x, state[:half], ctx)
        turned = Sequence(taken(values, steps.reversal, ctx), steps)
        back, back_state, back_cache = self.layer.run(params.scope("backward"), turned, state[half:], ctx)
        units = ahead.values.shape[1]
        y = ctx.empty((len(values), 2 * units), ahead.values.dtype)
        y[:, :units] = ahead.values
        y[:, units:] = taken(back.values, steps.reversal, ctx)
        return Sequence(y, steps), ahead_state + back_state, (ahead_cache, back_cache, steps)

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
        ahead_cache, back_cache, steps = cache
        half = len(self.layer.state_sizes())
        ahead = back = None
        if dy is not None:
            units = dy.values.shape[1] // 2
            ahead = Sequence(dy.values[:, :units], steps)
            back = Sequence(dy.values[:, units:][steps.reversal], steps)
        first, second = (None, None) if dstate is None else (dstate[:half], dstate[half:])
        dx, ahead_state = self.layer.run_back(
            params.scope("forward"), ahead_cache, ahead, first, grads.scope("forward"), ctx, need_dx
        )
        turned, back_state = self.layer.run_back(
            params.scope("backward"), back_cache, back, second, grads.scope("backward"), ctx, need_dx
        )
        if dx is None or turned is None:
            return None, ahead_state + back_state
        both = np.add(dx.values, taken(turned.values, steps.reversal, ctx), out=dx.values)
        return Sequence(both, steps), ahead_state + back_state

    def values(self, params: Params, x: Sequence, y: Sequence, cache: Cache) -> Mapping[str, Value]:
        ahead_cache, back_cache, steps = cache
        units = y.values.shape[1] // 2
        found: dict[str, Value] = {"output": over_time_value(y.values, steps)}
        turned = Sequence(x.values[steps.reversal], steps)
        for way, seen, part, kept in (
            ("forward", x, y.values[:, :units], ahead_cache),
            ("backward", turned, y.values[:, units:][steps.reversal], back_cache),
        ):
            inside = self.layer.values(params.scope(way), seen, Sequence(part, steps), kept)
            found |= {f"{way}/{name}": value for name, value in inside.items()}
        return found
