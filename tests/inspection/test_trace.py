"""Traces: every value on the way, the same as predicting gives, and nothing disturbed by looking."""

from __future__ import annotations

import numpy as np
import pytest

from tests.model.models import cnn, images, linear, made, xor
from tuinet.data.coding import Coding
from tuinet.errors import TuinetError
from tuinet.inspection.trace import Trace, trace
from tuinet.inspection.view import View, view, views
from tuinet.model.model import Model
from tuinet.nn.layer import Shape, Value
from tuinet.nn.layers.activation import Linear
from tuinet.nn.losses import CrossEntropy


def test_every_value_of_xor_by_hand() -> None:
    found = trace(xor(), [1, 0])
    assert {path: value.array.tolist() for path, value in found.values.items()} == {
        "dense1/output": [[0.5, -0.5]],
        "dense1/weight": [[1, 1], [1, 1]],
        "step1/output": [[1, 0]],
        "dense2/output": [[0.5]],
        "dense2/weight": [[1], [-1]],
        "step2/output": [[1]],
    }
    assert found.input.array.tolist() == [[1, 0]]
    assert found.prediction.labels == ["b"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_tracing_says_what_predicting_says(dtype: type) -> None:
    model, inputs = cnn(dtype), images(20)
    traced, predicted = trace(model, inputs).prediction, model.predict(inputs)
    tolerance = 1e-12 if dtype is np.float64 else 1e-5
    assert np.allclose(traced.outputs, predicted.outputs, rtol=tolerance, atol=tolerance)
    assert np.allclose(traced.scores, predicted.scores, rtol=tolerance, atol=tolerance)
    assert traced.labels == predicted.labels


def test_the_way_from_layer_to_layer() -> None:
    model = cnn()
    found = trace(model, images(2))
    assert found.input.array.shape == (2, 8, 8, 1)
    assert found.input.array.max() <= 1.0
    assert found.input.axes == ("sample", "row", "column", "channel")
    conv, rectified = found.values["conv1/output"], found.values["relu1/output"]
    assert conv.axes == ("sample", "row", "column", "channel")
    assert (rectified.array == np.maximum(conv.array, 0)).all()
    assert set(found.layer("conv1")) == {"output", "kernels"}
    assert (found.layer("conv1")["kernels"].array == model.params["conv1/weight"]).all()
    names = list(dict.fromkeys(path.split("/")[0] for path in found.values))
    assert names == list(model.network.names())
    with pytest.raises(TuinetError, match="no layer 'conv9'"):
        found.layer("conv9")


def test_dropout_is_off() -> None:
    found = trace(cnn(), images(3))
    assert (found.values["dropout1/output"].array == found.values["flatten1/output"].array).all()


def test_looking_disturbs_nothing() -> None:
    model, inputs = cnn(), images(3)
    weights, pixels = model.params.vector.copy(), inputs.copy()
    outputs = model.predict(inputs).outputs
    found = trace(model, inputs)
    for value in (found.input, *found.values.values()):
        value.array[...] = np.nan
    found.prediction.outputs[...] = np.nan
    assert (model.params.vector == weights).all() and (inputs == pixels).all()
    assert (model.predict(inputs).outputs == outputs).all()


@pytest.mark.parametrize(
    "model",
    [
        linear(np.eye(2), 0.0, CrossEntropy(), Coding("ids", classes=2)),
        made((Linear(),), {}, Shape.vector(2), CrossEntropy(), Coding("ids", classes=2)),
    ],
    ids=["dense", "linear"],
)
def test_no_two_values_share_memory(model: Model) -> None:
    raw = np.ones((1, 2))
    found = trace(model, raw)
    arrays = [raw, model.params.vector, found.input.array, found.prediction.outputs]
    arrays += [value.array for value in found.values.values()]
    for i, first in enumerate(arrays):
        assert not any(np.shares_memory(first, second) for second in arrays[i + 1 :])


def test_inputs_that_do_not_fit() -> None:
    with pytest.raises(TuinetError, match="the inputs are 3, but the model takes 2"):
        trace(xor(), [1, 2, 3])


def view_named(found: Trace, name: str, sample: int = 0) -> View:
    return next(one for one in views(found, sample) if one.name == name)


def test_views_say_how_values_want_to_be_seen() -> None:
    found = trace(cnn(), images(2))
    assert [(one.name, one.kind, one.data.shape) for one in views(found, 1)] == [
        ("input", "image", (8, 8, 1)),
        ("conv1/output", "images", (4, 6, 6)),
        ("conv1/kernels", "images", (4, 3, 3)),
        ("relu1/output", "images", (4, 6, 6)),
        ("pool1/output", "images", (4, 3, 3)),
        ("conv2/output", "images", (2, 2, 2)),
        ("conv2/kernels", "images", (8, 2, 2)),
        ("relu2/output", "images", (2, 2, 2)),
        ("flatten1/output", "vector", (8,)),
        ("dropout1/output", "vector", (8,)),
        ("dense1/output", "vector", (3,)),
        ("dense1/weight", "matrix", (8, 3)),
        ("scores", "vector", (3,)),
    ]
    for one in views(found, 1):
        assert len(one.axes) == one.data.ndim
    assert (view_named(found, "conv1/output", 1).data[2] == found.values["conv1/output"].array[1, :, :, 2]).all()
    kernels = view_named(found, "conv2/kernels")
    # filter 1 sees channel 2 through kernel 1·4 + 2
    assert (kernels.data[6] == found.values["conv2/kernels"].array[:, :, 2, 1]).all()
    assert view_named(found, "scores").axes[0].labels == ("a", "b", "c")
    with pytest.raises(IndexError):
        views(found, 2)


def test_a_value_of_more_axes_than_any_view_shows() -> None:
    with pytest.raises(ValueError, match="4 axes"):
        view("x", Value(np.zeros((1, 1, 1, 1)), ("a", "b", "c", "d")))
