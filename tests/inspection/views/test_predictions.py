"""What models say, what they confuse, and their worst mistakes: by hand, over batches, and for shipped models."""

from __future__ import annotations

import tracemalloc
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.model.models import cnn, constant, images, linear, made, xor
from tests.model.text_models import LETTERS, captioner, classifier, language_model, tagger, translator
from tuinet import load
from tuinet.data.coding import Coding
from tuinet.data.dataset import Split
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.inspection.off import parse_off, switched_off
from tuinet.inspection.question import Offer, Question, Samples
from tuinet.inspection.view import Table, View
from tuinet.inspection.views import mistakes, predictions
from tuinet.inspection.views.predictions import effect, said
from tuinet.model.model import Model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.losses import CrossEntropy, Hinge, SquaredError
from tuinet.nn.sequence import Ragged

VIEWS: dict[str, Offer] = {offer.name: offer for offer in (*predictions.VIEWS, *mistakes.VIEWS)}
IDS = Coding("ids", classes=3)


def three(loss: Any = None) -> Model:
    """Three classes; the outputs are the inputs."""
    return linear(np.eye(3), [0.0, 0.0, 0.0], loss or CrossEntropy(), IDS)


def asked(model: Model, inputs: Any, targets: Any = None) -> Question:
    raw = model.raw(inputs)
    return Question(model, samples=Samples(raw, targets, tuple(f"test:{place}" for place in range(len(raw)))))


def over(model: Model, inputs: Any, targets: Any) -> Question:
    split = Split(inputs, targets)
    return Question(model, part=lambda: split)


def look(name: str, question: Question) -> tuple[Any, ...]:
    assert VIEWS[name].fits(question.model, None)
    return VIEWS[name].make(question)


# ── the answer ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_probabilities_by_class() -> None:
    """softmax(log 6, log 3, log 1) = 0.6, 0.3, 0.1."""
    first, second = look("answer", asked(three(), np.log([[6.0, 3.0, 1.0], [1.0, 1.0, 8.0]]), np.array([1, 2])))
    assert isinstance(first, View)
    assert first.data == pytest.approx([0.6, 0.3, 0.1])
    assert (first.kind, first.axes[0].labels, first.range) == ("vector", ("a", "b", "c"), (0.0, 1.0))
    assert first.title == "test:0: says a (0.6), in truth b"
    assert first.notes == ("a: 0.6", "b: 0.3", "c: 0.1")
    assert second.title == "test:1: says c (0.8), in truth c"


def test_outputs_that_are_no_probabilities() -> None:
    (view,) = look("answer", asked(three(Hinge()), [[2.0, -3.0, 1.0]]))
    assert (view.low, view.high, view.title) == (None, None, "test:0: says a")
    (view,) = look("answer", asked(xor(), [[1.0, 0.0]], np.array([1])))
    assert (view.axes[0].name, view.title) == ("output", "test:0: says b, in truth b")
    model = constant([1.5, -2.0], SquaredError(), Coding("values"))
    (view,) = look("answer", asked(model, [[0.0]], np.array([[1.0, 2.0]])))
    assert view.data.tolist() == [1.5, -2.0]
    assert view.title == "test:0: 1.5, -2, in truth 1, 2"


@pytest.mark.parametrize("words", [False, True])
def test_tags_step_by_step(words: bool) -> None:
    model = tagger(words=words)
    tags = Ragged.of([[1, 0, 1], [0]]) if not words else Ragged.of([[4, 3, 5], [6]])
    (table,) = look("answer", asked(model, ["abc", "b"], tags))
    assert table.columns == ("sample", "step", "symbol", "says", "probability", "truth")
    expected = [
        (f"test:{row}", step, symbol, tag, pytest.approx(sure))
        for row, each in enumerate(model.tag(["abc", "b"]))
        for step, (symbol, tag, sure) in enumerate(zip(each.tokens, each.tags, each.probabilities, strict=True))
    ]
    assert [row[:5] for row in table.rows] == expected
    assert [row[5] for row in table.rows] == (["cat", "the", "sat", "￭."] if words else ["yes", "no", "yes", "no"])
    right = sum(row[3] == row[5] for row in table.rows)
    assert table.notes == (f"{right} of 4 steps right",)


def test_the_next_symbol_and_a_translation() -> None:
    (table,) = look("answer", asked(language_model(), "abca"))
    assert [row[:2] for row in table.rows] == [(0, "a"), (1, "b"), (2, "c"), (3, "a")]
    assert all(0 < row[3] <= 1 for row in table.rows)
    assert {row[4] for row in table.rows} == {None}
    model = translator()
    (table,) = look("answer", asked(model, ["abc", "b"], Ragged.of([LETTERS.encode("ab"), LETTERS.encode("c")])))
    expected = model.translate(["abc", "b"])
    assert [row[1] for row in table.rows] == [each.text for each in expected]
    assert [row[2] for row in table.rows] == ["ab", "c"]
    assert [row[3] for row in table.rows] == pytest.approx([np.exp(each.log_probability) for each in expected])


def test_a_class_that_the_model_does_not_know_is_refused() -> None:
    for targets in ([12], [-1]):
        with pytest.raises(TuinetError, match=f"class {targets[0]} is outside 0 … 2"):
            look("answer", asked(three(), [[1.0, 0.0, 0.0]], np.array(targets)))
    with pytest.raises(TuinetError, match="class 2 is outside 0 … 1"):
        look("answer", asked(tagger(), ["a"], Ragged.of([[2]])))
    with pytest.raises(TuinetError, match="class 12 is outside 0 … 2"):
        look("confusion", over(three(), np.eye(3), np.array([0, 1, 12])))


# ── confusion ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_confusion_by_hand() -> None:
    """Truths a a b b c, answers a b b c a."""
    inputs = np.eye(3)[[0, 1, 1, 2, 0]]
    (view,) = look("confusion", over(three(), inputs, np.array([0, 0, 1, 1, 2])))
    assert view.data.tolist() == [[1, 1, 0], [0, 1, 1], [1, 0, 0]]
    assert [(axis.name, axis.labels) for axis in view.axes] == [("truth", ("a", "b", "c")), ("answer", ("a", "b", "c"))]
    assert view.notes == (
        "accuracy 0.4: 2 of 5 right, 3 wrong",
        "most often: a taken for b (1), b taken for c (1), c taken for a (1)",
    )


def test_a_confusion_is_that_of_evaluate() -> None:
    model, inputs = cnn(), images(1500)
    targets = np.random.default_rng(0).integers(0, 3, 1500)
    (view,) = look("confusion", over(model, inputs, targets))
    np.testing.assert_array_equal(view.data, model.confusion(Split(inputs, targets)))
    rows = np.arange(0, 1500, 7)
    split = Split(inputs, targets, rows)
    (view,) = look("confusion", Question(model, part=lambda: split))
    assert view.data.sum() == len(rows)


def test_tags_are_confused_too() -> None:
    model = tagger()
    texts, tags = ["abc", "b", "ca"], Ragged.of([[1, 0, 1], [0], [1, 1]])
    (view,) = look("confusion", over(model, Texts(texts), tags))
    expected = np.zeros((2, 2), int)
    for row, each in enumerate(model.tag(texts)):
        np.add.at(expected, (tags.row(row), list(each.ids)), 1)
    np.testing.assert_array_equal(view.data, expected)
    assert VIEWS["confusion"].fits(translator(), None) is False


def test_of_very_many_classes_the_most_confused_are_shown() -> None:
    classes = 5000
    coding = Coding("ids", classes=classes)
    model = made((Dense(classes),), {}, Shape.vector(1), CrossEntropy(), coding)
    model.meta = msgspec.structs.replace(model.meta, labels=tuple(map(str, range(classes))))
    model.params["dense1/bias"][7] = 1.0  # whatever comes, it says 7
    tracemalloc.start()
    (view,) = look("confusion", over(model, np.zeros((60, 1)), np.repeat([7, 4000, 4999], 20)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert view.data.shape == (40, 40)
    labels = view.axes[0].labels
    assert {"7", "4000", "4999"} <= set(labels)
    assert view.data[labels.index("4000"), labels.index("7")] == 20
    assert view.data.sum() == 60
    assert "40 of 5,000 classes" in view.notes[-1]
    assert peak < 40e6  # 5,000² counts would take 200 MB


# ── mistakes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_worst_mistake_comes_first() -> None:
    """Sure of what is wrong: −log(1/10), −log(3/10), −log(6/10); those that are right are none, however unsure."""
    inputs = np.log([[6.0, 3.0, 1.0], [6.0, 3.0, 1.0], [6.0, 3.0, 1.0], [3.0, 3.1, 3.0]])
    (table,) = look("mistakes", over(three(), inputs, np.array([1, 0, 2, 1])))
    assert table.columns == ("number", "truth", "says", "probability", "loss")
    assert [row[:3] for row in table.rows] == [(2, "c", "a"), (0, "b", "a")]
    assert [row[3] for row in table.rows] == pytest.approx([0.6, 0.6])
    assert [row[4] for row in table.rows] == pytest.approx([-np.log(0.1), -np.log(0.3)])
    assert table.notes[0] == "2 of 4 wrong"


def test_no_mistakes_and_no_samples() -> None:
    (table,) = look("mistakes", over(three(), np.eye(3), np.arange(3)))
    assert (table.rows, table.notes) == ((), ("no mistakes in 3 samples",))
    for name in ("mistakes", "confusion"):
        with pytest.raises(TuinetError, match="no samples"):
            look(name, over(three(), np.zeros((0, 3)), np.zeros(0, int)))
        with pytest.raises(TuinetError, match="real values"):
            look(name, over(three(), np.eye(3), np.array([0.5, 0.1, 2.0])))
        with pytest.raises(TuinetError, match="no data are named"):
            look(name, Question(three()))


def test_mistakes_are_the_same_in_any_batches() -> None:
    """12 of many, with their pictures, the same as sorting all losses at once."""
    model, inputs = cnn(), images(3000, seed=2)
    targets = np.random.default_rng(0).integers(0, 3, 3000)
    table, view = look("mistakes", over(model, inputs, targets))
    found = model.predict(inputs)
    losses = CrossEntropy().value(found.outputs, targets)
    assert found.ids is not None
    wrong = np.flatnonzero(found.ids != targets)
    worst = wrong[np.argsort(-losses[wrong], kind="stable")[:12]]
    assert [row[0] for row in table.rows] == worst.tolist()
    assert [row[4] for row in table.rows] == pytest.approx(losses[worst].tolist())
    assert table.notes[0] == f"{len(wrong):,} of 3,000 wrong"
    assert (view.kind, view.data.shape, view.high) == ("images", (12, 8, 8, 1), 255.0)
    np.testing.assert_array_equal(view.data[..., 0], inputs[worst])
    assert view.axes[0].labels[0].startswith(f"{worst[0]}: ")


def test_mistakes_of_values_tags_and_texts() -> None:
    model = linear([[1.0]], [0.0], SquaredError(), Coding("values"))
    (table,) = look("mistakes", over(model, np.arange(20.0)[:, None], np.zeros((20, 1))))
    assert [row[0] for row in table.rows] == list(range(19, 7, -1))
    assert table.rows[0] == (19, "0", "19", None, 361.0)
    model = tagger()
    tags = Ragged.of([[1 - number for number in each.ids] for each in model.tag(["abc", "b", "ca"])])
    (table,) = look("mistakes", over(model, Texts(["abc", "b", "ca"]), tags))
    assert sorted(row[5] for row in table.rows) == ["abc", "b", "ca"]
    for row in table.rows:  # the mean of the steps; of two tags, the other one is the truth
        (each,) = model.tag(row[5])
        assert row[4] == pytest.approx(np.mean(-np.log(1 - np.array(each.probabilities))))
    speaker = load("cmudict-seq2seq")
    (table,) = look("mistakes", over(speaker, Texts(["thought", "cat"]), Texts(["TH AO T", "D AO G"])))
    assert [(row[0], row[1], row[5]) for row in table.rows] == [(1, "D AO G", "cat")]
    assert table.rows[0][2] == "K AE T"
    model = captioner()
    table, view = look("mistakes", over(model, images(3), Texts(["abc", "b", "ca"])))
    assert view.data.shape == (len(table.rows), 8, 8, 1)


def test_a_loss_that_is_no_number_is_the_worst() -> None:
    model = linear(np.diag([1.0, 1.0, 1e200]), [0.0, 0.0, 0.0], CrossEntropy(), IDS)
    inputs = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1e200]])  # softmax(0, 0, ∞) is no number
    (table,) = look("mistakes", over(model, inputs, np.array([1, 1, 1])))
    assert [row[0] for row in table.rows] == [2, 0]
    assert table.rows[0][4] == np.inf


def test_coloured_mistakes_keep_their_colours() -> None:
    model = made(
        (Flatten(), Dense(2)),
        {"dense1/bias": [1.0, 0.0]},
        Shape.image(2, 2, 3),
        CrossEntropy(),
        Coding("ids", classes=2),
    )
    inputs = np.random.default_rng(0).random((3, 2, 2, 3))
    table, view = look("mistakes", over(model, inputs, np.array([1, 0, 1])))
    np.testing.assert_array_equal(view.data, inputs[[row[0] for row in table.rows]])


# ── the effect of what is off ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_effect_on_one_answer_is_class_by_class() -> None:
    model = cnn()
    inputs = images(2)
    off = switched_off(model, [parse_off("conv2:0")])
    table = effect(model, off, Samples(inputs[:1], np.array([2]), ("test:0",)))
    assert table.columns == ("class", "all on", "off", "difference")
    before, after = model.predict(inputs[:1]), off.predict(inputs[:1])
    for name, first, second, difference in table.rows:
        place = model.meta.labels.index(str(name))
        assert first == pytest.approx(before.scores[0, place])
        assert second == pytest.approx(after.scores[0, place])
        assert difference == pytest.approx(second - first)
    assert [row[1] for row in table.rows] == sorted((row[1] for row in table.rows), reverse=True)
    assert table.notes[0] == "test:0, in truth c"
    several = effect(model, off, Samples(inputs, None, ("x", "y")))
    assert [row[0] for row in several.rows] == ["x", "y"]
    assert [row[2] for row in several.rows] == model.predict(inputs).labels
    assert [row[4] for row in several.rows] == off.predict(inputs).labels


def test_of_many_classes_the_likeliest_of_both_are_compared() -> None:
    """Class n has the output −n; in the other model the last is the likeliest."""
    coding, outputs = Coding("ids", classes=26), [-float(n) for n in range(26)]
    model, off = (constant(each, CrossEntropy(), coding) for each in (outputs, [*outputs[:25], 9.0]))
    table = effect(model, off, Samples(np.zeros((1, 1)), None, ("x",)))
    assert [row[0] for row in table.rows] == [*"abcdefghi", "z"]
    assert table.notes[-1] == "10 of 26 classes"


@pytest.mark.parametrize(
    ("model", "inputs", "off"),
    [
        (xor(), [[0.0, 1.0]], "dense1:0"),
        (tagger(), ["abc", "b"], "bidirectional1:0-7"),
        (language_model(), "abc", "lstm1:forget"),
        (translator(), ["abc", "b"], "encoder/lstm1:0-4"),
        (classifier(), ["abc"], "lstm1:output_gate"),
        (made((Dense(3), Dense(2)), {}, Shape.vector(1), SquaredError(), Coding("values")), [[2.0]], "dense1:0"),
    ],
)
def test_every_task_has_an_effect(model: Model, inputs: Any, off: str) -> None:
    samples = asked(model, inputs).need_samples()
    if model.meta.answers_steps and model.meta.task != "seq2seq":
        assert effect(model, model, samples).rows[0][0] == "test:0, step 0 'a'"
    table = effect(model, switched_off(model, [parse_off(off)]), samples)
    assert isinstance(table, Table) and table.rows
    assert all(len(row) == len(table.columns) for row in table.rows)
    same = effect(model, model, samples)
    if "difference" in same.columns:
        assert all(row[-1] == 0 for row in same.rows)
    else:
        assert same.notes[0].startswith("0 of ")


def test_a_shipped_classifier_says_what_predict_says() -> None:
    model = load("iris-mlp")
    inputs = np.array([[5.1, 3.5, 1.4, 0.2], [6.0, 3.0, 5.0, 1.8]])
    found = said(asked(model, inputs))
    prediction = model.predict(inputs)
    assert [each.says for each in found] == prediction.labels
    assert [each.probability for each in found] == pytest.approx(prediction.scores.max(axis=1).tolist())
