"""Translations looked at: what was fed and said is what the model says, and both ways part where they first differ."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tuinet
from tests.inspection.sequence_questions import ask, column, picture, table
from tests.model.models import images
from tests.model.text_models import LETTERS, WORDS, captioner, language_model, tagger, translator
from tuinet.data.dataset import DatasetInfo
from tuinet.data.vocabulary import END
from tuinet.errors import TuinetError
from tuinet.inspection.question import nodes
from tuinet.inspection.trace import trace
from tuinet.inspection.view import Table, View
from tuinet.inspection.views import step_answers
from tuinet.inspection.views.translation import VIEWS, parting, translation
from tuinet.model.model import Model, new_model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import Sequential
from tuinet.nn.parts import Part
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Ragged

(OFFER,) = VIEWS
NEXT, TAGS = step_answers.VIEWS
HEARD = {"thought": "TH AO T", "colonel": "K ER N AH L", "cat": "K AE T", "queue": "K Y UW", "enough": "IH N AH F"}


def translates(encoder: tuple[Part, ...], decoder: tuple[Part, ...], bridge: Any = "copy") -> Model:
    info = DatasetInfo("pairs", "seq2seq", Shape.tokens(6), {"train": 9}, target_ids=6)
    layer = Seq2Seq((Embedding(3), *encoder), (Embedding(3), *decoder, Dense(6)), bridge=bridge, symbols=6)
    model = new_model(
        Sequential((layer,)), info, (), CrossEntropy(), 1, "pairs", dtype=np.float64,
        vocabulary=LETTERS, target_vocabulary=LETTERS,
    )  # fmt: skip
    model.params.vector *= 3
    return model


def test_a_word_from_its_letters_to_its_sounds() -> None:
    model = tuinet.load("cmudict-seq2seq")
    found = translation(ask(model, "", "thought", ["TH AO T"]))
    assert [each.name for each in found] == [
        "translation",
        "seq2seq1/encoder/lstm1/cell",
        "seq2seq1/context/lstm1/cell",
        "seq2seq1/decoder/lstm1/cell",
    ]
    steps = table(found, "translation")
    assert column(steps, "step") == [0, 1, 2, 3]
    assert column(steps, "fed") == ["<start>", "TH", "AO", "T"]
    assert column(steps, "says") == column(steps, "truth") == ["TH", "AO", "T", "<end>"]
    assert column(steps, "wrong") == [""] * 4
    assert math.prod(column(steps, "p")) == pytest.approx(math.exp(model.translate("thought")[0].log_probability), 1e-5)
    traced = trace(model, "thought", "TH AO T")
    ahead, context, back = (each for each in found if isinstance(each, View))
    np.testing.assert_array_equal(ahead.data, traced.values["seq2seq1/encoder/lstm1/cell"].array[0])
    np.testing.assert_array_equal(context.data, traced.values["seq2seq1/context/lstm1/cell"].array)
    np.testing.assert_array_equal(context.data[0], ahead.data[-1])  # copied
    np.testing.assert_array_equal(back.data, traced.values["seq2seq1/decoder/lstm1/cell"].array[0])
    assert ahead.axes[0].labels == ("0 t", "1 h", "2 g", "3 u", "4 o", "5 h", "6 t")
    assert "read from its end" in ahead.title
    assert [label.split(" ")[1] for label in back.axes[0].labels] == ["<start>→TH", "TH→AO", "AO→T", "T→<end>"]
    assert back.axes[0].labels[1] == f"1 TH→AO {column(steps, 'p')[1]:.2f}"


def test_running_free_it_says_what_it_translates() -> None:
    model = tuinet.load("cmudict-seq2seq")
    words = tuple(HEARD)
    found = translation(ask(model, "seq2seq1", words, list(HEARD.values()), decoder="free"))
    tables = [each for each in found if isinstance(each, Table)]
    for word, shown, answer in zip(words, tables, model.translate(list(words)), strict=True):
        assert word in shown.title
        assert column(shown, "says") == [*answer.tokens, "<end>"]
        assert column(shown, "fed") == ["<start>", *answer.tokens]
        assert math.prod(column(shown, "p")) == pytest.approx(math.exp(answer.log_probability), 1e-4)
        assert f"it writes: {answer.text}" in shown.notes


def test_both_ways_part_where_they_first_differ() -> None:
    model = tuinet.load("cmudict-seq2seq")
    vocabulary = model.meta.target_vocabulary
    assert vocabulary is not None
    parted = 0
    for word, sounds in HEARD.items():
        found = translation(ask(model, "", word, [sounds], decoder="both"))
        forced, free = table(found, "translation/forced"), table(found, "translation/free")
        truth, says = [*sounds.split(), "<end>"], column(free, "says")
        first = next((t for t, (one, other) in enumerate(zip(truth, says, strict=False)) if one != other), None)
        marked = [t for t, mark in enumerate(column(free, "wrong")) if mark == "✗"]
        assert marked == ([] if first is None else [first])
        views = {
            each.name.rsplit("/", 1)[-1]: each for each in found if isinstance(each, View) and "decoder" in each.name
        }
        assert [t for t, label in enumerate(views["free"].axes[0].labels) if label.endswith("✗")] == marked
        assert forced.notes[-1] == free.notes[-1]
        if first is None:
            assert free.notes[-1] == "its own answer is the target: both ways are the same"
            np.testing.assert_array_equal(views["free"].data, views["forced"].data)
            continue
        parted += 1
        alone = picture(translation(ask(model, "", word, [sounds], decoder="free")), "seq2seq1/decoder/lstm1/cell")
        assert alone.axes == views["free"].axes
        np.testing.assert_array_equal(alone.data, views["free"].data)
        assert f"leaves the target at step {first}: it says {says[first]} (" in free.notes[-1]
        assert free.notes[-1].endswith(f"asked for was {truth[first]}")
        assert column(forced, "says")[: first + 1] == says[: first + 1]  # until then both were fed the same
        np.testing.assert_allclose(
            views["free"].data[: first + 1], views["forced"].data[: first + 1], rtol=1e-5, atol=1e-6
        )
        assert column(forced, "wrong").index("✗") == first
    assert 0 < parted < len(HEARD)


def test_parting_of_answers_of_any_length() -> None:
    assert parting((3, 4, END), [3, 4, END]) is None
    assert parting((3, END), [3, 4, END]) == 1
    assert parting((3, 4, 5, END), [3, 4, END]) == 2
    assert parting((3, 4), [3, 4, 5, END]) == 2  # cut off


def test_fed_the_target_every_mistake_is_marked() -> None:
    model = translator(2)
    found = translation(ask(model, "", "ab", ["bacab"]))
    shown = table(found, "translation")
    truth = [*"bacab", "<end>"]
    assert column(shown, "truth") == truth
    wrong = [said != true for said, true in zip(column(shown, "says"), truth, strict=True)]
    assert any(wrong) and [mark == "✗" for mark in column(shown, "wrong")] == wrong
    scores = trace(model, "ab", "bacab").scores.array[0].astype(np.float64)
    scores[:, :2] = 0  # <unk> and <start> are never written
    scores /= scores.sum(axis=1, keepdims=True)
    assert column(shown, "p") == pytest.approx(scores.max(axis=1))
    ids = [*LETTERS.encode("bacab").tolist(), END]
    assert column(shown, "p of it") == pytest.approx(scores[np.arange(6), ids])
    assert shown.notes[0].startswith(f"{6 - sum(wrong)} of 6 right")


def test_an_answer_that_finds_no_end_is_said_to_be_cut_off() -> None:
    model = translator(2)
    model.params["seq2seq1/decoder/dense1/bias"][END] = -1e9
    shown = table(translation(ask(model, "", "ab", decoder="free")), "translation")
    assert len(shown.rows) == 2 * 2 + 20 + 1
    assert "cut off behind 24 symbols: it had not come to an end" in shown.notes
    assert column(shown, "truth") == [None] * 25 and not any(column(shown, "wrong"))
    long = table(translation(ask(model, "", "ab", ["a" * 40], decoder="free")), "translation")
    first = next((t for t, said in enumerate(column(long, "says")) if said != "a"), None)
    assert first is not None and column(long, "wrong").index("✗") == first


@pytest.mark.parametrize(("gate", "lengths"), [("forget", [3, 2, 1, 4, 4, 3]), ("cell", [3, 1, 2, 1, 1, 4, 4, 1, 3])])
def test_samples_of_different_lengths_each_have_their_own_steps(gate: str, lengths: list[int]) -> None:
    model = translator(2, reverse=True)
    texts, targets = ("abc", "b", "caab"), ["a", "bca", "cc"]
    together = translation(ask(model, "", texts, targets, gate=gate))
    alone = [
        each
        for text, target in zip(texts, targets, strict=True)
        for each in translation(ask(model, "", text, [target], gate=gate))
    ]
    assert len(together) == len(alone)
    for one, other in zip(together, alone, strict=True):
        if isinstance(one, Table):
            assert isinstance(other, Table)
            assert [row[:3] for row in one.rows] == [row[:3] for row in other.rows]
            assert column(one, "p") == pytest.approx(column(other, "p"))
        else:
            assert isinstance(one, View) and isinstance(other, View)
            assert one.axes == other.axes
            np.testing.assert_allclose(one.data, other.data, rtol=1e-12)
    assert [len(each.data) for each in together if isinstance(each, View)] == lengths


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (
            translates((LSTM(4), LSTM(5)), (LSTM(4), LSTM(5))),
            [f"{part}/lstm{k}/cell" for k in (1, 2) for part in ("encoder", "context", "decoder")],
        ),
        (
            translates((Bidirectional(GRU(3)), LSTM(3)), (GRU(4), LSTM(2)), "dense"),
            [
                "encoder/bidirectional1/forward/hidden",
                "encoder/bidirectional1/backward/hidden",
                "encoder/lstm1/cell",
                "context/gru1/hidden",
                "decoder/gru1/hidden",
                "context/lstm1/cell",
                "decoder/lstm1/cell",
            ],
        ),
        (
            translates((Clockwork(4, (1, 2)),), (Clockwork(4, (1, 2)),)),
            [f"{part}/clockwork1/hidden" for part in ("encoder", "context", "decoder")],
        ),
    ],
    ids=["two layers", "bidirectional and dense", "clockwork"],
)
def test_every_recurrent_layer_is_in_the_list(model: Model, names: list[str]) -> None:
    found = [each for each in translation(ask(model, "", "abca", ["bb"], order="change")) if isinstance(each, View)]
    assert [each.name.removeprefix("seq2seq1/") for each in found] == names
    traced = trace(model, "abca", "bb").values
    for view in found:
        key = (
            view.name.replace("decoder", "x").replace("/hidden", "/output") if "context" not in view.name else view.name
        )
        value = traced[key.replace("seq2seq1/x", "seq2seq1/decoder")].array[0]
        value = np.atleast_2d(value)[:: -1 if "backward" in view.name else 1]
        np.testing.assert_array_equal(view.data, value[:, [int(label) for label in view.axes[1].labels]])
    if "bidirectional1" not in names[0]:  # copied: the same units in the same order
        for k in range(0, len(found), 3):
            assert found[k].axes[1] == found[k + 1].axes[1] == found[k + 2].axes[1]


def test_a_caption_has_a_context_and_a_decoder_but_no_encoder() -> None:
    model = captioner()
    found = translation(ask(model, "", images(1)[0], ["ab"]))
    assert [each.name for each in found] == [
        "translation",
        "seq2seq1/context/rnn1/hidden",
        "seq2seq1/decoder/rnn1/hidden",
    ]
    assert column(table(found, "translation"), "fed") == ["<start>", "a", "b"]


def test_gates_that_are_no_states_have_no_context() -> None:
    found = translation(ask(translator(2), "", "abc", ["ba"], gate="forget", units=(4, 1)))
    assert [each.name.split("/")[1] for each in found if isinstance(each, View)] == ["encoder", "decoder"]
    assert picture(found, "seq2seq1/encoder/lstm1/forget").axes[1].labels == ("4", "1")


def test_one_step_of_the_decoder() -> None:
    model = translator(2)
    whole = translation(ask(model, "", "abc", ["ba"]))
    shown, view = translation(ask(model, "", "abc", ["ba"], step=1))
    assert isinstance(shown, Table) and shown.rows == table(whole, "translation").rows[1:2]
    assert isinstance(view, View) and view.kind == "vector"
    np.testing.assert_array_equal(view.data, picture(whole, "seq2seq1/decoder/lstm1/cell").data[1])


@pytest.mark.parametrize(
    ("choice", "message", "hint"),
    [
        ({"gate": "update"}, "no gate 'update'", "Gates: forget, input, output"),
        ({"step": 3}, "no step 3", "Steps: 0 to 2"),
        ({"units": (5,)}, "no unit 5", "Units: 0 to 4"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(choice: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(TuinetError, match=message) as caught:
        translation(ask(translator(2), "", "abc", ["ba"], **choice))
    assert hint in caught.value.hint


def test_a_target_that_nobody_knows_cannot_be_fed() -> None:
    model = translator(2)
    (shown, *_) = translation(ask(model, "", "abc"))
    assert isinstance(shown, Table) and "fed its own answer" in shown.title
    assert column(shown, "says")[:-1] == list(model.translate("abc")[0].tokens)
    for way in ("forced", "both"):
        with pytest.raises(TuinetError, match="nobody knows it here"):
            translation(ask(model, "", "abc", decoder=way))


def test_it_belongs_to_models_that_write() -> None:
    model = translator(2)
    assert OFFER.fits(model, None) and OFFER.fits(model, nodes(model)["seq2seq1"])
    assert not OFFER.fits(model, nodes(model)["seq2seq1/decoder/lstm1"])
    assert not OFFER.fits(language_model(), None)
    assert [offer.fits(each, None) for each in (language_model(), tagger()) for offer in (NEXT, TAGS)] == [
        True, False, False, True,
    ]  # fmt: skip


# ── other answers at every step ───────────────────────────────────────────────────────────────────────────────────────


def test_what_a_language_model_expects_is_what_it_would_write() -> None:
    model = tuinet.load("shakespeare-lstm")
    text = "To be, or not\nto b"
    (shown,) = NEXT.make(ask(model, "", text))
    assert isinstance(shown, Table)
    visible = [{" ": "␣", "\n": "↵"}.get(each, each) for each in text]
    assert column(shown, "reads") == visible and column(shown, "comes") == [*visible[1:], None]
    for end in (1, 6, len(text)):
        said = model.generate(text[:end], 1, temperature=0).text
        assert column(shown, "expects")[end - 1] == {" ": "␣", "\n": "↵"}.get(said, said)
    chances = trace(model, text).scores.array[0].astype(np.float64)
    chances[:, :3] = 0
    chances /= chances.sum(axis=1, keepdims=True)
    assert column(shown, "p") == pytest.approx(chances.max(axis=1), rel=1e-5)
    raw = model.raw(text)
    assert isinstance(raw, Ragged)
    ids = raw.row(0)[1:]
    expected = -np.log2(chances[np.arange(len(ids)), ids])
    assert column(shown, "bits")[:-1] == pytest.approx(expected, rel=1e-4)
    assert f"mean {expected.mean():.2f} bits a symbol" in shown.notes[0]
    (one,) = NEXT.make(ask(model, "", text, step=4))
    assert isinstance(one, Table) and one.rows == shown.rows[4:5]


def test_windows_of_a_text_are_looked_at_beside_what_follows() -> None:
    model = language_model()
    ids = LETTERS.encode("abcabca")
    (shown,) = NEXT.make(ask(model, "", Ragged.of([ids[:-1]]), Ragged.of([ids[1:]])))
    assert isinstance(shown, Table)
    assert column(shown, "comes") == list("bcabca")


@pytest.mark.parametrize("words", [False, True])
def test_tags_are_those_of_the_model(words: bool) -> None:
    model = tagger(words=words)
    names = WORDS.symbols if words else model.meta.labels
    texts = ("abc", "b", "caab")
    truth = Ragged.of([[4, 3, 4], [3], [3, 3, 4, 4]] if words else [[0, 1, 0], [1], [1, 1, 0, 0]])
    for shown, text, tagged, true in zip(
        TAGS.make(ask(model, "", texts, truth)),
        texts,
        model.tag(list(texts)),
        [truth.row(row).tolist() for row in range(3)],
        strict=True,
    ):
        assert isinstance(shown, Table)
        assert column(shown, "symbol") == list(text)
        assert tuple(column(shown, "tag")) == tagged.tags
        assert column(shown, "p") == pytest.approx(tagged.probabilities)
        assert column(shown, "truth") == [names[number] for number in true]
        right = sum(one == names[other] for one, other in zip(tagged.tags, true, strict=True))
        assert shown.notes == (f"{right} of {len(text)} right",)
        assert column(shown, "wrong").count("✗") == len(text) - right
    (unknown,) = TAGS.make(ask(model, "", "abc"))
    assert isinstance(unknown, Table) and column(unknown, "truth") == [None] * 3 and not unknown.notes
