"""What a decoder is fed where nobody knows the target, and what an encoder needs of it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.model.text_models import captioner, translator
from tuinet.errors import TuinetError
from tuinet.inspection.catalog import look
from tuinet.inspection.explain import explain
from tuinet.inspection.question import Choice, Question, Samples
from tuinet.inspection.view import Sum, View
from tuinet.model.model import Model
from tuinet.nn.sequence import Ragged

TEXTS = ("abc", "b")


def asked(model: Model, layer: str, targets: Ragged | None = None, **choice: object) -> Question:
    return Question(model, layer, Samples(model.raw(list(TEXTS)), targets, TEXTS), choice=Choice(**choice))  # type: ignore[arg-type]


@pytest.fixture
def undecided() -> Model:
    """A translator whose decoder answers with what is no number."""
    model = translator()
    model.params["seq2seq1/decoder/dense1/bias"][:] = np.nan
    return model


def test_an_encoder_is_seen_without_an_answer(undecided: Model) -> None:
    whole = translator()
    for view in ("output", "gates"):
        seen = look(asked(undecided, "seq2seq1/encoder/lstm1"), view)
        expected = look(asked(whole, "seq2seq1/encoder/lstm1"), view)
        for one, other in zip(seen, expected, strict=True):
            assert isinstance(one, View) and isinstance(other, View)
            np.testing.assert_array_equal(one.data, other.data)
            assert one.axes == other.axes
    found = explain(asked(undecided, "seq2seq1/encoder/lstm1", units=(1,), step=1), None)
    assert isinstance(found, Sum) and found.agrees


def test_a_healthy_encoder_waits_for_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr("tuinet.inspection.question.decode", none)
    assert look(asked(translator(), "seq2seq1/encoder/lstm1"), "output")
    assert look(asked(translator(reverse=True), "seq2seq1/encoder/embedding1"), "input")
    with pytest.raises(AssertionError, match="decoded"):
        look(asked(translator(), "seq2seq1/decoder/lstm1"), "output")


def test_of_a_caption_too() -> None:
    model = captioner()
    images = np.random.default_rng(0).random((2, 8, 8, 1))
    question = Question(model, "seq2seq1/encoder/conv1", Samples(images, None, TEXTS))
    assert question.fed is not None and len(question.fed) == 2
    assert len(look(question, "output")) == 2


def test_a_decoder_is_fed_its_own_answer_or_the_target(undecided: Model) -> None:
    with pytest.raises(TuinetError, match="not a number"):
        look(asked(undecided, "seq2seq1/decoder/lstm1"), "output")
    targets = Ragged.of([[3, 4], [5]])
    assert asked(undecided, "seq2seq1/decoder/lstm1", targets).fed is targets
    assert asked(undecided, "seq2seq1/encoder/lstm1", targets).fed is targets  # its gradients come from there


def test_the_source_is_named_and_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its steps have the names of the text as it is given, from one pass."""
    from tuinet.inspection import question

    decodings: list[int] = []

    def counted(model: Model, raw: Ragged, search: question.Search) -> object:
        decodings.append(len(raw))
        return decode(model, raw, search)

    decode = question.decode
    monkeypatch.setattr(question, "decode", counted)
    seen = look(asked(translator(reverse=True), "seq2seq1"), "input")
    assert [view.axes[0].labels for view in seen[::2] if isinstance(view, View)] == [("0 a", "1 b", "2 c"), ("0 b",)]
    assert decodings == [2]
