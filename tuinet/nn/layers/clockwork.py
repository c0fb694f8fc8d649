"""The clockwork recurrent layer: groups of units with clocks of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.initializers import Orthogonal
from tuinet.nn.layer import Cache, Shape, ShapeError, Value
from tuinet.nn.layers.numeric import sum_rows
from tuinet.nn.layers.windows import Size
from tuinet.nn.params import Array, Params, ParamSpec
from tuinet.nn.recurrent import (
    OverTime,
    State,
    Step,
    final,
    history,
    in_order,
    last_gradient,
    loop,
    loop_back,
    one_before,
    out_of_order,
    over_time_value,
    require_steps,
    taken,
)
from tuinet.nn.sequence import Indices, Sequence, Steps

Period = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Clockwork(OverTime, frozen=True, tag="clockwork"):
    """hₖ ← tanh(x Uₖ + [hₖ, hₖ₊₁, …] Wₖ + bₖ) at the steps t with t mod Tₖ = 0: group k runs when its clock ticks.

    The groups have H/g units each and lie in the order of their periods Tₖ, the fastest first: each sees itself and the
    slower ones, never a faster one. t counts from 0. U = input_weight (C, H), b = bias (H,), and for each group
    Wₖ = recurrent_weightₖ ((g − k + 1) H/g, H/g), k = 1 … g. A group that does not tick costs nothing.
    Koutník, Greff, Gomez & Schmidhuber, "A clockwork RNN" (2014).
    """

    stem = "clockwork"

    units: Size
    """How many hidden units there are, in all groups together."""
    periods: Annotated[tuple[Period, ...], msgspec.Meta(min_length=1, max_length=64)] = (1, 2, 4, 8)
    """Every how many steps each group runs, rising; the units are shared out equally."""

    def output_shape(self, shape: Shape) -> Shape:
        require_steps("clockwork", shape)
        if list(self.periods) != sorted(set(self.periods)):
            raise ShapeError(
                f"the periods {', '.join(map(str, self.periods))} do not rise",
                "order them from the fastest group to the slowest, each once",
                "periods",
            )
        groups = len(self.periods)
        if self.units % groups:
            raise ShapeError(
                f"{self.units} units cannot be shared out equally among {groups} groups",
                f"take a multiple of {groups}, for example {-(-self.units // groups) * groups}",
                "units",
            )
        return Shape.vector(self.units).over_time

    @property
    def counters(self) -> tuple[str, ...]:
        return ("clock",)

    def state_sizes(self) -> Mapping[str, int]:
        return {"hidden": self.units, "clock": len(self.periods)}

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        inputs, units, groups = shape.size, self.units, len(self.periods)
        size = units // groups
        specs = {"input_weight": ParamSpec((inputs, units), "weight", inputs, units)}
        for k in range(groups):
            seen = units - k * size
            specs[f"recurrent_weight{k + 1}"] = ParamSpec((seen, size), "weight", seen, size, Orthogonal())
        specs["bias"] = ParamSpec((units,), "bias", inputs, units)
        return specs

    def multiply_adds(self, shape: Shape) -> int:
        """Of a step on average: group k runs every Tₖ steps."""
        size = self.units // len(self.periods)
        groups = enumerate(self.periods)
        return round(sum((shape.size + self.units - k * size) * size / period for k, period in groups))

    def run(self, params: Params, x: Sequence, state: State, ctx: Context) -> tuple[Sequence, State, Cache]:
        values, steps = x
        kept = history(state[0], steps, ctx)  # (B + N, H)
        ticks, clock = self._ticks(state[1], steps)
        size = self.units // len(self.periods)
        sums: list[Array] = []  # for each group (its ticks, H/g): the input's part, then the new hidden values
        for k, (rows, _) in enumerate(ticks):
            columns = slice(k * size, (k + 1) * size)
            a = ctx.empty((len(rows), size), kept.dtype)
            np.matmul(_at(values, rows, ctx), params["input_weight"][:, columns], out=a)
            a += params["bias"][columns]
            sums.append(a)
        weights = [params[f"recurrent_weight{k + 1}"] for k in range(len(self.periods))]
        for t, step in enumerate(loop(steps)):
            before, now = kept[step.before], kept[step.now]
            ticking = list(self._ticking(ticks, t, step))
            if len(ticking) < len(ticks) or any(each.among is not None for each in ticking):
                now[...] = before
            for each in ticking:
                self.step(weights[each.group], sums[each.group][each.part], before, now, each)
        return Sequence(kept[len(steps) :], steps), (final(kept, steps), clock), (values, kept, sums, ticks, steps)

    def _ticks(self, clock: Array, steps: Steps) -> tuple[list[Ticks], Array]:
        """Where each group ticks, and its clock after the last step: (B, g), the steps since its tick, below Tₖ."""
        periods = np.array(self.periods)
        start = np.rint(clock).astype(np.intp) % periods  # (B, g)
        ticks: list[Ticks] = []
        for k, period in enumerate(self.periods):
            of_place = in_order(start, steps)[:, k]
            rows = np.flatnonzero((of_place[steps.places] + steps.times) % period == 0)
            ticks.append(Ticks(rows, np.searchsorted(rows, steps.starts).tolist()))
        return ticks, ((start + steps.lengths[:, None]) % periods).astype(clock.dtype)

    def _ticking(self, ticks: list[Ticks], t: int, step: Step) -> Iterator[Ticking]:
        """The groups that tick at step t."""
        running = step.rows.stop - step.rows.start
        for k, (rows, starts) in enumerate(ticks):
            first, last = starts[t], starts[t + 1]
            if last > first:
                some = None if last - first == running else rows[first:last] - step.rows.start
                yield Ticking(k, slice(first, last), some)

    def step(self, weight: Array, a: Array, hidden: Array, new_hidden: Array, ticking: Ticking) -> None:
        """One step of one group: a (n, H/g), the input's part of the sum, becomes its new values."""
        size = a.shape[1]
        first = ticking.group * size
        seen = hidden[:, first:] if ticking.among is None else hidden[ticking.among, first:]
        a += seen @ weight
        np.tanh(a, out=a)
        if ticking.among is None:
            new_hidden[:, first : first + size] = a
        else:
            new_hidden[ticking.among, first : first + size] = a

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
        values, kept, sums, ticks, steps = cache
        size = self.units // len(self.periods)
        slopes: list[Array] = []  # 1 − h², then dJ/da of each group
        for group in sums:
            slope = np.multiply(group, group, out=ctx.empty(group.shape, group.dtype))
            slopes.append(np.subtract(1, slope, out=slope))
        weights = [params[f"recurrent_weight{k + 1}"].T for k in range(len(self.periods))]
        dhidden = last_gradient(dstate, 0, kept, steps)  # (B, H)
        for t, step in zip(reversed(range(len(steps.counts))), loop_back(steps), strict=True):
            running = dhidden[step.running]
            if dy is not None:
                running += dy.values[step.rows]
            ticking = list(self._ticking(ticks, t, step))
            for each in ticking:  # first what reached the new values: it goes back through their sums alone
                self.take(slopes[each.group][each.part], running, each)
            for each in ticking:
                self.step_back(weights[each.group], slopes[each.group][each.part], running, each)
        before = one_before(kept, steps, ctx)
        dx = ctx.empty(values.shape, values.dtype) if need_dx else None
        if dx is not None:
            dx[...] = 0
        for k, ((rows, _), da) in enumerate(zip(ticks, slopes, strict=True)):
            columns = slice(k * size, (k + 1) * size)
            np.matmul(_at(values, rows, ctx).T, da, out=grads["input_weight"][:, columns])
            np.matmul(_at(before[:, k * size :], rows, ctx).T, da, out=grads[f"recurrent_weight{k + 1}"])
            sum_rows(da, grads["bias"][columns])
            if dx is not None:
                dx[rows] += da @ params["input_weight"][:, columns].T
        none = np.zeros((len(steps), len(self.periods)), kept.dtype)  # clocks have no gradient
        return None if dx is None else Sequence(dx, steps), (out_of_order(dhidden, steps), none)

    def take(self, slope: Array, dhidden: Array, ticking: Ticking) -> None:
        """Of one group, slope (n, H/g) becomes dJ/da, and dhidden (n, H) loses what was there."""
        columns = slice(ticking.group * slope.shape[1], (ticking.group + 1) * slope.shape[1])
        if ticking.among is None:
            slope *= dhidden[:, columns]
            dhidden[:, columns] = 0
        else:
            slope *= dhidden[ticking.among, columns]
            dhidden[ticking.among, columns] = 0

    def step_back(self, weight: Array, da: Array, dhidden: Array, ticking: Ticking) -> None:
        """One step back of one group: what it saw one step before, itself and the slower groups, gets its share."""
        first = ticking.group * da.shape[1]
        if ticking.among is None:
            dhidden[:, first:] += da @ weight
        else:
            dhidden[ticking.among, first:] += da @ weight

    def values(self, params: Params, x: Sequence, y: Sequence, cache: Cache) -> Mapping[str, Value]:
        *_, ticks, steps = cache
        ticked = np.zeros((steps.total, len(ticks)), y.values.dtype)
        for k, (rows, _) in enumerate(ticks):
            ticked[rows, k] = 1
        size = self.units // len(self.periods)
        whole = np.zeros((self.units, self.units), y.values.dtype)
        for k in range(len(ticks)):
            whole[k * size :, k * size : (k + 1) * size] = params[f"recurrent_weight{k + 1}"]
        return {
            "output": over_time_value(y.values, steps),
            "ticked": over_time_value(ticked, steps, ("group",)),
            "input_weight": Value(params["input_weight"], ("input", "unit")),
            "recurrent_weight": Value(whole, ("from", "unit")),
        }


class Ticks(NamedTuple):
    """When one group ticks in a batch."""

    rows: Indices
    """The rows of the batch at which it does."""
    starts: list[int]
    """[T + 1] where the ticks of step t begin among them."""


class Ticking(NamedTuple):
    """One group at one step."""

    group: int
    part: slice
    """Its ticks at this step, among all its ticks."""
    among: Indices | None
    """Which of the running sequences tick; None for all (they began together, or the group runs at every step)."""


def _at(array: Array, rows: Indices, ctx: Context) -> Array:
    """array[rows]; the array itself where that is all of it."""
    return array if len(rows) == len(array) else taken(array, rows, ctx)
