"""The gradient of any weight of any layer is the sum over its rows, and the slope that is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.nn.test_laws import EXAMPLES, broken_copy, draw
from tuinet.inspection.passes import Back, Pass, back, forward
from tuinet.inspection.sums.gradient_numbers import measured
from tuinet.inspection.sums.gradient_rows import gradient_rows, place_of
from tuinet.nn.context import Context
from tuinet.nn.gradcheck import values_of
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.network import Sequential
from tuinet.nn.params import Params
from tuinet.nn.recurrent import OverTime
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Sequence, steps_of

LEARNING = [(layer, shape) for layer, shape in EXAMPLES if layer.param_shapes(shape)]
SINGLE = [each for each in LEARNING if not isinstance(each[0], Sequential | Seq2Seq | Bidirectional)]
"""Those that hold no other layers."""
SHARE = {np.float32: 1e-6, np.float64: 1e-12}

every_layer = pytest.mark.parametrize(
    ("layer", "shape"), LEARNING, ids=[f"{i}-{type(layer).__name__}" for i, (layer, _) in enumerate(LEARNING)]
)


def network_of(layer: Layer) -> Sequential:
    return layer if isinstance(layer, Sequential) else Sequential((layer,))  # type: ignore[arg-type]


def places(params: Params, count: int) -> list[tuple[str, tuple[int, ...]]]:
    """The first, the last and some other weights of every parameter."""
    rng = np.random.default_rng(3)
    found: list[tuple[str, tuple[int, ...]]] = []
    for path, array in params.items():
        some = {0, array.size - 1, *rng.integers(0, array.size, count).tolist()}
        found += [(path, tuple(map(int, np.unravel_index(flat, array.shape)))) for flat in sorted(some)]
    return found


def disagree(network: Sequential, params: Params, x: Any, dy: Any, masks: int | None, share: float) -> set[str]:
    """The parameters whose rows do not add up to the gradient that the way back gave."""
    run, found = run_and_back(network, params, x, dy, masks)
    wrong: set[str] = set()
    for path, index in places(params, 4):
        products = gradient_rows(run, found, dy, path, index).products
        if abs(products.sum() - float(found.params[path][index])) > share * np.abs(products).sum():
            wrong.add(path)
    return wrong


def run_and_back(network: Sequential, params: Params, x: Any, dy: Any, masks: int | None) -> tuple[Pass, Back]:
    run = forward(network.layers, params, x, context(masks))
    return run, back(run, dy)


def context(masks: int | None) -> Context:
    return Context(plain=True) if masks is None else Context(training=True, plain=True, key=(masks, 0, 0))


@every_layer
@pytest.mark.parametrize("masks", [None, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_rows_of_a_weight_add_up_to_its_gradient(
    layer: Layer, shape: Shape, masks: int | None, dtype: type
) -> None:
    network = network_of(layer)
    inner, x, dy = draw(layer, shape, batch=5, dtype=dtype)
    params = Params(network.param_shapes(shape), inner.vector)
    assert disagree(network, params, x, dy, masks, SHARE[dtype]) == set()


@pytest.mark.parametrize(("layer", "shape"), SINGLE, ids=lambda each: type(each).__name__)
def test_a_false_gradient_does_not_add_up(layer: Layer, shape: Shape) -> None:
    kind = type(layer)

    def backward(self: Layer, params: Any, cache: Any, dy: Any, grads: Any, ctx: Any, need_dx: bool = True) -> Any:
        dx = kind.backward(self, params, cache, dy, grads, ctx, need_dx)
        grads.vector[:] = grads.vector * 1.00001 + 1e-5
        return dx

    def run_back(
        self: OverTime, params: Any, cache: Any, dy: Any, dstate: Any, grads: Any, ctx: Any, need_dx: bool = True
    ) -> Any:
        found = kind.run_back(self, params, cache, dy, dstate, grads, ctx, need_dx)  # type: ignore[attr-defined]
        grads.vector[:] = grads.vector * 1.00001 + 1e-5
        return found

    false = network_of(broken_copy(layer, run_back if isinstance(layer, OverTime) else backward))
    inner, x, dy = draw(layer, shape, batch=5)
    specs = {f"{false.names()[0]}/{name}": spec for name, spec in inner.specs.items()}
    params = Params(specs, inner.vector)
    assert disagree(false, params, x, dy, None, 1e-12) == set(params)


@every_layer
@pytest.mark.parametrize("masks", [None, 3])
def test_and_that_is_the_measured_slope(layer: Layer, shape: Shape, masks: int | None) -> None:
    network = network_of(layer)
    inner, x, dy = draw(layer, shape, batch=3)
    params = Params(network.param_shapes(shape), inner.vector)
    run, found = run_and_back(network, params, x, dy, masks)

    def at(changed: Params) -> Pass:
        return forward(network.layers, changed, x, context(masks))

    def change(above: Pass, below: Pass) -> float:
        return float(np.sum(values_of(dy) * (values_of(above.outputs) - values_of(below.outputs))))

    straight = 0
    for path, index in places(params, 1):
        slope = measured(at, change, params, path, index, found)
        if not slope.kinks:
            products = gradient_rows(run, found, dy, path, index).products
            error = 1e-6 * np.abs(products).sum() + slope.rounding
            assert abs(products.sum() - slope.value) <= error, (path, index)
            assert slope.gradient == found.params[path][index]
            straight += 1
    assert straight > len(places(params, 1)) // 2


def by_hand(layer: Layer, weights: dict[str, Any], shape: Shape, x: Any, dy: Any) -> tuple[Pass, Back]:
    network = network_of(layer)
    params = Params.zeros(network.param_shapes(shape), np.float64)
    for name, values in weights.items():
        params[f"{network.names()[0]}/{name}"][...] = values
    return run_and_back(network, params, x, dy, None)


def test_a_dense_layer_by_hand() -> None:
    """dJ/dw₁₀ = Σ x₁ δ₀ = 2 · 0.5 + 4 · (−1)."""
    dy = np.array([[0.5, 0.0], [-1.0, 0.0]])
    run, found = by_hand(Dense(2), {}, Shape.vector(2), np.array([[1.0, 2.0], [3.0, 4.0]]), dy)
    rows = gradient_rows(run, found, dy, "dense1/weight", (1, 0))
    assert rows.names == ("x", "δ")
    assert [factor.tolist() for factor in rows.factors] == [[2.0, 4.0], [0.5, -1.0]]
    assert rows.products.tolist() == [1.0, -4.0]
    assert found.params["dense1/weight"][1, 0] == -3.0
    assert gradient_rows(run, found, dy, "dense1/bias", (0,)).products.tolist() == [0.5, -1.0]


def test_a_convolution_by_hand() -> None:
    """A 2×2 kernel with one row of zeros around 2×2: its lower right weight lies on each cell of the image once, and
    five times on the border."""
    x, dy = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1), np.arange(9.0).reshape(1, 3, 3, 1)
    run, found = by_hand(Conv2D(1, 2, padding=1), {}, Shape.image(2, 2, 1), x, dy)
    rows = gradient_rows(run, found, dy, "conv1/weight", (1, 1, 0, 0))
    assert rows.axes == ("sample", "row", "column")
    assert rows.factors[0].reshape(3, 3).tolist() == [[1, 2, 0], [3, 4, 0], [0, 0, 0]]
    assert rows.where[5].tolist() == [0, 1, 2]
    assert rows.products.sum() == 1 * 0 + 2 * 1 + 3 * 3 + 4 * 4 == found.params["conv1/weight"][1, 1, 0, 0]


def test_an_embedding_by_hand() -> None:
    steps = steps_of([3, 1])
    x = Sequence(np.array([4, 7, 7, 4]), steps)  # the first reads 4 7 4, the second 7
    dy = Sequence(np.array([[1.0], [2.0], [3.0], [5.0]]), steps)
    run, found = by_hand(Embedding(1), {}, Shape.tokens(9), x, dy)
    rows = gradient_rows(run, found, dy, "embedding1/weight", (4, 0))
    assert rows.where.tolist() == [[0, 0], [0, 2]]
    assert rows.products.tolist() == [1.0, 5.0]
    assert len(gradient_rows(run, found, dy, "embedding1/weight", (0, 0)).products) == 0


def test_a_recurrence_by_hand() -> None:
    """h = relu(2 x + ½ h), J = the last h: δ is 1 at the last step and halves with every step back."""
    steps = steps_of([3])
    x, dy = Sequence(np.ones((3, 1)), steps), Sequence(np.array([[0.0], [0.0], [1.0]]), steps)
    run, found = by_hand(RNN(1, "relu"), {"input_weight": 2, "recurrent_weight": 0.5}, Shape.vector(1).over_time, x, dy)
    rows = gradient_rows(run, found, dy, "rnn1/recurrent_weight", (0, 0))
    assert rows.names == ("h before", "δ")
    assert [factor.tolist() for factor in rows.factors] == [[0.0, 2.0, 3.0], [0.25, 0.5, 1.0]]
    assert gradient_rows(run, found, dy, "rnn1/input_weight", (0, 0)).products.tolist() == [0.25, 0.5, 1.0]


@every_layer
def test_every_row_says_where_it_lies(layer: Layer, shape: Shape) -> None:
    """Of an input's weight: at each row's sample and step the layer read the row's x, also from the end."""
    network = network_of(layer)
    inner, x, dy = draw(layer, shape, batch=5)
    params = Params(network.param_shapes(shape), inner.vector)
    run, found = run_and_back(network, params, x, dy, None)
    for path in params:
        if path.endswith("input_weight"):
            rows, read = gradient_rows(run, found, dy, path, (1, 0)), place_of(run, path).x
            lies = [read.steps.row(sample, step) for sample, step in rows.where.tolist()]
            assert rows.factors[0].tolist() == read.values[lies, 1].tolist()
            assert len(set(lies)) == len(lies)


def test_groups_have_rows_only_where_their_clock_ticks() -> None:
    layer, shape = Clockwork(4, (1, 3)), Shape.vector(2).over_time
    steps = steps_of([5, 2])
    dy = Sequence(np.ones((7, 4)), steps)
    run, found = by_hand(layer, {}, shape, Sequence(np.ones((7, 2)), steps), dy)
    for name, fast, slow in (("input_weight", (0, 0), (0, 3)), ("bias", (0,), (2,))):
        assert len(gradient_rows(run, found, dy, f"clockwork1/{name}", fast).where) == 7
        assert gradient_rows(run, found, dy, f"clockwork1/{name}", slow).where.tolist() == [[0, 0], [1, 0], [0, 3]]
    slower = gradient_rows(run, found, dy, "clockwork1/recurrent_weight2", (1, 0))
    assert slower.where.tolist() == [[0, 0], [1, 0], [0, 3]]


def test_the_output_gate_sees_the_new_cells_and_the_others_the_old() -> None:
    layer, shape = LSTM(2, peephole="full"), Shape.vector(3).over_time
    inner, x, dy = draw(layer, shape)
    run, found = by_hand(layer, dict(inner), shape, x, dy)
    names = [gradient_rows(run, found, dy, "lstm1/peephole", (1, column)).names[0] for column in (0, 2, 4)]
    assert names == ["C before", "C before", "C"]
