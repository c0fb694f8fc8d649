"""How far back a model remembers, as a curve, a table and words."""

from __future__ import annotations

import numpy as np
import pytest

import tuinet
from tests.inspection.views.test_memory import remembering, sequences
from tests.model.models import cnn, images
from tests.model.text_models import captioner, classifier, language_model, tagger, translator
from tuinet.errors import TuinetError
from tuinet.inspection.question import Question, Samples, nodes
from tuinet.inspection.view import Table, View
from tuinet.inspection.views.memory import VIEWS, distances, memory
from tuinet.model.model import Model
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.sequence import Ragged

(OFFER,) = VIEWS


def seen(model: Model, inputs: list[np.ndarray] | list[str]) -> tuple[View, Table]:
    raw = model.raw(inputs)
    curve, table = OFFER.make(Question(model, "", Samples(raw, None, ("",) * len(raw))))
    assert isinstance(curve, View) and isinstance(table, Table)
    return curve, table


def halving(factor: float = 0.5) -> Model:
    """h = relu(x + factor h) of one unit: the gradient is multiplied by `factor` with every step back."""
    model = remembering(RNN(1, activation="relu"))
    model.params["rnn1/input_weight"][:] = 2.0
    model.params["rnn1/recurrent_weight"][:] = factor
    model.params["rnn1/bias"][:] = 0.0
    model.params["dense1/weight"][:] = [[3.0, 1.0]]
    return model


def test_a_gradient_that_halves() -> None:
    curve, table = seen(halving(), [np.ones((7, 4)), np.ones((3, 4))])
    assert (curve.kind, curve.data.shape) == ("series", (1, 7))
    assert curve.x is not None and curve.x.tolist() == list(range(7))
    assert curve.data[0] == pytest.approx(np.log10(0.5) * np.arange(7))
    assert any("multiplies it by 0.5 on average: it fades to a tenth every 3.32 steps" in note for note in curve.notes)
    assert any("at distance 6 the size is 0.016" in note for note in curve.notes)
    assert any("J is the largest output" in note and "what rnn1 reads" in note for note in curve.notes)
    assert [row[0] for row in table.rows] == list(distances(7))
    assert [row[2] for row in table.rows] == pytest.approx([0.5 ** distances(7)[k] for k in range(len(table.rows))])
    assert [row[3] for row in table.rows] == [2, 2, 2, 1, 1]


def test_one_that_grows_and_one_that_stays() -> None:
    grows, _ = seen(halving(2.0), [np.ones((7, 4))])
    assert any("grows tenfold every 3.32 steps" in note for note in grows.notes)
    stays, _ = seen(halving(1.0), [np.ones((7, 4))])
    assert any("neither fades nor grows" in note for note in stays.notes)


def test_one_that_is_cut_off() -> None:
    cut, table = seen(halving(0.0), [np.ones((4, 4))])
    assert np.isfinite(cut.data).all() and cut.data[0, 1] == -45
    assert any("further back than 0 steps it is 0" in note for note in cut.notes)
    assert table.rows[-1][2] == 0
    nothing = halving()
    nothing.params["dense1/weight"][:] = 0.0
    curve, _ = seen(nothing, [np.ones((4, 4))])
    assert np.isfinite(curve.data).all()
    assert "there is no gradient at all, or none that is a number" in curve.notes


def test_a_single_step() -> None:
    curve, table = seen(halving(), [np.ones((1, 4))])
    assert curve.data.tolist() == [[0.0]]
    assert len(table.rows) == 1


def test_it_is_the_memory() -> None:
    model, inputs = remembering(RNN(8)), sequences(40)
    curve, table = seen(model, inputs)
    found = memory(model, inputs)
    assert curve.data[0] == pytest.approx(np.log10(found.relative))
    assert [row[1] for row in table.rows] == pytest.approx([found.sizes[place] for place in distances(40)])


def test_what_writes_is_measured_by_its_encoder() -> None:
    curve, _ = seen(tuinet.load("cmudict-seq2seq"), ["thought", "a"])
    assert any("size of the encoder's last state" in note for note in curve.notes)
    assert "cmudict-seq2seq" in curve.title


def test_who_has_it() -> None:
    assert OFFER.needs == "input"
    for model in (classifier(), tagger(), language_model(), translator()):
        assert OFFER.fits(model, None)
        assert not any(OFFER.fits(model, node) for node in nodes(model).values())
    for model in (cnn(), captioner()):
        assert not OFFER.fits(model, None)
    with pytest.raises(TuinetError, match="for an input"):
        OFFER.make(Question(classifier()))
    with pytest.raises(TuinetError, match="no recurrent layer"):
        OFFER.make(Question(captioner(), "", Samples(images(1), Ragged.of([[3]]), ("",))))
