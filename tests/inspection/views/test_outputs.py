"""What goes into a layer and what comes out: the numbers of a trace, with the names of steps, maps and classes."""

from __future__ import annotations

import numpy as np
import pytest

import tuinet
from tests.inspection.asking import look, one_layer, path_of, question
from tests.model.models import cnn, images, made
from tests.model.text_models import captioner, classifier, language_model, tagger, translator
from tests.nn.test_laws import EXAMPLES
from tuinet.data.coding import Coding
from tuinet.errors import TuinetError
from tuinet.inspection.question import Question, nodes
from tuinet.inspection.steps import step_labels
from tuinet.inspection.trace import trace
from tuinet.inspection.view import View
from tuinet.inspection.views.outputs import VIEWS, share
from tuinet.model.model import Model
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.activation import Linear
from tuinet.nn.losses import SquaredError
from tuinet.nn.network import Sequential
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Ragged, unpack

TEXTS = ["abc", "b", "caab"]
SINGLE = [(layer, shape) for layer, shape in EXAMPLES if not isinstance(layer, Sequential | Seq2Seq)]


def view(name: str, asked: Question, place: int = 0) -> View:
    found = look(VIEWS, name, asked)[place]
    assert isinstance(found, View)
    return found


def labels(seen: View) -> list[tuple[str, ...]]:
    return [axis.labels for axis in seen.axes]


# ── images ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_layer_of_the_digits_cnn_shows_what_the_trace_holds() -> None:
    model = tuinet.load("digits-cnn")
    raw = np.random.default_rng(0).integers(0, 17, (2, 8, 8)).astype(np.uint8)
    traced = trace(model, raw)
    kinds: dict[str, str] = {}
    for path in nodes(model):
        for sample in range(2):
            seen = view("output", question(model, path, raw), sample)
            expected = traced.values[f"{path}/output"].array[sample]
            if expected.ndim == 3:
                expected = np.moveaxis(expected, 2, 0)
            np.testing.assert_array_equal(seen.data, expected)
            assert f"sample {sample}" in seen.title
            kinds[path] = seen.kind
    assert kinds["conv1"] == kinds["relu2"] == kinds["pool1"] == "images"
    assert kinds["flatten1"] == kinds["dense2"] == "vector"
    assert view("output", question(model, "dense2", raw)).axes[0].labels == tuple("0123456789")
    came = view("input", question(model, "", raw))
    assert came.kind == "image" and came.data.shape == (8, 8, 1)
    np.testing.assert_allclose(came.data[..., 0], raw[0] / 16, rtol=1e-6)
    conv2 = view("input", question(model, "conv2", raw))
    np.testing.assert_array_equal(conv2.data, view("output", question(model, "relu1", raw)).data)
    assert conv2.axes[0].name == "map"


def test_dead_maps_and_zeros_are_told() -> None:
    model = cnn()
    model.params["conv1/bias"][2] = -1000
    seen = view("output", question(model, "relu1", images(1)))
    assert any("1 of 4 maps are 0 everywhere: 2" in note for note in seen.notes)
    assert "4 maps of 6×6" in seen.notes
    zeros = float((seen.data == 0).mean())
    assert f"{share(zeros)} are 0" in seen.notes and zeros >= 0.25
    chosen = view("output", question(model, "relu1", images(1), units=(3, 2)))
    assert any(note.endswith("everywhere: 2") for note in chosen.notes)


@pytest.mark.parametrize(("part", "said"), [(0.0, "0 %"), (1.0, "100 %"), (0.5, "50 %"), (1e-5, "under 0.1 %"),
                                            (1 - 1e-5, "over 99.9 %"), (0.1234, "12.3 %")])  # fmt: skip
def test_shares_in_words(part: float, said: str) -> None:
    assert share(part) == said


def colored(channels: int) -> Model:
    return made((Linear(),), {}, Shape.image(3, 2, channels), SquaredError(), Coding("values"))


@pytest.mark.parametrize(("channels", "kind"), [(1, "image"), (3, "image"), (2, "images"), (4, "images")])
def test_channels_of_the_input_are_colours_if_they_can_be(channels: int, kind: str) -> None:
    raw = np.random.default_rng(1).normal(size=(1, 3, 2, channels))
    for name, layer in (("input", ""), ("input", "linear1"), ("output", "linear1")):
        seen = view(name, question(colored(channels), layer, raw))
        assert seen.kind == kind
        data = seen.data if kind == "image" else np.moveaxis(seen.data, 0, 2)
        np.testing.assert_array_equal(data, raw[0])


def test_three_maps_are_no_colours() -> None:
    seen = view("output", question(captioner(), "seq2seq1/encoder/conv1", images(1)))
    assert (seen.kind, seen.data.shape) == ("images", (2, 6, 6))


def test_maps_and_places_are_chosen() -> None:
    model, raw = cnn(), images(1)
    whole = view("output", question(model, "conv1", raw))
    some = view("output", question(model, "conv1", raw, units=(3, 1)))
    np.testing.assert_array_equal(some.data, whole.data[[3, 1]])
    assert some.axes[0].labels == ("3", "1")
    cell = view("output", question(model, "conv1", raw, at=(2, 5)))
    assert cell.kind == "vector"
    np.testing.assert_array_equal(cell.data, whole.data[:, 2, 5])


@pytest.mark.parametrize(
    ("choice", "message", "hint"),
    [
        ({"units": (4,)}, "conv1 has no map 4", "0 to 3"),
        ({"units": (-1,)}, "conv1 has no map -1", "0 to 3"),
        ({"at": (6, 0)}, "conv1 has no row 6", "0 to 5"),
        ({"at": (0, 6)}, "conv1 has no column 6", "0 to 5"),
        ({"at": (1,)}, "conv1 has no place 1", "row, column"),
        ({"step": 0}, "conv1 has no steps", "no step"),
        ({"gate": "forget"}, "the view output takes no --gate", "--unit and --at and --step"),
    ],
)
def test_what_is_not_there_is_refused(choice: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(TuinetError, match=message) as caught:
        look(VIEWS, "output", question(cnn(), "conv1", images(1), **choice))
    assert hint in caught.value.hint


def test_without_an_input_there_is_nothing_to_see() -> None:
    with pytest.raises(TuinetError, match="none is named"):
        look(VIEWS, "output", question(cnn(), "conv1"))


# ── sequences ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_steps_of_a_translation_are_named_as_they_are_read() -> None:
    model = tuinet.load("cmudict-seq2seq")
    raw, traced = model.raw(["thought", "hi"]), trace(model, ["thought", "hi"])
    paths = [path for path in nodes(model) if "/" in path]
    for sample, word in enumerate(("thought", "hi")):
        for path in paths:
            seen = view("output", question(model, path, raw), sample)
            steps = seen.axes[0].labels
            expected = traced.values[f"{path}/output"].array[sample][: len(steps)]
            np.testing.assert_allclose(seen.data, expected, rtol=1e-5, atol=1e-6)
            if "/encoder/" in path:
                assert steps == tuple(f"{place} {letter}" for place, letter in enumerate(reversed(word)))
            else:
                asked = traced.target_tokens[sample]
                fed = ("<start>", *asked[:-1])
                assert steps == tuple(
                    f"{place} {pair[0]}→{pair[1]}" for place, pair in enumerate(zip(fed, asked, strict=True))
                )
    whole, fed = (view("input", question(model, "", raw), place) for place in (0, 1))
    assert whole.axes[0].labels == tuple(f"{place} {letter}" for place, letter in enumerate("thought"))
    np.testing.assert_array_equal(whole.data, raw.row(0))
    assert fed.name == "fed" and fed.axes[0].labels[0].startswith("0 <start>→")
    symbols = view("output", question(model, "seq2seq1/decoder/dense1", raw)).axes[1]
    assert symbols.name == "symbol" and symbols.labels[:3] == ("<unk>", "<start>", "<end>")


def test_a_decoder_is_fed_what_is_given() -> None:
    model = translator(reverse=True)
    raw, target = model.raw(["ab"]), Ragged.of([np.array([3, 5], np.uint8)])
    forced = question(model, "seq2seq1/decoder/lstm1", raw, target)
    assert step_labels(forced, "seq2seq1/decoder/lstm1") == ("0 <start>→a", "1 a→c", "2 c→<end>")
    assert step_labels(forced, "seq2seq1/encoder/lstm1") == ("0 b", "1 a")
    assert step_labels(forced, "") == ("0 a", "1 b")


@pytest.mark.parametrize("make", [classifier, language_model, tagger], ids=lambda make: make.__name__)
def test_texts_of_different_lengths_stay_apart(make: object) -> None:
    model = make()  # type: ignore[operator]
    raw, traced = model.raw(TEXTS), trace(model, TEXTS)
    for path, node in nodes(model).items():
        for sample, text in enumerate(TEXTS):
            seen = view("output", question(model, path, raw), sample)
            expected = traced.values[f"{path}/output"].array[sample]
            if node.after.sequence:
                assert [label[2:] for label in seen.axes[0].labels] == list(text)
                expected = expected[: len(text)]
            np.testing.assert_allclose(seen.data, expected, rtol=1e-12, atol=1e-14)
    last = view("output", question(model, list(nodes(model))[-1], raw))
    if make is classifier:
        assert last.axes[0].labels == ("bad", "good")
    elif make is language_model:
        assert last.axes[1].labels == ("<unk>", "<start>", "<end>", "a", "b", "c")


def test_one_step_is_chosen() -> None:
    model = classifier()
    raw = model.raw(["abc"])
    whole = view("output", question(model, "lstm1", raw))
    step = view("output", question(model, "lstm1", raw, step=1, units=(2, 0)))
    assert step.kind == "vector" and step.axes[0].labels == ("2", "0")
    np.testing.assert_array_equal(step.data, whole.data[1, [2, 0]])
    assert view("input", question(model, "", raw, step=2)).axes[0].labels == ("2 c",)
    with pytest.raises(TuinetError, match="lstm1 has no step 3"):
        look(VIEWS, "output", question(model, "lstm1", raw, step=3))
    with pytest.raises(TuinetError, match="has no unit"):
        look(VIEWS, "input", question(model, "", raw, units=(0,)))


def test_windows_of_a_text_have_their_symbols() -> None:
    model = language_model()
    assert labels(view("input", question(model, "", np.array([[3, 4, 5]]))))[0] == ("0 a", "1 b", "2 c")


def test_images_at_every_step_are_shown_one_at_a_time() -> None:
    shape = Shape.image(2, 3, 1).over_time
    model = made((Linear(),), {}, shape, SquaredError(), Coding("values"))
    values = np.random.default_rng(2).normal(size=(5, 2, 3, 1))
    raw = Ragged(values, np.array([0, 5]))
    first, later = (view("output", question(model, "linear1", raw, step=step)) for step in (None, 3))
    np.testing.assert_array_equal(first.data, values[0])
    np.testing.assert_array_equal(later.data, values[3])
    assert "step 0 of 5" in first.notes


def test_columns_of_a_table_have_their_names() -> None:
    seen = view("input", question(tuinet.load("iris-mlp"), "dense1", np.array([[5.1, 3.5, 1.4, 0.2]])))
    assert seen.axes[0].labels[2].startswith("petal length")


# ── every layer ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("layer", "shape"), SINGLE, ids=lambda each: type(each).__name__)
def test_every_layer_shows_what_goes_in_and_comes_out(layer: Layer, shape: Shape) -> None:
    model, raw = one_layer(layer, shape)
    path = path_of(model)
    asked = question(model, path, raw)
    place = asked.run.places[path]
    for name, signal, sample_shape in (
        ("input", place.x, model.prepared_shape),
        ("output", place.y, nodes(model)[path].after),
    ):
        for sample in range(2):
            seen = view(name, asked, sample)
            whole = unpack(signal).row(sample) if sample_shape.sequence else signal[sample]
            data = seen.data if seen.kind != "images" else np.moveaxis(seen.data, 0, 2)
            np.testing.assert_array_equal(np.ravel(data), np.ravel(whole))
            assert not np.shares_memory(seen.data, whole)
