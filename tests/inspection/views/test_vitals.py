"""A row a layer: the numbers are those of `health` and `gradients`, and the verdict is the worst of both."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

import tuinet
from tests.inspection import small_models
from tests.model.models import cnn, images, linear, made
from tests.model.text_models import captioner, classifier, language_model, translator
from tuinet.data.coding import Coding
from tuinet.data.dataset import Split
from tuinet.errors import TuinetError
from tuinet.inspection.off import parse_off, switched_off
from tuinet.inspection.question import Question, Samples, nodes
from tuinet.inspection.summary import summarize
from tuinet.inspection.view import Table
from tuinet.inspection.views import health, sensitivities, vitals
from tuinet.model.model import Model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu
from tuinet.nn.layers.dense import Dense
from tuinet.nn.losses import CrossEntropy, Perceptron, SquaredError
from tuinet.nn.sequence import Ragged

(OFFER,) = vitals.VIEWS


def trained(model: Model, words: str) -> Model:
    return Model(model.network, model.params, msgspec.structs.replace(model.meta, training=words))


def look(model: Model, split: Split | None = None, samples: Samples | None = None) -> Table:
    part = None if split is None else lambda: split
    (table,) = OFFER.make(Question(model, samples=samples, part=part))
    assert isinstance(table, Table)
    return table


def rows(table: Table) -> dict[Any, dict[str, Any]]:
    return {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}


def test_numbers_by_hand() -> None:
    """y = 3 x with x = 1 and 2, targets 0: J = (9 + 36) / 2, dJ/dy = 2 y / 2, dJ/dw = Σ y x = 15, ‖w‖ = 3, rate 0.01.

    The gradient of the bias, 3 + 6, is part of the norm.
    """
    model = trained(linear([[3.0]], [0.0], SquaredError(), Coding("values")), "sgd, rate 0.01")
    found = rows(look(model, Split(np.array([[1.0], [2.0]]), np.zeros(2))))["dense1"]
    assert found["mean"] == pytest.approx(4.5)
    assert (found["dead"], found["saturated"]) == (0, None)
    assert found["mean |dJ/dy|"] == pytest.approx(4.5)
    update = 0.01 * np.hypot(15, 9) / 3
    assert found["step / ‖w‖"] == pytest.approx(update)
    assert found["verdict"] == "large: a step changes it by 0.06 of its size"


def test_a_step_of_adam_moves_every_weight_that_has_a_gradient_by_its_rate() -> None:
    """Two of the inputs are always 0: their weights have no gradient. The bias is the third weight that moves."""
    model = trained(
        linear([[3.0], [4.0], [0.0], [0.0]], [0.0], SquaredError(), Coding("values")), "adam, rate 0.002, beta1 0.9"
    )
    table = look(model, Split(np.array([[1.0, 2.0, 0, 0]]), np.zeros(1)))
    found = rows(table)["dense1"]
    assert found["step / ‖w‖"] == pytest.approx(0.002 * 3**0.5 / 5)
    assert found["verdict"] == "fine"
    assert any(note.startswith("step: of adam") for note in table.notes)
    tiny = trained(model, "rmsprop, rate 1e-09")
    found = rows(look(tiny, Split(np.array([[1.0, 2.0, 0, 0]]), np.zeros(1))))["dense1"]
    assert found["verdict"].startswith("vanishes: a step changes it by 3e-10")


@pytest.mark.parametrize("name", ["digits-cnn", "cmudict-seq2seq"])
def test_it_agrees_with_health_and_gradients(name: str) -> None:
    """On the same samples; a model trained by plain gradient descent, so that its steps are those of `gradients`."""
    model = trained(tuinet.load(name), "sgd, rate 0.01")
    split = small_models.data(model, 20)
    samples = Samples(*split.take(slice(None)), tuple(map(str, range(20))))
    asked = Question(model, samples=samples)
    found = rows(look(model, samples=samples))
    (units,) = health.VIEWS[0].make(asked)
    gradients = next(offer for offer in sensitivities.VIEWS if offer.name == "gradients").make(asked)[0]
    assert isinstance(units, Table) and isinstance(gradients, Table)
    outputs = {row[0]: row for row in units.rows if row[1] == "output"}
    assert set(outputs) == set(found)
    for layer, row in outputs.items():
        assert found[layer]["mean"] == pytest.approx(row[3], rel=1e-4)  # batches of other sizes: other roundings
        assert found[layer]["dead"] == row[4]
    steps = rows(gradients)
    for layer, row in found.items():
        assert row["mean |dJ/dy|"] == steps[layer]["mean |dJ/dy|"]
        assert row["step / ‖w‖"] == steps[layer]["step / ‖w‖"]


def test_the_worst_is_named() -> None:
    """Dead units before a layer whose step is small; then steps that are nothing."""
    weights = {"dense1/weight": np.ones((1, 4)), "dense1/bias": [0.0, -9, -9, -9], "dense2/weight": np.ones((4, 2))}
    weights["dense2/weight"][:, 1] = 2
    layers = (Dense(4), Relu(), Dense(2))
    model = made(layers, weights, Shape.vector(1), CrossEntropy(), Coding("ids", classes=2))
    split = Split(np.linspace(0.1, 1, 9)[:, None], np.zeros(9, int))
    table = look(trained(model, "sgd, rate 0.001"), split)
    found = rows(table)
    assert found["relu1"]["dead"] == 0.75
    assert found["relu1"]["verdict"] == "most dead"
    assert found["relu1"]["step / ‖w‖"] is None
    assert table.notes[0] == "worst off: relu1: most dead (2 of 3 layers badly off)"
    slow = look(trained(model, "sgd, rate 1e-05"), split)
    assert rows(slow)["dense1"]["verdict"].startswith("vanishes")
    assert slow.notes[0].startswith("worst off: dense1: vanishes: a step changes it by")
    assert slow.notes[0].endswith("(3 of 3 layers badly off)")


def test_where_nothing_is_left_to_learn_no_gradient_is_no_fault() -> None:
    model = trained(linear([[1.0]], [0.0], Perceptron(), Coding("binary", low=-1.0, classes=2)), "sgd, rate 0.5")
    table = look(model, Split(np.array([[1.0], [-1.0]]), np.array([1, 0])))
    assert table.notes[0] == "no layer is badly off: these samples leave nothing to learn"
    wrong = look(model, Split(np.array([[1.0], [-1.0]]), np.array([0, 0])))
    assert wrong.notes[0].startswith("worst off: dense1: explodes")


def test_a_gate_that_is_held_is_told_but_no_fault() -> None:
    model = switched_off(classifier(), [parse_off("lstm1:forget=1:0-3")])
    table = look(model, small_models.data(classifier()))
    found = rows(table)["lstm1"]
    assert found["saturated"] == 1.0
    assert "lstm1" not in table.notes[0]
    assert found["verdict"] == "forget: most saturated"


def test_not_finite_is_worst() -> None:
    model = trained(cnn(), "sgd, rate 0.1")
    model.params["conv2/weight"][...] = np.nan
    table = look(model, Split(images(5), np.zeros(5, int)))
    assert rows(table)["conv2"]["verdict"].startswith("not finite")
    assert table.notes[0].startswith("worst off: conv1: not finite")  # of the gradient, which came through conv2


def test_a_bridge_has_a_row_and_layers_without_anything_of_their_own_have_none() -> None:
    model = captioner()
    found = rows(look(model, small_models.data(model)))
    assert found["seq2seq1/bridge"]["mean"] is None
    assert "seq2seq1/encoder/flatten1" not in found
    plain = rows(look(cnn(), Split(images(5), np.zeros(5, int))))
    assert list(plain) == ["conv1", "relu1", "conv2", "relu2", "dense1"]


@pytest.mark.parametrize("model", [classifier(), language_model(), translator()], ids=["lstm", "text", "translator"])
def test_every_task(model: Model) -> None:
    found = rows(look(model, small_models.data(model)))
    assert set(found) < set(nodes(model)) or len(found) == len(nodes(model))
    assert all(row["verdict"] and row["mean"] is not None for row in found.values())


def test_few_samples_evenly_spread_and_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    model = linear([[1.0]], [0.0], SquaredError(), Coding("values"))
    table = look(model, Split(np.arange(1000.0)[:, None], np.zeros(1000)))
    assert "over 64 samples" in table.notes[1]
    assert rows(table)["dense1"]["mean"] == pytest.approx(499.5, rel=0.01)
    text = classifier()
    each = summarize(text).multiply_adds
    monkeypatch.setattr(vitals, "MULTIPLY_ADDS", 9 * each)
    split = small_models.data(text)
    lengths = split.inputs.lengths.cumsum()
    assert f"over {int((lengths <= 9).sum())} samples" in look(text, split).notes[1]
    monkeypatch.setattr(vitals, "MULTIPLY_ADDS", each)
    assert "over 1 sample;" in look(text, split).notes[1]
    both = translator()
    each = summarize(both).multiply_adds
    monkeypatch.setattr(vitals, "MULTIPLY_ADDS", 9 * each)
    longer = Split(Ragged.of([[3], [4], [5]]), Ragged.of([[3, 4, 5, 3], [4] * 5, [5]]))
    assert "over 2 samples;" in look(both, longer).notes[1]


def test_it_needs_data_whose_answers_are_known() -> None:
    with pytest.raises(TuinetError, match="no data are named"):
        look(cnn())
    with pytest.raises(TuinetError, match="right answer"):
        look(cnn(), samples=Samples(images(1), None, ("",)))
    with pytest.raises(TuinetError, match="no samples"):
        look(cnn(), Split(images(0), np.zeros(0, int)))
