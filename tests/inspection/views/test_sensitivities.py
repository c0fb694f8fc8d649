"""The sensitivities of the layers, the gradients of their weights, and how far a step would move them."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

import tuinet
from tests.model.models import cnn, images, made
from tests.model.text_models import captioner, classifier, language_model, translator
from tuinet.data.coding import Coding
from tuinet.errors import TuinetError
from tuinet.inspection.question import Choice, Offer, Question, Samples, nodes
from tuinet.inspection.view import Seen, Table, View
from tuinet.inspection.views.sensitivities import VERDICTS, VIEWS, rate_of, verdict
from tuinet.model.meta import Meta
from tuinet.model.model import Model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Tanh
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.losses import CrossEntropy, SquaredError
from tuinet.nn.sequence import Ragged

OFFERS = {offer.name: offer for offer in VIEWS}
TEXTS = ["abc", "b", "caab"]
ALL = Choice()


def samples_of(model: Model) -> Samples:
    """Inputs and targets of any of the small models."""
    written = Ragged.of([[3, 4, 5], [4], [5, 3]], np.uint8)
    match model.meta.task:
        case "classification" if model.meta.vocabulary is None:
            return Samples(images(3), np.array([0, 1, 2]), ("x", "y", "z"))
        case "classification":
            return Samples(model.raw(TEXTS), np.array([0, 1, 1]), tuple(TEXTS))
        case "next-symbol":
            return Samples(model.raw(TEXTS), model.raw(TEXTS), tuple(TEXTS))  # type: ignore[arg-type]
        case _ if model.meta.vocabulary is None:
            return Samples(images(3), written, ("x", "y", "z"))
        case _:
            return Samples(model.raw(TEXTS), written, tuple(TEXTS))


def offered(model: Model, path: str) -> list[Offer]:
    node = nodes(model)[path] if path else None
    return [offer for offer in VIEWS if offer.fits(model, node)]


def seen(model: Model, path: str, name: str, choice: Choice = ALL) -> tuple[Seen, ...]:
    return OFFERS[name].make(Question(model, path, samples_of(model), choice=choice))


def views(model: Model, path: str, name: str, choice: Choice = ALL) -> list[View]:
    found = seen(model, path, name, choice)
    assert all(isinstance(each, View) for each in found)
    return [each for each in found if isinstance(each, View)]


def test_the_lectures_backpropagation() -> None:
    """s² = −2 F′(n²) (y − a²), s¹ = F′(n¹) W² s², for tanh and then linear units."""
    weights = {"dense1/weight": [[0.5, -1.0]], "dense1/bias": [0.1, 0.2], "dense2/weight": [[2.0], [3.0]]}
    layers = (Dense(2), Tanh(), Dense(1))
    model = made(layers, weights, Shape.vector(1), SquaredError(), Coding("values"))
    samples = Samples(np.array([[0.4]]), np.array([[1.0]]), ("",))

    def sensitivity(path: str) -> np.ndarray:
        (view,) = OFFERS["gradient"].make(Question(model, path, samples))
        assert isinstance(view, View) and view.kind == "vector"
        return view.data

    n1 = np.array([0.4 * 0.5 + 0.1, 0.4 * -1.0 + 0.2])
    s2 = -2 * (1.0 - np.tanh(n1) @ [2.0, 3.0])
    assert sensitivity("dense2") == pytest.approx([s2])
    assert sensitivity("tanh1") == pytest.approx([2 * s2, 3 * s2])
    assert sensitivity("dense1") == pytest.approx((1 - np.tanh(n1) ** 2) * [2 * s2, 3 * s2])


@pytest.mark.parametrize(
    "model",
    [
        cnn(),
        classifier(),
        classifier(cell=Bidirectional(GRU(3, form="pytorch"))),
        classifier(cell=Clockwork(6, (1, 2, 3))),
        classifier(cell=LSTM(3, peephole="diagonal")),
        language_model(),
        translator(reverse=True),
        captioner(),
    ],
    ids=["cnn", "lstm", "both ways", "clockwork", "peephole", "language model", "translator", "captioner"],
)
def test_every_layer_and_every_parameter_has_its_gradient(model: Model) -> None:
    question = Question(model, "", samples_of(model))
    shown = 0
    for path, node in nodes(model).items():
        names = [offer.name for offer in offered(model, path)]
        assert names[0] == "gradient"
        sensitivities = views(model, path, "gradient")
        assert len(sensitivities) % 3 == 0
        found = question.back.of_output[path]
        total = sum(float(np.abs(view.data).sum()) for view in sensitivities[:3])
        stored = 0.0 if found is None else np.abs(getattr(found, "values", found)).sum()
        assert total == pytest.approx(stored, rel=1e-12)
        for name in names[1:]:
            every = Choice(units=tuple(range(node.after.sizes[-1]))) if isinstance(node.layer, Conv2D) else Choice()
            for view in views(model, path, name, every):  # of a convolution, all channels of all kernels
                own = "weight" if view.name == "weight-gradient" else view.name.removesuffix("-gradient")
                expected = question.back.params[f"{path}/{own}"]
                assert np.sort(view.data, axis=None) == pytest.approx(np.sort(expected, axis=None), rel=1e-12)
                assert view.title.startswith("dJ/dw")
                shown += 1
        assert node.path == path
    assert shown == len(model.params)


def test_maps_have_sensitivities_that_are_maps() -> None:
    first, *_ = views(cnn(), "conv1", "gradient")
    assert (first.kind, first.data.shape) == ("images", (4, 6, 6))
    assert any("J is the mean loss over 3 answers" in note for note in first.notes)
    (one, *_) = views(cnn(), "conv1", "gradient", Choice(units=(2,)))
    assert one.data.reshape(6, 6).tolist() == first.data[2].tolist()
    (last, *_) = views(cnn(), "dense1", "gradient")
    assert last.axes[0].labels == ("a", "b", "c")
    assert last.data.sum() == pytest.approx(0, abs=1e-12)  # a − y


def test_sequences_have_a_sensitivity_at_every_step() -> None:
    first, *_ = views(translator(), "seq2seq1/decoder/lstm1", "gradient")
    assert (first.kind, first.data.shape, first.axes[0].name) == ("matrix", (4, 5), "step")
    assert [label.split()[-1] for label in first.axes[0].labels] == ["<start>→a", "a→b", "b→c", "c→<end>"]


def test_an_encoder_whose_outputs_nobody_reads() -> None:
    found = views(translator(), "seq2seq1/encoder/lstm1", "gradient")
    assert [view.name for view in found] == ["gradient"] * 3 + ["input-gradient"] * 3
    assert not found[0].data.any()
    assert any("only the last state goes on" in note for note in found[0].notes)
    embedding = views(translator(), "seq2seq1/encoder/embedding1", "gradient")
    assert found[3].data.any()
    assert np.array_equal(found[3].data, embedding[0].data)  # what it reads is what the embedding gives


def test_units_that_are_not_there() -> None:
    for name in ("gradient", "weight-gradient", "bias-gradient"):
        with pytest.raises(TuinetError, match="conv1"):
            seen(cnn(), "conv1", name, Choice(units=(4,)))


def test_the_table_of_all_layers() -> None:
    model = cnn()
    model = Model(model.network, model.params, msgspec.structs.replace(model.meta, training="sgd, rate 0.5; batches"))
    question = Question(model, "", samples_of(model))
    table, line = OFFERS["gradients"].make(question)
    assert isinstance(table, Table) and isinstance(line, View)
    assert [row[0] for row in table.rows] == list(model.network.names())
    row = dict(zip(table.columns, table.rows[-1], strict=True))
    dy, slope, weight = question.back.of_output["dense1"], question.back.params.scope("dense1"), model.params
    assert row["mean |dJ/dy|"] == pytest.approx(np.abs(dy).mean())
    assert row["max |dJ/dy|"] == pytest.approx(np.abs(dy).max())
    assert row["‖dJ/dw‖"] == pytest.approx(np.linalg.norm(slope.vector))
    size = np.linalg.norm(weight.scope("dense1").vector)
    assert row["‖w‖"] == pytest.approx(size)
    assert row["step / ‖w‖"] == pytest.approx(0.5 * np.linalg.norm(slope.vector) / size)
    assert row["a step"] == verdict(float(0.5 * np.linalg.norm(slope.vector) / size))
    relu = dict(zip(table.columns, table.rows[1], strict=True))
    assert relu["‖w‖"] is None and relu["a step"] is None
    assert line.axes[1].labels == model.network.names()
    assert line.data[0, -1] == pytest.approx(np.log10(np.abs(dy).mean()))
    assert "step: plain gradient descent, at rate 0.5, that of its training" in table.notes


def test_a_bridge_has_a_row_of_its_own() -> None:
    table = seen(captioner(), "", "gradients")[0]
    assert isinstance(table, Table)
    assert table.rows[0][0] == "seq2seq1/bridge"
    assert table.rows[0][1] is None and isinstance(table.rows[0][3], float)
    table = seen(translator(), "", "gradients")[0]
    assert isinstance(table, Table)
    assert "seq2seq1" not in " ".join(str(row[0]) for row in table.rows).replace("seq2seq1/", "")


def test_verdicts() -> None:
    assert [verdict(limit * 0.99) for limit, _ in VERDICTS[:-1]] == [words for _, words in VERDICTS[:-1]]
    assert [verdict(limit) for limit, _ in VERDICTS[:-1]] == [words for _, words in VERDICTS[1:]]
    assert [verdict(value) for value in (0.0, np.inf, np.nan)] == ["no gradient", "not finite", "not finite"]


def trained(words: str) -> Meta:
    return msgspec.structs.replace(cnn().meta, training=words)


def test_the_rate_of_a_step() -> None:
    assert rate_of(trained("adam, rate 0.002, beta1 0.9; batches of 32")) == (
        0.002,
        "at rate 0.002, that of its training",
    )
    assert rate_of(trained("sgd, rate 1e-05; schedule cosine; batches of 32")) == (
        1e-5,
        "at rate 1e-05, that of its training in the beginning (then schedule cosine)",
    )
    for unknown in ("", "by hand", "dropout, dropout_rate 0.5"):
        assert rate_of(trained(unknown))[0] is None


@pytest.mark.parametrize("name", ["digits-cnn", "iris-mlp", "cmudict-seq2seq", "shakespeare-lstm"])
def test_the_shipped_models_say_their_rate(name: str) -> None:
    assert rate_of(tuinet.load(name).meta)[0] in (0.002, 0.004, 0.01)


def test_without_a_rate_there_is_no_verdict() -> None:
    table = seen(cnn(), "", "gradients")[0]
    assert isinstance(table, Table)
    assert {row[-1] for row in table.rows} == {None}
    assert table.rows[0][-2] == table.rows[0][-3]


def test_vanishing_and_exploding_are_seen() -> None:
    """Ten layers of tanh units: with small weights the sensitivity fades on the way back, with large ones it grows."""
    for scale, words in ((0.1, "vanishes"), (3.0, "explodes")):
        rng = np.random.default_rng(0)
        layers = tuple(part for _ in range(9) for part in (Dense(8), Tanh())) if scale < 1 else (Dense(8),) * 9
        layers = (*layers, Dense(2))
        weights: dict[str, object] = {f"dense{k + 1}/weight": scale * rng.normal(size=(8, 8)) for k in range(9)}
        weights["dense10/weight"] = rng.normal(size=(8, 2))
        model = made(layers, weights, Shape.vector(8), CrossEntropy(), Coding("ids", classes=2))
        model = Model(model.network, model.params, msgspec.structs.replace(model.meta, training="sgd, rate 0.01"))
        x = np.ones((1, 8))
        answer = int(model.predict(x).outputs[0].argmax())
        table, line = OFFERS["gradients"].make(Question(model, "", Samples(x, np.array([1 - answer]), ("",))))
        assert isinstance(table, Table) and isinstance(line, View)
        assert table.rows[0][-1] == words
        assert (line.data[0, 0] < line.data[0, -1] - 3) == (scale < 1)


def test_it_takes_an_answer_that_is_known() -> None:
    for path, name in (("conv1", "gradient"), ("conv1", "weight-gradient"), ("", "gradients")):
        question = Question(cnn(), path, Samples(images(1), None, ("",)))
        with pytest.raises(TuinetError, match="right answer"):
            OFFERS[name].make(question)
