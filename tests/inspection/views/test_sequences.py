"""Views that tell what a layer is about: neighbours of symbols, rows, pooling over time, clocks, directions; and places
where the same units fire."""

from __future__ import annotations

import tracemalloc
from typing import Any, cast, get_args

import numpy as np
import pytest

import tuinet
from tests.inspection.sequence_questions import TEXTS, ask, cell, column, reader, table
from tests.model.models import images
from tests.model.text_models import LETTERS, WORDS, one_hot_classifier, translator
from tuinet.data.dataset import DatasetInfo, Split
from tuinet.errors import TuinetError
from tuinet.inspection.question import Question, nodes
from tuinet.inspection.trace import trace
from tuinet.inspection.view import Seen, Table, View
from tuinet.inspection.views import gates, matches, sequences, translation
from tuinet.model.model import Model, new_model
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep, MaxOverTime, MeanOverTime, Rows
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import AnyLayer, Sequential
from tuinet.nn.parts import Part
from tuinet.nn.sequence import Ragged

OFFERS = {offer.name: offer for offer in sequences.VIEWS}


def see(name: str, question: Question) -> tuple[Seen, ...]:
    assert question.node is not None and OFFERS[name].fits(question.model, question.node)
    return OFFERS[name].make(question)


def rows_model(channels: int = 1) -> Model:
    info = DatasetInfo("images", "classification", Shape.image(4, 3, channels), {"train": 9}, labels=("a", "b"))
    layers: tuple[Part, ...] = (Rows(), RNN(3), MeanOverTime(), Dense(2))
    return new_model(Sequential(layers), info, (), CrossEntropy(), 0, "rows", dtype=np.float64)


def test_every_layer_over_sequences_has_a_view_of_its_own() -> None:
    offers = (*sequences.VIEWS, *gates.VIEWS, *translation.VIEWS)
    seen: set[type[Layer]] = set()
    models = [
        one_hot_classifier(),
        rows_model(),
        translator(),
        cell(GRU(2)),
        cell(RNN(2)),
        cell(Clockwork(2, (1, 2))),
        cell(Bidirectional(LSTM(2))),
        reader(Embedding(2), LSTM(2), MaxOverTime()),
    ]
    for model in models:
        for node in nodes(model).values():
            if any(offer.fits(model, node) for offer in offers):
                seen.add(type(node.layer))
    kinds = {kind for kind in get_args(AnyLayer) if getattr(kind, "over_time", False)}
    named = {kind.__name__ for kind in kinds} | {"Embedding", "OneHot"}
    assert {kind.__name__ for kind in seen} == named
    assert not any(offer.fits(models[0], None) for offer in sequences.VIEWS)


# ── symbols ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_nearest_symbols_by_hand() -> None:
    model = cell(RNN(2))
    weight = model.params["embedding1/weight"]
    weight[:] = [[3, 4, 0], [4, 3, 0], [1, 0, 0], [3, 4, 0], [4, 3, 0], [0, 0, 0]]
    question = Question(model, "embedding1")
    (shown,) = see("similar", question)
    assert isinstance(shown, Table)
    assert shown.columns == ("symbol", "number", "length", "near 1", "cosine 1", "near 2", "cosine 2")
    assert shown.rows == (  # <unk>, <start> and <end> are nearer, and no symbols of a text
        ("a", 3, 5.0, "b", pytest.approx(24 / 25), "c", 0.0),
        ("b", 4, 5.0, "a", pytest.approx(24 / 25), "c", 0.0),
        ("c", 5, 0.0, "a", 0.0, "b", 0.0),  # a vector of zeros has no direction
    )


def test_the_symbols_of_the_input_or_those_chosen() -> None:
    model = tuinet.load("cmudict-seq2seq")
    path, read, written = "seq2seq1/encoder/embedding1", model.meta.vocabulary, model.meta.target_vocabulary
    assert read is not None and written is not None
    typed = table(see("similar", ask(model, path, "thought")), "similar")
    assert column(typed, "symbol") == list("thguo")
    weight = model.params[f"{path}/weight"].astype(np.float64)
    unit = weight / np.linalg.norm(weight, axis=1)[:, None]
    for number, near, cosine in zip(*(column(typed, name) for name in ("number", "near 1", "cosine 1")), strict=True):
        cosines = unit @ unit[number]
        cosines[[0, 1, 2, number]] = -2
        assert near == read.symbol(int(cosines.argmax()))
        assert cosine == pytest.approx(cosines.max(), rel=1e-5)
    sounds = table(see("similar", ask(model, "seq2seq1/decoder/embedding1", "thought", units=(8,))), "similar")
    assert column(sounds, "symbol") == [written.symbol(8)]
    with pytest.raises(TuinetError, match="no unit 30") as caught:
        see("similar", ask(model, path, "thought", units=(30,)))
    assert "0 to 29" in caught.value.hint
    model = cell(RNN(2))
    model.params["embedding1/weight"][3] = np.nan
    see("similar", Question(model, "embedding1"))


def test_which_symbol_is_one() -> None:
    model = one_hot_classifier()
    output = trace(model, list(TEXTS)).values["onehot1/output"].array
    for row, (shown, text) in enumerate(zip(see("symbols", ask(model, "onehot1")), TEXTS, strict=True)):
        assert isinstance(shown, Table)
        assert column(shown, "symbol") == list(text)
        assert column(shown, "unit") == output[row, : len(text)].argmax(axis=1).tolist()
    (one,) = see("symbols", ask(model, "onehot1", "caab", step=3))
    assert isinstance(one, Table) and one.rows == ((3, "b", 4),)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_an_image_read_row_by_row(channels: int) -> None:
    model = rows_model(channels)
    raw = np.random.default_rng(0).normal(size=(2, 4, 3, channels))
    for image, view in zip(raw, see("reading", ask(model, "rows1", raw)), strict=True):
        assert isinstance(view, View)
        assert view.axes[0].labels == ("0", "1", "2", "3") and view.axes[0].name == "step"
        np.testing.assert_array_equal(view.data, image if channels != 2 else image.reshape(4, 6))
        assert view.kind == ("image" if channels != 2 else "matrix")
    (row,) = see("reading", ask(model, "rows1", raw[:1], step=2))
    assert isinstance(row, View) and row.kind == "vector"
    np.testing.assert_array_equal(row.data, raw[0, 2].ravel())
    with pytest.raises(TuinetError, match="no step 4"):
        see("reading", ask(model, "rows1", raw, step=4))


# ── from a sequence to one vector ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("both_ways", [False, True])
def test_the_step_that_the_last_step_is_taken_from(both_ways: bool) -> None:
    model = reader(Embedding(3), LSTM(4), LastStep(both_ways))
    x = trace(model, list(TEXTS)).values["lstm1/output"].array
    for row, (shown, text) in enumerate(zip(see("taken", ask(model, "last1")), TEXTS, strict=True)):
        assert isinstance(shown, Table)
        assert column(shown, "unit") == [0, 1, 2, 3]
        for unit, (_, value, step) in enumerate(shown.rows):
            number = int(str(step).split(" ")[0])
            assert value == x[row, number, unit]
            assert number == (0 if both_ways and unit > 1 else len(text) - 1)
    (some,) = see("taken", ask(model, "last1", "ab", units=(2,)))
    assert isinstance(some, Table) and column(some, "unit") == [2]


def test_shares_add_up_to_the_mean() -> None:
    model = reader(Embedding(3), LSTM(4), MeanOverTime())
    found = trace(model, list(TEXTS))
    for row, (view, text) in enumerate(zip(see("shares", ask(model, "mean1")), TEXTS, strict=True)):
        assert isinstance(view, View) and view.axes[0].labels == tuple(f"{t} {each}" for t, each in enumerate(text))
        x = found.values["lstm1/output"].array[row, : len(text)]
        np.testing.assert_allclose(view.data, x / len(text), rtol=1e-12)
        np.testing.assert_allclose(view.data.sum(axis=0), found.values["mean1/output"].array[row], rtol=1e-12)


def test_the_step_that_won_each_unit() -> None:
    model = reader(Embedding(3), LSTM(4), MaxOverTime())
    model.params["lstm1/bias"][8] = -1e3  # unit 0 lets nothing out: a tie at 0, which the first step wins
    x = trace(model, list(TEXTS)).values["lstm1/output"].array
    found = see("winners", ask(model, "max1"))
    for row, text in enumerate(TEXTS):
        wins, shown = found[2 * row : 2 * row + 2]
        assert isinstance(wins, View) and isinstance(shown, Table)
        expected = x[row, : len(text)].argmax(axis=0)
        assert column(shown, "step") == [f"{t} {text[t]}" for t in expected]
        assert column(shown, "value") == pytest.approx(x[row, : len(text)].max(axis=0))
        assert wins.data.tolist() == [(expected == t).sum() for t in range(len(text))]
        assert wins.data.sum() == 4 and column(shown, "step")[0].startswith("0 ")


# ── recurrent layers ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_clocks_of_both_directions_in_reading_order() -> None:
    model = cell(Bidirectional(Clockwork(4, (1, 3))))
    ahead, back = see("ticks", ask(model, "bidirectional1", "abcab"))
    assert isinstance(ahead, View) and isinstance(back, View)
    assert ahead.data[:, 1].tolist() == [1, 0, 0, 1, 0]
    assert back.data[:, 1].tolist() == [0, 1, 0, 0, 1]  # it began at the end
    assert ahead.axes[1].labels == ("1", "3")
    assert "put back in reading order" in back.notes[0] and len(ahead.notes) == 2


def test_directions_side_by_side() -> None:
    model = cell(Bidirectional(GRU(3)))
    output = trace(model, list(TEXTS)).values["bidirectional1/output"].array
    found = see("directions", ask(model, "bidirectional1"))
    for row, text in enumerate(TEXTS):
        ahead, back = found[2 * row : 2 * row + 2]
        assert isinstance(ahead, View) and isinstance(back, View)
        np.testing.assert_array_equal(ahead.data, output[row, : len(text), :3])
        np.testing.assert_array_equal(back.data, output[row, : len(text), 3:])
        assert ahead.axes == back.axes
    one, _ = see("directions", ask(model, "bidirectional1", "caab", units=(2,), step=1))
    assert isinstance(one, View) and one.data.tolist() == [output[2, 1, 2]]


# ── the same units elsewhere ──────────────────────────────────────────────────────────────────────────────────────────


(MATCHES,) = matches.VIEWS


def texts(count: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("abc"), rng.integers(1, 9))) for _ in range(count)]


def part_of(model: Model, rows: list[str]) -> Split:
    return Split(model.raw(rows), np.zeros(len(rows), np.intp))


def brute(model: Model, path: str, rows: list[str], units: list[int], own: str) -> list[tuple[int, int, int, int]]:
    """(units on, others on, sequence, step), best first: one sequence after the other, one step after the other."""
    found = []
    for number, text in enumerate(rows):
        if text != own:
            values = trace(model, text).values[f"{path}/cell"].array[0] > 0.3
            places = [(-int(on[units].sum()), int(on.sum() - on[units].sum()), t) for t, on in enumerate(values)]
            common, others, step = min(places)
            found.append((common, others, number, step))
    return [(-common, others, number, step) for common, others, number, step in sorted(found) if common]


@pytest.mark.parametrize("choice", [{}, {"step": 1}, {"units": (0, 3, 5)}])
def test_places_where_the_same_units_fire(choice: dict[str, Any]) -> None:
    model = cell(LSTM(12))
    rows = texts(150)
    question = ask(model, "lstm1", rows[3], part=part_of(model, rows), **choice)
    (shown,) = MATCHES.make(question)
    assert isinstance(shown, Table)
    own = trace(model, rows[3]).values["lstm1/cell"].array[0]
    units = list(choice.get("units") or np.flatnonzero(own[choice.get("step", -1)] > 0.3).tolist())
    expected = brute(model, "lstm1", rows, units, rows[3])[:10]
    found = [(row[4], row[5], row[0], row[1]) for row in shown.rows]
    assert found == expected and len(expected) == 10
    for number, step, symbol, context, *_ in shown.rows:
        text = rows[cast("int", number)]
        at = cast("int", step)
        assert symbol == text[at] and context == f"{text[:at]}[{text[at]}]{text[at + 1 :]}"
    assert f"{len(units)} units, on where cell is above 0.3" in shown.notes[0]
    assert shown.notes[1] == f"searched: 150 of 150 sequences, {sum(map(len, rows)):,} steps"


def test_places_of_a_model_that_reads_from_the_end_and_writes() -> None:
    model = translator(2, reverse=True)
    rows, answers = texts(40), texts(40, 1)
    ids = Ragged.of([LETTERS.encode(text) for text in answers])
    part = Split(model.raw(rows), ids)
    (ahead,) = MATCHES.make(ask(model, "seq2seq1/encoder/lstm1", "abca", ["b"], part, units=(0, 1)))
    (back,) = MATCHES.make(ask(model, "seq2seq1/decoder/lstm1", "abca", ["b"], part, units=(0, 1)))
    assert isinstance(ahead, Table) and isinstance(back, Table) and len(ahead.rows) == len(back.rows) == 10
    for number, step, symbol, context, *_ in ahead.rows:
        text = rows[cast("int", number)]
        at = len(text) - 1 - cast("int", step)
        assert symbol == text[at] and context == f"{text[:at]}[{text[at]}]{text[at + 1 :]}"
    for number, step, symbol, _, on, others in back.rows:
        row = cast("int", number)
        assert symbol == ("<start>", *answers[row])[cast("int", step)]
        values = trace(model, rows[row], answers[row]).values["seq2seq1/decoder/lstm1/cell"].array[0] > 0.3
        expected = [(int(each[:2].sum()), int(each[2:].sum())) for each in values]
        assert (on, others) == expected[cast("int", step)] == max(expected, key=lambda pair: (pair[0], -pair[1]))


def test_sequences_of_numbers_have_no_text_around_them() -> None:
    model = rows_model()
    part = Split(np.random.default_rng(1).normal(size=(20, 4, 3, 1)) * 9, np.zeros(20, np.intp))
    (shown,) = MATCHES.make(ask(model, "rnn1", part.inputs[:1], part=part, units=(0,)))
    assert isinstance(shown, Table)
    assert column(shown, "context") == [None] * len(shown.rows) and 0 not in column(shown, "sequence")


def test_no_more_is_searched_than_is_worth_waiting_for(monkeypatch: pytest.MonkeyPatch) -> None:
    model = cell(LSTM(12))
    rows = texts(300)
    monkeypatch.setattr(matches, "MOST_STEPS", 200)
    (shown,) = MATCHES.make(ask(model, "lstm1", "ab", part=part_of(model, rows), units=(0, 1)))
    (again,) = MATCHES.make(ask(model, "lstm1", "ab", part=part_of(model, rows), units=(0, 1)))
    assert isinstance(shown, Table) and shown == again
    assert shown.notes[1].startswith("searched: 64 of 300 sequences")


def test_sequences_too_long_to_answer_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    model = cell(LSTM(12))
    rows = texts(60)
    monkeypatch.setattr(matches, "MAX_STEPS", 4)
    (shown,) = MATCHES.make(ask(model, "lstm1", "ab", part=part_of(model, rows), units=(0, 1)))
    fitting = [text for text in rows if len(text) <= 4 and text != "ab"]
    assert isinstance(shown, Table) and shown.rows
    assert all(rows[number] in fitting for number in column(shown, "sequence"))
    count = sum(len(text) <= 4 for text in rows)
    assert f"searched: {count} of 60 sequences" in shown.notes[1]


def test_memory_does_not_grow_with_the_data() -> None:
    model = cell(LSTM(12))
    peaks: list[int] = []
    for count in (64, 64, 640):  # the first is to warm up
        part = part_of(model, texts(count))
        question = ask(model, "lstm1", "ab", part=part, units=(0, 1))
        tracemalloc.start()
        MATCHES.make(question)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.5 * peaks[1]


def test_where_nothing_is_on_there_is_nothing_to_look_for() -> None:
    model = cell(LSTM(4))
    model.params["lstm1/bias"][:] = -30
    with pytest.raises(TuinetError, match="no unit of lstm1 is on") as caught:
        MATCHES.make(ask(model, "lstm1", "abc", part=part_of(model, texts(5))))
    assert "0 to 2" in caught.value.hint
    with pytest.raises(TuinetError, match="no data are named"):
        MATCHES.make(ask(model, "lstm1", "abc"))
    clockwork = cell(Clockwork(4, (1, 2)))
    with pytest.raises(TuinetError, match="by their clocks"):
        MATCHES.make(ask(clockwork, "clockwork1", "abc", part=part_of(clockwork, texts(5)), gate="ticked"))


def test_the_text_around_a_place() -> None:
    ids = LETTERS.encode("a" * 20 + "b" + "c" * 20).tolist()
    assert matches.around(LETTERS, ids, 20) == "…" + "a" * 15 + "[b]" + "c" * 15 + "…"
    assert matches.around(LETTERS, ids[:3], 0) == "[a]aa"
    assert matches.around(WORDS, [3, 4, 5], 1) == "the [cat] sat"
    assert matches.around(WORDS, [3, 4, 5], 2) == "the cat [sat]"


def test_grey_images_are_given_without_an_axis_of_channels() -> None:
    info = DatasetInfo("images", "classification", Shape.image(8, 8, 1), {"train": 9}, labels=("a", "b"))
    model = new_model(Sequential((Rows(), LSTM(3), LastStep(), Dense(2))), info, (), CrossEntropy(), 0)
    (view,) = see("reading", ask(model, "rows1", images(1)))
    assert isinstance(view, View) and view.data.shape == (8, 8, 1)
