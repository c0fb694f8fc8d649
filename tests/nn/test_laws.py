"""The laws every layer obeys (docs/architecture.md), one test a law, over examples of every layer."""

from __future__ import annotations

import types
from typing import Any, get_args

import msgspec
import numpy as np
import pytest

from tuinet.nn.context import Arena, Context
from tuinet.nn.gradcheck import check_layer, random_input, values_of, with_values, wrong
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.embedding import Embedding, OneHot
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep, MaxOverTime, MeanOverTime, Rows
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.network import AnyLayer, Sequential
from tuinet.nn.params import Params
from tuinet.nn.recurrent import OverTime
from tuinet.nn.seq2seq import Pair, Seq2Seq
from tuinet.nn.sequence import Sequence, pack, unpack

VECTOR = Shape.vector(7)
IMAGE = Shape.image(6, 5, 3)
SERIES = Shape.vector(3).over_time
SYMBOL = Shape.tokens(9).step
TEXT = Shape.tokens(9)

EXAMPLES: list[tuple[Layer, Shape]] = [
    (Dense(4), VECTOR),
    (Dense(3, bias=False), VECTOR),
    (Conv2D(4, 3), IMAGE),
    (Conv2D(2, (2, 3), stride=(2, 1), padding="same"), IMAGE),
    (Conv2D(3, 4, padding="same"), IMAGE),
    (Conv2D(2, 3, padding=4, bias=False), IMAGE),
    (Conv2D(2, 2, stride=3, padding=1), IMAGE),
    (Conv2D(3, 1), IMAGE),
    (Conv2D(3, 3, padding="same"), Shape.image(5, 6, 1)),
    (MaxPool(), IMAGE),
    (MaxPool(3, stride=2), IMAGE),
    (MaxPool((1, 2), stride=(2, 1)), IMAGE),
    (AveragePool(), IMAGE),
    (AveragePool((3, 2), stride=1), IMAGE),
    (SumPool(2, stride=3), IMAGE),
    (Flatten(), IMAGE),
    (Flatten(), VECTOR),
    (Dropout(0.4), IMAGE),
    (Dropout(0.0), VECTOR),
    (GaussianNoise(0.3), VECTOR),
    (Step(), VECTOR),
    (Sign(), VECTOR),
    (Sigmoid(), VECTOR),
    (Tanh(), IMAGE),
    (Relu(), IMAGE),
    (Linear(), VECTOR),
    (Softmax(), VECTOR),
    (
        Sequential((Conv2D(3, 3, padding="same"), Relu(), MaxPool(), Flatten(), Dense(4), Relu(), Dense(3))),
        Shape.image(6, 4, 2),
    ),
    (Embedding(4), SYMBOL),
    (Embedding(2), Shape.tokens(300).step),
    (OneHot(9), SYMBOL),
    (Rows(), IMAGE),
    (Rows(), Shape((4, 3), ("row", "column"))),
    (LastStep(), SERIES),
    (LastStep(both_ways=True), Shape.vector(4).over_time),
    (MeanOverTime(), SERIES),
    (MaxOverTime(), SERIES),
    (RNN(4), SERIES),
    (RNN(4, "relu"), SERIES),
    (LSTM(4), SERIES),
    (LSTM(4, peephole="diagonal"), SERIES),
    (LSTM(4, peephole="full"), SERIES),
    (LSTM(4, coupled=True), SERIES),
    (LSTM(4, peephole="diagonal", coupled=True), SERIES),
    (LSTM(4, peephole="full", coupled=True, chrono=20), SERIES),
    (GRU(4), SERIES),
    (GRU(4, bias=False), SERIES),
    (GRU(4, form="pytorch"), SERIES),
    (GRU(4, form="pytorch", bias=False), SERIES),
    (Clockwork(6, (1, 2, 4)), SERIES),
    (Clockwork(4, (2, 3)), SERIES),
    (Bidirectional(RNN(3)), SERIES),
    (Bidirectional(LSTM(2, peephole="diagonal")), SERIES),
    (Bidirectional(GRU(2)), SERIES),
    (Bidirectional(Clockwork(4, (1, 3))), SERIES),
    (Sequential((Embedding(3), Bidirectional(GRU(2)), Dropout(0.3), LSTM(3), LastStep(), Dense(2))), TEXT),
    (Sequential((OneHot(9), RNN(3), Dense(4), Relu(), Clockwork(4, (1, 2)), Dense(3))), TEXT),
    (Sequential((Rows(), LSTM(3, coupled=True), GRU(2, form="pytorch"), MeanOverTime())), IMAGE),
    (
        Seq2Seq(
            (Embedding(3), LSTM(4)),
            (Embedding(2), LSTM(4), Dense(5)),
            reverse_source=True,
            symbols=5,
        ),
        TEXT,
    ),
    (
        Seq2Seq((Embedding(3), Bidirectional(GRU(2))), (Embedding(2), GRU(3), RNN(3), Dense(5)), "dense", symbols=5),
        TEXT,
    ),
    (Seq2Seq((Conv2D(2, 3), Flatten(), Dense(4)), (Embedding(2), LSTM(3), Dense(5)), "dense", symbols=5), IMAGE),
]

every_layer = pytest.mark.parametrize(
    ("layer", "shape"), EXAMPLES, ids=[f"{i}-{type(layer).__name__}" for i, (layer, _) in enumerate(EXAMPLES)]
)
both_modes = pytest.mark.parametrize("training", [False, True], ids=["predicting", "training"])


def draw(layer: Layer, shape: Shape, batch: int = 3, dtype: Any = np.float64) -> tuple[Params, Any, Any]:
    """Random parameters, inputs and output gradients."""
    rng = np.random.default_rng(7)
    params = Params.zeros(layer.param_shapes(shape), dtype)
    params.vector[:] = rng.normal(size=params.vector.shape)
    x = random_input(layer, shape, batch, rng, dtype)
    y, _ = layer.forward(params, x, Context())
    return params, x, with_values(y, rng.normal(size=values_of(y).shape).astype(dtype))


def has_slope(layer: Layer, shape: Shape) -> bool:
    """Whether its input can have a gradient: ids have none, and those of a pair are not returned."""
    return shape.kind == "number" and not isinstance(layer, Seq2Seq)


def arrays(signal: Any) -> list[np.ndarray]:
    """The arrays of an input, an output or a gradient."""
    if isinstance(signal, Pair):
        return arrays(signal.source) + arrays(signal.fed)
    return [] if signal is None else [values_of(signal)]


def batch_of(signal: Any) -> int:
    return len(signal.steps) if isinstance(signal, Sequence) else len(signal)


def sample(signal: Any, i: int) -> Any:
    """Sample i as a batch of its own."""
    if isinstance(signal, Pair):
        return Pair(sample(signal.source, i), sample(signal.fed, i))
    return pack(unpack(signal)[i : i + 1]) if isinstance(signal, Sequence) else signal[i : i + 1]


def test_every_layer_has_an_example() -> None:
    assert {type(layer) for layer, _ in EXAMPLES} >= set(get_args(AnyLayer))


@every_layer
@both_modes
def test_the_predicted_shape_is_the_real_one(layer: Layer, shape: Shape, training: bool) -> None:
    params, x, _ = draw(layer, shape)
    y, _ = layer.forward(params, x, Context(training=training))
    predicted = layer.output_shape(shape)
    assert isinstance(y, Sequence) == predicted.sequence
    assert values_of(y).shape[1:] == predicted.sizes
    assert batch_of(y) == 3
    if isinstance(y, Sequence):
        assert len(y.values) == y.steps.total
        before = x.fed if isinstance(x, Pair) else x
        if isinstance(before, Sequence):
            assert y.steps is before.steps


@every_layer
@both_modes
def test_gradients_are_the_measured_slopes(layer: Layer, shape: Shape, training: bool) -> None:
    errors = check_layer(layer, shape, training=training, batch=3)
    assert wrong(errors) == []
    assert ("input" in errors) == has_slope(layer, shape)


def broken_copy(layer: Layer, backward: Any) -> Layer:
    """A copy with another way back."""
    name = "run_back" if isinstance(layer, OverTime) else "backward"
    kind = types.new_class(
        "Broken", (type(layer),), {"frozen": True, "tag": "broken"}, lambda body: body.update({name: backward})
    )
    return kind(**{field: getattr(layer, field) for field in layer.__struct_fields__})


@every_layer
def test_a_broken_backward_is_noticed(layer: Layer, shape: Shape) -> None:
    kind = type(layer)

    def backward(self: Layer, params: Any, cache: Any, dy: Any, grads: Any, ctx: Any, need_dx: bool = True) -> Any:
        dx = kind.backward(self, params, cache, dy, grads, ctx, need_dx)
        grads.vector[:] = grads.vector * 1.001 + 0.001
        return dx if dx is None else with_values(dx, values_of(dx) * 1.001 + 0.001)

    def run_back(
        self: OverTime, params: Any, cache: Any, dy: Any, dstate: Any, grads: Any, ctx: Any, need_dx: bool = True
    ) -> Any:
        dx, first = kind.run_back(self, params, cache, dy, dstate, grads, ctx, need_dx)  # type: ignore[attr-defined]
        grads.vector[:] = grads.vector * 1.001 + 0.001
        return with_values(dx, values_of(dx) * 1.001 + 0.001), tuple(part * 1.001 + 0.001 for part in first)

    expected = {*layer.param_shapes(shape)}
    if has_slope(layer, shape):
        expected.add("input")
    if isinstance(layer, OverTime):
        expected |= {f"first {name}" for name in layer.state_sizes() if name not in layer.counters}
    copy = broken_copy(layer, run_back if isinstance(layer, OverTime) else backward)
    assert set(wrong(check_layer(copy, shape))) == expected


@every_layer
def test_a_forgotten_gradient_is_noticed(layer: Layer, shape: Shape) -> None:
    kind = type(layer)

    def backward(self: Layer, params: Any, cache: Any, dy: Any, grads: Any, ctx: Any, need_dx: bool = True) -> Any:
        return kind.backward(self, params, cache, dy, params.like(params.vector.copy()), ctx, need_dx)

    def run_back(
        self: OverTime, params: Any, cache: Any, dy: Any, dstate: Any, grads: Any, ctx: Any, need_dx: bool = True
    ) -> Any:
        elsewhere = params.like(params.vector.copy())
        return kind.run_back(self, params, cache, dy, dstate, elsewhere, ctx, need_dx)  # type: ignore[attr-defined]

    copy = broken_copy(layer, run_back if isinstance(layer, OverTime) else backward)
    assert set(wrong(check_layer(copy, shape))) == set(layer.param_shapes(shape))


@every_layer
@both_modes
def test_nothing_that_is_handed_in_changes(layer: Layer, shape: Shape, training: bool) -> None:
    params, x, dy = draw(layer, shape)
    handed = [params.vector, *arrays(x), *arrays(dy)]
    before = [array.copy() for array in handed]
    ctx = Context(training=training, arena=Arena())
    y, cache = layer.forward(params, x, ctx)
    y_before, cache_before = values_of(y).copy(), copy_of(cache)
    results = []
    for _ in range(2):  # backward twice from one cache: the second time must find what the first time found
        grads = params.like(np.full_like(params.vector, np.nan))
        dx = layer.backward(params, cache, dy, grads, ctx)
        assert (dx is not None) == has_slope(layer, shape)
        results.append([grads.vector.copy(), *(array.copy() for array in arrays(dx))])
    for old, new in zip(before, handed, strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(values_of(y), y_before)
    assert_same(cache, cache_before)
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


def copy_of(cache: Any) -> Any:
    if isinstance(cache, np.ndarray):
        return cache.copy()
    if isinstance(cache, (tuple, list)):
        return [copy_of(part) for part in cache]
    if isinstance(cache, dict):
        return {name: copy_of(part) for name, part in cache.items()}
    return cache


def assert_same(cache: Any, copy: Any) -> None:
    if isinstance(cache, (tuple, list)):
        for part, part_copy in zip(cache, copy, strict=True):
            assert_same(part, part_copy)
    elif isinstance(cache, dict):
        for name, part in cache.items():
            assert_same(part, copy[name])
    elif isinstance(cache, np.ndarray):
        np.testing.assert_array_equal(cache, copy)
    else:
        assert cache == copy


@every_layer
@both_modes
def test_an_input_gradient_that_is_not_needed_changes_no_other(layer: Layer, shape: Shape, training: bool) -> None:
    params, x, dy = draw(layer, shape)
    found = []
    for need_dx in (True, False):
        ctx = Context(training=training, key=(1, 2, 3))
        grads = params.like(np.full_like(params.vector, np.nan))
        dx = layer.backward(params, layer.forward(params, x, ctx)[1], dy, grads, ctx, need_dx)
        assert (dx is not None) == (need_dx and has_slope(layer, shape))
        found.append(grads.vector)
    np.testing.assert_array_equal(*found)


@every_layer
@both_modes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(layer: Layer, shape: Shape, training: bool, dtype: Any) -> None:
    params, x, dy = draw(layer, shape, dtype=dtype)
    ctx = Context(training=training)
    y, cache = layer.forward(params, x, ctx)
    grads = params.like(np.full_like(params.vector, np.nan))
    dx = layer.backward(params, cache, dy, grads, ctx)
    assert {array.dtype for array in (grads.vector, *arrays(y), *arrays(dx))} == {np.dtype(dtype)}
    if isinstance(layer, OverTime):
        _, state, cache = layer.run(params, x, layer.zero_state(3, dtype), ctx)
        _, first = layer.run_back(params, cache, dy, state, grads, ctx)
        assert {part.dtype for part in (*state, *first)} == {np.dtype(dtype)}


@every_layer
def test_a_batch_is_as_good_as_its_samples_one_by_one(layer: Layer, shape: Shape) -> None:
    """And so neither its neighbours nor their lengths change anything for a sequence."""
    params, x, dy = draw(layer, shape, batch=5)
    ctx = Context()
    y, cache = layer.forward(params, x, ctx)
    grads = params.like(np.full_like(params.vector, np.nan))
    dx = layer.backward(params, cache, dy, grads, ctx)
    total = np.zeros_like(params.vector)
    for i in range(5):
        y_one, cache = layer.forward(params, sample(x, i), ctx)
        part = params.like(np.full_like(params.vector, np.nan))
        dx_one = layer.backward(params, cache, sample(dy, i), part, ctx)
        close(y_one, sample(y, i))
        if dx is not None:
            close(dx_one, sample(dx, i))
        total += part.vector
    np.testing.assert_allclose(total, grads.vector, rtol=1e-12, atol=1e-12)


def close(one: Any, other: Any) -> None:
    for first, second in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-12)


@every_layer
def test_an_empty_batch_is_no_trouble(layer: Layer, shape: Shape) -> None:
    params, x, dy = draw(layer, shape, batch=0)
    ctx = Context()
    y, cache = layer.forward(params, x, ctx)
    grads = params.like(np.full_like(params.vector, np.nan))
    dx = layer.backward(params, cache, dy, grads, ctx)
    assert all(len(array) == 0 for array in arrays(y) + arrays(dx))
    assert batch_of(y) == 0
    np.testing.assert_array_equal(grads.vector, 0)


@every_layer
def test_the_arena_changes_no_number(layer: Layer, shape: Shape) -> None:
    params, x, dy = draw(layer, shape)
    found = []
    arena = Arena()
    for ctx in (Context(), Context(arena=arena), Context(arena=arena)):
        ctx.restart((0, 0, 0))  # the third pass finds the buffers full of the second pass's numbers
        y, cache = layer.forward(params, x, ctx)
        grads = params.like(np.full_like(params.vector, np.nan))
        dx = layer.backward(params, cache, dy, grads, ctx)
        found.append([array.copy() for array in (*arrays(y), *arrays(dx), grads.vector)])
    for other in found[1:]:
        for first, second in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(first, second)


@every_layer
def test_settings_survive_json_and_toml(layer: Layer, shape: Shape) -> None:
    network = layer if isinstance(layer, Sequential) else Sequential((layer,))
    assert msgspec.json.decode(msgspec.json.encode(network), type=Sequential) == network
    assert msgspec.toml.decode(msgspec.toml.encode(network), type=Sequential) == network
    assert hash(msgspec.json.decode(msgspec.json.encode(network), type=Sequential)) == hash(network)


@every_layer
def test_every_value_has_a_name_for_each_axis(layer: Layer, shape: Shape) -> None:
    params, x, _ = draw(layer, shape)
    y, cache = layer.forward(params, x, Context(plain=True))
    values = layer.values(params, x, y, cache)
    assert values
    assert "output" in values or isinstance(layer, Sequential | Seq2Seq)
    for name, (array, axes) in values.items():
        assert array.ndim == len(axes) == len(set(axes)), name
        if name.endswith("output"):
            assert axes[0] == "sample" and array.shape[0] == 3
        if isinstance(layer, OverTime) and axes[0] == "sample":
            assert axes[1] == "step" and array.shape[1] == len(x.steps.counts), name
