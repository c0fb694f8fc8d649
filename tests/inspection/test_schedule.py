"""The learning rate over a run, as its schedule says."""

from __future__ import annotations

import numpy as np
import pytest

from tuinet.experiment.checked import read_experiment
from tuinet.experiment.edit import apply_settings
from tuinet.inspection.schedule import rate_curve


def test_a_constant_rate_stays_and_a_cosine_falls_to_its_floor() -> None:
    experiment = read_experiment("digits-cnn")
    constant = apply_settings(experiment, ["training.schedule=constant", "training.optimizer.rate=0.5"])
    view = rate_curve(constant.training, 40)
    np.testing.assert_array_equal(view.data, np.full_like(view.data, 0.5))
    assert view.x is not None
    assert (view.x[0], view.x[-1]) == (0, 60 * 40 - 1)
    falling = rate_curve(experiment.training, 40).data[0]
    assert falling[0] == pytest.approx(0.002)
    assert falling[-1] < 1e-6
    assert (np.diff(falling) <= 0).all()


def test_the_textbooks_falling_step() -> None:
    experiment = apply_settings(read_experiment("iris-mlp"), ["training.schedule={kind = 'inverse', c = 4.0}"])
    view = rate_curve(experiment.training, 1)
    assert view.x is not None
    np.testing.assert_allclose(view.data[0], experiment.training.optimizer.rate / (view.x + 4))
