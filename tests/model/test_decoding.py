"""Answers written symbol by symbol: against all possible ones, and in every order and batch."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.model.models import cnn, images
from tests.model.text_models import LETTERS, captioner, classifier, language_model, tagger, translator
from tuinet.data.vocabulary import END, START
from tuinet.errors import TuinetError
from tuinet.model.decoding import Search, Writer, beam, decode, draw, log_probabilities, write
from tuinet.model.generation import Generation
from tuinet.model.model import Model
from tuinet.nn.sequence import Ragged

SOURCES = ["a", "b", "c", "ab", "cba", "aaaa", "abcabc", "bb"]


def scores_of(model: Model, source: str, answer: tuple[int, ...], complete: bool) -> float:
    """log P of one answer, fed symbol by symbol."""
    writer = Writer(model)
    states = writer.begin(model.raw([source]))
    total, last = 0.0, START
    for symbol in (*answer, END) if complete else answer:
        scores, states = writer.step(np.array([last]), states)
        total += float(scores[0, symbol])
        last = symbol
    return total


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
def test_a_beam_as_wide_as_all_answers_finds_the_best_of_all(seed: int, alpha: float) -> None:
    model = translator(seed)
    limit, letters = 3, range(END + 1, len(LETTERS))
    every = [(answer, True) for length in range(limit + 1) for answer in product(letters, repeat=length)]
    for source in ("a", "cab"):
        best = max(
            scores_of(model, source, answer, True) / (len(answer) + 1) ** alpha
            for answer, _ in every
            if len(answer) < limit
        )
        (found,) = model.translate(source, 100, alpha=alpha, limit=limit)
        assert found.complete
        assert found.score == pytest.approx(best, rel=1e-12)
        assert found.log_probability == pytest.approx(scores_of(model, source, found.ids, True), rel=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_a_wider_beam_is_never_worse_than_greedy(seed: int) -> None:
    model = translator(seed)
    greedy = model.translate(SOURCES)
    for width in (2, 3, 5, 10):
        for one, other in zip(greedy, model.translate(SOURCES, width), strict=True):
            assert (other.complete, other.score) >= (one.complete, one.score - 1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    model = translator(seed)
    writer, raw = Writer(model), model.raw(SOURCES)
    limits = np.array([1, 2, 3, 9, 9, 9, 9, 4])
    greedy = write(writer, writer.begin(raw), limits, lambda scores, _: scores.argmax(axis=1))
    narrow = beam(writer, writer.begin(raw), limits, Search(1))
    assert [each.ids for each in greedy] == [each.ids for each in narrow]
    assert [each.complete for each in greedy] == [each.complete for each in narrow]
    assert [each.log_probability for each in greedy] == pytest.approx([each.log_probability for each in narrow])


@pytest.mark.parametrize("width", [1, 4])
def test_neighbours_in_the_batch_change_nothing(width: int) -> None:
    model = translator(3, reverse=True)
    together = model.translate(SOURCES, width)
    for source, found in zip(SOURCES, together, strict=True):
        (alone,) = model.translate([source], width)
        assert alone.ids == found.ids
        assert alone.score == pytest.approx(found.score, rel=1e-12)
    turned = model.translate(SOURCES[::-1], width)
    assert [each.ids for each in turned] == [each.ids for each in together[::-1]]


def test_answers_never_run_away_and_hold_no_special_symbol() -> None:
    model = translator()
    last = model.network.names()[0] + "/decoder/dense1/bias"
    model.params[last][:] = [50, 60, -90, 0, 0, 0]  # it would write <unk> and <start> for ever, and never <end>
    for width in (1, 3):
        found = model.translate(["a", "abc"], width)
        assert [len(each.ids) for each in found] == [22, 26]  # 2 × source + 20
        assert not any(each.complete for each in found)
        assert all(min(each.ids) > END for each in found)
        assert [len(each.ids) for each in model.translate(["a", "abc"], width, limit=4)] == [4, 4]


def test_what_came_to_an_end_is_better_than_what_was_cut_off() -> None:
    model = translator()
    model.params[model.network.names()[0] + "/decoder/dense1/bias"][:] = [0, 0, -4, 9, 0, 0]
    (greedy,), (wide,) = model.translate("a", limit=3), model.translate("a", 50, limit=3)
    assert (greedy.complete, wide.complete) == (False, True)
    assert wide.score < greedy.score


def test_the_score_is_the_mean_of_the_symbols_and_the_end() -> None:
    (found,) = translator(1).translate("ab", alpha=1.0)
    length = len(found.ids) + found.complete
    assert found.score == pytest.approx(found.log_probability / length)
    (other,) = translator(1).translate("ab", alpha=0.5)
    assert other.score == pytest.approx(other.log_probability / math.sqrt(length))


def test_text_and_tokens_of_an_answer() -> None:
    for found in translator(2).translate(SOURCES, 3):
        assert "".join(found.tokens) == found.text == LETTERS.decode(found.ids)


def test_an_image_gets_a_caption() -> None:
    model = captioner()
    pixels = images(3)
    found = model.translate(pixels, 3)
    assert len(found) == 3
    assert [model.translate(one, 3)[0].ids for one in pixels] == [each.ids for each in found]
    assert all(len(each.ids) <= 100 for each in found)


def test_softmax_leaves_out_what_is_never_written() -> None:
    found = log_probabilities(np.array([[9.0, 0.0, 0.0, math.log(2.0)]]), (0,))
    assert np.exp(found[0]) == pytest.approx([0, 1 / 4, 1 / 4, 1 / 2])


def test_symbols_are_drawn_as_often_as_is_likely() -> None:
    scores = np.log(np.tile([[0.5, 0.3, 0.2]], (20_000, 1)))
    rng = np.random.default_rng(0)

    def shares(temperature: float, top_k: int | None = None) -> np.ndarray:
        return np.bincount(draw(scores, temperature, top_k, rng.random(len(scores))), minlength=3) / len(scores)

    assert shares(1.0) == pytest.approx([0.5, 0.3, 0.2], abs=0.015)
    squares = np.array([0.25, 0.09, 0.04])
    assert shares(0.5) == pytest.approx(squares / squares.sum(), abs=0.015)
    assert shares(1.0, 2) == pytest.approx([0.625, 0.375, 0], abs=0.015)
    assert shares(1.0, 1).tolist() == shares(0.0).tolist() == shares(1e-9).tolist() == [1, 0, 0]


def test_drawn_answers_follow_the_seed() -> None:
    model = translator(scale=1.0)
    drawn = [[each.ids for each in model.translate(SOURCES, temperature=1.0, seed=seed)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    greedy = [each.ids for each in model.translate(SOURCES)]
    assert [each.ids for each in model.translate(SOURCES, temperature=0.0)] == greedy
    assert [each.ids for each in model.translate(SOURCES, top_k=1)] == greedy


@pytest.mark.parametrize("search", [{"temperature": 1.0}, {"top_k": 3}])
def test_neighbours_change_no_drawn_answer(search: dict[str, Any]) -> None:
    model = translator(scale=1.0)
    together = model.translate(SOURCES, seed=3, **search)
    assert [model.translate(source, seed=3, **search)[0].ids for source in SOURCES] == [each.ids for each in together]
    assert [each.ids for each in model.translate(SOURCES[::-1], seed=3, **search)] == [
        each.ids for each in together[::-1]
    ]
    many = ["ab", *SOURCES] * 40  # more than are decoded at a time
    found = model.translate(many, seed=3, **search)
    assert [each.ids for each in found[1 : 1 + len(SOURCES)]][:3] == [each.ids for each in together[:3]]
    assert len({each.ids for each, source in zip(found, many, strict=True) if source == "ab"}) > 10


def test_iterating_twice_begins_again() -> None:
    writing = Generation(language_model(), "ab", 20, seed=1)
    first, ids = "".join(writing), writing.ids
    assert "".join(writing) == first
    assert writing.ids == ids and len(ids) == 20


def test_ids_of_any_type_are_the_same_source() -> None:
    model = translator(scale=1.0)
    found = [model.translate(Ragged.of([[3, 4]], dtype), temperature=1.0, seed=4)[0] for dtype in (np.uint8, np.int32)]
    assert found[0].ids == found[1].ids == model.translate("ab", temperature=1.0, seed=4)[0].ids


def test_drawn_answers_are_as_frequent_as_their_probability() -> None:
    model = translator(5, scale=1.0)
    found = model.translate(["ab"] * 4000, temperature=1.0, limit=2)
    for answer in {each.ids for each in found if each.complete}:
        share = np.mean([each.ids == answer and each.complete for each in found])
        assert share == pytest.approx(math.exp(scores_of(model, "ab", answer, True)), abs=0.03)


@pytest.mark.parametrize(
    ("search", "words"),
    [
        (Search(0), "beam of 0"),
        (Search(101), "beam of 101"),
        (Search(alpha=-1), "alpha -1"),
        (Search(alpha=math.nan), "alpha nan"),
        (Search(limit=0), "at most 0"),
        (Search(2, temperature=1.0), "draws none by chance"),
        (Search(temperature=-1.0), "temperature of -1"),
        (Search(temperature=math.inf), "temperature of inf"),
        (Search(temperature=math.nan), "temperature of nan"),
        (Search(top_k=0), "0 likeliest"),
    ],
)
def test_searches_that_cannot_be(search: Search, words: str) -> None:
    model = translator()
    with pytest.raises(TuinetError, match=words):
        decode(model, model.raw("a"), search)


@pytest.mark.parametrize("width", [1, 3])
def test_a_model_whose_scores_are_no_numbers_says_so(width: int) -> None:
    model = translator()
    model.params.vector[:] = np.nan
    with pytest.raises(TuinetError, match="not a number"):
        model.translate("a", width)


def test_no_sources_have_no_answers() -> None:
    assert translator().translate([]) == []
    assert tagger().tag([]) == []
    assert len(classifier().predict([])) == 0


@pytest.mark.parametrize(
    ("model", "method", "words"),
    [
        (translator(), "predict", "Ask it to translate"),
        (language_model(), "predict", "Ask it to generate"),
        (tagger(), "predict", "Ask it to tag"),
        (classifier(), "translate", "Ask it to predict"),
        (cnn(), "translate", "Ask it to predict"),
        (language_model(), "tag", "Ask it to generate"),
    ],
)
def test_the_wrong_question_names_the_right_one(model: Model, method: str, words: str) -> None:
    with pytest.raises(TuinetError) as caught:
        getattr(model, method)(["a"])
    assert caught.value.hint == words + "."


def test_ids_of_a_ragged_source_are_taken_as_they_are() -> None:
    model = translator()
    assert model.translate(Ragged.of([[3, 4], [5]], np.uint8)) == model.translate(["ab", "c"])
    with pytest.raises(TuinetError, match="0 to 5"):
        model.translate(Ragged.of([[3, 6]], np.uint8))
