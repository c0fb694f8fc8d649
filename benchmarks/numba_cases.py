"""Each kernel twice, as tuinet does it in NumPy and as a loop that numba compiles, on the same arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numba_loops as loops
import numpy as np

from tuinet.nn.context import Arena, Context
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.fused import ConvPool
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.optimizers import Adam, new_scratch, new_state
from tuinet.nn.sequence import Sequence as Packed
from tuinet.nn.sequence import steps_of

Work = Callable[[], Sequence[np.ndarray]]
"""Does it once, and gives the arrays that it changed."""

STEPS, SHARD = 50, 16
"""The steps of a language model's batch, and the sequences of one of its two shards."""


def nothing() -> Sequence[np.ndarray]:
    return ()


class Case(NamedTuple):
    """A kernel of some rows of `works.py`, done by `numpy` and by `numba`, which make so `of` many calls of it, and
    `shared`, which both do besides.

    `calls`: those of a step, of a process that is alone and of one of two. `threads`: numba's.
    """

    kernel: str
    works: tuple[str, ...]
    calls: tuple[int, int]
    numpy: Work
    numba: Work
    shared: Work = nothing
    of: int = 1
    threads: int = 1

    def check(self) -> float:
        """The distance of the two's numbers, relative to the norm: for the first call of each. Raises AssertionError
        above 1e-6."""
        wanted = [np.array(each, np.float64) for each in self.numpy()]
        pairs = zip(self.numba(), wanted, strict=True)
        found = max(float(np.linalg.norm(each - right) / np.linalg.norm(right)) for each, right in pairs)
        assert found <= 1e-6, f"{self.kernel}: numba's numbers differ by {found:.1e}"
        return found


def cases() -> Iterator[Case]:
    mlp, language = ("mlp-32", "mlp-128"), {128: 111_168, 256: 349_248}
    yield adam(mlp, 235_146)
    yield adam(mlp, 235_146, threads=2)
    for units, values in language.items():
        yield adam((f"lstm-{units}",), values)
        yield from lstm(f"lstm-{units}", units)
    yield conv_pool(28, 1, 16)
    yield conv_pool(14, 16, 32)


def adam(works: tuple[str, ...], size: int, threads: int = 1) -> Case:
    optimizer, rng = Adam(), np.random.default_rng(0)
    vector, gradient = rng.standard_normal((2, size), np.float32)
    state, scratch = new_state(optimizer, vector), new_scratch(vector)
    for each in state.values():  # of zeros nothing would show what becomes of them
        each[...] = rng.random(size, np.float32)
    theta, other = vector.copy(), {name: each.copy() for name, each in state.items()}
    kernel = loops.adam_on_two if threads == 2 else loops.adam

    def in_numpy() -> Sequence[np.ndarray]:
        optimizer.update(vector, gradient, state, 0.001, 5, scratch)
        return vector, *state.values()

    def in_numba() -> Sequence[np.ndarray]:
        scalars = loops.adam_scalars(optimizer, 0.001, 5)
        kernel(theta, gradient, other["sum"], other["sum_of_squares"], *scalars)
        return theta, *other.values()

    name = f"Adam.update, {size:,} values" + (", two threads" if threads == 2 else "")
    return Case(name, works, (1, 1), in_numpy, in_numba, threads=threads)


def lstm(work: str, units: int) -> Iterator[Case]:
    """The loops of the layer over a shard of a batch, each less its products, and `_slopes`, which has none."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) / units**0.5).astype(np.float32)

    params: Any = {"input_weight": draw(1, 4 * units), "recurrent_weight": draw(units, 4 * units)}
    params["bias"] = draw(4 * units)
    grads: Any = {name: np.empty_like(each) for name, each in params.items()}
    x = Packed(draw(SHARD * STEPS, 1), steps_of([STEPS] * SHARD))
    dy = Packed(draw(SHARD * STEPS, units), x.steps)
    state = (draw(SHARD, units), draw(SHARD, units))
    plain, fused, bare = (kind(units) for kind in (LSTM, loops.FusedLSTM, loops.BareLSTM))
    # One context for all three: where `bare` computes nothing it finds the numbers of the others.
    there, back = (Context(arena=Arena()) for _ in range(2))
    _, _, cache = plain.run(params, x, state, Context())
    _, gates, hidden, cell, squashed, _ = cache
    known = (gates, cell[:-SHARD], squashed, hidden[SHARD:], back)

    def run(layer: LSTM) -> Work:
        def work() -> Sequence[np.ndarray]:
            there.restart((0, 0, 0))
            y, last, _ = layer.run(params, x, state, there)
            return y.values, *last

        return work

    def run_back(layer: LSTM) -> Work:
        def work() -> Sequence[np.ndarray]:
            back.restart((0, 0, 0))
            dx, first = layer.run_back(params, cache, dy, None, grads, back)
            assert dx is not None
            return dx.values, *first, grads["recurrent_weight"]

        return work

    def slopes(of: Callable[..., Sequence[np.ndarray]]) -> Work:
        def work() -> Sequence[np.ndarray]:
            back.restart((0, 0, 0))
            return of(*known)

        return work

    each = (2 * STEPS, STEPS)
    yield Case(f"LSTM.step, {units} units", (work,), each, run(plain), run(fused), run(bare), STEPS)
    slopes_name = f"LSTM._slopes, {units} units"
    yield Case(slopes_name, (work,), (2, 1), slopes(plain._slopes), slopes(loops.fused_slopes))
    yield Case(f"LSTM.step_back, {units} units", (work,), each, run_back(plain), run_back(fused), run_back(bare), STEPS)


def conv_pool(size: int, channels: int, filters: int) -> Case:
    """Of one image."""
    rng = np.random.default_rng(0)
    layer, ctx = ConvPool(Conv2D(filters, kernel=3, padding="same"), MaxPool(), relu=True), Context(arena=Arena())
    x = rng.random((1, size, size, channels), np.float32)
    params: Any = {"weight": rng.standard_normal((3, 3, channels, filters), np.float32), "bias": np.ones(filters, "f4")}
    padded = np.zeros((size + 2, size + 2, channels), np.float32)
    y = np.empty((size // 2, size // 2, filters), np.float32)

    def in_numpy() -> Sequence[np.ndarray]:
        ctx.restart((0, 0, 0))
        return layer.forward(params, x, ctx)[0]

    def in_numba() -> Sequence[np.ndarray]:
        padded[1:-1, 1:-1] = x[0]
        loops.conv_pool(padded, params["weight"], params["bias"], y)
        return (y,)

    return Case(f"ConvPool.forward, {channels} to {filters}", ("one-image",), (1, 1), in_numpy, in_numba)
