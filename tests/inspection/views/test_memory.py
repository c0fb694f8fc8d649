"""Traces of models over texts, every step under its name, the same as the model says; how far back they remember."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from tests.model.models import cnn, images
from tests.model.text_models import LETTERS, captioner, classifier, language_model, tagger, translator
from tuinet.data.dataset import DatasetInfo
from tuinet.errors import TuinetError
from tuinet.inspection.question import Question, Samples
from tuinet.inspection.trace import trace
from tuinet.inspection.view import View, views
from tuinet.inspection.views.memory import Memory, distances, memory, seen
from tuinet.model.model import Model, new_model
from tuinet.model.signals import inputs_of
from tuinet.nn import stack
from tuinet.nn.context import Context
from tuinet.nn.layer import Shape
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep, MeanOverTime
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import Sequential
from tuinet.nn.parts import Part
from tuinet.nn.recurrent import OverTime
from tuinet.nn.seq2seq import Pair, Seq2Seq

TEXTS = ["abc", "b", "caab"]


def test_a_classifier_is_seen_at_every_step() -> None:
    model = classifier()
    found = trace(model, TEXTS)
    assert found.tokens == (("a", "b", "c"), ("b",), ("c", "a", "a", "b"))
    assert (found.lengths, found.target_lengths, found.target_tokens) == ((3, 1, 4), (), ())
    assert found.input.axes == ("sample", "step")
    hidden = found.values["lstm1/output"]
    assert (hidden.array.shape, hidden.axes) == ((3, 4, 4), ("sample", "step", "unit"))
    assert not hidden.array[1, 1:].any()  # behind its end there is nothing
    assert {"lstm1/cell", "lstm1/forget", "lstm1/candidate", "dense1/output"} <= set(found.values)
    assert found.prediction is not None
    assert found.prediction.outputs == pytest.approx(model.predict(TEXTS).outputs, rel=1e-12)
    for row, text in enumerate(TEXTS):
        alone = trace(model, text)
        assert alone.values["lstm1/output"].array[0] == pytest.approx(hidden.array[row, : len(text)], rel=1e-12)


def test_a_tagger_and_a_language_model_answer_at_every_step() -> None:
    model = tagger()
    found = trace(model, TEXTS)
    assert found.prediction is None
    assert found.scores.axes == ("sample", "step", "class")
    for row, tagged in enumerate(model.tag(TEXTS)):
        said = found.scores.array[row, : len(tagged.ids)]
        assert tuple(said.argmax(axis=1)) == tagged.ids
        assert said.max(axis=1) == pytest.approx(tagged.probabilities)
    writer = language_model()
    scores = trace(writer, "abca").scores
    assert scores.axes == ("sample", "step", "symbol")
    assert scores.array.sum(axis=2) == pytest.approx(np.ones((1, 4)))


def test_a_translator_is_fed_its_own_answer_or_one_that_is_given() -> None:
    model = translator(2, reverse=True)
    answers = model.translate(TEXTS)
    own = trace(model, TEXTS)
    assert own.tokens == (("c", "b", "a"), ("b",), ("b", "a", "a", "c"))  # as it reads them
    assert own.target_tokens == tuple((*each.tokens, "<end>") for each in answers)
    assert own.target_lengths == tuple(len(each.ids) + 1 for each in answers)
    for row, answer in enumerate(answers):
        assert tuple(own.scores.array[row].argmax(axis=1)[: len(answer.ids)]) == answer.ids
    given = trace(model, "ab", "ba")
    assert given.target_tokens == (("b", "a", "<end>"),)
    assert given.values["seq2seq1/decoder/lstm1/output"].array.shape == (1, 3, 5)
    assert given.values["seq2seq1/encoder/lstm1/output"].array.shape == (1, 2, 5)
    context = given.values["seq2seq1/context/lstm1/hidden"].array
    assert context[0] == pytest.approx(given.values["seq2seq1/encoder/lstm1/output"].array[0, -1])
    with pytest.raises(TuinetError, match="2 targets for 1 inputs"):
        trace(model, "ab", ["a", "b"])
    with pytest.raises(TuinetError, match="can be fed none"):
        trace(classifier(), "ab", "a")


def test_a_caption_has_the_image_and_its_symbols() -> None:
    found = trace(captioner(), images(2)[0])
    assert found.input.axes == ("sample", "row", "column", "channel")
    assert (found.lengths, found.tokens) == ((), ())
    assert found.target_tokens[0][-1] == "<end>"
    assert found.values["seq2seq1/encoder/conv1/output"].axes == ("sample", "row", "column", "channel")


@pytest.mark.parametrize(
    "model", [classifier(), tagger(), language_model(), translator(2)], ids=lambda model: model.meta.task
)
def test_views_end_with_the_sample_and_bear_its_symbols(model: Model) -> None:
    found = trace(model, TEXTS)
    for row, text in enumerate(TEXTS):
        for one in views(found, row):
            assert len(one.axes) == one.data.ndim
            if one.axes[0].name == "step":
                written = "decoder" in one.name or (one.name == "scores" and bool(found.target_tokens))
                assert one.axes[0].labels == (found.target_tokens[row] if written else tuple(text))
                assert len(one.data) == len(one.axes[0].labels)


# ── the gradient against distance in time ─────────────────────────────────────────────────────────────────────────────


def remembering(cell: Part, seed: int = 0) -> Model:
    """The network of `recall`, untrained: which letter was the first?"""
    info = DatasetInfo(
        "recall", "classification", Shape((4,), ("channel",), sequence=True), {"train": 9}, labels=("a", "b")
    )
    return new_model(Sequential((cell, LastStep(), Dense(2))), info, (), CrossEntropy(), seed, dtype=np.float64)


def sequences(length: int, count: int = 6) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [np.eye(4)[rng.integers(0, 4, length)] for _ in range(count)]


def test_the_plain_networks_gradient_vanishes_where_lstms_does_not() -> None:
    inputs = sequences(101)
    plain = memory(remembering(RNN(32)), inputs).relative[100]
    gated = memory(remembering(LSTM(32, forget_bias=5.0)), inputs).relative[100]
    assert plain < 1e-4 < 1e-2 < gated
    assert gated / plain > 1e3


def test_a_linear_recurrence_by_hand() -> None:
    """h = relu(u x + w h) of one unit, all positive: dJ/dx at distance d is v u w^d, v the weight of the answer."""
    model = remembering(RNN(1, activation="relu"))
    model.params["rnn1/input_weight"][:] = 2.0
    model.params["rnn1/recurrent_weight"][:] = 0.5
    model.params["rnn1/bias"][:] = 0.0
    model.params["dense1/weight"][:] = [[3.0, 1.0]]
    found = memory(model, [np.ones((4, 4)), np.ones((2, 4))])
    one = 3 * 2 * np.sqrt(4)  # four inputs a step, each with the gradient 6
    assert found.layer == "rnn1"
    assert found.sizes == pytest.approx([one, one / 2, one / 4, one / 8])
    assert found.relative == pytest.approx([1, 1 / 2, 1 / 4, 1 / 8])
    assert found.samples.tolist() == [2, 2, 1, 1]


def test_the_gradient_is_that_of_the_largest_output() -> None:
    """Against central differences."""
    model = remembering(LSTM(3), seed=3)
    (x,) = sequences(5, 1)
    largest = int(model.predict([x]).outputs[0].argmax())
    expected = np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-6
        above, below = model.predict([x + step, x - step]).outputs[:, largest]
        expected[place] = (above - below) / 2e-6
    assert memory(model, [x]).sizes == pytest.approx(np.linalg.norm(expected, axis=1)[::-1], rel=1e-6)


@pytest.mark.parametrize("model", [classifier(), tagger(), language_model(), translator(), translator(reverse=True)])
def test_every_model_over_texts_remembers(model: Model) -> None:
    found = memory(model, TEXTS)
    assert isinstance(found, Memory)
    assert found.samples.tolist() == [3, 2, 2, 1]
    assert (found.sizes > 0).all()


def encoding(*encoder: Part, bridge: Literal["copy", "dense"] = "copy") -> Model:
    """An encoder of letters, and a decoder with the same recurrent layers."""
    info = DatasetInfo("pairs", "seq2seq", Shape.tokens(6), {"train": 9}, target_ids=6)
    decoder = tuple(layer for layer in encoder if isinstance(layer, OverTime))
    layer = Seq2Seq((Embedding(3), *encoder), (Embedding(3), *decoder, Dense(6)), bridge=bridge, symbols=6)
    network = Sequential((layer,))
    return new_model(
        network, info, (), CrossEntropy(), 1, dtype=np.float64, vocabulary=LETTERS, target_vocabulary=LETTERS
    )


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (encoding(LSTM(4)), "the encoder's last state"),
        (encoding(LSTM(4), LastStep()), "the encoder's last state"),
        (encoding(Clockwork(4, (1, 2))), "the encoder's last state"),
        (encoding(LSTM(4), GRU(3)), "the last states of all recurrent layers of the encoder together"),
        (encoding(LSTM(4), LSTM(4), MeanOverTime()), "the last states of all recurrent layers of the encoder together"),
        (encoding(LSTM(4), bridge="dense"), "the encoder's last state"),
        (encoding(GRU(3), LSTM(4), bridge="dense"), "the encoder's last state"),
        (encoding(LSTM(4), MeanOverTime(), bridge="dense"), "the vector that the encoder ends with"),
    ],
)
def test_of_a_translator_it_is_what_the_decoder_is_given(model: Model, said: str) -> None:
    """Against central differences of the size of what is copied, or of the context, at the vectors of a, b and c."""
    layer, params = model.network.layers[0], model.params.scope("seq2seq1")
    assert isinstance(layer, Seq2Seq)
    raw = model.raw(["bac"])
    source = inputs_of(model.meta, raw, Context(), np.float64)

    def size() -> float:
        traced = layer.trace(params, Pair(source, source), Context(plain=True))
        if traced.context is not None:
            return float(np.linalg.norm(traced.context))
        learnt = [
            part
            for name, own in stack.recurrent(layer.decoder).items()
            for key, part in zip(own.state_sizes(), traced.states[name], strict=True)
            if key not in own.counters
        ]
        return float(np.linalg.norm(np.concatenate(learnt, axis=1)))

    weight, slope = params["encoder/embedding1/weight"], np.zeros((6, 3))
    for place in np.ndindex(6, 3):
        weight[place] += 1e-6
        above = size()
        weight[place] -= 2e-6
        slope[place] = (above - size()) / 2e-6
        weight[place] += 1e-6
    expected = np.linalg.norm(slope[LETTERS.encode("cab")], axis=1)  # the last first
    assert memory(model, ["bac"]).sizes == pytest.approx(expected, rel=1e-6)
    curve = seen(Question(model, "", Samples(raw, None, ("bac",))))[0]
    assert isinstance(curve, View) and f"J is the size of {said}, x " in curve.notes[0]


def test_models_that_remember_nothing_say_so() -> None:
    with pytest.raises(TuinetError, match="no recurrent layer"):
        memory(cnn(), images(2))
    with pytest.raises(TuinetError, match="no recurrent layer"):
        memory(captioner(), images(2))
    with pytest.raises(TuinetError, match="no inputs"):
        memory(classifier(), [])


def test_distances_of_a_table() -> None:
    assert list(distances(1)) == [0]
    assert list(distances(3)) == [0, 1, 2]
    assert list(distances(101)) == [0, 1, 2, 5, 10, 20, 50, 100]
