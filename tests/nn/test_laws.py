"""The laws every layer obeys (docs/architecture.md), one test a law, over examples of every layer."""

from __future__ import annotations

import types
from typing import Any, get_args

import msgspec
import numpy as np
import pytest

from tuinet.nn.context import Arena, Context
from tuinet.nn.gradcheck import check_layer, wrong
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.network import AnyLayer, Sequential
from tuinet.nn.params import Params

VECTOR = Shape.vector(7)
IMAGE = Shape.image(6, 5, 3)

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
]

every_layer = pytest.mark.parametrize(
    ("layer", "shape"), EXAMPLES, ids=[f"{i}-{type(layer).__name__}" for i, (layer, _) in enumerate(EXAMPLES)]
)
both_modes = pytest.mark.parametrize("training", [False, True], ids=["predicting", "training"])


def draw(layer: Layer, shape: Shape, batch: int = 3, dtype: Any = np.float64) -> tuple[Params, np.ndarray, np.ndarray]:
    """Random parameters, inputs and output gradients."""
    rng = np.random.default_rng(7)
    params = Params.zeros(layer.param_shapes(shape), dtype)
    params.vector[:] = rng.normal(size=params.vector.shape)
    x = rng.normal(size=(batch, *shape.sizes)).astype(dtype)
    return params, x, rng.normal(size=(batch, *layer.output_shape(shape).sizes)).astype(dtype)


def test_every_layer_has_an_example() -> None:
    assert {type(layer) for layer, _ in EXAMPLES} >= set(get_args(AnyLayer))


@every_layer
@both_modes
def test_the_predicted_shape_is_the_real_one(layer: Layer, shape: Shape, training: bool) -> None:
    params, x, _ = draw(layer, shape)
    y, _ = layer.forward(params, x, Context(training=training))
    assert y.shape == (3, *layer.output_shape(shape).sizes)


@every_layer
@both_modes
def test_gradients_are_the_measured_slopes(layer: Layer, shape: Shape, training: bool) -> None:
    assert wrong(check_layer(layer, shape, training=training)) == []


@every_layer
def test_a_broken_backward_is_noticed(layer: Layer, shape: Shape) -> None:
    kind = type(layer)

    def backward(self: Layer, params: Any, cache: Any, dy: Any, grads: Any, ctx: Any, need_dx: bool = True) -> Any:
        dx = kind.backward(self, params, cache, dy, grads, ctx, need_dx)
        grads.vector[:] = grads.vector * 1.001 + 0.001
        return dx * 1.001 + 0.001

    broken = types.new_class(
        "Broken", (kind,), {"frozen": True, "tag": "broken"}, lambda body: body.update(backward=backward)
    )
    copy = broken(**{name: getattr(layer, name) for name in layer.__struct_fields__})
    assert set(wrong(check_layer(copy, shape))) == {"input", *layer.param_shapes(shape)}


@every_layer
def test_a_forgotten_gradient_is_noticed(layer: Layer, shape: Shape) -> None:
    kind = type(layer)

    def backward(self: Layer, params: Any, cache: Any, dy: Any, grads: Any, ctx: Any, need_dx: bool = True) -> Any:
        return kind.backward(self, params, cache, dy, params.like(params.vector.copy()), ctx, need_dx)

    broken = types.new_class(
        "Broken", (kind,), {"frozen": True, "tag": "broken"}, lambda body: body.update(backward=backward)
    )
    copy = broken(**{name: getattr(layer, name) for name in layer.__struct_fields__})
    assert set(wrong(check_layer(copy, shape))) == set(layer.param_shapes(shape))


@every_layer
@both_modes
def test_nothing_that_is_handed_in_changes(layer: Layer, shape: Shape, training: bool) -> None:
    params, x, dy = draw(layer, shape)
    before = [params.vector.copy(), x.copy(), dy.copy()]
    ctx = Context(training=training, arena=Arena())
    y, cache = layer.forward(params, x, ctx)
    y_before, cache_before = y.copy(), copy_of(cache)
    results = []
    for _ in range(2):  # backward twice from one cache: the second time must find what the first time found
        grads = params.like(np.full_like(params.vector, np.nan))
        dx = layer.backward(params, cache, dy, grads, ctx)
        assert dx is not None
        results.append((grads.vector.copy(), dx.copy()))
    for old, new in zip(before, [params.vector, x, dy], strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(y, y_before)
    assert_same(cache, cache_before)
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


def copy_of(cache: Any) -> Any:
    if isinstance(cache, np.ndarray):
        return cache.copy()
    if isinstance(cache, (tuple, list)):
        return [copy_of(part) for part in cache]
    return cache


def assert_same(cache: Any, copy: Any) -> None:
    if isinstance(cache, (tuple, list)):
        for part, part_copy in zip(cache, copy, strict=True):
            assert_same(part, part_copy)
    else:
        np.testing.assert_array_equal(cache, copy)


@every_layer
@both_modes
def test_an_input_gradient_that_is_not_needed_changes_no_other(layer: Layer, shape: Shape, training: bool) -> None:
    params, x, dy = draw(layer, shape)
    found = []
    for need_dx in (True, False):
        ctx = Context(training=training, key=(1, 2, 3))
        grads = params.like(np.full_like(params.vector, np.nan))
        dx = layer.backward(params, layer.forward(params, x, ctx)[1], dy, grads, ctx, need_dx)
        assert (dx is not None) == need_dx
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
    assert dx is not None
    assert y.dtype == dx.dtype == grads.vector.dtype == dtype


@every_layer
def test_a_batch_is_as_good_as_its_samples_one_by_one(layer: Layer, shape: Shape) -> None:
    params, x, dy = draw(layer, shape, batch=5)
    ctx = Context()
    y, cache = layer.forward(params, x, ctx)
    grads = params.like(np.full_like(params.vector, np.nan))
    dx = layer.backward(params, cache, dy, grads, ctx)
    assert dx is not None
    total = np.zeros_like(params.vector)
    for i in range(5):
        one = slice(i, i + 1)
        y_one, cache = layer.forward(params, x[one], ctx)
        part = params.like(np.full_like(params.vector, np.nan))
        dx_one = layer.backward(params, cache, dy[one], part, ctx)
        np.testing.assert_allclose(y_one, y[one], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(dx_one, dx[one], rtol=1e-12, atol=1e-12)
        total += part.vector
    np.testing.assert_allclose(total, grads.vector, rtol=1e-12, atol=1e-12)


@every_layer
def test_an_empty_batch_is_no_trouble(layer: Layer, shape: Shape) -> None:
    params, x, dy = draw(layer, shape, batch=0)
    ctx = Context()
    y, cache = layer.forward(params, x, ctx)
    grads = params.like(np.full_like(params.vector, np.nan))
    dx = layer.backward(params, cache, dy, grads, ctx)
    assert dx is not None
    assert y.shape[0] == dx.shape[0] == 0
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
        assert dx is not None
        found.append([y.copy(), dx.copy(), grads.vector.copy()])
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
    for name, (array, axes) in values.items():
        assert array.ndim == len(axes) == len(set(axes)), name
        if name.endswith("output"):
            assert axes[0] == "sample" and array.shape[0] == 3
