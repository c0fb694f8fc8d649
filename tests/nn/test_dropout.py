"""Dropout and noise: their statistics, and that a pass can be repeated."""

from __future__ import annotations

import numpy as np
import pytest

from tuinet.nn.context import Context
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.gru import GRU
from tuinet.nn.network import Sequential, has_dropout, with_dropout
from tuinet.nn.params import Params
from tuinet.nn.seq2seq import Seq2Seq


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


def test_a_network_with_another_rate_takes_the_same_parameters() -> None:
    gru = GRU(3)
    translator = Seq2Seq((Embedding(4), Dropout(0.1), gru), (Embedding(4), gru, Dropout(0.2), Dense(5)), symbols=5)
    network = Sequential((Dropout(0.5), translator))
    other = with_dropout(network, 0.25)
    assert other.layers[0] == Dropout(0.25)
    inside = other.layers[1]
    assert isinstance(inside, Seq2Seq)
    assert inside.encoder == (Embedding(4), Dropout(0.25), gru)
    assert inside.decoder == (Embedding(4), gru, Dropout(0.25), Dense(5))
    assert inside.symbols == 5
    assert network.layers[0] == Dropout(0.5)  # is what it was
    assert other.names() == network.names()


def test_which_networks_have_dropout() -> None:
    gru = GRU(3)
    without = Seq2Seq((Embedding(4), gru), (Embedding(4), gru, Dense(5)))
    within = Seq2Seq((Embedding(4), gru), (Embedding(4), gru, Dropout(0.2), Dense(5)))
    assert not has_dropout(Sequential((Dense(3), without)))
    assert has_dropout(Sequential((within,)))
    assert has_dropout(Sequential((Dense(3), Dropout(0.0))))
