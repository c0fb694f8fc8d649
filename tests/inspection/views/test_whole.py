"""The model as a whole: what it costs, its weights in figures, how it was trained."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from tests.model.models import cnn, constant, xor
from tests.model.text_models import translator
from tuinet import load
from tuinet.data.coding import Coding
from tuinet.errors import TuinetError
from tuinet.inspection.question import Offer, Question, nodes
from tuinet.inspection.summary import data_in_words
from tuinet.inspection.views.whole import VIEWS as OFFERS
from tuinet.model.meta import EpochRecord
from tuinet.model.model import Model
from tuinet.nn.losses import SquaredError

VIEWS: dict[str, Offer] = {offer.name: offer for offer in OFFERS}


def look(name: str, model: Model, layer: str = "") -> tuple[Any, ...]:
    question = Question(model, layer)
    assert VIEWS[name].fits(model, question.node)
    return VIEWS[name].make(question)


def values(*numbers: float) -> Model:
    """A model whose biases are these, and whose weights are 0."""
    return constant(list(numbers), SquaredError(), Coding("values"))


def test_the_layer_table_by_hand() -> None:
    """conv1: 6·6·4 values of 8 bytes; 3·3·1 + 1 weights a filter; 2 FLOPs for each of 6·6·4·9 products."""
    (table,) = look("layers", cnn())
    rows = {row[0]: row[3:] for row in table.rows}
    assert rows["conv1"] == ("6×6×4", 40, 2 * 6 * 6 * 4 * 9, 8 * 40, 8 * 144)
    assert rows["dense1"] == ("3", 27, 2 * 24, 8 * 27, 8 * 3)
    assert rows["total"][1] == cnn().parameter_count
    sums = [sum(row[column] for row in table.rows[:-1]) for column in range(4, 8)]
    assert list(table.rows[-1][4:]) == sums
    assert "FLOPs = 2 × multiply-adds of one sample" in table.notes[0]


def test_a_translators_layers_are_of_a_step() -> None:
    (table,) = look("layers", translator())
    assert [row[0] for row in table.rows][:2] == ["seq2seq1", "seq2seq1/encoder/embedding1"]
    assert "T×5" in [row[3] for row in table.rows]
    assert "one step" in table.notes[0]
    assert table.rows[-1][4] == translator().parameter_count


def test_statistics_by_hand() -> None:
    """−3, 1, 0, 6: mean 1, squares of the deviations 16 + 0 + 1 + 25 = 42."""
    (table,) = look("statistics", values(-3.0, 1.0, 0.0, 6.0))
    weight, bias = table.rows
    assert bias[:2] == ("dense1/bias", "4")
    assert bias[2:7] == pytest.approx((1.0, np.sqrt(42 / 4), -3.0, 6.0, np.sqrt(46)))
    assert bias[7:] == (0.25, 0)
    assert weight[1:] == ("1×4", 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0)
    (table,) = look("statistics", cnn(), "conv2")
    assert [row[0] for row in table.rows] == ["weight", "bias"]


def test_what_is_not_finite_is_counted_and_left_out() -> None:
    (table,) = look("statistics", values(np.nan, np.inf, 2.0))
    assert table.rows[1][2:] == (2.0, 0.0, 2.0, 2.0, 2.0, 0, 2)
    assert table.notes == ("2 values are not finite numbers, and are left out",)
    (table,) = look("statistics", values(np.nan))
    assert table.rows[1][2:7] == (None,) * 5
    _, view = look("histogram", values(np.nan, np.inf), "dense1")
    assert view.title == "bias: no finite values"


def test_every_value_is_in_a_bin() -> None:
    (view,) = look("histogram", load("digits-cnn"))
    model = load("digits-cnn")
    assert view.data.sum() == model.parameter_count
    assert (len(view.x), view.kind) == (len(view.data) + 1, "histogram")
    assert (view.x[0], view.x[-1]) == pytest.approx((model.params.vector.min(), model.params.vector.max()))
    expected = np.histogram(model.params.vector.astype(float), view.x)[0]
    np.testing.assert_array_equal(view.data, expected)
    views = look("histogram", model, "conv1")
    assert [each.name for each in views] == ["weight", "bias"]
    assert [each.data.sum() for each in views] == [144, 16]


def test_a_bin_holds_its_left_edge_and_the_last_one_both() -> None:
    _, view = look("histogram", values(0.0, 1.0, 2.0, 2.0), "dense1")
    assert (view.x.tolist(), view.data.tolist()) == ([0.0, 1.0, 2.0], [1, 3])


@pytest.mark.parametrize("numbers", [(0.0, 0.0), (1e308, -1e308, 5.0), (1e308, 1e308), (5e-324, 0.0), (np.inf, 1.0)])
def test_a_histogram_of_any_values(numbers: tuple[float, ...]) -> None:
    _, view = look("histogram", values(*numbers), "dense1")
    assert view.data.sum() == np.isfinite(numbers).sum()
    assert np.isfinite(view.x).all() and (view.x[1:] >= view.x[:-1]).all()
    look("statistics", values(*numbers))


def test_curves_and_their_best_epochs() -> None:
    model = cnn()
    train = ({"loss": 0.9, "accuracy": 0.5}, {"loss": 0.2, "accuracy": 0.7}, {"loss": 0.3, "accuracy": None})
    valid = ({"loss": 0.8}, {"loss": None}, {"loss": 0.4})
    history = tuple(
        EpochRecord(2 * place + 2, 5, mine, its) for place, (mine, its) in enumerate(zip(train, valid, strict=True))
    )
    model.meta = msgspec.structs.replace(model.meta, history=history)
    loss, accuracy = look("curves", model)
    assert loss.axes[0].labels == ("train", "validation")
    np.testing.assert_array_equal(loss.data, [[0.9, 0.2, 0.3], [0.8, np.nan, 0.4]])
    assert loss.x.tolist() == [2, 4, 6]
    assert loss.notes == ("best train loss: 0.2 after epoch 4", "best validation loss: 0.4 after epoch 6")
    assert accuracy.axes[0].labels == ("train",)
    assert accuracy.notes == ("best train accuracy: 0.7 after epoch 4",)
    with pytest.raises(TuinetError, match="no history"):
        look("curves", xor())
    empty = (EpochRecord(1, 5, {"loss": None}, {"loss": None}),)
    model.meta = msgspec.structs.replace(model.meta, history=empty)
    with pytest.raises(TuinetError, match="no finite figures"):
        look("curves", model)


def test_how_it_was_trained() -> None:
    (table,) = look("training", load("digits-cnn"))
    facts = dict(table.rows)
    assert (facts["data"], facts["epochs"], facts["steps"], facts["seed"]) == ("digits", 60, 2400, 0)
    assert facts["divided into"] == "validation 0.1, test 0.2, stratified True"
    assert facts["validation, epoch 60"].startswith("accuracy 0.9889")
    (table,) = look("training", xor())
    assert "epochs" not in dict(table.rows)


def test_data_in_words() -> None:
    assert data_in_words("squares") == "squares"
    assert data_in_words('{"source":{"kind":"xor","size":4}}') == "xor, size 4"
    assert data_in_words('{"source":3}') == '{"source":3}'


def test_layers_without_parameters_have_no_figures_of_them() -> None:
    model = cnn()
    for path, node in nodes(model).items():
        assert VIEWS["histogram"].fits(model, node) == bool(len(node.params)), path
        assert not VIEWS["layers"].fits(model, node)
