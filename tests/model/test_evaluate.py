"""How good a model is: worked numbers, one pass, flat memory."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.models import cnn, constant, images, linear
from tuinet.data.coding import Coding
from tuinet.data.dataset import Split
from tuinet.errors import TuinetError
from tuinet.nn.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError, Perceptron, SquaredError
from tuinet.nn.metrics import mse, r2

ONE = np.zeros((1, 1))


def test_the_lectures_squared_error_is_0_70() -> None:
    """Target (0, 0, 1, 0), output (.2, .4, .3, .1): .04 + .16 + .49 + .01."""
    model = constant([0.2, 0.4, 0.3, 0.1], SquaredError(), Coding("one-hot", classes=4))
    found = model.evaluate(Split(ONE, np.array([2])), top=2)
    assert found["loss"] == pytest.approx(0.70)
    assert found == {"samples": 1, "loss": found["loss"], "accuracy": 0.0, "errors": 1, "top-2": 1.0}


def test_cross_entropy_is_the_mean_of_minus_log_probability() -> None:
    model = constant([0.0, math.log(3)], CrossEntropy(), Coding("ids", classes=2))  # probabilities 1/4 and 3/4
    found = model.evaluate(Split(np.zeros((4, 1)), np.array([1, 1, 1, 0])))
    assert found["loss"] == pytest.approx(-(3 * math.log(0.75) + math.log(0.25)) / 4)
    assert found["accuracy"] == 0.75
    assert found["errors"] == 1
    confusion = model.confusion(Split(np.zeros((4, 1)), np.array([1, 1, 1, 0])))
    assert confusion.tolist() == [[0, 1], [0, 3]]


def test_binary_codes_count_whole_words() -> None:
    model = linear(np.eye(2), 0.0, BinaryCrossEntropy(), Coding("binary", classes=4))
    inputs = np.array([[-1, -1], [-1, 0.1], [0.1, -1], [0.1, 0.1]])
    found = model.evaluate(Split(inputs, np.array([0, 1, 2, 0])))
    assert found["accuracy"] == 0.75
    assert model.confusion(Split(inputs, np.array([0, 1, 2, 0]))).tolist() == [
        [1, 0, 0, 1],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 0],
    ]


def test_perceptrons_are_judged_by_their_signs() -> None:
    model = linear([[1.0]], 0.0, Perceptron(), Coding("binary", low=-1.0, classes=2))
    found = model.evaluate(Split(np.array([[-2.0], [3.0], [0.0]]), np.array([0, 0, 1])))
    assert found["errors"] == 1
    assert found["loss"] == pytest.approx((0 + 6 + 0) / 3)  # |3| − (−1)·3


def test_regression_gives_mse_and_r2() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 2)) + 100
    weight, bias = rng.normal(size=(3, 2)), np.array([99.0, 101.0])
    outputs = x @ weight + bias
    split = Split(x, y)
    for loss, mean in ((SquaredError(), 2.0), (MeanSquaredError(), 1.0)):
        found = linear(weight, bias, loss, Coding("values")).evaluate(split, batch_size=7)
        assert found["mse"] == pytest.approx(mse(y, outputs), rel=1e-12)
        assert found["r2"] == pytest.approx(r2(y, outputs), rel=1e-10)
        assert found["loss"] == pytest.approx(mean * mse(y, outputs), rel=1e-12)
        assert found["samples"] == 50


def test_targets_of_one_value_may_come_without_an_axis() -> None:
    model = linear([[1.0]], 0.0, SquaredError(), Coding("values"))
    found = model.evaluate(Split(np.array([[1.0], [2.0]]), np.array([1.0, 4.0])))
    assert found == {"samples": 2, "loss": 2.0, "mse": 2.0, "r2": pytest.approx(1 - 4 / 4.5)}


def test_a_regression_is_judged_by_its_scores() -> None:
    model = constant([0.0], BinaryCrossEntropy(), Coding("values"))  # a probability of one half
    found = model.evaluate(Split(np.zeros((2, 1)), np.array([[0.25], [1.0]])))
    assert found["mse"] == pytest.approx((0.25**2 + 0.5**2) / 2)
    assert found["loss"] == pytest.approx(math.log(2))


@settings(deadline=None, max_examples=25)
@given(batch_size=st.integers(1, 40))
def test_the_batch_size_changes_nothing(batch_size: int) -> None:
    model = cnn()
    split = Split(images(50), np.arange(50) % 3, np.arange(0, 50, 2))
    assert model.evaluate(split, batch_size, top=2) == pytest.approx(model.evaluate(split, top=2), rel=1e-12)
    assert (model.confusion(split, batch_size) == model.confusion(split)).all()


def test_evaluating_agrees_with_predicting() -> None:
    model = cnn()
    inputs, targets = images(60), np.arange(60) % 3
    found = model.evaluate(Split(inputs, targets), top=2)
    prediction = model.predict(inputs)
    assert found["errors"] == np.count_nonzero(prediction.ids != targets)
    assert found["top-2"] == (prediction.ranking(2) == targets[:, None]).any(axis=1).mean()
    assert found["loss"] == pytest.approx(-np.log(prediction.scores[np.arange(60), targets]).mean())
    assert model.confusion(Split(inputs, targets)).sum() == 60


def test_memory_does_not_grow_with_the_data() -> None:
    model = cnn()
    one = images(1)

    def peak(count: int) -> int:
        split = Split(np.broadcast_to(one, (count, 8, 8)), np.broadcast_to(np.int64(1), (count,)))
        tracemalloc.start()
        model.evaluate(split, batch_size=100)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(20_000) < 1.2 * peak(200)


@pytest.mark.parametrize(
    ("split", "words"),
    [
        (Split(images(0), np.zeros(0, np.int64)), "no samples"),
        (Split(images(2), np.array([0, 3])), "class 3 is outside"),
        (Split(images(2), np.array([-1, 0])), "class -1 is outside"),
        (Split(images(2), np.array([0.0, 1.0])), "real values"),
        (Split(images(2), np.zeros((2, 3), np.int64)), "real values"),
        (Split(np.zeros((2, 4)), np.array([0, 1])), "takes 8×8×1"),
    ],
)
def test_data_that_do_not_fit(split: Split, words: str) -> None:
    with pytest.raises(TuinetError, match=words):
        cnn().evaluate(split)
    with pytest.raises(TuinetError, match=words):
        cnn().confusion(split)


def test_regression_data_that_do_not_fit() -> None:
    model = linear([[1.0]], 0.0, SquaredError(), Coding("values"))
    with pytest.raises(TuinetError, match="2 target values a sample, but the model gives 1"):
        model.evaluate(Split(ONE, np.zeros((1, 2))))
    with pytest.raises(TuinetError, match="no classes to confuse"):
        model.confusion(Split(ONE, np.zeros((1, 1))))
