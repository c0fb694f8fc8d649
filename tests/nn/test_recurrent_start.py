"""How the weights of recurrent layers begin."""

from __future__ import annotations

import numpy as np
import pytest

from tuinet.nn.initializers import ChronoBias, GateBias, Orthogonal, draw
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.network import Sequential, initialize

SERIES = Shape.vector(3).over_time


def first_bias(layer: Layer, gates: int) -> np.ndarray:
    """(gates, H)"""
    network = Sequential((layer,))  # type: ignore[arg-type]
    return initialize(network, SERIES, 4, np.float64)[f"{layer.stem}1/bias"].reshape(gates, -1)


def test_forget_gates_begin_open() -> None:
    np.testing.assert_array_equal(first_bias(LSTM(5), 4), np.outer([1, 0, 0, 0], np.ones(5)))
    np.testing.assert_array_equal(first_bias(LSTM(5, forget_bias=2.5), 4)[0], 2.5)
    np.testing.assert_array_equal(first_bias(LSTM(5, coupled=True), 3), np.outer([1, 0, 0], np.ones(5)))
    np.testing.assert_array_equal(first_bias(GRU(5, update_bias=-2.0), 3), np.outer([-2, 0, 0], np.ones(5)))


@pytest.mark.parametrize(
    ("layer", "signs"),
    [
        (LSTM(40, chrono=100), (1, -1, 0, 0)),
        (LSTM(40, chrono=100, coupled=True, forget_bias=7.0), (1, 0, 0)),
        (GRU(40, chrono=100), (-1, 0, 0)),
        (GRU(40, chrono=100, form="pytorch", update_bias=7.0), (1, 0, 0)),
    ],
)
def test_chrono_sets_the_gates_that_remember(layer: Layer, signs: tuple[int, ...]) -> None:
    biases = first_bias(layer, len(signs))
    kept = np.exp(biases[0] * signs[0])
    assert 1 <= kept.min() < 20 and 80 < kept.max() <= 99
    np.testing.assert_array_equal(biases, np.outer(np.array(signs) * signs[0], biases[0]))


def test_chrono_spreads_the_memories() -> None:
    """e^b is uniform between 1 and T − 1 = 99: its mean is 50, its deviation 98/√12."""
    kept = np.exp(draw(ChronoBias((1.0,), 100), (20_000,), 1, 1, np.random.default_rng(0), np.float64))
    assert 1 <= kept.min() < 1.1 and 98.9 < kept.max() <= 99
    assert kept.mean() == pytest.approx(50, rel=0.01)
    assert kept.std() == pytest.approx(98 / 12**0.5, rel=0.01)


def test_drawing_for_gates() -> None:
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(draw(GateBias((1.0, -2.0)), (4,), 1, 1, rng), [1, 1, -2, -2])
    plus, minus = draw(ChronoBias((1.0, -1.0), 3), (200,), 1, 1, rng, np.float64).reshape(2, 100)
    assert plus.min() >= 0 and plus.max() <= np.log(2)
    np.testing.assert_array_equal(plus, -minus)


def test_a_state_keeps_its_length() -> None:
    rng = np.random.default_rng(0)
    for shape in ((6, 6), (6, 18), (9, 3)):
        weight = draw(Orthogonal(), shape, 1, 1, rng, np.float64)
        assert weight.shape == shape
        side = min(shape)
        for block in np.split(weight, shape[1] // side, axis=1):
            np.testing.assert_allclose(block.T @ block, np.eye(side), atol=1e-12)


def test_clockwork_begins_orthogonal() -> None:
    params = initialize(Sequential((Clockwork(6, (1, 2, 4)),)), SERIES, 4, np.float64)
    for k, seen in enumerate((6, 4, 2), 1):
        weight = params[f"clockwork1/recurrent_weight{k}"]
        assert weight.shape == (seen, 2)
        np.testing.assert_allclose(weight.T @ weight, np.eye(2), atol=1e-12)
    assert not params["clockwork1/bias"].any()
