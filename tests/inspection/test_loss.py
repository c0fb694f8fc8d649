"""How much a loss changes between two outputs that are close by, however little that is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuinet.inspection.loss import AnyLoss, change
from tuinet.nn.context import Context
from tuinet.nn.losses import BinaryCrossEntropy, CrossEntropy, Hinge, MeanSquaredError, Perceptron, SquaredError

LOSSES = (SquaredError(), MeanSquaredError(), CrossEntropy(), BinaryCrossEntropy(), Hinge(), Perceptron())


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_is_the_difference_of_both_losses(loss: AnyLoss) -> None:
    """Also where it is large, and where hinges and signs lie between the two."""
    rng = np.random.default_rng(1)
    below = rng.normal(size=(40, 3))
    target = rng.integers(0, 3, 40) if loss.targets == "ids" else np.sign(rng.normal(size=(40, 3)))
    if isinstance(loss, BinaryCrossEntropy):
        target = rng.random((40, 3))
    for size in (1.0, 1e-3):
        above = below + size * rng.normal(size=below.shape)
        expected = loss.value(above, target) - loss.value(below, target)
        np.testing.assert_allclose(change(loss, above, below, target), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_is_the_slope_times_a_small_step(loss: AnyLoss) -> None:
    """To nine digits, where the two losses subtracted would have six."""
    rng = np.random.default_rng(2)
    below = np.full((1, 4), 3.0) + rng.normal(size=(1, 4))
    step = np.full((1, 4), 2.0**-30)
    step[0, 1] *= -1
    target = np.array([2]) if loss.targets == "ids" else np.ones((1, 4))
    slope = loss.value_and_gradient(below + step / 2, target, Context())[1]
    found = change(loss, below + step, below, target)
    assert float(found[0]) == pytest.approx(float((slope * step).sum()), rel=1e-9, abs=0)


def test_of_answers_that_are_as_good_as_certain() -> None:
    """J = log(1 + e^−40 + e^−50) changes by e^−50 (e^ε − 1), of which J itself holds no digit."""
    step = 2.0**-20
    sure = np.array([[40.0, 0.0, -10.0]])
    above = sure + np.array([[0, 0, step]])
    expected = math.exp(-50) * math.expm1(step)
    assert change(CrossEntropy(), above, sure, np.array([0]))[0] == pytest.approx(expected, rel=1e-12)
    one, more = np.array([[40.0]]), np.array([[40.0 + step]])
    expected = math.exp(-40) * math.expm1(-step)
    assert change(BinaryCrossEntropy(), more, one, np.array([[1.0]]))[0] == pytest.approx(expected, rel=1e-12)
    assert change(BinaryCrossEntropy(), -more, -one, np.array([[0.0]]))[0] == pytest.approx(expected, rel=1e-12)
    wrong = change(CrossEntropy(), above, sure, np.array([2]))[0]  # J is about 50
    assert wrong == pytest.approx(-step, rel=1e-12)
