"""What models write by themselves: the text of `generate`, the answers of a translator."""

from __future__ import annotations

import numpy as np
import pytest

import tuinet
from tests.inspection import small_models
from tests.inspection.asking import look, question
from tests.model.models import cnn
from tests.model.text_models import captioner, language_model, translator
from tuinet.data.dataset import Split
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.inspection.question import Question, Samples
from tuinet.inspection.view import Table
from tuinet.inspection.views.writes import LENGTH, SAMPLES, VIEWS, is_translator, is_writer
from tuinet.render.draw import Paper, draw, plain


def table(asked: Question) -> Table:
    (found,) = look(VIEWS, "writes", asked)
    assert isinstance(found, Table)
    return found


def text(found: Table) -> str:
    return "\n".join(str(row[1]) for row in found.rows)


def test_it_is_what_generate_writes() -> None:
    model = tuinet.load("shakespeare-lstm")
    found = table(question(model))
    assert text(found) == model.generate("", LENGTH, temperature=0.8, seed=0).text
    assert [row[0] for row in found.rows] == list(range(len(found.rows)))
    typed = Samples(model.raw(["ROMEO:"]), None, ("ROMEO:",))
    behind = table(Question(model, samples=typed))
    assert text(behind) == model.generate("ROMEO:", LENGTH, temperature=0.8, seed=0).text
    assert "ROMEO:" in behind.title
    by_number = table(Question(model, samples=typed._replace(names=("test:3",))))
    assert by_number == behind


def test_symbols_that_it_does_not_know_are_told() -> None:
    model = language_model()
    typed = Samples(model.raw(["abz"]), None, ("abz",))
    assert any("does not know: 'z'" in note for note in table(Question(model, samples=typed)).notes)


def test_a_translator_answers_some_of_the_data() -> None:
    model = translator()
    sources = ["abc", "b", "caab"] * 7
    truth = [model.translate(source)[0].text for source in sources]
    wrong = [text + "a" if n % 10 == 0 else text for n, text in enumerate(truth)]
    part = Split(Texts(sources), Texts(wrong))
    found = table(Question(model, part=lambda: part))
    numbers = np.linspace(0, 20, SAMPLES).round().astype(int).tolist()
    assert [row[0] for row in found.rows] == [str(number) for number in numbers]
    assert [row[1] for row in found.rows] == [sources[number] for number in numbers]
    assert [row[2] for row in found.rows] == [truth[number] for number in numbers]
    marks = ["✗" if number % 10 == 0 else "✓" for number in numbers]
    assert [row[4] for row in found.rows] == marks
    assert found.notes == (f"{marks.count('✓')} of 5 answers right",)
    drawn = plain(draw(found, Paper(80, "none", ascii=True))).split("\n")
    assert [line.split()[-1] for line in drawn[2:7]] == ["x" if mark == "✗" else "ok" for mark in marks]


def test_typed_texts_have_no_marks() -> None:
    model = translator()
    found = table(question(model, inputs=model.raw(["abc"])))
    assert found.rows[0][:2] == ("sample 0", "abc")
    assert found.rows[0][3:] == ("", "")
    assert found.notes == ()


def test_of_images_the_number_is_the_source() -> None:
    model = captioner()
    found = table(Question(model, part=lambda: small_models.data(model)))
    assert [row[:2] for row in found.rows][:2] == [("0", ""), ("3", "")]


def test_broken_weights_are_told() -> None:
    for name in ("language model", "translator"):
        broken = small_models.BROKEN[name]
        with pytest.raises(TuinetError):
            table(Question(broken, part=lambda broken=broken: small_models.data(broken)))


def test_no_samples() -> None:
    with pytest.raises(TuinetError, match="no samples"):
        table(Question(translator(), part=lambda: Split(Texts([]), Texts([]))))


def test_who_writes() -> None:
    assert is_writer(language_model(), None) and not is_writer(translator(), None)
    assert is_translator(translator(), None) and not is_translator(cnn(), None)
