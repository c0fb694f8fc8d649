"""The curve of a regression of one input, and the points of the data over it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.model.models import linear, made
from tuinet.data.coding import Coding
from tuinet.data.dataset import Split
from tuinet.data.preparation import Standardize
from tuinet.errors import TuinetError
from tuinet.inspection.question import Question
from tuinet.inspection.view import View
from tuinet.inspection.views.fit import PLACES, VIEWS
from tuinet.model.model import Model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.dense import Dense
from tuinet.nn.losses import Hinge, SquaredError

(OFFER,) = VIEWS


def look(model: Model, inputs: object = None, targets: object = None) -> View:
    part = None if inputs is None else lambda: Split(np.asarray(inputs), np.asarray(targets))
    (view,) = OFFER.make(Question(model, part=part))
    assert isinstance(view, View) and view.kind == "series"
    return view


def line(slope: float = 2.0, shift: float = 1.0) -> Model:
    return linear([[slope]], [shift], SquaredError(), Coding("values"))


def test_the_line_and_its_points() -> None:
    """y = 2 x + 1 over the data's range and a tenth more; of three points one is 3 too high: 9 / 3 on average."""
    view = look(line(), [[4.0], [0.0], [2.0]], [9.0, 4.0, 5.0])
    assert view.x is not None
    assert (view.x[0], view.x[-1], len(view.x)) == (pytest.approx(-0.4), pytest.approx(4.4), PLACES)
    assert view.data == pytest.approx(2 * view.x[None] + 1)
    (points,) = view.points
    assert (points.x.tolist(), points.y.tolist()) == ([0, 2, 4], [4, 5, 9])
    assert points.wrong is None
    assert view.notes == ("x from −0.4 to 4.4", "3 points of the data, mean squared error 3")


def test_several_values_have_a_curve_each() -> None:
    model = linear([[1.0, -1.0]], [0.0, 0.0], SquaredError(), Coding("values"))
    view = look(model, [[0.0], [1.0]], [[0.0, 0.0], [1.0, -1.0]])
    assert view.axes[0].labels == ("y1, as the model says", "y2, as the model says")
    assert [points.y.tolist() for points in view.points] == [[0, 1], [0, -1]]
    assert view.notes[-1].endswith("mean squared error 0")


def test_without_data_the_range_that_was_fitted() -> None:
    weights = {"dense1/weight": [[1.0]], "dense1/bias": [0.0]}
    fitted = Standardize("feature", (3.0,), (2.0,))
    view = look(made((Dense(1),), weights, Shape.vector(1), SquaredError(), Coding("values"), (fitted,)))
    assert view.x is not None and (view.x[0], view.x[-1]) == (0, 6)
    assert view.data[0] == pytest.approx((view.x - 3) / 2)
    assert view.points == ()


def test_broken_weights_leave_the_points() -> None:
    view = look(line(np.nan), [[0.0], [1.0]], [0.0, 1.0])
    assert np.isnan(view.data).all()
    assert view.points[0].y.tolist() == [0, 1]
    assert view.notes[-1].endswith("mean squared error nan")


def test_data_that_do_not_fit_are_refused() -> None:
    with pytest.raises(TuinetError, match="1 value a sample"):
        look(line(), [[0.0], [1.0]], [[0.0, 1.0], [1.0, 2.0]])
    with pytest.raises(TuinetError, match="finite"):
        look(line(), [[0.0], [1.0]], [0.0, np.inf])


def test_who_has_a_curve() -> None:
    assert OFFER.fits(line(), None)
    assert not OFFER.fits(linear(np.eye(2), [0.0] * 2, SquaredError(), Coding("values")), None)
    assert not OFFER.fits(linear([[1.0, 1.0]], [0.0] * 2, Hinge(), Coding("ids", classes=2)), None)
