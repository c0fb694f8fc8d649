"""Models over texts asked for classes, tags and text: the same alone and together, and hostile input gets an answer."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tests.model.text_models import WORDS, classifier, language_model, tagger, translator
from tuinet.data.vocabulary import END, SPECIAL, Tokens, Vocabulary
from tuinet.errors import TuinetError
from tuinet.model.generation import Generation
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.lstm import LSTM

TEXTS = ["a", "abc", "cc", "bacbacb", "b"]
HOSTILE = [
    "\0",
    "😀👩‍👩‍👧",
    "שלום abc",
    "\u202eabc\u202c",
    "zzzz",
    "\ud800"[:0] + "é",
    "a" * 10_000,
    "\x1b[31m",
    "\n\n",
]


def test_a_class_is_the_same_alone_and_together() -> None:
    model = classifier(cell=Bidirectional(LSTM(4)))
    together = model.predict(TEXTS)
    for row, text in enumerate(TEXTS):
        alone = model.predict(text)
        assert alone.outputs[0] == pytest.approx(together.outputs[row], rel=1e-12)
        assert alone.labels == [(together.labels or [])[row]]


def test_every_symbol_gets_its_tag() -> None:
    model = tagger()
    for text, found in zip(TEXTS, model.tag(TEXTS), strict=True):
        assert found.tokens == tuple(text)
        assert len(found.tags) == len(found.ids) == len(found.probabilities) == len(text)
        assert [model.meta.labels[number] for number in found.ids] == list(found.tags)
        (alone,) = model.tag(text)
        assert (alone.tags, alone.probabilities) == (found.tags, pytest.approx(found.probabilities))
    assert all(0.5 <= sure <= 1 for found in model.tag(TEXTS) for sure in found.probabilities)


def test_a_special_symbol_is_never_a_tag() -> None:
    model = tagger(words=True)
    model.params["dense1/bias"][:3] = 100
    assert all(min(found.ids) > END for found in model.tag(TEXTS))
    assert model.tag("a")[0].tags[0] in WORDS.symbols


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text[:9]) for text in HOSTILE])
def test_hostile_texts_get_an_answer(text: str) -> None:
    assert model_labels(classifier().predict(text).labels)
    assert len(tagger().tag(text)[0].tags) == len(text)
    assert len(translator().translate(text, limit=30)[0].ids) <= 30
    assert len(language_model().generate(text, 5).text) == 5


def model_labels(labels: list[str] | None) -> bool:
    return labels is not None and set(labels) <= {"bad", "good"}


def test_empty_and_overlong_texts_are_refused_in_words() -> None:
    for ask in (classifier().predict, tagger().tag, translator().translate):
        with pytest.raises(TuinetError, match="row 2 is empty"):
            ask(["a", ""])
        with pytest.raises(TuinetError, match=r"'aaaa.*1,000,000 symbols; one of at most 10,000"):
            ask(["b", "a" * 1_000_000])
        with pytest.raises(TuinetError, match="11,000,000 characters"):
            ask(["a" * 11_000_000])
        with pytest.raises(TuinetError, match="input 2 is no text"):
            ask(["a", 3])


def test_memory_does_not_grow_with_the_number_of_texts() -> None:
    model = classifier()

    def peak(count: int) -> int:
        texts = ["a" * 500] * count
        tracemalloc.start()
        model.predict(texts)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found - count * 500

    assert peak(800) < 1.5 * peak(100)


# ── going on with a text ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_seed_writes_the_same_text() -> None:
    model = language_model()
    first, again, other = (model.generate("ab", 60, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first.text) == len(first.ids) == 60
    assert set(first.text) <= set("abc")
    assert model.generate("ab", 30).seed != model.generate("ab", 30).seed


def test_a_text_is_read_symbol_by_symbol_with_the_state_carried() -> None:
    """Greedy: each symbol is the likeliest after all that came before, read in one piece."""
    model = language_model(seed=3)
    written = model.generate("cab", 12, temperature=0.0)
    for place in range(12):
        text = "cab" + written.text[:place]
        (outputs,) = model.run([model.raw(text)])
        assert outputs.values[-1, END + 1 :].argmax() + END + 1 == written.ids[place]
    assert model.generate("cab", 12, top_k=1, seed=5).text == written.text


def test_a_prompt_of_any_length_is_read_in_pieces() -> None:
    model = language_model(seed=3)
    prompt = "abc" * 1000
    (outputs,) = model.run([model.raw(prompt)])
    assert model.generate(prompt, 1, temperature=0).ids[0] == outputs.values[-1, 3:].argmax() + 3
    assert len(model.generate("a" * 30_000, 3).text) == 3


def test_an_empty_prompt_is_a_line_break_or_the_most_frequent_symbol() -> None:
    model = language_model(seed=2)
    assert model.generate("", 20, temperature=0).text == model.generate("a", 20, temperature=0).text
    lines = Vocabulary(Tokens(), (*SPECIAL, "a", "b", "\n"))
    model = language_model(lines, seed=2)
    assert model.generate("", 20, temperature=0).text == model.generate("\n", 20, temperature=0).text


def test_unknown_symbols_of_a_prompt_are_told() -> None:
    model = language_model()
    assert model.generate("azbyz", 3).unknown == ("z", "y")
    assert model.generate("日本", 3).unknown == ("日", "本")
    assert model.generate("ab", 3).unknown == ()


def test_words_come_with_their_spaces() -> None:
    model = language_model(WORDS, seed=1)
    pieces = list(Generation(model, "the cat", 200, seed=0))
    writing = Generation(model, "the cat", 200, seed=0)
    assert len(pieces) == 200
    assert "the cat" + "".join(pieces) == WORDS.decode([3, 4, *ids_of(writing)])
    assert {piece.strip() for piece in pieces} == {"the", "cat", "sat", "."}
    assert all(not piece.startswith(" ") for piece in pieces if "." in piece)


def ids_of(writing: Generation) -> list[int]:
    assert "".join(writing)
    return writing.ids


def test_what_cannot_be_generated() -> None:
    model = language_model()
    for wrong, words in (
        ({"length": 0}, "0 symbols"),
        ({"length": 10**9}, "1,000,000,000 symbols"),
        ({"temperature": -0.1}, "temperature"),
        ({"top_k": 0}, "0 likeliest"),
    ):
        with pytest.raises(TuinetError, match=words):
            model.generate("a", **{"length": 5, **wrong})  # type: ignore[arg-type]
    with pytest.raises(TuinetError, match="not trained to go on"):
        translator().generate("a")
    with pytest.raises(TuinetError, match="looks ahead"):
        language_model(both_ways=True)
    model.params.vector[:] = np.nan
    with pytest.raises(TuinetError, match="not a number"):
        model.generate("a")
