"""Dropout and noise: their statistics, and that a pass can be repeated."""

from __future__ import annotations

import numpy as np
import pytest

from tuinet.nn.context import Context
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.params import Params


def test_dropout_keeps_the_expected_value_and_repeats_with_its_key() -> None:
    layer, empty = Dropout(0.25), Params({}, np.zeros(0))
    x = np.ones((400, 500), np.float32)
    y, _ = layer.forward(empty, x, Context(training=True, key=(1, 2, 3)))
    assert np.unique(y).tolist() == pytest.approx([0, 4 / 3])
    assert y.mean() == pytest.approx(1, abs=0.01)
    again, _ = layer.forward(empty, x, Context(training=True, key=(1, 2, 3)))
    other, _ = layer.forward(empty, x, Context(training=True, key=(1, 2, 4)))
    np.testing.assert_array_equal(y, again)
    assert not np.array_equal(y, other)
    assert layer.forward(empty, x, Context())[0] is x


def test_noise_has_its_deviation() -> None:
    layer, empty = GaussianNoise(0.3), Params({}, np.zeros(0))
    y, _ = layer.forward(empty, np.zeros((300, 300), np.float32), Context(training=True))
    assert y.std() == pytest.approx(0.3, rel=0.02) and y.dtype == np.float32
