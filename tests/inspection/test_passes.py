"""A pass and the way back, layer by layer: the same as running and training do at once."""

from __future__ import annotations

import numpy as np
import pytest

from tests.model.models import cnn, images
from tests.nn.test_laws import EXAMPLES, draw
from tuinet.data.dataset import Split
from tuinet.errors import TuinetError
from tuinet.inspection.loss import loss_of
from tuinet.inspection.passes import back, forward, run_model
from tuinet.inspection.question import find_layer, nodes
from tuinet.nn.context import Context
from tuinet.nn.gradcheck import values_of
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.network import Sequential
from tuinet.nn.params import Params
from tuinet.nn.seq2seq import Seq2Seq

STACKED = [(layer, shape) for layer, shape in EXAMPLES if not hasattr(layer, "layers")]


@pytest.mark.parametrize(("layer", "shape"), STACKED, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("masks", [None, 3])
def test_layer_by_layer_is_all_at_once(layer: Layer, shape: Shape, masks: int | None) -> None:
    network = Sequential((layer,))
    inner, x, dy = draw(layer, shape)
    params = Params(network.param_shapes(shape), inner.vector)

    def ctx() -> Context:
        return Context(plain=True) if masks is None else Context(training=True, plain=True, key=(masks, 0, 0))

    y, cache = network.forward(params, x, ctx())
    grads = params.like(np.zeros_like(params.vector))
    network.backward(params, cache, dy, grads, ctx())
    run = forward(network.layers, params, x, ctx())
    found = back(run, dy)
    assert np.allclose(values_of(run.outputs), values_of(y), rtol=0, atol=1e-14)
    assert np.allclose(found.params.vector, grads.vector, rtol=1e-13, atol=1e-14)
    if isinstance(layer, Seq2Seq):
        assert [path.split("/")[1] for path in run.places if "/" in path] == (
            ["encoder"] * len(layer.encoder) + ["decoder"] * len(layer.decoder)
        )


def test_the_gradient_of_the_loss_is_the_one_of_training() -> None:
    model, inputs, targets = cnn(), images(5), np.array([0, 1, 2, 0, 1])
    run = run_model(model, inputs, targets)
    loss = loss_of(model, run, inputs, targets)
    assert loss.value == pytest.approx(model.evaluate(Split(inputs, targets))["loss"], rel=1e-12)
    found = back(run, loss.dy).params.vector
    place, step = int(np.argmax(np.abs(found))), 1e-6
    model.params.vector[place] += step
    above = loss_of(model, run_model(model, inputs, targets), inputs, targets).value
    model.params.vector[place] -= 2 * step
    below = loss_of(model, run_model(model, inputs, targets), inputs, targets).value
    assert found[place] == pytest.approx((above - below) / (2 * step), rel=1e-6)


def test_layers_are_found_by_the_end_of_their_path() -> None:
    model = cnn()
    assert list(nodes(model)) == list(model.network.names())
    assert find_layer(model, "conv2") == "conv2"
    with pytest.raises(TuinetError, match="has no layer 'conv3'") as caught:
        find_layer(model, "conv3")
    assert "Layers: conv1, relu1" in caught.value.hint
