"""Views that feed-forward layers have of their own, against the layers' own numbers and numbers worked by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

import tuinet
from tests.inspection.asking import look, offers, one_layer, path_of, question
from tests.model.models import cnn, images, linear, made
from tests.model.text_models import classifier, language_model
from tests.nn.test_laws import EXAMPLES
from tuinet.data.coding import Coding
from tuinet.errors import TuinetError
from tuinet.inspection.passes import Pass, run_model
from tuinet.inspection.question import Question, nodes
from tuinet.inspection.view import Table, View
from tuinet.inspection.views import activations, gates, layers, maps, outputs, sequences, weights, windows
from tuinet.inspection.views.activations import function
from tuinet.model.model import Model
from tuinet.nn.context import Context
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.losses import CrossEntropy, SquaredError
from tuinet.nn.parts import Part

OWN = {
    Dense: {"contributions"},
    Conv2D: {"maps", "window", "kernels"},
    MaxPool: {"winners", "pooling"},
    AveragePool: {"pooling"},
    SumPool: {"pooling"},
    Flatten: {"origin"},
    Dropout: {"mask"},
    GaussianNoise: {"noise"},
    Softmax: {"jacobian"},
} | {kind: {"curve"} for kind in (Step, Sign, Sigmoid, Tanh, Relu, Linear)}
"""What each feed-forward layer has of its own."""

OFFERS = (
    *outputs.VIEWS, *weights.VIEWS, *windows.VIEWS, *maps.VIEWS, *layers.VIEWS, *activations.VIEWS
)  # fmt: skip

FEED_FORWARD = [(layer, shape) for layer, shape in EXAMPLES if type(layer) in OWN]
feed_forward = pytest.mark.parametrize(
    ("layer", "shape"), FEED_FORWARD, ids=[f"{i}-{type(layer).__name__}" for i, (layer, _) in enumerate(FEED_FORWARD)]
)


def views(name: str, asked: Question) -> list[View]:
    return [seen for seen in look(OFFERS, name, asked) if isinstance(seen, View)]


def tables(name: str, asked: Question) -> list[Table]:
    return [seen for seen in look(OFFERS, name, asked) if isinstance(seen, Table)]


# ── every layer ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_there_is_an_example_of_every_feed_forward_layer() -> None:
    assert {type(layer) for layer, _ in FEED_FORWARD} == set(OWN)


@feed_forward
def test_every_layer_has_views_of_its_own(layer: Layer, shape: Shape) -> None:
    model, raw = one_layer(layer, shape)
    asked = question(model, path_of(model), raw)
    assert {offer.name for offer in offers(OFFERS, asked)} >= OWN[type(layer)]
    for name in OWN[type(layer)]:
        for seen in look(OFFERS, name, asked):
            if isinstance(seen, View):
                assert seen.data.size and np.isfinite(seen.data).all()
                assert not any(np.shares_memory(seen.data, part) for part in (raw, model.params.vector))


SPECIFIC = (
    *maps.VIEWS, *windows.VIEWS, *layers.VIEWS, *activations.VIEWS, *gates.VIEWS, *sequences.VIEWS
)  # fmt: skip
"""Views that not every layer has."""


@pytest.mark.parametrize("kind", get_args(Part), ids=lambda kind: kind.__name__)
def test_no_layer_of_any_kind_is_without_a_view_of_its_own(kind: type[Layer]) -> None:
    """What it is like beside its weights and its output, also of recurrent layers."""
    for layer, shape in EXAMPLES:
        if type(layer) is kind:
            model, raw = one_layer(layer, shape)
            asked = question(model, path_of(model), raw)
            own = offers(SPECIFIC, asked)
            assert own
            assert all(offer.make(asked) for offer in own)


@feed_forward
def test_looking_changes_nothing(layer: Layer, shape: Shape) -> None:
    model, raw = one_layer(layer, shape)
    path = path_of(model)
    before, vector = question(model, path, raw).run.outputs.copy(), model.params.vector.copy()
    for offer in offers(OFFERS, question(model, path, raw)):
        for seen in offer.make(question(model, path, raw)):
            if isinstance(seen, View):
                seen.data.fill(0)
    np.testing.assert_array_equal(model.params.vector, vector)
    np.testing.assert_array_equal(question(model, path, raw).run.outputs, before)


def test_names_are_unique() -> None:
    names = [offer.name for offer in OFFERS]
    assert len(names) == len(set(names))


# ── dense ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_contributions_add_up() -> None:
    model = tuinet.load("iris-mlp")
    raw = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])
    for path in ("dense1", "dense2"):
        asked = question(model, path, raw, units=tuple(range(3)))
        place = asked.run.places[path]
        for sample, seen in enumerate(views("contributions", asked)):
            total = seen.data.sum(axis=1) + model.params[f"{path}/bias"][:3]
            np.testing.assert_allclose(total, place.y[sample, :3], rtol=1e-5, atol=1e-6)


def test_the_largest_contributions_come_first_by_name() -> None:
    model = linear([[1.0, 0.0], [-3.0, 1.0]], [0.5, 0.0], CrossEntropy(), Coding("ids", classes=2))
    asked = question(model, "dense1", np.array([[2.0, 4.0]]), units=(0,))
    (seen,), (table,) = views("contributions", asked), tables("contributions", asked)
    assert seen.data.tolist() == [[2.0, -12.0]] and seen.axes[0].labels == ("a",)
    assert table.rows == (
        ("input 1", 4.0, -3.0, -12.0),
        ("input 0", 2.0, 1.0, 2.0),
        ("bias", None, None, 0.5),
        ("sum", None, None, -9.5),
    )
    iris = question(tuinet.load("iris-mlp"), "dense1", np.array([[5.1, 3.5, 1.4, 0.2]]), units=(0,))
    assert {str(row[0]) for row in tables("contributions", iris)[0].rows} >= {"sepal length (cm)", "petal width (cm)"}


def test_without_a_choice_the_most_active_units_are_shown() -> None:
    model = linear(np.diag([1.0, 2.0, 3.0, 4.0]), 0.0, CrossEntropy(), Coding("ids", classes=4))
    (seen,) = views("contributions", question(model, "dense1", np.array([[1.0, 4.0, 1.0, 1.0]])))
    assert seen.axes[0].labels == ("b", "d", "c")  # 8, 4, 3; a gives 1


def test_contributions_of_pixels_and_of_the_rest() -> None:
    model = cnn()
    asked = question(model, "dense1", images(1), units=(1,))
    flat, picture = views("contributions", asked)
    assert flat.axes[1].labels[3] == "row 0, column 1, map 1"
    np.testing.assert_allclose(picture.data[0], flat.data.reshape(2, 2, 2).sum(axis=2))
    wide = linear(np.ones((20, 1)), 0.0, SquaredError(), Coding("binary", classes=2))
    (table,) = tables("contributions", question(wide, "dense1", np.arange(20.0)[None]))
    assert table.rows[0][0] == "input 19" and len(table.rows) == 15
    assert table.rows[12] == ("8 others", None, None, float(sum(range(8))))


def test_contributions_at_a_step() -> None:
    model = language_model()
    raw = model.raw(["abc"])
    asked = question(model, "dense1", raw, step=1, units=(4,))
    (seen,) = views("contributions", asked)
    y = views("output", question(model, "dense1", raw))[0].data
    assert seen.data.sum() + model.params["dense1/bias"][4] == pytest.approx(y[1, 4], rel=1e-12)
    (last,) = views("contributions", question(model, "dense1", raw, units=(4,)))
    assert last.data.sum() + model.params["dense1/bias"][4] == pytest.approx(y[2, 4], rel=1e-12)
    with pytest.raises(TuinetError, match="no step 3"):
        views("contributions", question(model, "dense1", raw, step=3))
    with pytest.raises(TuinetError, match="has no steps"):
        views("contributions", question(classifier(), "dense1", raw, step=0))


# ── maps and pooling ──────────────────────────────────────────────────────────────────────────────────────────────


def test_maps_before_and_after_relu_and_pooling() -> None:
    raw = np.random.default_rng(0).integers(0, 17, (1, 8, 8)).astype(np.uint8)
    conv, relu, pool = views("maps", question(tuinet.load("digits-cnn"), "conv2", raw))
    assert [seen.name for seen in (conv, relu, pool)] == ["conv2/output", "relu2/output", "pool1/output"]
    np.testing.assert_array_equal(relu.data, np.maximum(conv.data, 0))
    np.testing.assert_array_equal(pool.data, relu.data.reshape(32, 4, 2, 4, 2).max(axis=(2, 4)))
    first = views("maps", question(tuinet.load("digits-cnn"), "conv1", raw, units=(3,)))
    assert [seen.name for seen in first] == ["conv1/output", "relu1/output"]  # conv2 has weights of its own
    assert first[0].axes[0].labels == ("3",)


def test_dropout_between_maps_is_shown_only_when_it_acts() -> None:
    layers = (Conv2D(2, 1), Dropout(0.5), Relu(), Flatten(), Dense(2))
    model = made(layers, {}, Shape.image(3, 3, 1), CrossEntropy(), Coding("ids", classes=2))
    model.params.vector[:] = 1
    names = [[seen.name for seen in views("maps", question(model, "conv1", np.ones((1, 3, 3, 1)), masks=masks))]
             for masks in (None, 1)]  # fmt: skip
    assert names == [["conv1/output", "relu1/output"], ["conv1/output", "dropout1/output", "relu1/output"]]


@pytest.mark.parametrize(
    ("layer", "out"),
    [(MaxPool(), [[6, 8], [14, 16]]), (AveragePool(), [[3.5, 5.5], [11.5, 13.5]]), (SumPool(), [[14, 22], [46, 54]])],
    ids=["max", "average", "sum"],
)
def test_pooling_shows_both_sides(layer: Layer, out: list[list[float]]) -> None:
    model = made((layer,), {}, Shape.image(4, 4, 1), SquaredError(), Coding("values"))  # type: ignore[arg-type]
    grid = np.arange(1.0, 17).reshape(1, 4, 4, 1)
    before, after = views("pooling", question(model, "pool1", grid))
    np.testing.assert_array_equal(before.data, grid[0])
    assert after.data[..., 0].tolist() == out
    assert "2×2 window" in after.title


WINNING = [(MaxPool(), 4, 4), (MaxPool(3, stride=2), 7, 6), (MaxPool((1, 2), stride=(2, 1)), 5, 5)]


@pytest.mark.parametrize(("layer", "height", "width"), WINNING)
def test_winners_are_where_the_gradient_goes(layer: MaxPool, height: int, width: int) -> None:
    """A gradient of 1 for each value that comes out is, at each cell, how many windows it won: ties, too."""
    model = made((layer,), {}, Shape.image(height, width, 2), SquaredError(), Coding("values"))
    raw = np.random.default_rng(3).integers(0, 4, (1, height, width, 2)).astype(float)
    asked = question(model, "pool1", raw)
    wins, cell = views("winners", asked)
    place = asked.run.places["pool1"]
    dx = layer.backward(place.params, place.kept, np.ones_like(place.y), place.params, Context())
    np.testing.assert_array_equal(np.moveaxis(wins.data, 0, 2), dx[0])
    (table,) = tables("winners", asked)
    assert [row[1] for row in table.rows] == np.bincount(cell.data.ravel(), minlength=len(table.rows)).tolist()
    assert sum(row[2] for row in table.rows) == pytest.approx(1)  # type: ignore[misc]


def test_winners_of_one_window_by_hand() -> None:
    model = made((MaxPool(),), {}, Shape.image(2, 4, 1), SquaredError(), Coding("values"))
    raw = np.array([[1, 5, 2, 2], [3, 4, 2, 2]], float).reshape(1, 2, 4, 1)
    wins, cell = views("winners", question(model, "pool1", raw))
    assert wins.data[0].tolist() == [[0, 1, 1, 0], [0, 0, 0, 0]]  # of equal cells the first
    assert cell.data[0].tolist() == [[1, 0]]


# ── flatten, dropout, noise ───────────────────────────────────────────────────────────────────────────────────────


def test_origin_says_where_each_value_was() -> None:
    model, raw = one_layer(Flatten(), Shape.image(3, 4, 2))
    asked = question(model, "flatten1", raw)
    (seen,) = views("origin", asked)
    place = asked.run.places["flatten1"]
    for unit, (row, column, channel) in enumerate(seen.data.tolist()):
        assert place.y[0, unit] == place.x[0, row, column, channel]
    (one,) = views("origin", question(model, "flatten1", units=(13,)))
    assert one.data.tolist() == [[1, 2, 1]]
    assert one.notes == ("unit = row · 8 + column · 2 + channel", "unit 13 was row 1, column 2, map 1")
    with pytest.raises(TuinetError, match="flatten1 has no unit 24"):
        views("origin", question(model, "flatten1", units=(24,)))
    with pytest.raises(TuinetError, match="takes no --at"):
        views("origin", question(model, "flatten1", at=(0, 0)))


def test_the_mask_is_the_one_of_training() -> None:
    model, raw = one_layer(Dropout(0.4), Shape.vector(500))
    mask, left = views("mask", question(model, "dropout1", raw, masks=7))[:2]
    y = question(model, "dropout1", raw, masks=7).run.outputs[0]
    np.testing.assert_array_equal(left.data, y)
    np.testing.assert_allclose(mask.data * raw[0], y)
    assert set(np.unique(mask.data.round(9))) == {0.0, round(1 / 0.6, 9)}
    dropped = int((mask.data == 0).sum())
    assert 150 < dropped < 250
    assert mask.notes[0].startswith(f"{dropped} of 500 are dropped") and "40 % are to be expected" in mask.notes[0]
    again, other, zero = (views("mask", question(model, "dropout1", raw, masks=seed))[0].data for seed in (7, 8, None))
    np.testing.assert_array_equal(again, mask.data)
    assert (other != mask.data).any()
    np.testing.assert_array_equal(zero, views("mask", question(model, "dropout1", raw, masks=0))[0].data)


def test_all_inputs_see_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int | None] = []

    def counted(*asked: Any) -> Pass:
        passes.append(asked[3])
        return run_model(*asked)

    monkeypatch.setattr("tuinet.inspection.question.run_model", counted)
    for layer, name in ((Dropout(0.5), "mask"), (GaussianNoise(0.5), "noise")):
        model, raw = one_layer(layer, Shape.vector(4), count=5)
        assert len(views(name, question(model, path_of(model), raw))) == 10
    assert passes == [0, 0]


def test_a_mask_over_steps_has_their_names() -> None:
    model = tuinet.load("shakespeare-lstm")
    (mask, left) = views("mask", question(model, "dropout1", model.raw(["to be"]), masks=1))
    assert mask.axes[0].labels == ("0 t", "1 o", "2 ␣", "3 b", "4 e") == left.axes[0].labels
    kept = mask.data != 0
    assert (left.data[~kept] == 0).all()


def test_no_dropout_keeps_all() -> None:
    model, raw = one_layer(Dropout(0.0), Shape.vector(5))
    mask, _ = views("mask", question(model, "dropout1", raw))[:2]
    assert (mask.data == 1).all() and "0 of 5" in mask.notes[0]


def test_noise_is_the_one_of_training() -> None:
    model, raw = one_layer(GaussianNoise(0.3), Shape.vector(2000))
    noise, noisy = views("noise", question(model, "noise1", raw, masks=2))[:2]
    np.testing.assert_array_equal(noisy.data, question(model, "noise1", raw, masks=2).run.outputs[0])
    np.testing.assert_allclose(noise.data, noisy.data - raw[0])
    assert noise.data.std() == pytest.approx(0.3, rel=0.1)
    assert "0 and 0.3 are to be expected" in noise.notes[0]


# ── activations ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("layer", "values", "slopes"),
    [
        (Sigmoid(), (0.5, 1 / (1 + np.exp(-1))), (0.25, np.exp(-1) / (1 + np.exp(-1)) ** 2)),
        (Tanh(), (0.0, np.tanh(1)), (1.0, 1 - np.tanh(1) ** 2)),
        (Relu(), (0.0, 1.0), (0.0, 1.0)),
        (Linear(), (0.0, 1.0), (1.0, 1.0)),
        (Step(), (1.0, 1.0), (0.0, 0.0)),
        (Sign(), (1.0, 1.0), (0.0, 0.0)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_functions_and_slopes_at_0_and_1(
    layer: Layer, values: tuple[float, float], slopes: tuple[float, float]
) -> None:
    found = function(layer, np.array([0.0, 1.0]))
    np.testing.assert_allclose(found[0], values, rtol=1e-14)
    np.testing.assert_allclose(found[1], slopes, rtol=1e-14)


def curve(layer: Layer, *inputs: float) -> View:
    model = made((layer,), {}, Shape.vector(len(inputs)), SquaredError(), Coding("values"))  # type: ignore[arg-type]
    (seen,) = views("curve", question(model, path_of(model), np.array([inputs])))
    return seen


def test_a_curve_covers_its_inputs_and_marks_them() -> None:
    seen = curve(Tanh(), -2.0, 3.0, 3.0, 0.5)
    assert seen.kind == "series" and seen.x is not None
    assert seen.axes[0].labels == ("a = f(n)", "slope", "inputs here")
    np.testing.assert_allclose(seen.data[0], np.tanh(seen.x))
    assert seen.x[0] <= -3 and seen.x[-1] >= 3
    marked = seen.x[seen.data[2] > 0]
    assert len(marked) == 3
    for value, place in zip((-2.0, 0.5, 3.0), marked, strict=True):
        assert abs(value - place) <= (seen.x[1] - seen.x[0]) / 2
    np.testing.assert_allclose(sorted(seen.data[2][seen.data[2] > 0]), [0.5, 0.5, 1.0])
    assert curve(Relu(), -2.0, 8.0).data[2].max() == pytest.approx(8.4)  # as high as the curve
    assert "inputs here: how many lie at each place, at the top 2" in seen.notes
    assert "4 inputs from -2 to 3" in seen.notes


def test_saturated_and_dead_units_are_counted() -> None:
    assert any("25 % are saturated" in note for note in curve(Sigmoid(), 0, 1, -5, 9).notes)
    assert any("50 % are saturated" in note for note in curve(Tanh(), 0, 1, -5, 9).notes)
    assert any("75 % are not above 0" in note for note in curve(Relu(), 0, -1, -5, 9).notes)
    assert any("nothing is learnt" in note for note in curve(Step(), 0, -1).notes)
    model = cnn()
    model.params["conv1/bias"][1] = -1000
    (seen,) = views("curve", question(model, "relu1", images(1)))
    assert "1 of 4 maps are 0 everywhere" in seen.notes


def test_the_jacobian_of_softmax_by_hand() -> None:
    """a = (.2, .4, .3, .1), as in the lecture: the inputs are its logarithms."""
    a = np.array([0.2, 0.4, 0.3, 0.1])
    model = made((Softmax(),), {}, Shape.vector(4), SquaredError(), Coding("one-hot", classes=4))
    (seen,) = views("jacobian", question(model, "softmax1", np.log(a)[None]))
    expected = [
        [0.16, -0.08, -0.06, -0.02],
        [-0.08, 0.24, -0.12, -0.04],
        [-0.06, -0.12, 0.21, -0.03],
        [-0.02, -0.04, -0.03, 0.09],
    ]
    np.testing.assert_allclose(seen.data, expected, atol=1e-15)
    assert seen.axes[0].labels == seen.axes[1].labels == ("a", "b", "c", "d")
    (some,) = views("jacobian", question(model, "softmax1", np.log(a)[None], units=(2, 0)))
    np.testing.assert_allclose(some.data, [[0.21, -0.06], [-0.06, 0.16]], atol=1e-15)


def test_the_jacobian_is_the_measured_slope() -> None:
    layer, n, step = Softmax(), np.random.default_rng(1).normal(size=5), 1e-6
    model = made((layer,), {}, Shape.vector(5), SquaredError(), Coding("values"))

    def outputs_at(inputs: np.ndarray) -> np.ndarray:
        return question(model, "softmax1", inputs[None]).run.outputs[0]

    (seen,) = views("jacobian", question(model, "softmax1", n[None]))
    for j, unit in enumerate(np.eye(5)):
        measured = (outputs_at(n + step * unit) - outputs_at(n - step * unit)) / (2 * step)
        np.testing.assert_allclose(seen.data[:, j], measured, atol=1e-9)


def test_the_softmax_of_the_loss_has_a_jacobian_too() -> None:
    model = tuinet.load("digits-cnn")
    raw = np.random.default_rng(0).integers(0, 17, (1, 8, 8)).astype(np.uint8)
    (seen,) = views("jacobian", question(model, "dense2", raw))
    a = model.predict(raw).scores[0].astype(float)
    np.testing.assert_allclose(seen.data, np.diag(a) - np.outer(a, a), atol=1e-6)
    assert seen.axes[0].labels == tuple("0123456789")
    with pytest.raises(TuinetError, match="has no unit 10"):
        views("jacobian", question(model, "dense2", raw, units=(10,)))
    has = [path for path in nodes(model) if any(o.name == "jacobian" for o in offers(OFFERS, question(model, path)))]
    assert has == ["dense2"]


def test_of_many_classes_the_likeliest_are_shown() -> None:
    model = tuinet.load("shakespeare-lstm")
    asked = question(model, "dense1", model.raw(["to be"]), step=2)
    (seen,) = views("jacobian", asked)
    assert seen.data.shape == (64, 64) and "the 64 likeliest of 86" in seen.notes
    (whole,) = views("jacobian", replace(asked, choice=asked.choice._replace(units=tuple(range(86)))))
    np.testing.assert_allclose(whole.data.sum(axis=0), 0, atol=1e-12)


def test_a_softmax_over_the_channels_of_an_image() -> None:
    model, raw = one_layer(Softmax(), Shape.image(2, 3, 4))
    y = question(model, "softmax1", raw).run.outputs[0]
    (seen, *_) = views("jacobian", question(model, "softmax1", raw, at=(1, 2)))
    np.testing.assert_allclose(seen.data, np.diag(y[1, 2]) - np.outer(y[1, 2], y[1, 2]))
    (corner, *_) = views("jacobian", question(model, "softmax1", raw))
    np.testing.assert_allclose(corner.data, np.diag(y[0, 0]) - np.outer(y[0, 0], y[0, 0]))


def test_numbers_that_are_none_do_not_stop_anybody(recwarn: pytest.WarningsRecorder) -> None:
    model: Model = cnn()
    model.params["conv1/weight"][...] = np.nan
    for path in nodes(model):
        asked = question(model, path, images(1))
        for offer in offers(OFFERS, asked):
            assert offer.make(asked)
    assert not recwarn.list
