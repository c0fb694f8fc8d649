"""What recurrent layers have in common: states that go in and come out, and the loop over the packed steps.

Shapes: B sequences, N steps in all, C inputs a step, H units. A state is a tuple of arrays (B, units), in the order of
the samples; inside a layer the longest sequence comes first, so that those still running are always the first rows.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from tuinet.nn.context import Context
from tuinet.nn.layer import Cache, Layer, Shape, ShapeError, Value
from tuinet.nn.params import Array, Params
from tuinet.nn.sequence import Indices, Sequence, Steps

State = tuple[Array, ...]

Longest = Annotated[int, msgspec.Meta(ge=3, le=1_000_000)]
"""The longest distance that a layer is to bridge, in steps."""


class OverTime(Layer, frozen=True):
    """A layer that begins with a state and ends with one: a recurrent layer, or several of them around each other."""

    over_time = True

    goes_forward: ClassVar[bool] = True
    """Whether it can be run one step at a time, as decoding does: what comes later has no part in a step."""

    @property
    def counters(self) -> tuple[str, ...]:
        """Those arrays of its state that count steps: they have no gradient, and only the layer itself makes them."""
        return ()

    def state_sizes(self) -> Mapping[str, int]:
        """The arrays of its state by name: how many values each holds for one sequence."""
        raise NotImplementedError

    def zero_state(self, batch: int, dtype: npt.DTypeLike) -> State:
        """The state of `batch` sequences before their first step."""
        return tuple(np.zeros((batch, size), dtype) for size in self.state_sizes().values())

    @abstractmethod
    def run(self, params: Params, x: Sequence, state: State, ctx: Context) -> tuple[Sequence, State, Cache]:
        """The outputs from `state` on, the state after each sequence's last step, and what `run_back` needs."""
        raise NotImplementedError

    @abstractmethod
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
        """dJ/dx and dJ/d(first state), given dJ/dy and dJ/d(last state), either of which may be None for zero.

        OVERWRITES every grads[name]. Back-propagation through time: over all steps of the sequences in the batch.
        """
        raise NotImplementedError

    def forward(self, params: Params, x: Sequence, ctx: Context) -> tuple[Sequence, Cache]:
        y, _, cache = self.run(params, x, self.zero_state(len(x.steps), params.vector.dtype), ctx)
        return y, cache

    def backward(
        self, params: Params, cache: Cache, dy: Sequence, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Sequence | None:
        return self.run_back(params, cache, dy, None, grads, ctx, need_dx)[0]


class Step(NamedTuple):
    """One step of a loop over packed sequences: rows of this step, rows of the step before, in a `history` array."""

    rows: slice
    """Among the N rows of the batch."""
    now: slice
    """In a history: the same rows."""
    before: slice
    """In a history: the step before, or the first state."""
    running: slice
    """The sequences still running: the first so many of the layer's order."""


def loop(steps: Steps) -> Iterator[Step]:
    """Every step, first to last."""
    batch, before = len(steps), 0
    for t, count in enumerate(steps.counts):
        start = steps.starts[t]
        yield Step(
            slice(start, start + count),
            slice(batch + start, batch + start + count),
            slice(before, before + count),
            slice(count),
        )
        before = batch + start


def loop_back(steps: Steps) -> Iterator[Step]:
    """Every step, last to first."""
    batch = len(steps)
    for t in reversed(range(len(steps.counts))):
        start, count = steps.starts[t], steps.counts[t]
        before = batch + steps.starts[t - 1] if t else 0
        yield Step(
            slice(start, start + count),
            slice(batch + start, batch + start + count),
            slice(before, before + count),
            slice(count),
        )


def history(first: Array, steps: Steps, ctx: Context) -> Array:
    """(B + N, H): room for a value at every step, behind the `first` (B, H), which is put in the layer's order."""
    kept = ctx.empty((len(steps) + steps.total, first.shape[1]), first.dtype)
    kept[: len(steps)] = in_order(first, steps)
    return kept


def one_before(kept: Array, steps: Steps, ctx: Context) -> Array:
    """(N, H): of a `history`, the value one step before each row."""
    batch, total = len(steps), steps.total
    if total == batch * len(steps.counts):
        return kept[:total]
    found = ctx.empty((total, kept.shape[1]), kept.dtype)
    found[:batch] = kept[:batch]
    np.take(kept[batch:], steps.before, axis=0, out=found[batch:], mode="clip")  # mode "raise" would buffer
    return found


def taken(array: Array, rows: Indices, ctx: Context) -> Array:
    """array[rows] in scratch memory."""
    if not array.flags.c_contiguous:  # `take` would copy all of it first
        return array[rows]
    found = ctx.empty((len(rows), *array.shape[1:]), array.dtype)
    return np.take(array, rows, axis=0, out=found, mode="clip")  # mode "raise" would buffer


def in_order(array: Array, steps: Steps) -> Array:
    """(B, H) from the order of the samples to the layer's, longest first."""
    return array if steps.is_ordered else array[steps.order]


def out_of_order(array: Array, steps: Steps) -> Array:
    """(B, H) from the layer's order to that of the samples."""
    return array if steps.is_ordered else array[steps.place]


def final(kept: Array, steps: Steps) -> Array:
    """(B, H): of a `history`, the value at each sequence's last step, in the order of the samples; a copy."""
    return kept[len(steps) + steps.last]


def last_gradient(dstate: State | None, index: int, like: Array, steps: Steps) -> Array:
    """(B, H): the gradient of the last state in the layer's order, an array of its own; zero where there is none."""
    if dstate is None:
        return np.zeros((len(steps), like.shape[1]), like.dtype)
    return np.array(in_order(dstate[index], steps))


def require_steps(kind: str, shape: Shape) -> None:
    """Raises ShapeError unless a sample is a sequence of vectors of numbers."""
    if not shape.sequence:
        hint = "give it text or another sequence; a rows layer reads an image row by row"
        raise ShapeError(f"{kind} takes a sequence, and {shape} ({', '.join(shape.axes)}) is none", hint)
    if shape.kind == "id":
        hint = "put an embedding or a one-hot layer before it"
        raise ShapeError(f"{kind} calculates with numbers, and ids of symbols are only names", hint)
    if len(shape.sizes) != 1:
        raise ShapeError(f"{kind} takes one vector a step, not {shape.step}", "put a flatten layer before it")


def over_time_value(values: Array, steps: Steps, axes: tuple[str, ...] = ("unit",)) -> Value:
    """A value (N, …) of every step as (sample, step, *axes), zero behind the end of shorter sequences."""
    shown = np.zeros((len(steps), len(steps.counts), *values.shape[1:]), values.dtype)
    shown[steps.samples, steps.times] = values
    return Value(shown, ("sample", "step", *axes))
