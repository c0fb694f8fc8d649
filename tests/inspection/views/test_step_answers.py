"""Answers at every step: probabilities only where there are some, and the same ones in every view that shows them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

import tuinet
from tests.inspection.sequence_questions import ask, column
from tests.model.text_models import language_model, tagger, translator
from tuinet.data.vocabulary import UNKNOWN
from tuinet.errors import TuinetError
from tuinet.inspection.view import Table
from tuinet.inspection.views import predictions, step_answers
from tuinet.inspection.views.erasure import leave_one_out
from tuinet.inspection.views.score import chosen, each, log_probability, never_written
from tuinet.inspection.views.translation import translation
from tuinet.model.model import Model
from tuinet.nn.losses import Hinge
from tuinet.nn.sequence import Ragged

NEXT, TAGS = step_answers.VIEWS
(ANSWER,) = predictions.VIEWS


def made(view: Any, *asked: Any, **choice: Any) -> Table:
    (found,) = view.make(ask(*asked, **choice))
    assert isinstance(found, Table)
    return found


def by_margin(model: Model) -> Model:
    model.meta = msgspec.structs.replace(model.meta, loss=Hinge())
    return model


def prefers_unknown() -> Model:
    """A language model whose largest score is always that of what it never writes."""
    model = language_model(seed=2)
    model.params["dense1/bias"][:3] += 9
    return model


@pytest.mark.parametrize("words", [False, True])
def test_scores_of_a_margin_are_no_probabilities(words: bool) -> None:
    sure = made(TAGS, tagger(words=words), "", "abc", Ragged.of([[3, 4, 3]] if words else [[0, 1, 0]]))
    shown = made(TAGS, by_margin(tagger(words=words)), "", "abc", Ragged.of([[3, 4, 3]] if words else [[0, 1, 0]]))
    for name in ("p", "p of it"):
        assert all(isinstance(value, float) for value in column(sure, name))
        assert column(shown, name) == [None] * 3
    for name in ("tag", "truth", "wrong"):
        assert column(shown, name) == column(sure, name)


def test_without_probabilities_there_are_no_bits() -> None:
    shown = made(NEXT, by_margin(language_model()), "", "abca")
    assert column(shown, "p") == column(shown, "bits") == [None] * 4
    assert "bits" not in shown.notes[0] and "of 3 expected" in shown.notes[0]


def test_whatever_it_learnt_by_a_translator_writes_by_a_softmax() -> None:
    model = by_margin(translator())
    shown = translation(ask(model, "", "abc"))[0]
    assert isinstance(shown, Table)
    likely = float(np.prod(column(shown, "p")))
    assert likely == pytest.approx(np.exp(model.translate("abc")[0].log_probability))


def test_views_of_the_same_answers_agree() -> None:
    model = prefers_unknown()
    expected = made(NEXT, model, "", "abcacb")
    said = made(ANSWER, model, "", "abcacb")
    assert column(said, "says") == column(expected, "expects")
    assert column(said, "probability") == column(expected, "p")
    assert "<unk>" not in column(said, "says")
    assert model.generate("abcacb", 1, temperature=0).text == column(said, "says")[-1]
    (one,) = each(ask(model, "", "abcacb"))
    (last,) = chosen(one, ask(model, "", "abcacb").choice)
    assert last.name == column(said, "says")[-1]
    found = log_probability(model, one.net[-1:], last.unit)
    assert found is not None and np.exp(found[0]) == pytest.approx(column(said, "probability")[-1])


@pytest.mark.parametrize(
    ("model", "expected"),
    [(language_model(), (0, 1, 2)), (translator(), (0, 1)), (tagger(), ()), (tagger(words=True), (0, 1, 2))],
)
def test_what_is_never_written(model: Model, expected: tuple[int, ...]) -> None:
    assert never_written(model.meta) == expected


def test_what_is_never_written_is_not_explained() -> None:
    model = language_model()
    with pytest.raises(TuinetError, match="<unk> is never written") as caught:
        leave_one_out(ask(model, "", "abc", units=(UNKNOWN,)))
    assert caught.value.hint == "Name another symbol, or none."


def test_what_is_never_written_has_no_bits() -> None:
    model = tuinet.load("shakespeare-lstm")
    shown = made(NEXT, model, "", "the €uro is")
    bits = column(shown, "bits")
    assert column(shown, "comes")[3] == "<unk>"
    assert bits[3] is None and bits[-1] is None
    known = [bit for bit in bits if bit is not None]
    assert len(known) == 9 and np.isfinite(known).all()
    assert f"mean {np.mean(known):.2f} bits a symbol, without 1 that the model never writes" in shown.notes[0]
    only = made(NEXT, language_model(), "", Ragged.of([[3, UNKNOWN]]))
    assert only.notes == ("0 of 1 expected, without 1 that the model never writes",)


def test_a_tag_that_the_model_does_not_know_is_refused() -> None:
    for number in (2, 9):
        with pytest.raises(TuinetError, match=f"class {number} is outside 0 … 1"):
            made(TAGS, tagger(), "", "abc", Ragged.of([[0, number, 1]]))
