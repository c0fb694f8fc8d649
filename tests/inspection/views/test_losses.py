"""Squared error and cross-entropy side by side."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

import tuinet
from tests.model.models import cnn, constant, images, linear, xor
from tests.model.text_models import classifier, language_model, tagger, translator
from tuinet.data.coding import Coding
from tuinet.errors import TuinetError
from tuinet.inspection.question import Question, Samples, nodes
from tuinet.inspection.view import Cell, Table, View
from tuinet.inspection.views.losses import VIEWS, cross_entropy, squared_error
from tuinet.model.model import Model
from tuinet.nn.context import Context
from tuinet.nn.layers.activation import Softmax
from tuinet.nn.layers.dense import Dense
from tuinet.nn.losses import CrossEntropy, Hinge, SquaredError
from tuinet.nn.network import Sequential
from tuinet.nn.params import Params

(OFFER,) = VIEWS


def column(table: Table, name: str) -> list[Cell]:
    """All but the last row, that of J."""
    return [row[table.columns.index(name)] for row in table.rows[:-1]]


def seen(model: Model, samples: Samples | None = None) -> tuple[Table, View]:
    table, curves = OFFER.make(Question(model, "", samples))
    assert isinstance(table, Table) and isinstance(curves, View)
    return table, curves


def test_the_lectures_example() -> None:
    table, _ = seen(cnn())
    assert column(table, "target y") == [0, 0, 1, 0]
    assert column(table, "output a") == [0.2, 0.4, 0.3, 0.1]
    assert table.rows[-1][3] == pytest.approx(0.70)  # .04 + .16 + .49 + .01
    assert table.rows[-1][6] == pytest.approx(-np.log(0.3))
    assert column(table, "its ∂J/∂a") == pytest.approx([0.4, 0.8, -1.4, 0.2])
    assert column(table, "∂J/∂n") == pytest.approx([0.2, 0.4, -0.7, 0.1])  # a − y
    assert column(table, "∂J/∂a") == pytest.approx([0, 0, -1 / 0.3, 0])
    # Σ ∂J/∂aⱼ aⱼ = .08 + .32 − .42 + .02 = 0
    assert column(table, "its ∂J/∂n") == pytest.approx([0.08, 0.32, -0.42, 0.02])
    assert "squared error 0.7, cross-entropy 1.204" in table.notes


def test_the_slopes_are_those_of_the_losses_through_softmax() -> None:
    rng = np.random.default_rng(0)
    n, asked = rng.normal(size=(1, 5)), np.array([3])
    none, ctx = Params({}, np.empty(0)), Context()
    a, cache = Softmax().forward(none, n, ctx)
    y = np.eye(5)[asked]
    values, slope = SquaredError().value_and_gradient(a, y, ctx)
    through = Softmax().backward(none, cache, slope, none, ctx)
    square, entropy = squared_error(a[0], y[0]), cross_entropy(a[0], y[0])
    assert through is not None
    assert (square.value, square.of_output) == (pytest.approx(values[0]), pytest.approx(slope[0]))
    assert square.of_net == pytest.approx(through[0])
    values, slope = CrossEntropy().value_and_gradient(n, asked, ctx)
    assert (entropy.value, entropy.of_net) == (pytest.approx(values[0]), pytest.approx(slope[0]))
    assert entropy.of_net == pytest.approx(a[0] * (entropy.of_output - entropy.of_output @ a[0]))


def test_a_saturated_wrong_unit_hardly_moves_by_squared_error() -> None:
    _, curves = seen(cnn())
    assert curves.axes[0].labels == ("squared error", "cross-entropy")
    assert curves.x is not None and curves.x[0] == -10
    square, entropy = curves.data
    a = 1 / (1 + np.exp(-curves.x))
    assert entropy == pytest.approx(1 - a)
    assert square[0] < 2e-4 and entropy[0] > 0.9999
    assert square.argmax() > 30 and (np.diff(entropy) < 0).all()
    share = np.array([0.2, 0.4, 0.1]) / 0.7  # what is left is shared as before
    by_hand = 2 * a * (1 - a) ** 2 * (1 + share @ share)
    assert square == pytest.approx(by_hand)


def test_a_models_own_answer() -> None:
    model = constant([np.log(0.2), np.log(0.4), np.log(0.3), np.log(0.1)], CrossEntropy(), Coding("ids", classes=4))
    table, _ = seen(model, Samples(np.zeros((1, 1)), np.array([2]), ("one",)))
    assert column(table, "output a") == pytest.approx([0.2, 0.4, 0.3, 0.1])
    assert column(table, "class") == ["a", "b", "c", "d"]
    assert table.rows[-1][3] == pytest.approx(0.70)
    assert "it is c" in table.title and "for one" in table.title
    wrong, _ = seen(model, Samples(np.zeros((1, 1)), np.array([0]), ("one",)))
    assert wrong.rows[-1][6] == pytest.approx(-np.log(0.2))


def test_every_sample_is_seen() -> None:
    found = OFFER.make(Question(cnn(), "", Samples(images(3), np.array([0, 1, 2]), ("x", "y", "z"))))
    assert [type(each) for each in found] == [Table, View] * 3
    model = tuinet.load("iris-mlp")
    question = Question(model, "", Samples(np.array([[5.1, 3.5, 1.4, 0.2]]), np.array([0]), ("",)))
    table = OFFER.make(question)[0]
    assert isinstance(table, Table)
    assert table.rows[-1][6] == pytest.approx(question.loss.value, rel=1e-4)


def test_a_softmax_of_its_own_and_none() -> None:
    logits = linear([[1.0, 2.0, 0.0]], [0.0, 0.0, 0.0], Hinge(), Coding("ids", classes=3))
    sample = Samples(np.ones((1, 1)), np.array([1]), ("",))
    table, _ = seen(logits, sample)
    e = np.exp([1.0, 2.0, 0.0])
    assert column(table, "output a") == pytest.approx(e / e.sum())
    assert "the model has no softmax; its outputs are taken as the n of one" in table.notes
    meta = msgspec.structs.replace(logits.meta, loss=SquaredError(), coding=Coding("one-hot", classes=3))
    model = Model(Sequential((Dense(3), Softmax())), logits.params, meta)
    table, _ = seen(model, sample)
    assert column(table, "output a") == pytest.approx(e / e.sum())
    assert not any("no softmax" in note for note in table.notes)


def test_a_sure_and_wrong_answer_has_numbers_too() -> None:
    model = constant([0.0, 5000.0], CrossEntropy(), Coding("ids", classes=2))
    table, curves = seen(model, Samples(np.zeros((1, 1)), np.array([0]), ("",)))
    assert column(table, "∂J/∂n") == [-1.0, 1.0]
    assert column(table, "its ∂J/∂n") == [0.0, 0.0]
    assert np.isfinite(curves.data).all()
    sure, curves = seen(model, Samples(np.zeros((1, 1)), np.array([1]), ("",)))
    assert sure.rows[-1][3] == sure.rows[-1][6] == 0
    assert np.isfinite(curves.data).all()


@pytest.mark.parametrize("number", [12, 3, -1])
def test_a_class_that_the_model_does_not_have(number: int) -> None:
    with pytest.raises(TuinetError, match=f"class {number} is outside 0 … 2") as caught:
        seen(cnn(), Samples(images(1), np.array([number]), ("",)))
    assert "the 3 classes that the model was made for" in caught.value.hint


def test_who_has_it() -> None:
    assert OFFER.needs == "nothing"
    for model in (cnn(), classifier(), tuinet.load("iris-mlp")):
        assert OFFER.fits(model, None)
        assert not any(OFFER.fits(model, node) for node in nodes(model).values())
    values = linear([[1.0]], [0.0], SquaredError(), Coding("values"))
    for model in (xor(), values, tagger(), language_model(), translator()):
        assert not OFFER.fits(model, None)
    with pytest.raises(TuinetError, match="right answer"):
        seen(cnn(), Samples(images(1), None, ("",)))
