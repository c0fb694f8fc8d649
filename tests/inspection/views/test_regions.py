"""Decision regions: a perceptron's line worked by hand, code words, probabilities, the spirals, and broken weights."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.model.models import cnn, linear, made, xor
from tuinet.data.coding import Coding
from tuinet.data.dataset import Column, Split
from tuinet.data.preparation import Scale, Standardize
from tuinet.data.sources import DATASETS
from tuinet.errors import TuinetError
from tuinet.inspection.question import NoDataError, Question
from tuinet.inspection.view import View
from tuinet.inspection.views import over_inputs
from tuinet.inspection.views.regions import SIDE, VIEWS
from tuinet.inspection.words import in_words
from tuinet.model.model import Model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.dense import Dense
from tuinet.nn.losses import BinaryCrossEntropy, CrossEntropy, Hinge, Perceptron, SquaredError

(OFFER,) = VIEWS


def look(model: Model, inputs: object = None, targets: object = None) -> View:
    part = None if inputs is None else lambda: Split(np.asarray(inputs), np.asarray(targets))
    (view,) = OFFER.make(Question(model, part=part))
    assert isinstance(view, View)
    assert view.data.shape == (SIDE, SIDE, 2)
    return view


def line() -> Model:
    """The perceptron x1 + x2 = 0: class b on it and above, a below."""
    return linear([[1.0], [1.0]], [0.0], Perceptron(), Coding("binary", low=-1.0, classes=2))


def test_the_perceptron_x_plus_y() -> None:
    """Row 0 is the top. On the line n = 0, which is a 1; farther off it is surer, by n = x1 + x2."""
    view = look(line())
    assert view.x is not None
    x, y = view.x
    assert (x[0], x[-1], y[0], y[-1]) == (-1.5, 1.5, 1.5, -1.5)
    n = x[None, :] + y[:, None]
    clear = np.abs(n) > 1e-9
    assert (view.data[..., 0] == (n >= 0))[clear].all()
    assert view.data[..., 1] == pytest.approx(np.abs(n))
    assert view.data[SIDE // 2, SIDE // 2].tolist() == [1, 0]
    assert view.data[0, -1].tolist() == [1, 3]
    assert view.data[-1, 0].tolist() == [0, 3]
    assert view.axes[2].labels == ("class", "margin")
    assert (view.axes[0].name, view.axes[1].name, view.classes) == ("x2", "x1", ("a", "b"))
    assert view.points == ()


def test_the_points_and_which_lie_wrong() -> None:
    """Of four points one below the line is said to be b; the range reaches a tenth beyond them."""
    view = look(line(), [[1, 1], [-1, -1], [-1, 0], [3, -1]], [1, 0, 1, 1])
    (points,) = view.points
    assert points.x.tolist() == [1, -1, -1, 3]
    assert points.y.tolist() == [1, -1, 0, -1]
    assert points.wrong is not None and points.wrong.tolist() == [False, False, True, False]
    assert view.x is not None
    assert [view.x[0, 0], view.x[0, -1], view.x[1, -1], view.x[1, 0]] == pytest.approx([-1.4, 3.4, -1.2, 1.2])
    said = "\n".join(in_words(view))
    assert "across: x1 from −1.4 to 3.4; upwards: x2 from −1.2 to 1.2" in said
    assert "1 of 4 points of the data on a wrong side" in said
    shares = [float((view.data[..., 0] == number).mean()) for number in (0, 1)]
    assert f"of the plane: b {100 * shares[1]:.3g} %, a {100 * shares[0]:.3g} %" in said


def test_two_perceptrons_have_four_regions() -> None:
    """Code words: the first unit is x1, the second x2; what is nearer to one of both lines is less sure."""
    model = linear(np.eye(2), [0.0, 0.0], Perceptron(), Coding("binary", low=-1.0, classes=4))
    view = look(model)
    corners = [view.data[r, c].tolist() for r in (0, -1) for c in (0, -1)]
    assert corners == [[1, 1.5], [3, 1.5], [0, 1.5], [2, 1.5]]
    assert view.data[0, SIDE // 2].tolist() == [3, 0]
    three = linear(np.eye(2), [0.0, 0.0], Perceptron(), Coding("binary", low=-1.0, classes=3))
    assert (look(three).data[..., 0] == three.predict(places(look(three))).ids.reshape(SIDE, SIDE)).all()


def places(view: View) -> np.ndarray:
    assert view.x is not None
    x, y = view.x
    return np.stack([np.tile(x, SIDE), np.repeat(y, SIDE)], axis=1)


@pytest.mark.parametrize(
    ("loss", "coding", "outputs"),
    [
        (CrossEntropy(), Coding("ids", classes=3), 3),
        (Hinge(), Coding("ids", classes=3), 3),
        (BinaryCrossEntropy(), Coding("binary", classes=2), 1),
        (BinaryCrossEntropy(), Coding("binary", classes=4), 2),
        (SquaredError(), Coding("binary", classes=4), 2),
        (SquaredError(), Coding("one-hot", classes=3), 3),
    ],
)
def test_what_is_drawn_is_what_is_predicted(loss: object, coding: Coding, outputs: int) -> None:
    weight = np.random.default_rng(3).normal(size=(2, outputs))
    model = linear(weight, np.zeros(outputs), loss, coding)  # type: ignore[arg-type]
    view = look(model)
    found = model.predict(places(view))
    assert found.ids is not None
    assert (view.data[..., 0].ravel() == found.ids).all()
    sure = view.data[..., 1].ravel()
    if isinstance(loss, CrossEntropy):
        assert sure == pytest.approx(found.scores.max(axis=1))
        assert view.axes[2].labels[1] == "probability"
    if isinstance(loss, BinaryCrossEntropy):
        assert sure == pytest.approx(np.maximum(found.scores, 1 - found.scores).prod(axis=1))
    if isinstance(loss, Hinge):
        ranked = np.sort(found.outputs, axis=1)
        assert sure == pytest.approx(ranked[:, 2] - ranked[:, 1])
    assert (sure >= 0).all()


def test_the_range_that_was_fitted() -> None:
    weights = {"dense1/weight": np.ones((2, 2)), "dense1/bias": np.zeros(2)}
    fitted = Standardize("feature", (10.0, -1.0), (2.0, 4.0))
    for step, expected in ((fitted, [7, 13, -7, 5]), (Scale(2.0), [-1.5, 1.5, -1.5, 1.5])):
        model = made((Dense(2),), weights, Shape.vector(2), CrossEntropy(), Coding("ids", classes=2), (step,))
        view = look(model)
        assert view.x is not None
        assert [view.x[0, 0], view.x[0, -1], view.x[1, -1], view.x[1, 0]] == pytest.approx(expected)


def test_columns_give_the_axes_their_names() -> None:
    model = line()
    columns = (Column("width"), Column("length"))
    model.meta = msgspec.structs.replace(model.meta, columns=columns)
    assert [axis.name for axis in look(model).axes[:2]] == ["length", "width"]


def test_broken_weights_say_nothing_anywhere() -> None:
    model = line()
    model.params.vector[0] = np.nan
    view = look(model, [[1, 1], [0, 0]], [1, 0])
    assert np.isnan(view.data).all()
    assert view.points[0].wrong is not None and view.points[0].wrong.all()
    assert any("no number 100 %" in line for line in in_words(view))


def test_the_spirals() -> None:
    """Real data, and a line that cannot part them: points are counted as the model's own figures count them."""
    data = DATASETS["spirals"].source.load(Path(), 0)
    inputs, targets = data.splits["train"].take(slice(None))
    model = linear([[1.0], [1.0]], [0.0], Perceptron(), Coding("binary", low=-1.0, classes=2))
    view = look(model, inputs, targets)
    (points,) = view.points
    assert points.wrong is not None
    assert int(points.wrong.sum()) == model.evaluate(Split(inputs, targets))["errors"]
    assert len(points.x) == len(targets)
    assert points.wrong.mean() > 0.3


def test_at_most_so_many_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_inputs, "POINTS", 5)
    view = look(line(), np.arange(40.0).reshape(20, 2), np.ones(20, int))
    assert view.points[0].x.tolist() == [0, 10, 20, 28, 38]


def test_a_single_sample_and_far_ones() -> None:
    view = look(line(), [[2.0, 2.0]], [1])
    assert view.x is not None and (view.x[0, 0], view.x[0, -1]) == (1, 3)
    view = look(line(), [[-1e308, 0.0], [1e308, 0.0]], [0, 1])
    assert view.x is not None and np.isfinite(view.x).all()


def test_data_that_do_not_fit_are_refused() -> None:
    with pytest.raises(TuinetError, match="real values"):
        look(line(), [[1, 1]], [0.5])
    with pytest.raises(TuinetError, match="real values"):
        look(line(), [[1, 1]], [[1]])
    with pytest.raises(TuinetError, match="outside 0 … 1"):
        look(line(), [[1, 1]], [2])
    with pytest.raises(TuinetError, match="a sample"):
        look(line(), [[1, 1, 1]], [0])
    with pytest.raises(TuinetError, match="finite"):
        look(line(), [[1, np.nan]], [0])
    with pytest.raises(TuinetError, match="no samples"):
        look(line(), np.empty((0, 2)), np.empty(0, int))


def test_data_that_cannot_be_had_are_done_without_wrong_ones_are_not() -> None:
    def missing() -> Split:
        raise NoDataError("gone", "")

    def wrong() -> Split:
        raise TuinetError("no such part", "")

    (view,) = OFFER.make(Question(line(), part=missing))
    assert isinstance(view, View) and view.points == ()
    with pytest.raises(TuinetError, match="no such part"):
        OFFER.make(Question(line(), part=wrong))


def test_who_has_regions() -> None:
    assert OFFER.fits(xor(), None)
    assert not OFFER.fits(cnn(), None)
    assert not OFFER.fits(linear(np.eye(3), [0.0] * 3, Hinge(), Coding("ids", classes=3)), None)
    assert not OFFER.fits(linear(np.eye(2), [0.0] * 2, SquaredError(), Coding("values")), None)
