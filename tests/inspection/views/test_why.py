"""Why a model says what it says: by hand, against central differences, and by finding what was planted."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

import tuinet
from tests.model.models import cnn, images, linear, made, xor
from tests.model.text_models import captioner, classifier, language_model, one_hot_classifier, tagger, translator
from tuinet.data.coding import Coding
from tuinet.data.dataset import Column, Dataset, DatasetInfo, Split
from tuinet.data.preparation import Scale, Standardize
from tuinet.errors import TuinetError
from tuinet.experiment.spec import TrainingSettings
from tuinet.inspection.passes import run_model
from tuinet.inspection.question import Choice, Question, Samples, nodes
from tuinet.inspection.view import Seen, Table, View
from tuinet.inspection.views import erasure, ideal, likes, occlusion, shifts, why
from tuinet.inspection.views.receptive import enlarged, field_of, line_of
from tuinet.inspection.views.score import chosen, each, log_probability, weights
from tuinet.inspection.words import in_words
from tuinet.model.model import Model, new_model
from tuinet.model.signals import answers
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu, Softmax
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep, Rows
from tuinet.nn.layers.pool import AveragePool, MaxPool
from tuinet.nn.losses import CrossEntropy, SquaredError
from tuinet.nn.network import Sequential
from tuinet.nn.optimizers import Adam
from tuinet.nn.sequence import Ragged

IDS = Coding("ids", classes=3)


def asked(model: Model, inputs: object, layer: str = "", **choice: object) -> Question:
    raw = model.raw(inputs)
    names = tuple(f"test:{row}" for row in range(len(raw)))
    return Question(model, layer, Samples(raw, None, names), choice=Choice(**choice))  # type: ignore[arg-type]


def view(seen: tuple[Seen, ...], name: str) -> View:
    found = [each for each in seen if isinstance(each, View) and each.name == name]
    assert found
    return found[0]


def table(seen: tuple[Seen, ...]) -> Table:
    return next(each for each in seen if isinstance(each, Table))


# ── gradient × input ──────────────────────────────────────────────────────────────────────────────────────────────


def test_of_a_linear_model_each_input_adds_its_product() -> None:
    model = linear([[1.0, -2, 0], [0.5, 4, 1]], [10.0, 0, 0], CrossEntropy(), IDS)
    seen = why.gradient_input(asked(model, [[3.0, 2.0]]))
    assert view(seen, "gradient-input").data.tolist() == [3.0, 1.0]  # says a: 3·1 + 2·0.5 + 10
    assert view(seen, "input").data.tolist() == [3.0, 2.0]
    assert "class a, score 14" in view(seen, "gradient-input").notes[0]
    both = view(why.gradient_input(asked(model, [[3.0, 2.0]], units=(1, 2))), "gradient-input")
    assert both.data.tolist() == [[-6.0, 8.0], [0.0, 2.0]]
    assert both.axes[0].labels == ("b", "c")


def test_a_class_in_binary_code_is_explained_by_its_bits() -> None:
    model = linear([[1.0, 3.0]], [0.0, 0.0], SquaredError(), Coding("binary", classes=4))
    found = [view(why.gradient_input(asked(model, [[2.0]], units=(c,))), "gradient-input").data[0] for c in range(4)]
    assert found == [-2 - 6, -2 + 6, 2 - 6, 2 + 6]  # bits 00, 01, 10, 11


def test_scores_are_those_before_a_softmax_at_the_end() -> None:
    drawn = {"dense1/weight": [[1.0, -2, 0], [0.5, 4, 1]], "dense1/bias": [1.0, 0, 0]}
    model = made((Dense(3), Softmax()), drawn, Shape.vector(2), SquaredError(), Coding("one-hot", classes=3))
    seen = view(why.gradient_input(asked(model, [[3.0, 2.0]])), "gradient-input")  # scores 5, 2 and 2
    assert seen.data.tolist() == [3.0, 1.0]
    assert f"class a, score 5, probability {np.exp(5) / (np.exp(5) + 2 * np.exp(2)):.3g}" in seen.notes[0]


def test_without_biases_all_of_the_score_is_accounted_for() -> None:
    layers = (Conv2D(4, 3, bias=False), Relu(), MaxPool(), Flatten(), Dense(3, bias=False))
    rng = np.random.default_rng(2)
    drawn = {"conv1/weight": rng.normal(size=(3, 3, 2, 4)), "dense1/weight": rng.normal(size=(36, 3))}
    model = made(layers, drawn, Shape.image(8, 8, 2), CrossEntropy(), IDS)
    inputs = rng.normal(size=(3, 8, 8, 2))
    outputs = model.predict(inputs).outputs
    views = [each for each in why.gradient_input(asked(model, inputs)) if each.name == "gradient-input"]
    assert len(views) == 3  # one a sample
    for seen, own in zip(views, outputs, strict=True):
        assert isinstance(seen, View) and seen.kind == "images" and seen.data.shape == (1, 8, 8)
        assert seen.data.sum() == pytest.approx(own.max(), rel=1e-12)


def test_inputs_of_a_column_of_words_are_summed() -> None:
    model = linear([[1.0, 0, 0], [2, 0, 0], [4, 0, 0]], [9.0, 0, 0], CrossEntropy(), IDS)
    columns = (Column("age"), Column("colour", ("red", "green")))
    model.meta = msgspec.structs.replace(model.meta, columns=columns)
    seen = view(why.gradient_input(asked(model, [[5.0, 1.0, 1.0]])), "gradient-input")
    assert seen.data.tolist() == [5.0, 6.0]
    assert seen.axes[0].labels == ("age", "colour")
    dropped = view(occlusion.occlusion(asked(model, [[5.0, 1.0, 1.0]])), "occlusion")
    assert dropped.data.tolist() == [5.0, 6.0]


TEXT_MODELS: dict[str, Callable[[], Model]] = {
    "classifier": classifier,
    "one answer a step": tagger,
    "tags that are symbols": lambda: tagger(words=True),
    "language model": language_model,
    "translator": translator,
    "from the end": lambda: translator(reverse=True),
}


@pytest.mark.parametrize("make", TEXT_MODELS.values(), ids=TEXT_MODELS)
def test_what_a_symbol_adds_is_the_slope_along_its_vector(make: Callable[[], Model]) -> None:
    """Σᵤ eᵤ ds/deᵤ = ds/dε of e ← (1 + ε) e, against central differences."""
    model = make()
    question = asked(model, "cab", **({"step": 1} if model.meta.answers_steps else {}))
    seen = view(why.gradient_input(question), "gradient-input")
    length = 2 if model.meta.task == "next-symbol" else 3  # later symbols have no part in step 1
    assert seen.axes[0].labels == ("c", "a", "b")
    (answer,) = each(question)
    (score,) = chosen(answer, question.choice)
    path = next(path for path in model.params if path.endswith("embedding1/weight"))
    table = model.params[path]

    def value() -> float:
        net = answers(run_model(model, answer.raw, answer.fed).outputs)
        return float(net[score.step] @ weights(model, score.unit))

    for place, symbol in enumerate("cab"[:length]):
        row = ["<unk>", "<start>", "<end>", "a", "b", "c"].index(symbol)
        kept, found = table[row].copy(), []
        for step in (1e-5, -1e-5):
            table[row] = kept * (1 + step)
            found.append(value())
        table[row] = kept
        assert seen.data[place] == pytest.approx((found[0] - found[1]) / 2e-5, rel=1e-5, abs=1e-8)
    assert not seen.data[length:].any()


def test_every_step_of_an_answer_is_explained_unless_one_is_named() -> None:
    model = tuinet.load("cmudict-seq2seq")
    whole = view(why.gradient_input(asked(model, "thought")), "gradient-input")
    assert whole.axes[0].labels == ("TH", "AO", "T", "<end>")
    assert whole.axes[1].labels == tuple("thought")
    assert whole.data[0].argmax() == 0  # TH for its t
    one = view(why.gradient_input(asked(model, "thought", step=2)), "gradient-input")
    assert one.kind == "vector" and np.array_equal(one.data, whole.data[2])


def test_where_nothing_comes_through_it_is_said() -> None:
    seen = view(why.gradient_input(asked(xor(), [[1.0, 0.0]])), "gradient-input")
    assert not seen.data.any() and why.FLAT in seen.notes


@pytest.mark.parametrize("choice", [{"units": (3,)}, {"units": (-1,)}, {"step": 0}])
def test_a_class_or_a_step_that_there_is_not(choice: dict[str, object]) -> None:
    model = cnn()
    for make in (why.gradient_input, why.grad_cam, occlusion.occlusion):
        with pytest.raises(TuinetError) as caught:
            make(asked(model, images(1), **choice))
        assert "0 to 2" in caught.value.hint or "Leave the step out" in caught.value.hint


def test_a_step_behind_the_answer() -> None:
    with pytest.raises(TuinetError, match="no step 3") as caught:
        erasure.leave_one_out(asked(language_model(), "abc", step=3))
    assert "0 to 2" in caught.value.hint


def test_weights_that_are_not_finite() -> None:
    model = cnn()
    model.params.vector[:] = np.nan
    for make in (why.gradient_input, why.grad_cam, occlusion.occlusion):
        with pytest.raises(TuinetError, match="not a number"):
            make(asked(model, images(1)))


# ── Grad-CAM ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_mean_maps_grad_cam_sums_to_the_score() -> None:
    """s = Σₖ wₖ mean(Aₖ) + b: Σₖ αₖ Aₖ over all places is s − b, and where it is positive it is the map."""
    layers = (Conv2D(3, 3), Relu(), AveragePool(6), Flatten(), Dense(3))
    rng = np.random.default_rng(4)
    drawn = {"conv1/weight": rng.normal(size=(3, 3, 1, 3)), "dense1/weight": rng.uniform(size=(3, 3))}
    model = made(layers, drawn | {"dense1/bias": [0.5, 0.25, -1]}, Shape.image(8, 8, 1), CrossEntropy(), IDS)
    inputs = rng.normal(size=(1, 8, 8, 1))
    for unit, bias in enumerate((0.5, 0.25, -1)):
        seen = why.grad_cam(asked(model, inputs, units=(unit,)))
        coarse = view(seen, "grad-cam-coarse").data
        assert coarse.shape == (1, 6, 6)
        assert coarse.sum() == pytest.approx(model.predict(inputs).outputs[0, unit] - bias, rel=1e-12)
        assert np.allclose(view(seen, "grad-cam").data[0, 1:7, 1:7], coarse[0])  # a cell: the middle of its window


def test_grad_cam_of_any_convolution_of_a_real_model() -> None:
    model = tuinet.load("mnist-small-cnn")
    (offer,) = (offer for offer in why.VIEWS if offer.name == "grad-cam")
    every = nodes(model)
    assert [path for path in every if offer.fits(model, every[path])] == ["conv1", "conv2"]
    assert offer.fits(model, None) and not offer.fits(tuinet.load("iris-mlp"), None)
    inputs = np.random.default_rng(0).integers(0, 256, (1, 28, 28), np.uint8)
    last = why.grad_cam(asked(model, inputs))
    named = why.grad_cam(asked(model, inputs, "conv2"))
    assert np.array_equal(view(last, "grad-cam").data, view(named, "grad-cam").data)
    first = view(why.grad_cam(asked(model, inputs, "conv1")), "grad-cam-coarse").data
    assert first.shape == (1, 26, 26) and first.min() >= 0 < first.max()


def test_of_captions_every_symbol_has_its_map() -> None:
    model = captioner()
    model.meta = msgspec.structs.replace(model.meta, preparation=(Scale(255.0),))
    question = asked(model, images(1))
    for make, name in ((why.grad_cam, "grad-cam"), (occlusion.occlusion, "occlusion"), (why.gradient_input, None)):
        seen = view(make(question), name or "gradient-input")
        assert seen.kind == "images" and seen.data.any()
        assert len(seen.axes[0].labels) == len(seen.data)


STACKS = [
    (Conv2D(1, 3),),
    (Conv2D(1, 3, padding="same"), Relu(), Conv2D(1, 3, stride=2)),
    (Conv2D(1, (2, 3), stride=(2, 1), padding=1), AveragePool(2), Relu(), Conv2D(1, 2)),
    (AveragePool((3, 2), stride=2), Conv2D(1, 2, stride=2, padding="same")),
    (AveragePool((1, 2)), Conv2D(1, 3, padding="same")),
]


@pytest.mark.parametrize("layers", STACKS)
def test_the_receptive_field_is_where_the_gradient_is(layers: tuple[Conv2D | Relu | AveragePool, ...]) -> None:
    model = made((*layers, Flatten(), Dense(3)), {}, Shape.image(13, 12, 1), CrossEntropy(), IDS)
    model.params.vector[:] = 1.0
    line, last = line_of(model), len(layers) - 1
    field = field_of(line, last)
    assert field is not None
    assert field_of(line, last + 1) is None
    base = np.ones((1, 13, 12, 1))
    rows, columns, _ = line.shapes[last + 1].sizes
    path = model.network.names()[last]
    still = run_model(model, base).places[path].y[0, ..., 0]
    seen = np.zeros((rows, columns, 13, 12), bool)
    for place in np.ndindex(13, 12):
        moved = base.copy()
        moved[0][place] = 2.0
        seen[..., place[0], place[1]] = run_model(model, moved).places[path].y[0, ..., 0] != still
    for i, j in np.ndindex(rows, columns):
        expected = np.zeros((13, 12), bool)
        top, left = field.start[0] + i * field.jump[0], field.start[1] + j * field.jump[1]
        expected[max(0, top) : max(0, top + field.size[0]), max(0, left) : max(0, left + field.size[1])] = True
        assert np.array_equal(seen[i, j], expected)


def test_a_map_is_enlarged_by_the_middles_of_what_its_cells_see() -> None:
    line = line_of(made((MaxPool(), Flatten(), Dense(3)), {}, Shape.image(4, 4, 1), CrossEntropy(), IDS))
    field = field_of(line, 0)
    assert field is not None
    found = enlarged(np.array([[0.0, 2.0], [4.0, 6.0]]), field, 4, 4)  # middles at 0.5 and 2.5
    assert found[0].tolist() == [0, 0.5, 1.5, 2]
    assert found[:, 0].tolist() == [0, 1, 3, 4]


# ── occlusion ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_answers_to_all_places_are_never_held_at_once() -> None:
    size, outputs = 64, 2000
    weight = np.random.default_rng(4).normal(size=(64, outputs))
    layers = (AveragePool(8), Flatten(), Dense(outputs))
    coding = Coding("values")
    model = made(layers, {"dense1/weight": weight}, Shape.image(size, size, 1), SquaredError(), coding)
    question = asked(model, np.random.default_rng(5).random((1, size, size, 1)), units=(3,))
    tracemalloc.start()
    seen = view(occlusion.occlusion(question), "occlusion")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size * size * outputs * 8 / 2
    where = np.unravel_index(int(seen.data.argmax()), (size, size))
    assert f"most without row {where[0]}, column {where[1]}: " in " ".join(seen.notes)


def test_of_a_linear_model_a_patch_takes_away_its_products() -> None:
    rng = np.random.default_rng(3)
    weight, image = rng.normal(size=(36, 3)), rng.integers(1, 9, (6, 6, 1)).astype(float)
    model = made((Flatten(), Dense(3)), {"dense1/weight": weight}, Shape.image(6, 6, 1), CrossEntropy(), IDS)
    rim = np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])
    products = (image[..., 0] - np.median(rim)) * weight[:, 1].reshape(6, 6)
    seen = view(occlusion.occlusion(asked(model, image, units=(1,))), "occlusion")
    for i, j in np.ndindex(6, 6):
        patch = products[max(0, i - 1) : i + 2, max(0, j - 1) : j + 2]  # 3×3 around, cut off at the rim
        assert seen.data[0, i, j] == pytest.approx(patch.sum(), abs=1e-12)
    i, j = np.unravel_index(seen.data.argmax(), (6, 6))
    assert f"row {i}, column {j}" in seen.notes[1]


def test_on_large_images_the_patch_moves_by_several_cells() -> None:
    model = made((Flatten(), Dense(3)), {}, Shape.image(130, 4, 1), CrossEntropy(), IDS)
    model.params["dense1/weight"][100 * 4 + 1] = 1.0
    image = np.zeros((130, 4))
    image[100, 1] = 5.0
    seen = view(occlusion.occlusion(asked(model, image, units=(0,))), "occlusion")
    assert seen.data.shape == (1, 130, 4)
    covering = np.flatnonzero(seen.data[0, :, 1])
    assert seen.data.max() == 5.0 and covering.min() < 100 < covering.max()
    assert any("3 rows and 1 columns at a time" in note for note in seen.notes)


def test_a_column_is_left_at_its_training_mean() -> None:
    model = tuinet.load("iris-mlp")
    (standard,) = model.meta.preparation
    assert isinstance(standard, Standardize) and standard.mean is not None
    row = np.array([5.1, 3.5, 1.4, 0.2])
    seen = view(occlusion.occlusion(asked(model, row)), "occlusion")
    outputs = model.predict([row, *(np.where(np.arange(4) == c, standard.mean, row) for c in range(4))]).outputs
    assert seen.data == pytest.approx(outputs[0].max() - outputs[1:, outputs[0].argmax()], abs=1e-5)
    assert "its mean in training" in seen.notes[0]


# ── leaving symbols out ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("make", [classifier, one_hot_classifier])
def test_without_a_symbol_a_class_is_less_likely_by(make: Callable[[], Model]) -> None:
    model = make()
    seen = erasure.leave_one_out(asked(model, "abcab"))
    found = model.predict(["abcab", "bcab", "acab", "abab", "abcb", "abca"])
    assert found.ids is not None and found.labels is not None
    logs = np.log(found.scores[:, found.ids[0]])
    assert view(seen, "leave-one-out").data == pytest.approx(logs[0] - logs[1:], abs=1e-12)
    rows = table(seen).rows
    assert [row[1] for row in rows] == list("abcab")
    assert [row[-1] for row in rows] == found.labels[1:]


def test_without_a_symbol_another_answer_is_written() -> None:
    model = tuinet.load("cmudict-seq2seq")
    seen = erasure.leave_one_out(asked(model, "thin"))
    whole, *left = model.translate(["thin", "hin", "tin", "thn", "thi"])
    assert [row[-1] for row in table(seen).rows] == [each.text for each in left]
    assert table(seen).rows[1][-1] == "T IH N"
    drops = view(seen, "leave-one-out").data
    assert whole.text in view(seen, "leave-one-out").notes[0]
    target = Ragged.of([np.array(whole.ids)])
    for place, text in enumerate(("hin", "tin", "thn", "thi")):
        outputs = run_model(model, model.raw(text), target).outputs.values
        asked_for = [*whole.ids, 2]
        logs = [log_probability(model, outputs[[t]], unit) for t, unit in enumerate(asked_for)]
        likely = sum(float(each[0]) for each in logs if each is not None)
        assert drops[place] == pytest.approx(whole.log_probability - likely, abs=1e-4)


def test_of_a_text_that_goes_on_the_symbol_behind_is_asked_for() -> None:
    model = language_model()
    seen = erasure.leave_one_out(asked(model, "abcab", step=2))
    assert view(seen, "leave-one-out").axes[0].labels == ("a", "b", "c")  # what comes later has no part in it
    logs = []
    (first,) = (answers(run_model(model, model.raw("abc")).outputs)[-1:],)
    unit = int(np.where(np.arange(first.shape[1]) < 3, -np.inf, first[0]).argmax())
    for text in ("abc", "bc", "ac", "ab"):
        net = answers(run_model(model, model.raw(text)).outputs)[-1:]
        found = log_probability(model, net, unit)
        assert found is not None
        logs.append(float(found[0]))
    assert view(seen, "leave-one-out").data == pytest.approx(logs[0] - np.array(logs[1:]), abs=1e-12)


def test_where_every_symbol_has_a_tag_it_is_replaced() -> None:
    model = tagger()
    seen = erasure.leave_one_out(asked(model, "abc", step=2))
    texts = ["abc", "?bc", "a?c", "ab?"]
    own = model.tag(texts)
    likely = [np.log(tag.probabilities[2] if tag.ids[2] == own[0].ids[2] else 1 - tag.probabilities[2]) for tag in own]
    assert view(seen, "leave-one-out").data == pytest.approx(likely[0] - np.array(likely[1:]), abs=1e-12)
    assert [row[-1] for row in table(seen).rows] == [tag.tags[2] for tag in own[1:]]


def test_of_long_texts_neighbours_are_left_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "MOST_STEPS", 40)
    seen = erasure.leave_one_out(asked(classifier(), "abcabcabca"))
    assert [row[:2] for row in table(seen).rows] == [(0, "abc"), (3, "abc"), (6, "abc"), (9, "a")]
    drops = view(seen, "leave-one-out").data
    assert len(drops) == 10 and len(set(drops[:3].tolist())) == 1


def test_a_text_of_one_symbol() -> None:
    with pytest.raises(TuinetError, match="of one symbol"):
        erasure.leave_one_out(asked(classifier(), "a"))


# ── every model ───────────────────────────────────────────────────────────────────────────────────────────────────


def series_model() -> Model:
    info = DatasetInfo("s", "classification", Shape.vector(3).over_time, {"train": 9}, labels=("a", "b"))
    layers = (LSTM(4), LastStep(), Dense(2))
    return new_model(Sequential(layers), info, (), CrossEntropy(), dtype=np.float64)


def rows_model() -> Model:
    return made((Rows(), LSTM(3), LastStep(), Dense(3)), {}, Shape.image(5, 4, 3), CrossEntropy(), IDS)


def two_values() -> Model:
    return linear([[1.0, 2], [3, 4]], [0.0, 1], SquaredError(), Coding("values"))


MODELS: dict[str, Callable[[], Model]] = {
    "cnn": cnn,
    "xor": xor,
    "captions": captioner,
    "one-hot": one_hot_classifier,
    "series": series_model,
    "rows of an image": rows_model,
    "values": two_values,
    **TEXT_MODELS,
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_every_view_that_a_model_has_can_be_seen(make: Callable[[], Model]) -> None:
    model = make()
    shape, rng = model.meta.input_shape, np.random.default_rng(0)
    count = 3
    if model.meta.vocabulary is not None:
        inputs: object = Ragged.of([rng.integers(3, 6, length) for length in (2, 5, 3)], np.uint8)
    elif shape.sequence:
        inputs = Ragged.of([rng.normal(size=(length, *shape.sizes)) for length in (2, 5, 3)])
    else:
        inputs = rng.uniform(size=(count, *shape.sizes))
    targets = np.zeros(count, int) if model.meta.task == "classification" else inputs
    if model.meta.task == "seq2seq":
        targets = Ragged.of([[3], [4, 5], [3]], np.uint8)
    samples = Samples(inputs, targets, ("one", "two", "three"))  # type: ignore[arg-type]
    every = nodes(model)
    names: set[str] = set()
    for module in (why, occlusion, erasure, likes, ideal, shifts):
        for offer in module.VIEWS:
            for node in (None, *every.values()):
                if not offer.fits(model, node):
                    continue
                names.add(offer.name)
                path = node.path if node else ""
                for seen in offer.make(Question(model, path, samples, lambda: Split(inputs, targets))):
                    assert in_words(seen) and seen.title
                    if isinstance(seen, View):
                        assert seen.data.ndim == len(seen.axes) and np.isfinite(seen.data).all()
                        for size, axis in zip(seen.data.shape, seen.axes, strict=True):
                            assert len(axis.labels) in (0, size)
                    else:
                        assert isinstance(seen, Table)
                        assert all(len(row) == len(seen.columns) for row in seen.rows)
    assert {"gradient-input", "excites"} <= names
    assert ("leave-one-out" in names) == (model.meta.vocabulary is not None)
    assert ("occlusion" in names) == (not shape.sequence)
    assert ("shifts" in names) == (len(shape.sizes) == 3)


# ── what was planted is found ─────────────────────────────────────────────────────────────────────────────────────

SIDE, PATTERN = 16, 5


def planted(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noise with a bright plus, cross or ring of 5×5 somewhere, which is the class; and the pattern's corners."""
    rng = np.random.default_rng(seed)
    plus, ring = np.zeros((PATTERN, PATTERN), bool), np.ones((PATTERN, PATTERN), bool)
    plus[PATTERN // 2] = plus[:, PATTERN // 2] = True
    ring[1:-1, 1:-1] = False
    patterns = [plus, (np.eye(PATTERN) + np.eye(PATTERN)[::-1]) > 0, ring]
    inputs = rng.integers(0, 100, (count, SIDE, SIDE), np.uint8)
    targets, corners = rng.integers(0, 3, count), rng.integers(0, SIDE - PATTERN + 1, (count, 2))
    for image, target, (row, column) in zip(inputs, targets, corners.tolist(), strict=True):
        window = image[row : row + PATTERN, column : column + PATTERN]
        window[patterns[target]] = rng.integers(180, 256, int(patterns[target].sum()))
    return inputs, targets, corners


def finder() -> Model:
    """A convolution that sees windows of the pattern's size, trained to tell the patterns apart."""
    inputs, targets, _ = planted(1500, 1)
    shape, labels = Shape.image(SIDE, SIDE, 1), ("plus", "cross", "ring")
    data = Dataset("planted", "classification", shape, {"train": Split(inputs, targets)}, labels, maximum=255.0)
    layers = (Conv2D(8, PATTERN, padding="same"), Relu(), MaxPool(SIDE), Flatten(), Dense(3))
    model = new_model(Sequential(layers), data, (Scale(255.0),), CrossEntropy(), 0, "finder")
    settings = TrainingSettings(loss=CrossEntropy(), optimizer=Adam(rate=0.005), epochs=6, batch_size=50)
    for _ in tuinet.fit(model, data, settings):
        pass
    return model


def test_the_peak_lies_in_what_was_planted() -> None:
    model = finder()
    inputs, targets, corners = planted(40, 2)
    question = asked(model, inputs)
    ids = model.predict(inputs).ids
    assert ids is not None and (ids == targets).mean() > 0.98
    for make, name in ((why.gradient_input, "gradient-input"), (occlusion.occlusion, None), (why.grad_cam, "grad-cam")):
        views = [seen for seen in make(question) if isinstance(seen, View) and seen.name == (name or "occlusion")]
        inside = 0
        for seen, (row, column) in zip(views, corners.tolist(), strict=True):
            peak_row, peak_column = np.unravel_index(seen.data[0].argmax(), (SIDE, SIDE))
            inside += row <= peak_row < row + PATTERN and column <= peak_column < column + PATTERN
        assert inside / len(views) >= 0.95, name
