"""Answers that a model writes by itself: any given one counts, figures by hand, sacrebleu where it is there."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.models import images
from tests.model.text_models import captioner, classifier, language_model, tagger, translator
from tuinet.data.dataset import Split
from tuinet.data.encoding import encode_split
from tuinet.data.texts import Texts
from tuinet.data.vocabulary import END, SPECIAL, Tokens, Vocabulary
from tuinet.errors import TuinetError
from tuinet.model import written
from tuinet.model.decoding import Search
from tuinet.nn.metrics import edit_distance
from tuinet.nn.sequence import Ragged


def table_distance(first: list[int], second: list[int]) -> int:
    """Wagner & Fischer's table, cell by cell."""
    row = list(range(len(second) + 1))
    for i, one in enumerate(first, 1):
        corner, row[0] = row[0], i
        for j, other in enumerate(second, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (one != other))
    return row[-1]


def test_edits_by_hand() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == edit_distance("abc", "") == 3
    assert edit_distance("", "") == edit_distance("abc", "abc") == 0
    assert edit_distance(["AH", "B"], ["AH", "P"]) == 1


@given(st.lists(st.integers(0, 2), max_size=90), st.lists(st.integers(0, 2), max_size=90))
def test_edits_are_those_of_the_table(first: list[int], second: list[int]) -> None:
    assert edit_distance(first, second) == table_distance(first, second)


SOURCES = ["abc", "b", "cab", "a", "cc", "bbbb"]


def answers(sources: list[str]) -> list[str]:
    return [found.text for found in translator(2).translate(sources)]


def test_any_answer_to_a_source_counts_and_a_source_is_asked_once() -> None:
    model = translator(2)
    (right,) = answers(["abc"])
    assert right
    split = Split(Texts(["abc", "b", "abc", "b"]), Texts(["cccccccccc", "z", right, "zz"]))
    found = written.evaluate(model, split, Search())
    assert (found["sources"], found["exact"], found["sequence-error-rate"]) == (2, 0.5, 0.5)
    # "z" is not known to the vocabulary, so whatever the answer to b is, all of its symbols are wrong.
    (other,) = answers(["b"])
    assert found["symbol-error-rate"] == max(1, len(other)) / (len(right) + 1)


def test_symbol_errors_are_edits_to_the_nearest_answer() -> None:
    model = translator(2)
    written_to = dict(zip(SOURCES, answers(SOURCES), strict=True))
    one, other = [source for source, text in written_to.items() if text][:2]
    first, second = written_to[one], written_to[other]
    split = Split(Texts([one, one, other]), Texts([first + "abab", first + "a", second]))
    found = model.evaluate_answers(split)
    assert found["exact"] == 0.5
    assert found["symbol-error-rate"] == 1 / (len(first) + 1 + len(second))


def test_ids_and_texts_give_the_same() -> None:
    model = translator(4)
    split = Split(Texts(["abc", "b", "abc"]), Texts(["ab", "a", "cc"]), np.array([0, 1, 2]))
    ids = encode_split(split, "seq2seq", model.meta.vocabulary, model.meta.target_vocabulary)
    assert isinstance(ids.inputs, Ragged)
    assert model.evaluate_answers(split, 3) == model.evaluate_answers(ids, 3)
    some = Split(split.inputs, split.targets, np.array([1]))
    assert model.evaluate_answers(some)["sources"] == 1


def test_a_limit_takes_sources_from_all_over() -> None:
    model = translator(2)
    sources = ["a" * length for length in range(1, 11)]
    targets = ["x"] * 10
    targets[0], targets[9] = answers([sources[0]])[0] or "x", answers([sources[9]])[0] or "x"
    found = model.evaluate_answers(Split(Texts(sources), Texts(targets)), limit=2)
    assert found["sources"] == 2
    assert (
        found["exact"]
        == model.evaluate_answers(Split(Texts([sources[0], sources[9]]), Texts([targets[0], targets[9]])))["exact"]
    )
    assert model.evaluate_answers(Split(Texts(sources), Texts(targets)), limit=99)["sources"] == 10


def test_every_image_is_a_source_of_its_own() -> None:
    model = captioner()
    pixels = images(4)
    split = Split(pixels, Texts([found.text or "a" for found in model.translate(pixels)]))
    assert model.evaluate_answers(split)["sources"] == 4
    assert model.evaluate(split)["samples"] == 4


def test_bleu_and_chrf_are_sacrebleus() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    model = translator(2)
    texts, references = ["the cat sat here", "a dog ran off"], [["the cat sat there", "the cat sat"], ["a dog ran off"]]
    found = written.bleu_and_chrf(model, written.Written(texts, references))
    streams = [["the cat sat there", "a dog ran off"], ["the cat sat", None]]
    assert found["bleu"] == sacrebleu.corpus_bleu(texts, streams).score
    assert found["chrf"] == sacrebleu.corpus_chrf(texts, streams).score
    assert 0 < found["bleu"] < 100
    exact = written.bleu_and_chrf(model, written.Written(texts, [[text] for text in texts]))
    assert exact == {"bleu": pytest.approx(100), "chrf": pytest.approx(100)}


def test_without_sacrebleu_and_for_phonemes_there_is_no_bleu(monkeypatch: pytest.MonkeyPatch) -> None:
    phonemes = Vocabulary(Tokens("symbols"), (*SPECIAL, "AH", "B", "K"))
    split = Split(Texts(["ab"]), Texts(["AH B"]))
    assert "bleu" not in translator(0, phonemes).evaluate_answers(split)
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    assert "bleu" not in translator().evaluate_answers(Split(Texts(["ab"]), Texts(["a"])))


def test_answers_are_kept_only_for_bleu(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an answer was kept as text")

    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    monkeypatch.setattr(written, "_text", refuse)
    monkeypatch.setattr(written, "_references", refuse)
    assert translator().evaluate_answers(Split(Texts(["ab", "b"]), Texts(["a", "c"])))["sources"] == 2


def test_what_cannot_be_evaluated() -> None:
    split = Split(Texts(["ab"]), Texts(["a"]))
    for model in (classifier(), language_model(), tagger()):
        with pytest.raises(TuinetError, match="translate"):
            model.evaluate_answers(split)
    with pytest.raises(TuinetError, match="no samples"):
        translator().evaluate_answers(Split(Texts(), Texts()))


def test_a_language_model_has_perplexity_and_bits() -> None:
    """Weights of zero: every one of six symbols is as likely."""
    model = language_model()
    model.params.vector[:] = 0
    text = Texts(["abcabcabcaabbcc"])
    found = model.evaluate(Split(text, text))
    assert found["targets"] == 14
    assert found["perplexity"] == pytest.approx(6)
    assert found["bits"] == pytest.approx(np.log2(6))
    assert found["loss"] == pytest.approx(np.log(6))


def test_the_true_symbols_are_fed_where_loss_is_measured() -> None:
    model = translator(scale=0.0)
    found = model.evaluate(Split(Texts(["ab", "c"]), Texts(["abc", "a"])))
    assert (found["samples"], found["targets"]) == (2, 6)  # the end symbols too
    assert found["loss"] == pytest.approx(np.log(6))


def test_what_is_said_is_what_is_counted() -> None:
    """A model that would rather say <unk>, which no tag stands for: its accuracy is that of the tags it says."""
    model = tagger(words=True)
    model.params[model.network.names()[-1] + "/bias"][: END + 1] += 50
    texts = ["abc", "ca", "bbbb"]
    targets = Ragged.of([np.array(each.ids) for each in model.tag(texts)])
    assert model.evaluate(Split(Texts(texts), targets))["accuracy"] == 1


def test_tags_are_counted_one_by_one() -> None:
    model = tagger()
    said = model.tag(["abc", "ca"])
    targets = Ragged.of([np.array(each.ids) for each in said])
    wrong = Ragged(targets.values ^ np.array([1, 0, 0, 0, 0]), targets.offsets)
    texts = Texts(["abc", "ca"])
    assert model.evaluate(Split(texts, targets))["accuracy"] == 1
    assert model.evaluate(Split(texts, wrong))["accuracy"] == pytest.approx(0.8)
