"""Numbers worked by hand, most of them in the lecture."""

from __future__ import annotations

import numpy as np
import pytest

from tuinet.nn.context import Context
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.network import Sequential
from tuinet.nn.params import Array, Params

EMPTY = Params({}, np.zeros(0))


def image(rows: list[list[float]]) -> Array:
    """One grey image, (1, H, W, 1)."""
    return np.array(rows, np.float64)[np.newaxis, :, :, np.newaxis]


def run(layer: Layer, x: Array, plain: bool = False) -> Array:
    return layer.forward(EMPTY, x, Context(plain=plain))[0]


LECTURE_IMAGE = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
LECTURE_KERNEL = [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def lecture_params(layer: Layer, bias: float = 0.0) -> Params:
    params = Params.zeros(layer.param_shapes(Shape.image(5, 5, 1)), np.float64)
    weight = next(path for path in params if path.endswith("weight"))
    params[weight][:, :, 0, 0] = LECTURE_KERNEL
    params[weight.replace("weight", "bias")][...] = bias
    return params


def test_the_lectures_convolution() -> None:
    conv = Conv2D(1, 3)
    y, _ = conv.forward(lecture_params(conv), image(LECTURE_IMAGE), Context())
    assert y[0, :, :, 0].tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_the_lectures_convolution_with_zeros_around() -> None:
    conv = Conv2D(1, 3, padding="same")
    y, _ = conv.forward(lecture_params(conv), image(LECTURE_IMAGE), Context())
    assert y.shape == (1, 5, 5, 1)
    assert y[0, 1:4, 1:4, 0].tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]
    assert y[0, 0, 0, 0] == 2  # its own pixel and the one below to the right


def test_the_lectures_convolution_pooled() -> None:
    # same padding gives 5 × 5; of a 6 × 6 image's 4 × 4 map the fused plan makes 2 × 2
    six = [[*row, 0] for row in LECTURE_IMAGE] + [[0] * 6]
    network = Sequential((Conv2D(1, 3), Relu(), MaxPool()))
    params = lecture_params(network, bias=-3.0)
    for plain in (False, True):
        y, _ = network.forward(params, image(six), Context(plain=plain))
        # the map is 4 3 4 1 / 2 4 3 3 / 2 3 4 1 / 1 3 2 2: maxima 4 4 / 3 4, less 3
        assert y[0, :, :, 0].tolist() == [[1, 1], [0, 1]]


def test_max_pooling_by_hand() -> None:
    x = image([[1, 3, 2, 1], [4, 2, 0, 1], [5, 5, 7, 8], [5, 1, 8, 8]])
    pool = MaxPool()
    y, cache = pool.forward(EMPTY, x, Context())
    assert y[0, :, :, 0].tolist() == [[4, 2], [5, 8]]
    dx = pool.backward(EMPTY, cache, image([[10, 20], [30, 40]]), EMPTY, Context())
    assert dx is not None
    assert dx[0, :, :, 0].tolist() == [[0, 0, 20, 0], [10, 0, 0, 0], [30, 0, 0, 40], [0, 0, 0, 0]]  # ties: the first


def test_fused_pooling_sends_ties_to_the_first_cell_too() -> None:
    network = Sequential((Conv2D(1, 1, bias=False), MaxPool()))
    params = Params(network.param_shapes(Shape.image(4, 4, 1)), np.ones(1))
    x = image([[1, 3, 2, 1], [4, 2, 0, 1], [5, 5, 7, 8], [5, 1, 8, 8]])
    for plain in (False, True):
        ctx = Context(plain=plain)
        y, cache = network.forward(params, x, ctx)
        assert y[0, :, :, 0].tolist() == [[4, 2], [5, 8]]
        dx = network.backward(params, cache, image([[10, 20], [30, 40]]), params.like(np.zeros(1)), ctx)
        assert dx is not None
        assert dx[0, :, :, 0].tolist() == [[0, 0, 20, 0], [10, 0, 0, 0], [30, 0, 0, 40], [0, 0, 0, 0]]


def test_average_and_sum_pooling_by_hand() -> None:
    x = image([[1, 3, 2], [4, 2, 0], [9, 9, 9]])
    assert run(AveragePool(), x)[0, :, :, 0].tolist() == [[2.5]]
    assert run(SumPool(2, stride=1), x)[0, :, :, 0].tolist() == [[10, 7], [24, 20]]


def test_activations_by_hand() -> None:
    n = np.array([[-2.0, -0.5, 0.0, 0.5, 2.0]])
    assert run(Step(), n).tolist() == [[0, 0, 1, 1, 1]]
    assert run(Sign(), n).tolist() == [[-1, -1, 1, 1, 1]]
    assert run(Relu(), n).tolist() == [[0, 0, 0, 0.5, 2]]
    assert run(Linear(), n).tolist() == n.tolist()
    assert run(Sigmoid(), n)[0].tolist() == pytest.approx([0.1192029, 0.3775407, 0.5, 0.6224593, 0.8807971], abs=1e-7)
    assert run(Tanh(), n)[0].tolist() == pytest.approx([-0.9640276, -0.4621172, 0, 0.4621172, 0.9640276], abs=1e-7)
    assert run(Softmax(), np.array([[0.0, np.log(2), np.log(5)]]))[0].tolist() == pytest.approx([1 / 8, 2 / 8, 5 / 8])


@pytest.mark.parametrize("layer", [Sigmoid(), Tanh(), Softmax(), Relu()])
def test_large_inputs_do_not_overflow(layer: Layer) -> None:
    y = run(layer, np.array([[-1e4, 0.0, 1e4]], np.float32))
    assert np.isfinite(y).all()


def test_one_backpropagation_step_with_the_lectures_sensitivities() -> None:
    """s(M) = −2 F'(n) (y − a); s(m) = F'(n) W s(m+1); W ← W − α a sᵀ, b ← b − α s."""
    network = Sequential((Dense(2), Sigmoid(), Dense(1), Linear()))
    params = Params.zeros(network.param_shapes(Shape.vector(1)), np.float64)
    w1, b1 = np.array([[-0.27, -0.41]]), np.array([-0.48, -0.13])
    w2, b2 = np.array([[0.09], [-0.17]]), np.array([0.48])
    params["dense1/weight"][...], params["dense1/bias"][...] = w1, b1
    params["dense2/weight"][...], params["dense2/bias"][...] = w2, b2
    p, target = np.array([1.0]), np.array([1.0 + np.sin(np.pi / 4)])  # the function to learn is 1 + sin(πp/4)

    a1 = 1 / (1 + np.exp(-(p @ w1 + b1)))
    a2 = a1 @ w2 + b2
    assert a1.tolist() == pytest.approx([0.321, 0.368], abs=5e-4)
    assert a2.tolist() == pytest.approx([0.446], abs=5e-4)
    s2 = -2 * 1.0 * (target - a2)
    s1 = (1 - a1) * a1 * (w2 @ s2)
    assert s2.tolist() == pytest.approx([-2.522], abs=1e-3)
    assert s1.tolist() == pytest.approx([-0.0495, 0.0997], abs=1e-4)

    y, cache = network.forward(params, p[np.newaxis], Context())
    assert y[0].tolist() == pytest.approx(a2.tolist())
    grads = params.like(np.full_like(params.vector, np.nan))
    network.backward(params, cache, -2 * (target - y), grads, Context())
    np.testing.assert_allclose(grads["dense2/weight"], np.outer(a1, s2), rtol=1e-12)
    np.testing.assert_allclose(grads["dense2/bias"], s2, rtol=1e-12)
    np.testing.assert_allclose(grads["dense1/weight"], np.outer(p, s1), rtol=1e-12)
    np.testing.assert_allclose(grads["dense1/bias"], s1, rtol=1e-12)
    params.vector[:] -= 0.1 * grads.vector
    assert params["dense2/weight"][:, 0].tolist() == pytest.approx([0.171, -0.0772], abs=5e-4)
    assert params["dense2/bias"].tolist() == pytest.approx([0.732], abs=5e-4)
    assert params["dense1/weight"][0].tolist() == pytest.approx([-0.265, -0.420], abs=5e-4)
    assert params["dense1/bias"].tolist() == pytest.approx([-0.475, -0.140], abs=5e-4)


def test_xor_by_two_layers_of_hand_set_weights() -> None:
    """One hidden unit says "or", the other "and": xor is the first without the second."""
    network = Sequential((Dense(2), Step(), Dense(1), Step()))
    params = Params.zeros(network.param_shapes(Shape.vector(2)), np.float64)
    params["dense1/weight"][...] = [[1, 1], [1, 1]]
    params["dense1/bias"][...] = [-0.5, -1.5]
    params["dense2/weight"][...] = [[1], [-1]]
    params["dense2/bias"][...] = [-0.5]
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float64)
    y, _ = network.forward(params, x, Context())
    assert y[:, 0].tolist() == [0, 1, 1, 0]
