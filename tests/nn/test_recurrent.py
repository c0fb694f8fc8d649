"""Recurrent layers: passes worked by hand, chunks with carried state, the order in a batch, and what can be seen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tuinet.nn.context import Arena, Context
from tuinet.nn.layer import Shape, ShapeError
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.params import Params
from tuinet.nn.recurrent import OverTime
from tuinet.nn.sequence import Ragged, Sequence, pack, steps_of, unpack

SERIES = Shape.vector(3).over_time

FORWARD: list[OverTime] = [
    RNN(4),
    RNN(4, "relu"),
    LSTM(4),
    LSTM(4, peephole="diagonal"),
    LSTM(4, peephole="full", coupled=True),
    GRU(4),
    GRU(4, form="pytorch"),
    Clockwork(6, (1, 2, 4)),
    Clockwork(6, (2, 3)),
]
every_layer = pytest.mark.parametrize(
    "layer", FORWARD, ids=[f"{i}-{type(each).__name__}" for i, each in enumerate(FORWARD)]
)


def draw(layer: OverTime, lengths: list[int], seed: int = 3) -> tuple[Params, Ragged]:
    rng = np.random.default_rng(seed)
    params = Params.zeros(layer.param_shapes(SERIES), np.float64)
    params.vector[:] = rng.normal(0, 0.6, params.vector.shape)
    return params, Ragged.of([rng.normal(size=(length, 3)) for length in lengths])


def begin(layer: OverTime, batch: int, seed: int = 5) -> tuple[np.ndarray, ...]:
    """A state that is not zero, with clocks at zero."""
    rng = np.random.default_rng(seed)
    names = layer.state_sizes()
    zero = layer.zero_state(batch, np.float64)
    return tuple(s if name in layer.counters else rng.normal(size=s.shape) for name, s in zip(names, zero, strict=True))


def fill(params: Params, **arrays: Any) -> None:
    """Every parameter; those not named are zero."""
    params.vector[:] = 0
    for name, array in arrays.items():
        params[name][...] = array


def follow(layer: OverTime, x: list[float], state: tuple[float, ...] | None = None, **weights: Any) -> np.ndarray:
    """The outputs (T, H) for one sequence of numbers."""
    params = Params.zeros(layer.param_shapes(Shape.vector(1).over_time), np.float64)
    fill(params, **weights)
    first = layer.zero_state(1, np.float64) if state is None else tuple(np.array([[value]]) for value in state)
    y, _, _ = layer.run(params, Sequence(np.array(x)[:, None], steps_of([len(x)])), first, Context())
    return y.values


# By hand, with L = ½ ln 3: tanh(L) = 1/2, tanh(2L) = 4/5, σ(2L) = 3/4, σ(−2L) = 1/4, σ(0) = tanh(0) + 1/2 = 1/2

L = math.log(3) / 2


def test_rnn_by_hand() -> None:
    y = follow(RNN(1), [L, 0.0], input_weight=[[1.0]], recurrent_weight=[[2 * L]], bias=[L])
    # s₁ = tanh(L + 2L·0 + L) = 4/5, s₂ = tanh(0 + 2L·4/5 + L) = tanh(2.6 L)
    np.testing.assert_allclose(y[:, 0], [0.8, math.tanh(2.6 * L)], rtol=1e-14)


def test_lstm_by_hand() -> None:
    y = follow(LSTM(1), [2 * L], (0.0, 1.0), input_weight=[[1.0, -1.0, 1.0, 0.5]])
    # f = 3/4, i = 1/4, o = 3/4, C̃ = 1/2: C = 3/4·1 + 1/4·1/2 = 7/8, h = 3/4 tanh(7/8)
    np.testing.assert_allclose(y, [[0.75 * math.tanh(7 / 8)]], rtol=1e-14)


@pytest.mark.parametrize("kind", ["diagonal", "full"])
def test_peephole_by_hand(kind: Any) -> None:
    peephole = np.array([8 * L, -8 * L, 8 * L])  # f, i, o
    y = follow(
        LSTM(1, peephole=kind),
        [2 * L, 0.0],
        input_weight=[[1.0, 0.0, 0.0, 0.5]],
        peephole=peephole[:, None] if kind == "diagonal" else peephole[None],
    )
    # t = 1, C = 0 before: f = σ(2L) = 3/4, i = σ(0) = 1/2, C̃ = tanh(L) = 1/2: C = 1/4
    #        o sees the new C: σ(8L·1/4) = σ(2L) = 3/4
    # t = 2, x = 0: f = σ(8L·1/4) = 3/4, i = σ(−8L·1/4) = 1/4, C̃ = 0: C = 3/16; o = σ(8L·3/16) = σ(1.5 L)
    #        e^(1.5 L) = 3^0.75
    late = 3**0.75 / (1 + 3**0.75)
    np.testing.assert_allclose(y[:, 0], [0.75 * math.tanh(1 / 4), late * math.tanh(3 / 16)], rtol=1e-14)


def test_a_full_peephole_sees_the_other_cells() -> None:
    layer = LSTM(2, peephole="full", coupled=True)
    params = Params.zeros(layer.param_shapes(Shape.vector(1).over_time), np.float64)
    peephole = np.zeros((2, 4))  # from each cell to f₁ f₂ o₁ o₂
    peephole[1, 0] = L  # f₁ sees C₂
    peephole[0, 3] = 4 * L  # o₂ sees C₁
    fill(params, peephole=peephole)
    state = (np.zeros((1, 2)), np.array([[1.0, 2.0]]))
    y, (_, cell), _ = layer.run(params, Sequence(np.zeros((1, 1)), steps_of([1])), state, Context())
    # f₁ = σ(2L) = 3/4, f₂ = 1/2, C̃ = 0: C = (3/4, 1); o₁ = 1/2, o₂ = σ(4L·3/4) = σ(3L), e^(3L) = 3^1.5
    np.testing.assert_allclose(cell, [[0.75, 1.0]], rtol=1e-14)
    o2 = 3**1.5 / (1 + 3**1.5)
    np.testing.assert_allclose(y.values, [[0.5 * math.tanh(0.75), o2 * math.tanh(1.0)]], rtol=1e-14)


def test_coupled_gates_by_hand() -> None:
    y = follow(LSTM(1, coupled=True), [2 * L, 0.0], (0.0, 1.0), input_weight=[[1.0, 0.0, 0.5]])
    # f = 3/4, C̃ = 1/2: C = 3/4·1 + 1/4·1/2 = 7/8, o = 1/2; then f = 1/2, C̃ = 0: C = 7/16
    np.testing.assert_allclose(y[:, 0], [0.5 * math.tanh(7 / 8), 0.5 * math.tanh(7 / 16)], rtol=1e-14)


def test_gru_by_hand() -> None:
    weights = {"input_weight": [[1.0, 0.0, 0.0]], "recurrent_weight": [[0.0, 0.0, 2 * L]]}
    y = follow(GRU(1, bias=False), [2 * L], (1.0,), **weights)
    # z = 3/4, r = 1/2, h̃ = tanh(2L·(1/2·1)) = 1/2: h = 1/4·1 + 3/4·1/2 = 5/8
    np.testing.assert_allclose(y, [[5 / 8]], rtol=1e-14)


def test_gru_in_pytorchs_form_by_hand() -> None:
    weights = {"input_weight": [[1.0, 0.0, 0.0]], "recurrent_weight": [[0.0, 0.0, L]], "recurrent_bias": [L]}
    y = follow(GRU(1, form="pytorch"), [2 * L], (1.0,), **weights)
    # z = 3/4, r = 1/2, h̃ = tanh(1/2·(L·1 + L)) = 1/2: h = 1/4·1/2 + 3/4·1 = 7/8
    np.testing.assert_allclose(y, [[7 / 8]], rtol=1e-14)


def test_clockwork_by_hand() -> None:
    y = follow(
        Clockwork(2, (1, 2)),
        [L, 0.0, 0.0, 0.0],
        input_weight=[[1.0, 2.0]],
        recurrent_weight1=[[2 * L], [1.25 * L]],  # what the fast unit sees of itself and of the slow one
        recurrent_weight2=[[1.25 * L]],  # the slow one sees only itself
    )
    # t = 0, both tick:  h₁ = tanh(L) = 1/2, h₂ = tanh(2L) = 4/5
    # t = 1, only h₁:    tanh(2L·1/2 + 1.25L·4/5) = tanh(2L) = 4/5; h₂ stays
    # t = 2, both tick:  h₁ = tanh(2L·4/5 + 1.25L·4/5) = tanh(2.6 L), h₂ = tanh(1.25L·4/5) = 1/2
    # t = 3, only h₁
    third = math.tanh(2.6 * L)
    fourth = math.tanh(2 * L * third + 1.25 * L * 0.5)
    np.testing.assert_allclose(y, [[0.5, 0.8], [0.8, 0.8], [third, 0.5], [fourth, 0.5]], rtol=1e-14)


def test_bidirectional_by_hand() -> None:
    layer = Bidirectional(RNN(1))
    params = Params.zeros(layer.param_shapes(Shape.vector(1).over_time), np.float64)
    for way in ("forward", "backward"):
        params[f"{way}/input_weight"][...] = 1
        params[f"{way}/recurrent_weight"][...] = 2 * L
    y, state, _ = layer.run(
        params, Sequence(np.array([[L], [0.0]]), steps_of([2])), layer.zero_state(1, np.float64), Context()
    )
    # ahead: tanh(L) = 1/2, tanh(2L·1/2) = 1/2; back, from the end: tanh(0) = 0, tanh(L) = 1/2
    np.testing.assert_allclose(y.values, [[0.5, 0.5], [0.5, 0.0]], rtol=1e-14)
    np.testing.assert_allclose(np.concatenate(state), [[0.5], [0.5]], rtol=1e-14)


# Chunks, order, states


@every_layer
def test_chunks_with_carried_state_are_one_run(layer: OverTime) -> None:
    """Values, last states and, through the states, gradients; each sequence is cut somewhere else."""
    lengths, cuts = [7, 9, 5, 8], [3, 4, 1, 6]
    params, data = draw(layer, lengths)
    first = begin(layer, 4)
    heads = Ragged.of([data.row(i)[:cut] for i, cut in enumerate(cuts)])
    tails = Ragged.of([data.row(i)[cut:] for i, cut in enumerate(cuts)])
    ctx = Context()
    y, last, cache = layer.run(params, pack(data), first, ctx)
    one, between, one_cache = layer.run(params, pack(heads), first, ctx)
    two, end, two_cache = layer.run(params, pack(tails), between, ctx)
    for whole, part in zip(last, end, strict=True):
        np.testing.assert_allclose(part, whole, rtol=1e-12, atol=1e-12)
    y_rows, one_rows, two_rows = unpack(y), unpack(one), unpack(two)
    for i in range(4):
        joined = np.concatenate([one_rows.row(i), two_rows.row(i)])
        np.testing.assert_allclose(joined, y_rows.row(i), rtol=1e-12, atol=1e-12)

    rng = np.random.default_rng(8)
    dy = Ragged.of([rng.normal(size=(length, layer.output_shape(SERIES).size)) for length in lengths])
    dlast = tuple(rng.normal(size=part.shape) for part in last)
    grads, one_grads, two_grads = (params.like(np.full_like(params.vector, np.nan)) for _ in range(3))
    dx, dfirst = layer.run_back(params, cache, pack(dy), dlast, grads, ctx)
    dy_one = pack(Ragged.of([dy.row(i)[:cut] for i, cut in enumerate(cuts)]))
    dy_two = pack(Ragged.of([dy.row(i)[cut:] for i, cut in enumerate(cuts)]))
    dx_two, dbetween = layer.run_back(params, two_cache, dy_two, dlast, two_grads, ctx)
    dx_one, dbegin = layer.run_back(params, one_cache, dy_one, dbetween, one_grads, ctx)
    assert dx is not None and dx_one is not None and dx_two is not None
    np.testing.assert_allclose(one_grads.vector + two_grads.vector, grads.vector, rtol=1e-11, atol=1e-11)
    for name, whole, part in zip(layer.state_sizes(), dfirst, dbegin, strict=True):
        np.testing.assert_allclose(part, whole, rtol=1e-11, atol=1e-11)
        assert name not in layer.counters or not part.any()
    for i in range(4):
        joined = np.concatenate([unpack(dx_one).row(i), unpack(dx_two).row(i)])
        np.testing.assert_allclose(joined, unpack(dx).row(i), rtol=1e-11, atol=1e-11)


@every_layer
def test_one_step_at_a_time_is_one_run(layer: OverTime) -> None:
    """As decoding does it, in scratch memory that is used again at every step."""
    params, data = draw(layer, [12, 12, 12])
    state = begin(layer, 3)
    y, last, _ = layer.run(params, pack(data), state, Context())
    inputs, outputs = data.values.reshape(3, 12, 3), unpack(y).values.reshape(3, 12, -1)
    ctx = Context(arena=Arena())
    for t in range(12):
        ctx.restart((0, t, 0))
        one, state, _ = layer.run(params, Sequence(inputs[:, t].copy(), steps_of([1, 1, 1])), state, ctx)
        np.testing.assert_allclose(one.values, outputs[:, t], rtol=1e-12, atol=1e-12)
    for whole, part in zip(last, state, strict=True):
        np.testing.assert_allclose(part, whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layer", [*FORWARD, Bidirectional(LSTM(3)), Bidirectional(Clockwork(4, (1, 3)))])
def test_the_order_in_the_batch_does_not_matter(layer: OverTime) -> None:
    params, data = draw(layer, [4, 1, 6, 6, 2])
    first = begin(layer, 5)
    shuffled = np.array([3, 0, 4, 2, 1])
    ctx = Context()
    y, last, cache = layer.run(params, pack(data), first, ctx)
    dy = Ragged(np.random.default_rng(2).normal(size=y.values.shape), data.offsets)
    grads, other_grads = (params.like(np.full_like(params.vector, np.nan)) for _ in range(2))
    dx, dfirst = layer.run_back(params, cache, pack(dy), last, grads, ctx)
    z, other_last, cache = layer.run(params, pack(data[shuffled]), tuple(part[shuffled] for part in first), ctx)
    other_dx, other_dfirst = layer.run_back(params, cache, pack(dy[shuffled]), other_last, other_grads, ctx)
    assert dx is not None and other_dx is not None
    close = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(unpack(z).values, unpack(y)[shuffled].values, **close)
    np.testing.assert_allclose(unpack(other_dx).values, unpack(dx)[shuffled].values, **close)
    np.testing.assert_allclose(other_grads.vector, grads.vector, **close)
    for one, other in zip((*last, *dfirst), (*other_last, *other_dfirst), strict=True):
        np.testing.assert_allclose(other, one[shuffled], **close)


@every_layer
def test_a_gradient_of_nothing_but_the_last_state(layer: OverTime) -> None:
    """dy None, as for the encoder of a translator, is a dy of zeros; so is a last state's None."""
    params, data = draw(layer, [3, 5])
    y, last, cache = layer.run(params, pack(data), begin(layer, 2), Context())
    nothing = Sequence(np.zeros_like(y.values), y.steps)
    for dy, dlast in (((None, nothing), (last, last)), ((y, y), (None, tuple(np.zeros_like(part) for part in last)))):
        found = []
        for one_dy, one_dlast in zip(dy, dlast, strict=True):
            grads = params.like(np.full_like(params.vector, np.nan))
            _, dfirst = layer.run_back(params, cache, one_dy, one_dlast, grads, Context())
            found.append([grads.vector, *dfirst])
        for one, other in zip(*found, strict=True):
            np.testing.assert_array_equal(one, other)


@every_layer
def test_the_last_state_is_a_copy(layer: OverTime) -> None:
    """It outlives the scratch memory of the step that made it."""
    params, data = draw(layer, [3, 5])
    ctx = Context(arena=Arena())
    _, last, _ = layer.run(params, pack(data), begin(layer, 2), ctx)
    before = [part.copy() for part in last]
    ctx.restart((0, 1, 0))
    _, other = draw(layer, [3, 5], seed=11)
    layer.run(params, pack(other), last, ctx)
    for old, new in zip(before, last, strict=True):
        np.testing.assert_array_equal(old, new)


# What is particular to each


def test_a_module_that_does_not_tick_is_not_even_looked_at() -> None:
    layer = Clockwork(4, (1, 2))
    params, data = draw(layer, [1, 1])
    params["recurrent_weight2"][...] = np.nan
    params["input_weight"][:, 2:] = np.nan
    state = (np.ones((2, 4)), np.ones((2, 2)))  # at time 1 the second group rests
    y, (hidden, clock), _ = layer.run(params, pack(data), state, Context())
    assert np.isfinite(y.values).all()
    np.testing.assert_array_equal(hidden[:, 2:], 1)
    np.testing.assert_array_equal(clock, [[0, 0], [0, 0]])  # each below its period
    y, _, _ = layer.run(params, pack(data), (np.ones((2, 4)), np.zeros((2, 2))), Context())
    assert np.isnan(y.values[:, 2:]).all() and np.isfinite(y.values[:, :2]).all()


def test_clockwork_shows_who_ticked() -> None:
    layer = Clockwork(6, (1, 2, 3))
    params, data = draw(layer, [7, 2])
    x = pack(data)
    y, cache = layer.forward(params, x, Context())
    ticked = layer.values(params, x, y, cache)["ticked"]
    assert ticked.axes == ("sample", "step", "group")
    expected = [[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 0], [1, 0, 0], [1, 1, 1]]
    np.testing.assert_array_equal(ticked.array, [expected, expected[:2] + [[0, 0, 0]] * 5])


def test_clockwork_saves_products() -> None:
    """Of H² products a step there remain Σ (g − k + 1)/g² · 1/Tₖ, here (4 + 3/2 + 2/4 + 1/8) / 16 = 0.38."""
    layer, plain = Clockwork(128, (1, 2, 4, 8)), RNN(128)
    nothing = Shape.vector(0).over_time
    assert layer.multiply_adds(nothing) / plain.multiply_adds(nothing) == pytest.approx((4 + 1.5 + 0.5 + 0.125) / 16)
    count = sum(spec.size for spec in layer.param_shapes(SERIES).values())
    assert count == 3 * 128 + 128 + 128 * 128 * 10 // 16


def test_gates_and_states_can_be_seen() -> None:
    layer = LSTM(4, peephole="diagonal")
    params, data = draw(layer, [2, 5])
    x = pack(data)
    y, cache = layer.forward(params, x, Context())
    seen = layer.values(params, x, y, cache)
    names = {"output", "cell", "forget", "input", "output_gate", "candidate"}
    for name in names:
        assert seen[name].axes == ("sample", "step", "unit") and seen[name].array.shape == (2, 5, 4)
        assert not seen[name].array[0, 2:].any()  # behind the end
    value = {name: seen[name].array for name in names}
    np.testing.assert_allclose(value["output"], value["output_gate"] * np.tanh(value["cell"]), atol=1e-15)
    old = np.concatenate([np.zeros((2, 1, 4)), value["cell"][:, :-1]], axis=1)
    cell = value["forget"] * old + value["input"] * value["candidate"]
    np.testing.assert_allclose(value["cell"], cell, atol=1e-15)
    assert set(GRU(2).values(*seen_of(GRU(2)))) == {
        "output", "update", "reset", "candidate", "input_weight", "recurrent_weight",
    }  # fmt: skip


def seen_of(layer: OverTime) -> tuple[Any, ...]:
    params, data = draw(layer, [2, 3])
    x = pack(data)
    return params, x, *layer.forward(params, x, Context())


def test_long_sequences_do_not_overflow() -> None:
    """Sums far beyond what exp can take: σ is made of tanh."""
    for layer in (LSTM(2), LSTM(2, peephole="full"), GRU(2), GRU(2, form="pytorch")):
        params, _ = draw(layer, [1])
        params.vector *= 1e4
        y, _ = layer.forward(params, pack(np.full((1, 3, 3), 1e3)), Context())
        assert np.isfinite(y.values).all()


@pytest.mark.parametrize(
    ("layer", "field", "said"),
    [
        (Clockwork(7, (1, 2)), "units", "7 units cannot be shared out equally among 2 groups"),
        (Clockwork(6, (2, 1)), "periods", "the periods 2, 1 do not rise"),
        (Clockwork(6, (2, 2)), "periods", "do not rise"),
        (GRU(4, bias=False, chrono=50), "chrono", "without biases"),
        (GRU(4, bias=False, update_bias=1.0), "update_bias", "without biases"),
    ],
)
def test_settings_that_cannot_be_are_refused(layer: OverTime, field: str, said: str) -> None:
    with pytest.raises(ShapeError, match=said) as caught:
        layer.output_shape(SERIES)
    assert caught.value.field == field and caught.value.hint


@pytest.mark.parametrize("layer", [RNN(2), LSTM(2), GRU(2), Clockwork(2, (1,)), Bidirectional(GRU(2))])
def test_what_is_no_sequence_of_vectors_is_refused(layer: OverTime) -> None:
    for shape, said in (
        (Shape.vector(3), "takes a sequence"),
        (Shape.tokens(9), "only names"),
        (Shape.image(4, 4, 1).over_time, "one vector a step"),
    ):
        with pytest.raises(ShapeError, match=said) as caught:
            layer.output_shape(shape)
        assert caught.value.hint
