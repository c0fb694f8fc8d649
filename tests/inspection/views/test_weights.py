"""What layers have learnt: kernels and first weights as pictures, parameters under the names of their places."""

from __future__ import annotations

import numpy as np
import pytest

import tuinet
from tests.inspection.asking import look, offers, one_layer, path_of, question
from tests.model.models import cnn, made
from tests.model.text_models import captioner, classifier, translator
from tests.nn.test_laws import EXAMPLES, SERIES
from tuinet.data.coding import Coding
from tuinet.errors import TuinetError
from tuinet.inspection.question import base_name, nodes, own_parameters
from tuinet.inspection.view import View
from tuinet.inspection.views.weights import VIEWS
from tuinet.model.model import Model
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.activation import Relu
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.losses import CrossEntropy, SquaredError
from tuinet.nn.network import Sequential
from tuinet.nn.parts import Part
from tuinet.nn.seq2seq import Seq2Seq

WITH_WEIGHTS = [
    (layer, shape)
    for layer, shape in EXAMPLES
    if not isinstance(layer, Sequential | Seq2Seq) and layer.param_shapes(shape)
]


def views(name: str, model: Model, layer: str, **choice: object) -> list[View]:
    found = look(VIEWS, name, question(model, layer, **choice))
    assert all(isinstance(seen, View) for seen in found)
    return [seen for seen in found if isinstance(seen, View)]


def names(model: Model, layer: str) -> list[str]:
    return [offer.name for offer in offers(VIEWS, question(model, layer))]


# ── pictures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_kernels_one_picture_for_each_channel_of_each() -> None:
    model = cnn()
    (first,) = views("kernels", model, "conv1")
    weight = model.params["conv1/weight"]
    np.testing.assert_array_equal(first.data, np.moveaxis(weight[:, :, 0], 2, 0))
    assert first.axes[0].labels == ("0", "1", "2", "3")
    weight = model.params["conv2/weight"]  # (2, 2, 4, 2)
    (of_one,) = views("kernels", model, "conv2")
    np.testing.assert_array_equal(of_one.data, np.moveaxis(weight[:, :, 0], 2, 0))
    assert of_one.axes[0].labels == ("0", "1") and of_one.notes[0].startswith("of input channel 0, of 0 to 3")
    (second,) = views("kernels", model, "conv2", units=(0, 1))
    assert second.axes[0].labels == ("0:0", "0:1", "0:2", "0:3", "1:0", "1:1", "1:2", "1:3")
    for place, label in enumerate(second.axes[0].labels):
        kernel, channel = map(int, label.split(":"))
        np.testing.assert_array_equal(second.data[place], weight[:, :, channel, kernel])
    (one,) = views("kernels", model, "conv2", at=(3,), units=(1,))
    assert one.axes[0].labels == ("1",) and one.notes[0].startswith("of input channel 3")
    np.testing.assert_array_equal(one.data[0], weight[:, :, 3, 1])


def test_kernels_that_see_colours_are_in_colour() -> None:
    model, _ = one_layer(Conv2D(2, 3), Shape.image(6, 5, 3))
    weight = model.params["conv1/weight"]
    (found,) = views("kernels", model, "conv1")
    most = np.abs(weight).max()
    assert (found.kind, found.low, found.high) == ("images", -most, most)
    assert [axis.name for axis in found.axes] == ["kernel", "row", "column", "channel"]
    np.testing.assert_array_equal(found.data, np.moveaxis(weight, 3, 0))
    (green,) = views("kernels", model, "conv1", at=(1,))
    np.testing.assert_array_equal(green.data, np.moveaxis(weight[:, :, 1], 2, 0))
    deeper = made((Conv2D(3, 1), Conv2D(2, 1)), {}, Shape.image(2, 2, 3), SquaredError(), Coding("values"))
    assert views("kernels", deeper, "conv2")[0].data.shape == (2, 1, 1)  # three maps are no colours


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"units": (4,)}, "conv1 has no kernel 4"),
        ({"at": (1,)}, "conv1 has no input channel 1"),
        ({"at": (0, 0)}, "conv1 has no input channel 0, 0"),
        ({"step": 1}, "kernels takes no --step"),
    ],
)
def test_kernels_that_are_not_there(choice: dict[str, object], message: str) -> None:
    with pytest.raises(TuinetError, match=message):
        views("kernels", cnn(), "conv1", **choice)


def flat_model(channels: int, *before: Part) -> Model:
    layers = (*before, Flatten(), Dense(2), Relu(), Dense(3))
    model = made(layers, {}, Shape.image(4, 3, channels), CrossEntropy(), Coding("ids", classes=3))
    model.params.vector[:] = np.random.default_rng(3).normal(size=model.params.vector.size)
    return model


def test_first_weights_are_the_image_they_look_for() -> None:
    """A unit that is the sum of the products with a template shows the template."""
    model, template = flat_model(1), np.random.default_rng(4).normal(size=(4, 3, 1))
    model.params["dense1/weight"][:, 1] = template.ravel()
    (found,) = views("images", model, "dense1")
    np.testing.assert_array_equal(found.data[1], template[..., 0])
    (chosen,) = views("images", model, "dense1", units=(1,))
    assert chosen.axes[0].labels == ("1",)
    (colors,) = views("images", flat_model(3), "dense1")
    assert colors.data.shape == (2, 4, 3, 3)
    (planes,) = views("images", flat_model(2), "dense1", units=(0, 1))
    assert planes.axes[0].labels == ("0:0", "0:1", "1:0", "1:1")


def test_only_first_weights_behind_an_image_are_images() -> None:
    assert "images" in names(flat_model(1), "dense1")
    assert "images" not in names(flat_model(1), "dense2")
    assert "images" not in names(cnn(), "dense1")
    assert "images" not in names(tuinet.load("iris-mlp"), "dense1")
    pooled = flat_model(1, MaxPool())
    assert views("images", pooled, "dense1")[0].data.shape == (2, 2, 1)


# ── parameters ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("layer", "shape"), WITH_WEIGHTS, ids=lambda each: type(each).__name__)
def test_every_parameter_of_every_layer_is_shown_once(layer: Layer, shape: Shape) -> None:
    model, _ = one_layer(layer, shape)
    path = path_of(model)
    node = nodes(model)[path]
    found = {
        seen.name: seen
        for offer in offers(VIEWS, question(model, path))
        if offer.name not in ("kernels", "images")
        for seen in views(offer.name, model, path)
    }
    assert set(found) == set(node.params)
    for name, seen in found.items():
        np.testing.assert_array_equal(np.ravel(seen.data), np.ravel(node.params[name]))
        assert not np.shares_memory(seen.data, model.params.vector)


def test_parameters_inside_an_encoder_and_a_decoder_and_of_the_bridge() -> None:
    model = captioner()
    for path, node in nodes(model).items():
        for name in own_parameters(node):
            (seen,) = [seen for seen in views(base_name(name), model, path) if seen.name == name]
            assert seen.data.size == model.params[f"{path}/{name}"].size
    bridge = [seen.name for seen in views("weight", model, "seq2seq1")]
    assert bridge == ["bridge/rnn1/hidden/weight"]
    assert names(translator(), "seq2seq1") == []  # its bridge copies: it has nothing of its own


def test_names_of_places() -> None:
    model = tuinet.load("iris-mlp")
    (weight,) = views("weight", model, "dense1")
    assert weight.axes[0].labels[3].startswith("petal width")
    (last,) = views("weight", model, "dense2")
    assert last.axes[1].labels == ("setosa", "versicolor", "virginica")
    (bias,) = views("bias", model, "dense2")
    assert bias.axes[0].labels == last.axes[1].labels
    words = classifier()
    (table,) = views("weight", words, "embedding1")
    np.testing.assert_array_equal(table.data[table.axes[0].labels.index("b")], words.params["embedding1/weight"][4])
    (kernels,) = views("weight", cnn(), "conv2")
    row = kernels.axes[0].labels.index("row 1, column 0, channel 3")
    np.testing.assert_array_equal(kernels.data[row], cnn().params["conv2/weight"][1, 0, 3])
    (pixels,) = views("weight", flat_model(1), "dense1")
    assert pixels.axes[0].labels[4] == "row 1, column 1"


GATED: list[Part] = [LSTM(3), LSTM(3, coupled=True), LSTM(3, peephole="full"), GRU(3), GRU(3, form="pytorch")]


@pytest.mark.parametrize("layer", GATED, ids=["lstm", "coupled", "full-peephole", "gru", "pytorch-gru"])
def test_the_columns_of_a_gate_belong_to_it(layer: Part) -> None:
    """Setting the bias that is called "forget 1" shuts unit 1 of the forget gate, and no other one."""
    model, raw = one_layer(layer, SERIES)
    path = path_of(model)
    (bias,) = views("bias", model, path)
    for column, label in enumerate(bias.axes[0].labels):
        gate, unit = label.rsplit(" ", 1)
        before = model.params[f"{path}/bias"][column]
        model.params[f"{path}/bias"][column] = -1000
        key = "output_gate" if gate == "output" else gate  # "output" is what the layer puts out
        values = question(model, path, raw).run.places[path].values[key].array
        model.params[f"{path}/bias"][column] = before
        shut = -1.0 if gate == "candidate" else 0.0
        first = values[:, 0]  # at the first step nothing else has changed yet
        closed = [place for place in range(3) if np.allclose(first[:, place], shut, atol=1e-12)]
        assert closed == [int(unit)], label


def test_gates_and_units_are_chosen() -> None:
    model, _ = one_layer(LSTM(3, peephole="diagonal"), SERIES)
    (seen,) = views("input_weight", model, "lstm1", gate="input", units=(2, 0), at=(1,))
    assert seen.axes[-1].labels == ("input 2", "input 0")
    np.testing.assert_array_equal(seen.data, model.params["lstm1/input_weight"][1, [5, 3]])
    (peephole,) = views("peephole", model, "lstm1")
    assert peephole.axes[0].labels == ("forget", "input", "output")
    (one,) = views("peephole", model, "lstm1", gate="input", units=(1,))
    np.testing.assert_array_equal(one.data, model.params["lstm1/peephole"][1:2, 1:2])
    with pytest.raises(TuinetError, match="no gate 'forgot'") as caught:
        views("bias", model, "lstm1", gate="forgot")
    assert "Did you mean forget?" in caught.value.hint
    with pytest.raises(TuinetError, match="no unit 3"):
        views("bias", model, "lstm1", units=(3,))
    with pytest.raises(TuinetError, match="no gate 'forget'"):
        views("weight", cnn(), "dense1", gate="forget")
    model, _ = one_layer(GRU(2, form="pytorch"), SERIES)
    assert views("recurrent_bias", model, "gru1", gate="candidate")[0].data.shape == (2,)
    with pytest.raises(TuinetError, match="no gate 'update'"):
        views("recurrent_bias", model, "gru1", gate="update")


def test_both_directions_and_all_groups_come_together() -> None:
    model, _ = one_layer(Bidirectional(LSTM(2)), SERIES)
    found = views("input_weight", model, "bidirectional1")
    assert [seen.name for seen in found] == ["forward/input_weight", "backward/input_weight"]
    assert all(seen.axes[1].labels[2] == "input 0" for seen in found)
    model, _ = one_layer(Clockwork(6, (1, 2, 4)), SERIES)
    found = views("recurrent_weight", model, path_of(model))
    assert [seen.name for seen in found] == [f"recurrent_weight{group}" for group in (1, 2, 3)]
    assert found[1].axes[0].labels == ("2", "3", "4", "5")  # the second group sees itself and the slower one
    assert found[1].axes[1].labels == ("2", "3")
