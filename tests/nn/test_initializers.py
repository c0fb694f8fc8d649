"""How parameters begin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tuinet.nn.initializers import Glorot, He, Normal, Uniform, Zeros
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu, Sigmoid, Softmax
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.network import Sequential, initialize


def test_initializers_follow_the_activation() -> None:
    network = Sequential(
        (
            Conv2D(2, 3),
            MaxPool(),
            Dropout(0.1),
            Relu(),
            Conv2D(2, 1),
            Sigmoid(),
            Flatten(),
            Dense(4, initializer=Uniform(-1, 1)),
            Relu(),
            Dense(4),
            Dense(3),
            Softmax(),
        )
    )
    specs = network.param_shapes(Shape.image(6, 6, 1))
    weights = [spec.initializer for spec in specs.values() if spec.role == "weight"]
    assert weights == [He(), Glorot(), Uniform(-1, 1), Glorot(), Glorot()]
    assert all(spec.initializer == Zeros() for spec in specs.values() if spec.role == "bias")


@pytest.mark.parametrize(
    ("initializer", "deviation"),
    [
        (He(), math.sqrt(2 / 300)),
        (He("uniform"), math.sqrt(2 / 300)),
        (Glorot(), math.sqrt(2 / 500)),
        (Glorot("normal"), math.sqrt(2 / 500)),
        (Normal(0.3), 0.3),
        (Uniform(-0.5, 0.5), math.sqrt(1 / 12)),
        (Zeros(), 0.0),
    ],
)
def test_initial_weights_have_the_promised_spread(initializer: Any, deviation: float) -> None:
    weight = initialize(Sequential((Dense(200, initializer=initializer),)), Shape.vector(300), 0)["dense1/weight"]
    assert weight.dtype == np.float32
    assert weight.std() == pytest.approx(deviation, rel=0.02)
    assert abs(weight.mean()) <= deviation * 0.02
    if isinstance(initializer, (Uniform, Zeros)) or getattr(initializer, "distribution", "") == "uniform":
        assert abs(weight).max() <= deviation * math.sqrt(3) * (1 + 1e-6)


def test_a_seed_names_the_initial_weights() -> None:
    network = Sequential((Conv2D(4, 3), Relu(), Flatten(), Dense(3)))
    shape = Shape.image(8, 8, 1)
    first, again, other = (initialize(network, shape, seed).vector for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(first, initialize(network, shape, 1, np.float64).vector.astype(np.float32))
