"""The real inputs that excite a unit: against looking at all of them at once."""

from __future__ import annotations

import numpy as np
import pytest

import tuinet
from tests.model.models import IMAGES, cnn, images, linear
from tests.model.text_models import captioner, classifier, language_model, tagger, translator
from tuinet.data.coding import Coding
from tuinet.data.dataset import Split
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.inspection.passes import run_model
from tuinet.inspection.question import Choice, Question, Samples, nodes
from tuinet.inspection.view import Table, View
from tuinet.inspection.views import search as searching
from tuinet.inspection.views.gates import gates
from tuinet.inspection.views.likes import VIEWS, excites, marked
from tuinet.inspection.views.search import evenly, search
from tuinet.model.model import Model, new_model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import Sequential
from tuinet.nn.sequence import Ragged, Sequence


def asked(model: Model, layer: str, part: Split, **choice: object) -> Question:
    return Question(model, layer, None, lambda: part, Choice(**choice))  # type: ignore[arg-type]


def texts(count: int, seed: int = 0) -> Ragged:
    rng = np.random.default_rng(seed)
    return Ragged.of([rng.integers(3, 6, rng.integers(1, 9)) for _ in range(count)], np.uint8)


def parts(model: Model, count: int = 30) -> Split:
    """Raw data that the model takes."""
    shape = model.meta.input_shape
    inputs = texts(count) if shape.sequence else images(count)
    if model.meta.task == "seq2seq":
        return Split(inputs, texts(count, 1))
    if model.meta.task == "classification":
        return Split(inputs, np.arange(count) % 2)
    targets = inputs if isinstance(inputs, Ragged) else np.zeros(count)
    return Split(inputs, targets)


CASES = [
    *((cnn(), path, None) for path in nodes(cnn())),
    *((classifier(), path, None) for path in nodes(classifier())),
    *((language_model(), "lstm1", gate) for gate in ("forget", "cell", "candidate", None)),
    (tagger(), "bidirectional1", None),
    (translator(reverse=True), "seq2seq1/encoder/lstm1", "cell"),
    (translator(), "seq2seq1/decoder/lstm1", "forget"),
    (translator(), "seq2seq1/decoder/dense1", None),
    (captioner(), "seq2seq1/encoder/conv1", None),
    (captioner(), "seq2seq1/decoder/rnn1", None),
]


@pytest.mark.parametrize(("model", "layer", "gate"), CASES, ids=lambda each: str(each) if isinstance(each, str) else "")
def test_in_batches_the_same_is_found_as_at_once(
    model: Model, layer: str, gate: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "batch_size", 7)
    part = parts(model)
    found = search(asked(model, layer, part, gate=gate))
    place = run_model(model, part.inputs, part.targets if model.meta.task == "seq2seq" else None).places[layer]
    value = place.values[gate or "output"]
    array = value.array.astype(np.float64).copy()
    if isinstance(place.y, Sequence):
        array[np.arange(array.shape[1]) >= place.y.steps.lengths[:, None]] = -np.inf
    greatest = array.reshape(len(array), -1, array.shape[-1]).max(axis=1)  # (30, U)
    assert found.axes == value.axes[1:-1]
    assert found.looked == found.total == 30
    assert np.allclose(found.values, -np.sort(-greatest, axis=0)[:9], rtol=1e-12, atol=1e-12)
    assert np.allclose(found.means, greatest.mean(axis=0))
    for unit in range(array.shape[-1]):
        for row, where, own in zip(
            found.samples[:, unit], found.places[:, unit].tolist(), found.values[:, unit], strict=True
        ):
            assert array[(row, *where, unit)] == pytest.approx(own, rel=1e-12, abs=1e-12)


def test_by_hand() -> None:
    model = linear([[1.0, -1, 0], [0, 0, 1]], [0.0, 0, 0], CrossEntropy(), Coding("ids", classes=3))
    part = Split(np.array([[3.0, 1], [5, 7], [4, 9], [-2, 0]]), np.array([0, 1, 2, 0]))
    table, view = excites(asked(model, "dense1", part))  # the third unit has the highest mean: (1 + 7 + 9 + 0) / 4
    assert isinstance(table, Table) and isinstance(view, View)
    assert table.columns == ("sample", "value", "class")
    assert table.rows == ((2, 9.0, "c"), (1, 7.0, "b"), (0, 1.0, "a"), (3, 0.0, "a"))
    assert view.data[0].tolist() == [4, 9] and view.axes[0].labels[0] == "2: 9"
    table, _ = excites(asked(model, "dense1", part, units=(1,)))
    assert isinstance(table, Table) and [row[0] for row in table.rows] == [3, 0, 2, 1]


def test_the_window_holds_what_the_cell_saw() -> None:
    model = tuinet.load("mnist-small-cnn")
    rng = np.random.default_rng(3)
    part = Split(rng.integers(0, 256, (20, 28, 28), np.uint8), rng.integers(0, 10, 20))
    table, pictures, windows = excites(asked(model, "conv1", part, units=(2,)))
    assert isinstance(table, Table) and isinstance(pictures, View) and isinstance(windows, View)
    assert pictures.data.shape == (9, 28, 28, 1) and windows.data.shape == (9, 3, 3, 1)
    kernel, bias = model.params["conv1/weight"][:, :, 0, 2], model.params["conv1/bias"][2]
    for row, window, whole in zip(table.rows, windows.data[..., 0], pictures.data[..., 0], strict=True):
        sample, value, i, j, _ = row
        assert value == pytest.approx(float((window * kernel).sum() + bias), rel=1e-4)
        assert np.array_equal(whole[i : i + 3, j : j + 3], window)  # type: ignore[operator]
        assert np.allclose(whole, part.inputs[sample] / 255)


def test_a_window_at_the_rim_is_filled_with_zeros() -> None:
    model = new_model(Sequential((Conv2D(1, 3, padding="same"), Flatten(), Dense(3))), IMAGES, (), CrossEntropy())
    model.params["conv1/weight"][...] = 0
    model.params["conv1/weight"][1, 1] = 1
    image = np.zeros((1, 8, 8), np.uint8)
    image[0, 0, 7], image[0, 1, 6] = 9, 5
    _, _, windows = excites(asked(model, "conv1", Split(image, np.zeros(1, int))))
    assert isinstance(windows, View)
    assert windows.data[0, ..., 0].tolist() == [[0, 0, 0], [0, 9, 0], [5, 0, 0]]


def test_colours_are_shown() -> None:
    info = IMAGES.__class__("c", "classification", Shape.image(6, 6, 3), {"train": 4}, labels=("a", "b"))
    model = new_model(Sequential((Conv2D(2, 3), Flatten(), Dense(2))), info, (), CrossEntropy())
    part = Split(np.random.default_rng(0).integers(0, 9, (4, 6, 6, 3), np.uint8), np.array([0, 1, 0, 1]))
    seen = excites(asked(model, "conv1", part))
    assert [each.data.shape for each in seen if isinstance(each, View)] == [(4, 6, 6, 3), (4, 3, 3, 3)]


def test_only_where_it_is_named() -> None:
    part = Split(images(12), np.zeros(12, int))
    model = cnn()
    found = search(asked(model, "conv1", part, at=(2, 3)))
    assert (found.places == [2, 3]).all()
    language = language_model()
    own = parts(language)
    table = excites(asked(language, "lstm1", own, step=2, gate="cell", units=(1,)))[0]
    assert isinstance(table, Table)
    assert {row[2] for row in table.rows} == {2}
    lengths = own.inputs.lengths
    assert all(lengths[row[0]] > 2 for row in table.rows)


def test_the_symbol_is_marked_in_its_text() -> None:
    model = translator(reverse=True)
    part = Split(Texts(["abc", "cab", "bbbb"]), Texts(["ab", "c", "a"]))
    table = excites(asked(model, "seq2seq1/encoder/lstm1", part, units=(0,)))[0]
    assert isinstance(table, Table)
    for row in table.rows:
        sample, step, text = int(row[0]), int(row[2]), str(row[-1])  # type: ignore[arg-type]
        source = part.inputs.row(sample)
        place = len(source) - 1 - step  # steps come as they are read, from the end
        assert text == f"{source[:place]}»{source[place]}«{source[place + 1 :]}"
    written = excites(asked(model, "seq2seq1/decoder/dense1", part, units=(4,)))[0]
    assert isinstance(written, Table)
    assert {str(row[-1]).replace("»", "").replace("«", "") for row in written.rows} == {
        "<start>ab",
        "<start>c",
        "<start>a",
    }
    whole = excites(asked(classifier(), "last1", Split(texts(3), np.zeros(3, int))))[0]
    assert isinstance(whole, Table) and "»" not in str(whole.rows[0][-1])


def test_a_backward_direction_is_marked_where_it_answers() -> None:
    """As the view `gates` shows it, at every step and at one that is named."""
    model = classifier(cell=Bidirectional(LSTM(4)), seed=1)
    part = Split(Texts(["aabc", "b", "cabcab"]), np.array([0, 1, 0]))
    for gate in ("backward/forget", "backward/cell", "backward/hidden"):
        for unit in range(4):
            for step in (None, 2):
                question = asked(model, "bidirectional1", part, units=(unit,), gate=gate, step=step)
                table = excites(question)[0]
                assert isinstance(table, Table) and len(table.rows) == (3 if step is None else 2)
                for sample, value, at, _, text in table.rows:
                    source = part.inputs.row(int(sample))  # type: ignore[arg-type]
                    seen = Samples(model.raw([source]), None, ("x",))
                    (view,) = gates(Question(model, "bidirectional1", seen, choice=Choice(gate=gate)))
                    place = int(at)  # type: ignore[arg-type]
                    assert value == pytest.approx(view.data[place, unit])
                    assert step in (None, place) and (
                        step is not None or value == pytest.approx(view.data[:, unit].max())
                    )
                    assert text == f"{source[:place]}»{source[place]}«{source[place + 1 :]}"


@pytest.mark.parametrize(
    ("model", "layer", "gate", "key"),
    [
        (classifier(), "lstm1", "output", "output_gate"),
        (classifier(), "lstm1", "output_gate", "output_gate"),
        (classifier(), "lstm1", "hidden", "output"),
        (classifier(cell=GRU(4)), "gru1", "output", "output"),
        (classifier(cell=GRU(4)), "gru1", "hidden", "output"),
        (tagger(), "bidirectional1", "output", "forward/output_gate"),
        (tagger(), "bidirectional1", "forget", "forward/forget"),
        (tagger(), "bidirectional1", "forward/hidden", "forward/output"),
    ],
)
def test_a_gate_is_called_what_it_is_called_elsewhere(model: Model, layer: str, gate: str, key: str) -> None:
    part = parts(model)
    found = search(asked(model, layer, part, gate=gate))
    place = run_model(model, part.inputs).places[layer]
    array, lengths = place.values[key].array, place.y.steps.lengths
    greatest = np.array([array[row, :length].max(axis=0) for row, length in enumerate(lengths)])
    assert found.values[0] == pytest.approx(greatest.max(axis=0))
    with pytest.raises(TuinetError, match=f"{layer} has no gate 'update2'"):
        search(asked(model, layer, part, gate="update2"))


def test_the_mean_is_that_of_the_samples_that_have_the_step() -> None:
    model = classifier(seed=3)
    part = Split(Ragged.of([[3], [4, 5, 3], [5, 5, 4, 3], [4]], np.uint8), np.zeros(4, int))
    output = run_model(model, part.inputs).places["lstm1"].values["output"].array  # (4, T, U)
    expected = output[1:3, 2].mean(axis=0)
    found = search(asked(model, "lstm1", part, step=2))
    assert found.means == pytest.approx(expected)
    table = excites(asked(model, "lstm1", part, step=2))[0]
    assert isinstance(table, Table)
    assert int(expected.argmax()) != 0 and f"unit {int(expected.argmax())}" in table.title
    assert f"on average {expected.max():.4g}" in table.notes[1]


def test_a_unit_that_is_no_number_is_passed_over() -> None:
    model = linear([[1.0, -1, np.nan], [0, 0, 1]], [0.0, 0, 0], CrossEntropy(), Coding("ids", classes=3))
    part = Split(np.array([[3.0, 1], [5, 7], [4, 9]]), np.array([0, 1, 2]))
    table = excites(asked(model, "dense1", part))[0]
    assert isinstance(table, Table) and "unit 0" in table.title
    assert [row[0] for row in table.rows] == [1, 2, 0]
    with pytest.raises(TuinetError, match="unit 2 of dense1 gives no finite number for any sample"):
        excites(asked(model, "dense1", part, units=(2,)))
    model.params["dense1/weight"][...] = np.nan
    with pytest.raises(TuinetError, match="gives no finite number"):
        excites(asked(model, "dense1", part))


def test_a_mark_in_its_surroundings() -> None:
    letters = [chr(97 + place % 26) for place in range(60)]
    assert marked(letters, 30, "".join) == "…" + "".join(letters[10:30]) + "»e«" + "".join(letters[31:51]) + "…"
    assert marked(["a", "b"], 0, " ".join) == "»a« b"
    assert marked(letters, None, "".join) == "".join(letters[:40]) + "…"


def test_many_samples_are_looked_through_evenly_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    assert evenly(5, 9).tolist() == [0, 1, 2, 3, 4]
    assert evenly(101, 5).tolist() == [0, 25, 50, 75, 100]
    model, part = cnn(), Split(images(300), np.zeros(300, int))
    found = search(asked(model, "conv1", part), most=150)
    assert (found.looked, found.total) == (150, 300)
    monkeypatch.setattr(searching, "MOST_WORK", 1.0)
    table = excites(asked(model, "conv1", part))[0]
    assert isinstance(table, Table) and "100 of 300 samples, evenly spread" in table.notes[0]


def test_what_cannot_be() -> None:
    model, part = cnn(), Split(images(3), np.zeros(3, int))
    with pytest.raises(TuinetError, match="no unit 4") as caught:
        excites(asked(model, "conv1", part, units=(4,)))
    assert "0 to 3" in caught.value.hint
    with pytest.raises(TuinetError, match="no place 6,0") as caught:
        excites(asked(model, "conv1", part, at=(6, 0)))
    assert caught.value.hint == "Places: row 0 to 5, column 0 to 5."
    with pytest.raises(TuinetError, match="no value 'forget'"):
        excites(asked(model, "conv1", part, gate="forget"))
    with pytest.raises(TuinetError, match="no samples"):
        excites(asked(model, "conv1", Split(images(0), np.zeros(0, int))))
    with pytest.raises(TuinetError, match="no data are named"):
        excites(Question(model, "conv1"))
    with pytest.raises(TuinetError, match="groups run by their clocks, whatever is read"):
        search(asked(classifier(cell=Clockwork(4, (1, 2))), "clockwork1", parts(classifier()), gate="ticked"))
    (offer,) = VIEWS
    every = nodes(translator())
    assert [path for path in every if not offer.fits(translator(), every[path])] == ["seq2seq1"]
    language = language_model()
    with pytest.raises(TuinetError, match="a step 99"):
        excites(asked(language, "lstm1", parts(language), step=99))
