"""The layer table, by hand."""

from __future__ import annotations

import json

import msgspec
import numpy as np

from tests.model.models import cnn, constant, xor
from tests.model.text_models import WORDS, translator
from tuinet.data.coding import Coding
from tuinet.data.preparation import Downsample, Standardize
from tuinet.inspection.summary import summarize
from tuinet.model.meta import EpochRecord
from tuinet.nn.losses import SquaredError


def test_the_layer_table_by_hand() -> None:
    """conv1: 3·3·1 + 1 weights a filter; 6·6 places × 4 filters × 9 products. Pooling looks at 2·2 values a place."""
    rows = [(row.name, row.output, row.parameters, row.multiply_adds) for row in summarize(cnn()).layers]
    assert rows == [
        ("conv1", (6, 6, 4), 40, 6 * 6 * 4 * 9),
        ("relu1", (6, 6, 4), 0, 0),
        ("pool1", (3, 3, 4), 0, 3 * 3 * 4 * 4),
        ("conv2", (2, 2, 2), 34, 2 * 2 * 2 * 16),
        ("relu2", (2, 2, 2), 0, 0),
        ("flatten1", (8,), 0, 0),
        ("dropout1", (8,), 0, 0),
        ("dense1", (3,), 27, 24),
    ]
    assert [row.settings for row in summarize(cnn()).layers][-2:] == ["rate 0.5", "3 units"]


def test_means_are_not_listed() -> None:
    model = cnn()
    step = Standardize("feature", (0.5,) * 64, (1.0,) * 64)
    model.meta = msgspec.structs.replace(model.meta, preparation=(Downsample(1), step))
    assert summarize(model).preparation == ("downsample factor 1", "standardize per feature")


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


def test_a_text_is_described_by_its_symbols() -> None:
    found = summarize(translator(target=WORDS))
    assert (found.sequence, found.input) == (True, ())
    assert found.vocabulary == "3 characters: 'a', 'b', 'c'"
    assert found.target_vocabulary == "4 words: 'the', 'cat', 'sat', '￭.'"
    assert found.targets == "7 symbols, one output each at every step"
    assert summarize(cnn()).vocabulary == ""
