"""Sequential: names, shapes, errors, initial parameters, and the fused plan against the plain list."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tuinet.nn.context import Arena, Context
from tuinet.nn.gradcheck import check_layer, wrong
from tuinet.nn.layer import Shape, ShapeError
from tuinet.nn.layers import conv, unfold
from tuinet.nn.layers import fused as fused_module
from tuinet.nn.layers.activation import Linear, Relu, Tanh
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.fused import ConvPool, DenseRelu
from tuinet.nn.layers.pool import AveragePool, MaxPool
from tuinet.nn.network import AnyLayer, LayerShapeError, Sequential, initialize
from tuinet.nn.params import Array, Params
from tuinet.nn.stack import _plan

CNN = Sequential(
    (
        Conv2D(4, 3, padding="same"),
        Relu(),
        MaxPool(),
        Conv2D(5, 3, padding="same"),
        MaxPool(),
        Relu(),
        Flatten(),
        Dense(6),
        Relu(),
        Dropout(0.3),
        Dense(3),
    )
)

FUSED: list[tuple[str, tuple[AnyLayer, ...], Shape, list[type]]] = [
    ("cnn", CNN.layers, Shape.image(8, 12, 1), [ConvPool, ConvPool, DenseRelu]),
    ("no relu", (Conv2D(3, 3), MaxPool(), Tanh()), Shape.image(8, 6, 2), [ConvPool]),
    ("no bias", (Conv2D(3, 3, bias=False), Relu(), MaxPool()), Shape.image(6, 6, 2), [ConvPool]),
    ("window 3", (Conv2D(2, 2, padding="same"), Relu(), MaxPool(3)), Shape.image(6, 9, 2), [ConvPool]),
    ("odd window", (Conv2D(2, 3), Relu(), MaxPool((1, 5))), Shape.image(5, 12, 9), [ConvPool]),
    ("window 1", (Conv2D(2, 3), MaxPool(1), Relu()), Shape.image(5, 5, 1), [ConvPool]),
    ("stride", (Tanh(), Conv2D(2, 3, stride=2, padding="same"), Relu(), MaxPool()), Shape.image(8, 8, 3), [ConvPool]),
    ("1×1 kernel", (Conv2D(2, 1), Relu(), MaxPool()), Shape.image(4, 4, 3), [ConvPool]),
    ("many filters", (Conv2D(20, 3, padding="same"), MaxPool()), Shape.image(4, 4, 6), [ConvPool]),
    ("window does not divide", (Conv2D(2, 3), Relu(), MaxPool()), Shape.image(7, 6, 2), []),
    ("windows overlap", (Conv2D(2, 3), Relu(), MaxPool(2, stride=1)), Shape.image(6, 6, 2), []),
    ("padding is wide", (Conv2D(2, 2, padding=2), Relu(), MaxPool()), Shape.image(5, 5, 2), []),
    ("average", (Conv2D(2, 3), Relu(), AveragePool()), Shape.image(6, 6, 2), []),
    ("mlp", (Dense(5), Relu(), GaussianNoise(0.1), Dense(4, bias=False), Relu()), Shape.vector(7), [DenseRelu] * 2),
]  # fmt: skip


@pytest.fixture(autouse=True, params=[1, 10_000], ids=["rows unfolded", "windows unfolded"])
def _unfolding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to unfold windows."""
    monkeypatch.setattr(unfold, "SHARED_ROW", request.param)
    monkeypatch.setattr(unfold, "SHARED_WINDOWS", 0)


every_network = pytest.mark.parametrize(
    ("layers", "shape", "fused"), [case[1:] for case in FUSED], ids=[case[0] for case in FUSED]
)


def run(network: Sequential, params: Params, x: Array, dy: Array, **settings: Any) -> tuple[Array, Array, Array]:
    ctx = Context(key=(5, 6, 7), arena=Arena(), **settings)
    y, cache = network.forward(params, x, ctx)
    grads = params.like(np.full_like(params.vector, np.nan))
    dx = network.backward(params, cache, dy, grads, ctx)
    assert dx is not None
    return y, dx, grads.vector


def draw(network: Sequential, shape: Shape, batch: int = 3, dtype: Any = np.float64) -> tuple[Params, Array, Array]:
    rng = np.random.default_rng(11)
    params = initialize(network, shape, 1, dtype)
    params.vector[:] += rng.normal(0, 0.1, params.vector.shape)
    x = rng.normal(size=(batch, *shape.sizes)).astype(dtype)
    return params, x, rng.normal(size=(batch, *network.output_shape(shape).sizes)).astype(dtype)


@every_network
@pytest.mark.parametrize("training", [False, True], ids=["predicting", "training"])
def test_the_plan_gives_the_plain_lists_numbers(
    layers: tuple[AnyLayer, ...], shape: Shape, fused: list[type], training: bool
) -> None:
    network = Sequential(layers)
    plan = _plan(layers, shape.sizes, False)
    assert [type(step.layer) for step in plan if step.stop - step.start > 1] == fused
    assert [step.start for step in plan] == [0, *(step.stop for step in plan[:-1])]
    params, x, dy = draw(network, shape)
    for quick, plain in zip(
        run(network, params, x, dy, training=training),
        run(network, params, x, dy, training=training, plain=True),
        strict=True,
    ):
        np.testing.assert_allclose(quick, plain, rtol=1e-12, atol=1e-12)


@every_network
@pytest.mark.parametrize("plain", [False, True])
def test_blocks_of_images_meet_without_a_seam(
    layers: tuple[AnyLayer, ...], shape: Shape, fused: list[type], plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Sequential(layers)
    params, x, dy = draw(network, shape, batch=5)
    whole = run(network, params, x, dy, plain=plain)
    monkeypatch.setattr(conv, "KEPT_BYTES", 0)
    monkeypatch.setattr(fused_module, "KEPT_BYTES", 0)
    for images in (1, 2):
        monkeypatch.setattr(unfold, "BLOCK_BYTES", images * 8 * max(1, _unfolded(network, shape)))
        for one, other in zip(whole, run(network, params, x, dy, plain=plain), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def _unfolded(network: Sequential, shape: Shape) -> int:
    """Values of the first convolution's unfolded windows, for one image."""
    for layer, before, after in zip(network.layers, network.shapes(shape), network.shapes(shape)[1:], strict=False):
        if isinstance(layer, Conv2D):
            return layer.multiply_adds(before) // after.sizes[2]
    return 1


@every_network
def test_the_plans_gradients_are_the_measured_slopes(
    layers: tuple[AnyLayer, ...], shape: Shape, fused: list[type]
) -> None:
    assert wrong(check_layer(Sequential(layers), shape, batch=1)) == []


def test_equal_values_give_equal_gradients_to_the_same_cells() -> None:
    """Small whole numbers make many ties, in the pooling and at ReLU's corner."""
    network = Sequential((Conv2D(3, 2, padding="same"), Relu(), MaxPool(3)))
    rng = np.random.default_rng(2)
    params = Params.zeros(network.param_shapes(Shape.image(6, 6, 1)), np.float64)
    params.vector[:] = rng.integers(-1, 2, params.vector.shape)
    x, dy = rng.integers(-1, 2, (40, 6, 6, 1)).astype(float), rng.integers(-2, 3, (40, 2, 2, 3)).astype(float)
    for quick, plain in zip(run(network, params, x, dy), run(network, params, x, dy, plain=True), strict=True):
        np.testing.assert_array_equal(quick, plain)


def test_names_count_each_stem() -> None:
    assert CNN.names() == (
        "conv1", "relu1", "pool1", "conv2", "pool2", "relu2", "flatten1", "dense1", "relu3", "dropout1", "dense2",
    )  # fmt: skip


def test_shapes_before_and_after_every_layer() -> None:
    shapes = [str(shape) for shape in CNN.shapes(Shape.image(8, 12, 1))]
    assert shapes == ["8×12×1", "8×12×4", "8×12×4", "4×6×4", "4×6×5", "2×3×5", "2×3×5", "30", "6", "6", "6", "3"]


def test_parameters_lie_in_the_order_of_the_layers() -> None:
    specs = CNN.param_shapes(Shape.image(8, 12, 1))
    assert {path: spec.shape for path, spec in specs.items()} == {
        "conv1/weight": (3, 3, 1, 4), "conv1/bias": (4,), "conv2/weight": (3, 3, 4, 5), "conv2/bias": (5,),
        "dense1/weight": (30, 6), "dense1/bias": (6,), "dense2/weight": (6, 3), "dense2/bias": (3,),
    }  # fmt: skip
    assert list(specs)[:2] == ["conv1/weight", "conv1/bias"]
    assert CNN.multiply_adds(Shape.image(8, 12, 1)) == 96 * 4 * 9 + 24 * 4 * 4 + 24 * 5 * 36 + 6 * 5 * 4 + 180 + 18


@pytest.mark.parametrize(
    ("layers", "shape", "index", "field", "words"),
    [
        ((Conv2D(3, 3), MaxPool(5)), Shape.image(6, 6, 1), 1, "window", ["pool1", "5×5 window", "4×4", "4 or less"]),
        ((Conv2D(3, 5),), Shape.image(4, 4, 1), 0, "kernel", ["conv1", "5×5 kernel", "4×4", "4 or less", "pad"]),
        ((Conv2D(3, 9, padding=1),), Shape.image(4, 6, 1), 0, "kernel", ["9×9 kernel", "6×8", "6×8 or less"]),
        ((Dense(3),), Shape.image(4, 4, 1), 0, "", ["dense1", "4×4×1", "flatten"]),
        ((Flatten(), Conv2D(3, 3)), Shape.image(4, 4, 1), 1, "", ["conv1", "images", "16", "flatten"]),
        ((MaxPool(),), Shape.vector(4), 0, "", ["pool1", "images"]),
        ((Dense(3),), Shape((7,), ("step",), "id"), 0, "", ["ids", "one-hot"]),
        ((Relu(),), Shape((7,), ("step",), "id"), 0, "", ["relu1", "ids"]),
        ((Conv2D(3, 3),), Shape((4, 4, 1), ("row", "column", "channel"), "id"), 0, "", ["ids"]),
    ],
)
def test_a_layer_that_does_not_fit_says_why(
    layers: tuple[AnyLayer, ...], shape: Shape, index: int, field: str, words: list[str]
) -> None:
    with pytest.raises(LayerShapeError) as caught:
        Sequential(layers).shapes(shape)
    assert isinstance(caught.value, ShapeError)
    assert (caught.value.index, caught.value.field) == (index, field)
    assert caught.value.hint
    for word in words:
        assert word in str(caught.value)


def test_absurd_sizes_cost_nothing_to_describe() -> None:
    network = Sequential((Dense(2_000_000_000), Relu(), Dense(2_000_000_000)))
    specs = network.param_shapes(Shape.vector(4))
    assert specs["dense2/weight"].size == 4 * 10**18
    assert network.multiply_adds(Shape.vector(4)) == 8 * 10**9 + 4 * 10**18


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("need_dx", [False, True])
@pytest.mark.parametrize("first", [0, 1, 3, 4, 7, 8, 10, 11])
def test_frozen_layers_get_no_gradients(first: int, need_dx: bool, plain: bool) -> None:
    params, x, dy = draw(CNN, Shape.image(8, 8, 1))
    ctx = Context(plain=plain)
    _, cache = CNN.forward(params, x, ctx)
    full, part = (params.like(np.full_like(params.vector, np.nan)) for _ in range(2))
    dx_full = CNN.backward(params, cache, dy, full, ctx)
    dx = CNN.backward(params, cache, dy, part, ctx, need_dx, first)
    trainable = CNN.names()[first:]
    for path in params:
        if path.split("/")[0] in trainable:
            np.testing.assert_array_equal(part[path], full[path])
        else:
            assert np.isnan(part[path]).all()
    if need_dx:
        assert dx is not None and dx_full is not None
        np.testing.assert_array_equal(dx, dx_full)
    else:
        assert dx is None


def test_gradients_nobody_needs_are_not_calculated() -> None:
    """A flatten layer before the first dense layer must not make it calculate the gradient of its input."""

    class Watched(Dense, frozen=True, tag="watched"):
        def backward(
            self, params: Params, cache: Any, dy: Array, grads: Params, ctx: Context, need_dx: bool = True
        ) -> Array | None:
            asked.append(need_dx)
            return Dense.backward(self, params, cache, dy, grads, ctx, need_dx)

    network = Sequential((Flatten(), Dropout(0.1), Watched(4), Tanh(), Watched(2)))
    params, x, dy = draw(network, Shape.image(2, 3, 1))
    ctx = Context(training=True)
    for need_dx, expected in ((False, [True, False]), (True, [True, True])):
        asked: list[bool] = []
        _, cache = network.forward(params, x, ctx)
        grads = params.like(np.full_like(params.vector, np.nan))
        dx = network.backward(params, cache, dy, grads, ctx, need_dx)
        assert (dx is not None) == need_dx
        assert asked == expected
        assert np.isfinite(grads.vector).all()


def test_a_trace_is_the_plain_pass_layer_by_layer() -> None:
    params, x, _ = draw(CNN, Shape.image(8, 8, 1))
    parts = CNN.trace(params, x, Context(plain=True))
    assert [part.name for part in parts] == list(CNN.names())
    for before, after in pairwise(parts):
        assert before.y is after.x
    np.testing.assert_array_equal(parts[-1].y, CNN.forward(params, x, Context(plain=True))[0])
    values = CNN.values(params, x, parts[-1].y, None)
    assert values["conv1/kernels"].axes == ("row", "column", "channel", "filter")
    assert values["conv2/output"].array.shape == (3, 4, 4, 5)
    assert {path.split("/")[0] for path in values} == set(CNN.names())


def test_an_empty_network_is_the_identity() -> None:
    network = Sequential(())
    params = initialize(network, Shape.vector(3), 0)
    x = np.ones((2, 3), np.float32)
    y, cache = network.forward(params, x, Context())
    assert y is x
    assert network.backward(params, cache, x, params, Context()) is x
    assert network.names() == () and len(params) == 0


def test_float32_stays_close_to_float64() -> None:
    shape = Shape.image(8, 12, 1)
    wide = run(CNN, *draw(CNN, shape))
    narrow = run(CNN, *draw(CNN, shape, dtype=np.float32))
    for a, b in zip(wide, narrow, strict=True):
        assert b.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_linear_passes_everything_on() -> None:
    x = np.ones((2, 3))
    assert Linear().forward(Params({}, np.zeros(0)), x, Context())[0] is x


def test_scratch_memory_is_a_few_times_the_maps() -> None:
    """Gradients of the weights are added up image by image: on small deep maps they would be far larger."""
    network = Sequential((Conv2D(128, 3, padding="same"), Relu(), MaxPool(), Conv2D(128, 3, padding="same")))
    shape = Shape.image(8, 8, 128)
    params, x, dy = draw(network, shape, batch=32, dtype=np.float32)
    arena = Arena()
    ctx = Context(arena=arena)
    _, cache = network.forward(params, x, ctx)
    network.backward(params, cache, dy, params.like(np.empty_like(params.vector)), ctx)
    assert sum(buffer.nbytes for buffer in arena._buffers) < 26 * x.nbytes
