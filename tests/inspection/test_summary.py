"""The layer table, by hand."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from tests.model.models import cnn, constant, xor
from tuinet.data.coding import Coding
from tuinet.inspection.summary import LayerSummary, layer_table, summarize, words
from tuinet.model.meta import EpochRecord
from tuinet.nn.initializers import Normal
from tuinet.nn.layer import Layer, Shape, ShapeError
from tuinet.nn.layers.activation import Relu
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.losses import SquaredError
from tuinet.nn.network import Sequential


def test_the_layer_table_by_hand() -> None:
    network = Sequential((Conv2D(4, 3, padding="same"), Relu(), MaxPool()))
    assert layer_table(network, Shape.image(8, 6, 2)) == (
        LayerSummary("conv1", "conv2d", "4 filters, kernel 3×3, stride 1, padding same", (8, 6, 4), 76, 8 * 6 * 4 * 18),
        LayerSummary("relu1", "relu", "", (8, 6, 4), 0, 0),
        LayerSummary("pool1", "max-pool", "window 2×2", (4, 3, 4), 0, 4 * 3 * 4 * 4),
    )
    with pytest.raises(ShapeError):
        layer_table(network, Shape.vector(8))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (Dense(10), "10 units"),
        (Dense(10, bias=False, initializer=Normal(0.5)), "10 units, no bias, initializer normal deviation 0.5"),
        (Conv2D(8, (3, 5), stride=(2, 1), padding=1), "8 filters, kernel 3×5, stride 2×1, padding 1"),
        (MaxPool(3, stride=2), "window 3×3, stride 2"),
        (Dropout(0.5), "rate 0.5"),
        (Relu(), ""),
    ],
)
def test_settings_in_words(layer: Layer, expected: str) -> None:
    assert words(layer) == expected


def test_the_totals_are_the_sums_of_the_rows() -> None:
    model = cnn(np.float32)
    found = summarize(model)
    assert found.parameters == sum(row.parameters for row in found.layers) == model.params.vector.size
    assert found.multiply_adds == sum(row.multiply_adds for row in found.layers)
    assert [row.output for row in found.layers][-1] == (3,)
    assert (found.input, found.prepared) == ((8, 8, 1), (8, 8, 1))
    assert (found.dtype, found.loss, found.targets) == ("float32", "cross-entropy", "3 classes, one output each")
    assert found.preparation == ("scale divisor 255",)


def test_how_it_was_trained() -> None:
    model = cnn()
    history = (EpochRecord(1, 5, {"loss": 0.5}, {"loss": None}),)
    model.meta = msgspec.structs.replace(model.meta, history=history, epochs=1, steps=5, training="adam", notes="n")
    found = json.loads(msgspec.json.encode(summarize(model)))
    assert found["history"] == [{"epoch": 1, "step": 5, "train": {"loss": 0.5}, "validation": {"loss": None}}]
    assert (found["data"], found["training"], found["epochs"], found["steps"]) == ("squares", "adam", 1, 5)


def test_what_the_outputs_mean() -> None:
    assert summarize(xor()).targets == "2 classes as binary numbers of 0 and 1"
    assert summarize(constant([0.0], SquaredError(), Coding("values"))).targets == "1 values"
    one_hot = Coding("one-hot", low=-1.0, classes=2)
    found = summarize(constant([0.0, 0.0], SquaredError(), one_hot)).targets
    assert found == "2 classes, one output each, 1 for the class, -1 elsewhere"


def test_weights_that_are_not_finite_are_counted() -> None:
    found = summarize(constant([np.nan, np.inf, 1.0], SquaredError(), Coding("values")))
    assert found.not_finite == 2
    assert summarize(xor()).not_finite == 0
