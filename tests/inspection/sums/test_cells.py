"""The arithmetic behind a value: numbers worked by hand, which value is meant, and how it is said."""

from __future__ import annotations

import math
import time
from functools import cache
from typing import Any

import numpy as np
import pytest

import tuinet
from tests.model.models import cnn, images, xor
from tests.model.text_models import classifier
from tuinet.errors import TuinetError
from tuinet.inspection.passes import Place, context
from tuinet.inspection.question import Choice, Question, Samples
from tuinet.inspection.sums.cells import cell, cell_sum, worked_values
from tuinet.inspection.view import Sum
from tuinet.inspection.words import in_words
from tuinet.model.model import Model
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.activation import Sigmoid, Softmax
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import MaxOverTime
from tuinet.nn.layers.pool import AveragePool, MaxPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.params import Params
from tuinet.nn.recurrent import OverTime
from tuinet.nn.sequence import Ragged, pack
from tuinet.render.draw import Paper, draw, plain


def placed(
    layer: Layer, shape: Shape, weights: dict[str, Any], x: Any, first: Any = None, masks: int | None = None
) -> Place:
    """One layer with these weights in a pass of its own, in float64; weights that are not named are 0."""
    params = Params.zeros(layer.param_shapes(shape), np.float64)
    for name, values in weights.items():
        params[name][...] = values
    if isinstance(layer, OverTime):
        begun = first or layer.zero_state(len(x.steps), np.float64)
        y, last, kept = layer.run(params, x, begun, context(masks))
        return Place("layer1", layer, params, x, y, begun, last, kept)
    y, kept = layer.forward(params, x, context(masks))
    return Place("layer1", layer, params, x, y, kept=kept)


def names(found: Sum, part: int = -1) -> list[str]:
    return [" × ".join(term.names) for term in found.parts[part].terms]


# ── numbers worked by hand ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_convolution_of_the_lecture() -> None:
    image = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]], np.float64)
    kernel = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], np.float64)
    place = placed(
        Conv2D(1, 3, bias=False), Shape.image(5, 5, 1), {"weight": kernel[:, :, None, None]}, image[None, :, :, None]
    )
    found = [[cell(place, "output", (0, i, j, 0)) for j in range(3)] for i in range(3)]
    assert [[each.value for each in line] for line in found] == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]
    corner = found[2][1]
    assert corner.name == "layer1 output: map 0, row 2, column 1"
    assert names(corner)[:2] == ["x[2,1,0] × weight[0,0,0,0]", "x[2,2,0] × weight[0,1,0,0]"]
    window, drawn, products = corner.pictures
    assert (window.name, drawn.name, products.name) == ("window", "kernel", "products")
    np.testing.assert_array_equal(window.data, image[2:5, 1:4])
    np.testing.assert_array_equal(drawn.data, kernel)
    np.testing.assert_array_equal(products.data, image[2:5, 1:4] * kernel)
    assert [axis.labels for axis in window.axes] == [("2", "3", "4"), ("1", "2", "3")]
    assert float(products.data.sum()) == corner.value == 3


def test_a_window_over_the_edge_sees_zeros_of_the_padding() -> None:
    rng = np.random.default_rng(1)
    image, kernel = rng.normal(size=(1, 4, 4, 2)), rng.normal(size=(3, 3, 2, 1))
    place = placed(Conv2D(1, 3, padding="same"), Shape.image(4, 4, 2), {"weight": kernel, "bias": 0.25}, image)
    found = cell(place, "output", (0, 0, 3, 0))
    by_hand = float((image[0, 0:2, 2:4] * kernel[1:3, 0:2, :, 0]).sum()) + 0.25
    assert found.value == pytest.approx(by_hand, rel=1e-14)
    assert names(found)[-1] == "bias[0]"
    assert names(found).count("x[0,3,1] × weight[1,1,1,0]") == 1
    assert sum(term.names[0] == "0 of the padding" for term in found.parts[0].terms) == 5 * 2
    assert found.notes == ("5 of the window's 9 cells lie in the padding",)
    window, drawn, products = found.pictures
    assert [axis.name for axis in window.axes] == ["channel", "row", "column"]
    assert window.axes[1].labels == ("-1", "0", "1")
    assert window.data.shape == drawn.data.shape == products.data.shape == (2, 3, 3)
    np.testing.assert_array_equal(window.data[:, 1:, :2], np.moveaxis(image[0, 0:2, 2:4], 2, 0))
    assert not window.data[:, 0].any()


def test_the_largest_and_the_mean_of_a_pool() -> None:
    image = np.array([[1.0, 7.0, -4.0], [3.0, 2.0, 8.0]])[None, :, :, None]
    found = cell(placed(MaxPool(2, 1), Shape.image(2, 3, 1), {}, image), "output", (0, 0, 0, 0))
    assert found.value == 7
    assert found.parts[0].how == "largest"
    assert [term.product for term in found.parts[0].terms] == [1, 7, 3, 2]
    assert found.notes == ("the largest lies at row 0, column 1",)
    np.testing.assert_array_equal(found.pictures[0].data, [[1, 7], [3, 2]])
    mean = cell(placed(AveragePool(2, 1), Shape.image(2, 3, 1), {}, image), "output", (0, 0, 1, 0))
    assert [term.product for term in mean.parts[0].terms] == [7 / 4, -1, 0.5, 2]
    assert mean.value == 3.25
    assert mean.magnitude == 5.25


def test_a_step_of_an_lstm() -> None:
    """σ(0) = ½, σ(log 3) = ¾, σ(−log 3) = ¼, tanh(log 2) = 0.6."""
    log2, log3 = math.log(2), math.log(3)
    weights = {
        "input_weight": [[-0.5, log3, 0, log2]],  # x = 1
        "recurrent_weight": [[1, 0, -2 * log3, 0]],  # h = ½
    }
    place = placed(
        LSTM(1),
        Shape.vector(1).over_time,
        weights,
        pack(np.ones((1, 1, 1))),
        (np.full((1, 1), 0.5), np.full((1, 1), 2.0)),
    )
    values = {name: cell(place, name, (0, 0, 0)) for name in worked_values(place)}
    assert set(values) == {"output", "cell", "forget", "input", "output_gate", "candidate"}
    expected = {"forget": 0.5, "input": 0.75, "output_gate": 0.25, "candidate": 0.6, "cell": 0.5 * 2 + 0.75 * 0.6}
    for name, value in (expected | {"output": 0.25 * math.tanh(1.45)}).items():
        assert values[name].value == pytest.approx(value, rel=1e-14), name
        assert values[name].agrees
    gate = values["output_gate"]
    assert [part.name for part in gate.parts] == ["output_gate sum n", "output_gate gate"]
    assert gate.parts[0].total == pytest.approx(-log3)
    assert names(gate, 0) == [
        "x[t][0] × input_weight[0, output_gate 0]",
        "hidden[t−1][0] × recurrent_weight[0, output_gate 0]",
        "bias[output_gate 0]",
    ]
    assert names(gate, 1) == ["½ × tanh(n / 2)", "½"]
    assert names(values["cell"]) == ["f × cell[t−1][0]", "i × C̃"]
    assert names(values["output"]) == ["o × tanh(C)"]
    assert gate.notes == ("step 0: [t−1] is the state in which the layer began, which it was given",)


def test_quotients_of_powers() -> None:
    place = placed(Softmax(), Shape.vector(3), {}, np.log([[2.0, 5.0, 3.0]]))
    found = cell(place, "output", (0, 2))
    assert found.value == pytest.approx(0.3)
    assert [term.product for term in found.parts[0].terms] == pytest.approx([0.4, 1, 0.6])
    assert found.parts[0].total == pytest.approx(2)
    assert names(found) == ["e^(n[2] − largest) × 1 / Σ"]
    huge = cell(placed(Softmax(), Shape.vector(2), {}, np.array([[1e4, -1e4]])), "output", (0, 0))
    assert huge.value == huge.stored == 1


def test_a_group_that_does_not_tick_keeps_its_value() -> None:
    x = pack(np.random.default_rng(2).normal(size=(1, 3, 2)))
    weights = {"input_weight": 0.5, "recurrent_weight1": 0.1, "recurrent_weight2": -0.2}
    place = placed(Clockwork(2, (1, 2)), Shape.vector(2).over_time, weights, x)
    kept = cell(place, "output", (0, 1, 1))
    assert kept.equation == "hₖ ← hₖ"
    assert kept.value == cell(place, "output", (0, 0, 1)).value != 0
    assert kept.notes[0] == "group 1 runs every 2 steps, and this is none of them: it keeps its value"
    ran = cell(place, "output", (0, 2, 1))
    assert names(ran) == [
        "x[t][0] × input_weight[0, 1]",
        "x[t][1] × input_weight[1, 1]",
        "hidden[t−1][1] × recurrent_weight[1,1]",
        "bias[1]",
    ]
    assert [cell(place, "ticked", (0, t, 1)).value for t in range(3)] == [1, 0, 1]


def test_what_a_mask_dropped_and_what_it_let_through() -> None:
    x = np.arange(1.0, 9.0)[None]
    place = placed(Dropout(0.5), Shape.vector(8), {}, x, masks=4)
    found = [cell(place, "output", (0, unit)) for unit in range(8)]
    assert {each.value / (unit + 1) for unit, each in enumerate(found)} == {0, 2}
    assert names(found[0]) == ["x[0] × kept × 1 / (1 − p)"]
    assert [cell(place, "mask", (0, unit)).value for unit in range(8)] == [
        each.value / x[0, u] for u, each in enumerate(found)
    ]
    plain = cell(placed(Dropout(0.5), Shape.vector(8), {}, x), "output", (0, 3))
    assert (plain.value, plain.equation) == (4, "y = x")


def test_both_directions_are_those_of_their_own_layer() -> None:
    rng = np.random.default_rng(3)
    layer, shape = Bidirectional(RNN(2)), Shape.vector(3).over_time
    weights = {name: rng.normal(size=spec.shape) for name, spec in layer.param_shapes(shape).items()}
    place = placed(layer, shape, weights, pack(rng.normal(size=(1, 4, 3))))
    joined, own = cell(place, "output", (0, 1, 3)), cell(place, "backward/output", (0, 2, 1))
    assert joined.parts == own.parts
    assert joined.notes[0] == "this is unit 1 of the backward direction"
    turned = "the backward direction reads from the end: its step 2 is step 1 of the sequence"
    assert turned in joined.notes and turned in own.notes
    assert cell(place, "output", (0, 1, 0)).parts == cell(place, "forward/output", (0, 1, 0)).parts


def test_only_the_steps_of_the_sample_itself() -> None:
    ragged = pack(Ragged.of([np.ones((2, 1)), np.full((4, 1), 3.0)]))
    place = placed(RNN(1), Shape.vector(1).over_time, {"input_weight": 1}, ragged)
    assert cell(place, "output", (0, 1, 0)).value == math.tanh(1)
    with pytest.raises(TuinetError, match="output of layer1 has no step 2") as caught:
        cell(place, "output", (0, 2, 0))
    assert caught.value.hint == "Take 0 to 1."
    largest = cell(placed(MaxOverTime(), Shape.vector(1).over_time, {}, ragged), "output", (0, 0))
    assert [term.names for term in largest.parts[0].terms] == [("x[0][0]",), ("x[1][0]",)]


def test_values_that_are_no_numbers() -> None:
    """Of a network that diverged: nothing is refused, and nothing agrees."""
    image = np.full((1, 2, 2, 1), np.inf)
    with np.errstate(all="ignore"):
        dense = placed(Dense(1), Shape.vector(2), {"weight": [[np.inf], [1]]}, np.array([[1.0, -np.inf]]))
        conv = placed(
            Conv2D(1, 2), Shape.image(2, 2, 1), {"weight": np.array([1, 0, -1, 1]).reshape(2, 2, 1, 1)}, image
        )
        softmax = placed(Softmax(), Shape.vector(2), {}, np.array([[np.nan, 1.0]]))
        noise = placed(GaussianNoise(0.1), Shape.vector(1), {}, np.array([[np.inf]]), masks=1)
    for place, index in ((dense, (0, 0)), (conv, (0, 0, 0, 0)), (softmax, (0, 1)), (noise, (0, 0))):
        found = cell(place, "output", index)
        assert math.isnan(found.value), found.name
        assert not found.agrees
        for said in ("\n".join(in_words(found)), plain(draw(found, Paper(80)))):
            assert "a number in it is not finite" in said and "DIFFER" not in said and "allowed" not in said


def test_below_the_smallest_normal_number_there_is_no_relative_precision() -> None:
    value = np.full((1, 1), 3e-43, np.float32)
    params = Params.zeros(Dense(1).param_shapes(Shape.vector(1)), np.float32)
    params["weight"][...] = 0.3
    y, kept = Dense(1).forward(params, value, context(None))
    found = cell(Place("dense1", Dense(1), params, value, y, kept=kept), "output", (0, 0))
    assert found.difference > 1e-6 * found.magnitude
    assert found.bound == pytest.approx(2 * 1.4e-45, rel=0.01)
    assert found.agrees


def test_a_function_of_one_value() -> None:
    found = cell(placed(Sigmoid(), Shape.vector(1), {}, np.array([[math.log(3)]])), "output", (0, 0))
    assert found.value == pytest.approx(0.75, rel=1e-15)
    assert names(found, 0) == ["n[0]"]


# ── which value is meant ─────────────────────────────────────────────────────────────────────────────────────────────


def asked(model: Model, layer: str, inputs: Any, **choice: Any) -> Sum:
    samples = Samples(inputs, None, tuple(f"test:{i}" for i in range(len(inputs))))
    return cell_sum(Question(model, layer, samples, choice=Choice(**choice)))


def test_a_value_is_found_by_its_unit_and_its_place() -> None:
    found = asked(cnn(), "conv1", images(1), units=(3,), at=(2, 5))
    assert found.name == "conv1 output: map 3, row 2, column 5"
    assert found.agrees and found.notes == ()
    of_unit = asked(cnn(), "dense1", images(2), units=(1,))
    assert of_unit.name == "dense1 output: unit 1, sample 0"
    assert of_unit.notes == ("of the first of 2 samples",)


def test_what_is_left_open_is_where_the_value_is_largest() -> None:
    question = Question(cnn(), "conv1", Samples(images(1), None, ("test:0",)))
    values = question.run.places["conv1"].values["output"].array
    found = cell_sum(question)
    assert abs(found.stored) == np.abs(values).max()
    assert found.notes == ("row, column, map: not named, so taken where the value is largest in size",)
    part = asked(cnn(), "conv1", images(1), units=(2,))
    assert abs(part.stored) == np.abs(values[..., 2]).max()
    assert part.name.startswith("conv1 output: map 2, ")
    assert part.notes == ("row, column: not named, so taken where the value is largest in size",)


@pytest.mark.parametrize(
    ("layer", "choice", "message", "hint"),
    [
        ("conv1", {"units": (4,)}, "output of conv1 has no map 4", "Take 0 to 3."),
        ("conv1", {"units": (-1,)}, "output of conv1 has no map -1", "Take 0 to 3."),
        ("conv1", {"at": (6, 0)}, "output of conv1 has no row 6", "Take 0 to 5."),
        ("conv1", {"at": (1,)}, "a place in output of conv1 is row and column, 2 numbers", "1 are named."),
        ("dense1", {"at": (1, 2)}, "a place in output of dense1 is its unit alone", "2 are named."),
        ("conv1", {"units": (1, 2)}, "a sum is that of one value, and 2 units are named", "Name one unit."),
        ("conv1", {"step": 0}, "output of conv1 has no steps", "Leave the step out."),
        ("conv1", {"gate": "forget"}, "conv1 has no value 'forget'", "Values: output"),
        ("conv1", {"gate": "kernels"}, "kernels of conv1 is learnt, not worked out from an input", "Values: output"),
        ("conv1", {"gate": "bias"}, "bias of conv1 is learnt, not worked out from an input", "Values: output"),
        ("", {}, "a sum is that of one value of a layer, and no layer is named", "Name a layer."),
    ],
)
def test_a_value_that_is_not_there(layer: str, choice: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(TuinetError) as caught:
        asked(cnn(), layer, images(1), **choice)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_place_has_as_many_numbers_as_axes() -> None:
    place = Question(xor(), "dense1", Samples(np.ones((1, 2)), None, ("a",))).run.places["dense1"]
    with pytest.raises(TuinetError, match="output of dense1 has 2 axes, not 3"):
        cell(place, "output", (0, 0, 0))
    with pytest.raises(TuinetError, match="no sample 1") as caught:
        cell(place, "output", (1, 0))
    assert caught.value.hint == "There is only number 0."


@pytest.mark.parametrize("gate", ["forget", "cell", "output"])
def test_steps_of_a_backward_direction_are_those_of_the_sequence(gate: str) -> None:
    """What it reads last is the first symbol, and so of step 0."""
    model = classifier(cell=Bidirectional(LSTM(4)))
    raw = model.raw(["aabc", "abcabca"])
    own = Question(model, "bidirectional1", Samples(raw, None, ("x", "y"))).run.places["bidirectional1"].values
    for step in range(4):
        found = asked(model, "bidirectional1", raw, gate=f"backward/{gate}", units=(1,), step=step)
        assert found.agrees
        assert found.stored == own[f"backward/{gate}"].array[0, 3 - step, 1]
        assert found.name == f"bidirectional1 backward/{gate}: unit 1, step {step}, sample 0"
        turned = f"the backward direction reads from the end: its step {3 - step} is step {step} of the sequence"
        assert turned in found.notes and f"step {step}: {'aabc'[step]}" in found.notes
        ahead = asked(model, "bidirectional1", raw, gate=f"forward/{gate}", units=(1,), step=step)
        assert ahead.stored == own[f"forward/{gate}"].array[0, step, 1]
    with pytest.raises(TuinetError, match=f"backward/{gate} of bidirectional1 has no step 4") as caught:
        asked(model, "bidirectional1", raw, gate=f"backward/{gate}", step=4)
    assert caught.value.hint == "Take 0 to 3."
    largest = asked(model, "bidirectional1", raw, gate=f"backward/{gate}")
    assert abs(largest.stored) == np.abs(own[f"backward/{gate}"].array[0, :4]).max()


def test_whether_a_unit_ran_is_that_of_its_group() -> None:
    model = classifier(cell=Clockwork(6, (1, 2, 4)))
    raw = model.raw(["abcab"])
    for unit in range(6):
        found = asked(model, "clockwork1", raw, gate="ticked", units=(unit,), step=2)
        assert found.name == f"clockwork1 ticked: group {unit // 2}, step 2"
        assert found.agrees and found.stored == (unit < 4)
    with pytest.raises(TuinetError, match="clockwork1 has no unit 6") as caught:
        asked(model, "clockwork1", raw, gate="ticked", units=(6,), step=2)
    assert caught.value.hint == "Take 0 to 5."


# ── shipped models ───────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def shipped(name: str) -> Model:
    return tuinet.load(name)


def spelt(layer: str, **choice: Any) -> Sum:
    model = shipped("cmudict-seq2seq")
    return asked(model, f"seq2seq1/{layer}", model.raw(["thought"]), **choice)


@pytest.mark.parametrize("gate", ["forget", "input", "output_gate", "candidate", "cell", "hidden", "output"])
@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_gates_of_a_model_that_spells(half: str, gate: str) -> None:
    found = spelt(f"{half}/lstm1", gate=gate, units=(37,), step=0)
    assert found.agrees
    assert ("step 0: t" if half == "encoder" else "step 0: <start>→") in " ".join(found.notes)
    shown = "output" if gate == "hidden" else gate
    assert found.name == f"seq2seq1/{half}/lstm1 {shown}: unit 37, step 0"
    given = any("which it was given" in note for note in found.notes)
    assert given == (half == "decoder" and shown != "output")


def test_a_near_miss_is_guessed() -> None:
    with pytest.raises(TuinetError, match="has no value 'forgot'") as caught:
        spelt("encoder/lstm1", gate="forgot")
    assert caught.value.hint.startswith("Did you mean forget? Values: output, cell, forget, input, output_gate")
    with pytest.raises(TuinetError, match="has no step 7") as caught:
        spelt("encoder/lstm1", gate="forget", step=7)
    assert caught.value.hint == "Take 0 to 6."


def test_a_layer_of_layers_has_no_value() -> None:
    model = shipped("cmudict-seq2seq")
    with pytest.raises(TuinetError, match="seq2seq1 holds other layers") as caught:
        asked(model, "seq2seq1", model.raw(["a"]))
    assert caught.value.hint == "Name one of those layers."


@pytest.mark.parametrize(
    ("layer", "choice"), [("conv2", {}), ("dense1", {}), ("pool1", {})], ids=["conv2", "dense1", "pool1"]
)
def test_a_cell_of_digits_comes_within_a_keypress(layer: str, choice: dict[str, Any]) -> None:
    model = shipped("digits-cnn")
    samples = Samples(np.full((1, *model.meta.input_shape.sizes), 8.0), None, ("x",))
    question = Question(model, layer, samples)
    assert cell_sum(question).agrees
    assert quickest(question) < 0.02


def test_a_gate_comes_within_a_keypress() -> None:
    model = shipped("cmudict-seq2seq")
    samples = Samples(model.raw(["thoughtlessness"]), None, ("x",))
    question = Question(model, "seq2seq1/encoder/lstm1", samples, choice=Choice(gate="forget"))
    assert cell_sum(question).agrees
    assert quickest(question) < 0.02


def quickest(question: Question) -> float:
    """Seconds of the fastest of five times: what else runs on this machine is not asked about."""
    times: list[float] = []
    for _ in range(5):
        start = time.perf_counter()
        cell_sum(question)
        times.append(time.perf_counter() - start)
    return min(times)
