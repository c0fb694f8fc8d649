"""tuinet against PyTorch, scikit-learn and ONNX's reference, by vectors stored under tests/reference.

Each stored case carries the JSON of a tuinet struct and what the other side made of the same inputs.
"""

import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tuinet.data.dataset import Split
from tuinet.data.preparation import Standardize, fit_preparation, prepare
from tuinet.nn.context import Arena, Context
from tuinet.nn.initializers import Glorot, He, draw
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Softmax
from tuinet.nn.losses import Loss, Perceptron
from tuinet.nn.metrics import accuracy, confusion, mse, r2, top_k
from tuinet.nn.network import AnyLayer, Sequential
from tuinet.nn.optimizers import Optimizer, Sgd, new_scratch, new_state
from tuinet.nn.params import Params, ParamSpec
from tuinet.nn.regularization import Regularization, add_penalty_gradient, clip, decay
from tuinet.nn.schedules import Schedule, rate_at

REFERENCE = Path(__file__).parent / "reference"
TYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def load(family):
    """{case: {name: array}}"""
    cases = {}
    with np.load(REFERENCE / f"{family}.npz") as stored:
        for key in stored.files:
            case, name = key.split("/")
            cases.setdefault(case, {})[name] = stored[key]
    return cases


LAYERS, LOSSES, OPTIMIZERS = load("layers"), load("losses"), load("optimizers")
SCHEDULES, INITIALIZERS, NETWORKS = load("schedules"), load("initializers"), load("networks")
METRICS, ONNX = load("metrics"), load("onnx_reference")


def settings(case, kind):
    return msgspec.json.decode(str(case["settings"]), type=kind)


def agree(ours, theirs, dtype):
    """Within 1e-10 in float64 and 1e-5 in float32 of the size of the largest value."""
    assert ours.dtype == dtype and ours.shape == theirs.shape
    tolerance = (1e-10 if dtype == np.float64 else 1e-5) * max(1.0, float(np.abs(theirs).max(initial=0.0)))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def image_or_vector(sizes):
    return Shape.image(*sizes) if len(sizes) == 3 else Shape.vector(*sizes)


def params_for(layer, case, dtype):
    params = Params.zeros(layer.param_shapes(image_or_vector(case["x"].shape[1:])), dtype)
    for name in params:
        params[name][...] = case[name]
    return params


# Layers


@TYPES
@pytest.mark.parametrize("name", [name for name in LAYERS if name != "softmax-jacobian"])
def test_layer(name, dtype):
    case = LAYERS[name]
    layer = settings(case, AnyLayer)
    params = params_for(layer, case, dtype)
    grads, ctx = params.like(np.full_like(params.vector, np.nan)), Context(training=True, arena=Arena())
    y, cache = layer.forward(params, case["x"].astype(dtype), ctx)
    agree(y, case["y"], dtype)
    assert layer.output_shape(image_or_vector(case["x"].shape[1:])).sizes == case["y"].shape[1:]
    agree(layer.backward(params, cache, case["dy"].astype(dtype), grads, ctx), case["dx"], dtype)
    for parameter in params:
        agree(grads[parameter], case[f"d{parameter}"], dtype)


@TYPES
def test_the_whole_jacobian_of_softmax(dtype):
    case = LAYERS["softmax-jacobian"]
    n, nothing = case["x"].astype(dtype), Params({}, np.empty(0, dtype))
    units = len(n)
    _, cache = Softmax().forward(nothing, np.tile(n, (units, 1)), Context())
    agree(Softmax().backward(nothing, cache, np.eye(units, dtype=dtype), nothing, Context()), case["jacobian"], dtype)


@TYPES
@pytest.mark.parametrize("name", ONNX)
def test_layer_against_onnx(name, dtype):
    case = ONNX[name]
    layer = settings(case, AnyLayer)
    y, _ = layer.forward(params_for(layer, case, dtype), case["x"].astype(dtype), Context())
    agree(y, case["y"], dtype)


# Losses


@TYPES
@pytest.mark.parametrize("name", LOSSES)
def test_loss(name, dtype):
    case = LOSSES[name]
    loss, target = settings(case, Loss), case["target"]
    target = target if loss.targets == "ids" else target.astype(dtype)
    values, gradient = loss.value_and_gradient(case["output"].astype(dtype), target, Context())
    agree(values.astype(dtype), case["values"], dtype)
    agree(gradient, case["gradient"], dtype)


# Optimizers and schedules


@TYPES
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "clip"])
def test_optimizer(name, dtype):
    case = OPTIMIZERS[name]
    optimizer = settings(case, Optimizer)
    regularization = msgspec.json.decode(str(case["regularization"]), type=Regularization)
    params = flat_weights(case["start"].astype(dtype))
    state, scratch = new_state(optimizer, params.vector), new_scratch(params.vector)
    for step, gradient in enumerate(case["gradients"].astype(dtype), 1):
        grads = params.like(gradient.copy())
        update(optimizer, regularization, params, grads, state, step, scratch)
        agree(params.vector, case["path"][step - 1], dtype)
    assert step >= 10


def flat_weights(vector):
    """Parameters that are nothing but this vector."""
    return Params({"dense1/weight": ParamSpec(vector.shape, "weight", 1, 1)}, vector)


def update(optimizer, regularization, params, grads, state, step, scratch):
    """One step at the optimizer's own rate, in the order in which training does it."""
    add_penalty_gradient(regularization, params, grads, scratch=scratch)
    decay(regularization, params, optimizer.rate)
    optimizer.update(params.vector, grads.vector, state, optimizer.rate, step, scratch)


def test_clipping_by_norm():
    case = OPTIMIZERS["clip"]
    grads = flat_weights(case["start"].copy())
    assert clip(Regularization(clip_norm=0.5), grads) == pytest.approx(float(case["norm"]), rel=1e-12)
    np.testing.assert_allclose(grads.vector, case["clipped"], rtol=1e-5)  # PyTorch adds 1e-6 to the norm
    assert np.linalg.norm(grads.vector) == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule(name):
    case = SCHEDULES[name]
    schedule, (base, epoch, total) = (
        settings(case, Schedule),
        (case[k].item() for k in ("base", "steps_per_epoch", "total_steps")),
    )
    ours = [rate_at(schedule, base, step, epoch, total) for step in range(total)]
    np.testing.assert_allclose(ours, case["rates"], rtol=0, atol=1e-10)


# Initializers


@pytest.mark.parametrize("name", INITIALIZERS)
def test_fans_bounds_and_deviations(name):
    case = INITIALIZERS[name]
    spec = settings(case, AnyLayer).param_shapes(image_or_vector(case["shape"].tolist()))["weight"]
    fan_in, fan_out = int(case["fan_in"]), int(case["fan_out"])
    assert (spec.fan_in, spec.fan_out) == (fan_in, fan_out)
    bounds = {"glorot": math.sqrt(6 / (fan_in + fan_out)), "he": math.sqrt(6 / fan_in)}
    for kind, initializer in (("glorot", Glorot), ("he", He)):
        weights = draw(initializer("uniform"), spec.shape, fan_in, fan_out, np.random.default_rng(0), np.float64)
        for largest in (np.abs(weights).max(), case[f"{kind}_uniform"]):  # thousands of values come near the bound
            assert 0.998 * bounds[kind] < largest <= bounds[kind] * (1 + 1e-12)
        weights = draw(initializer("normal"), spec.shape, fan_in, fan_out, np.random.default_rng(0), np.float64)
        assert weights.std() == pytest.approx(float(case[f"{kind}_normal"]), rel=0.03)


# Whole networks


@TYPES
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "fused"])
@pytest.mark.parametrize("name", NETWORKS)
def test_training(name, plain, dtype):
    """Loss and gradients of the first step, the loss of every step, the parameters at the end."""
    case = NETWORKS[name]
    how = json.loads(str(case["settings"]))
    network = Sequential(msgspec.convert(how["network"], tuple[AnyLayer, ...]))
    loss, optimizer = msgspec.convert(how["loss"], Loss), msgspec.convert(how["optimizer"], Optimizer)
    regularization = msgspec.convert(how["regularization"], Regularization)
    params = Params(network.param_shapes(image_or_vector(case["x"].shape[1:])), case["start"].astype(dtype))
    grads = params.like(np.full_like(params.vector, np.nan))
    state, scratch = new_state(optimizer, params.vector), new_scratch(params.vector)
    x, target = case["x"].astype(dtype), case["target"]
    target = target if loss.targets == "ids" else target.astype(dtype)
    ctx = Context(training=True, plain=plain, arena=Arena())
    losses = []
    for step in range(1, len(case["values"]) + 1):
        ctx.restart((0, step, 0))
        output, cache = network.forward(params, x, ctx)
        values, gradient = loss.value_and_gradient(output, target, ctx)
        network.backward(params, cache, gradient / len(x), grads, ctx, need_dx=False)
        if step == 1:
            agree(grads.vector, case["gradient"], dtype)
        update(optimizer, regularization, params, grads, state, step, scratch)
        losses.append(values.mean())
    assert len(losses) >= 10
    agree(np.array(losses, dtype), case["values"], dtype)
    agree(params.vector, case["end"], dtype)


# Metrics and the perceptron


def test_class_metrics():
    case = METRICS["classes"]
    np.testing.assert_array_equal(confusion(case["ids"], case["predicted"], 5), case["confusion"])
    assert accuracy(case["ids"], case["predicted"]) == pytest.approx(float(case["accuracy"]), rel=1e-12)
    assert [top_k(case["scores"], case["ids"], k) for k in range(1, 5)] == pytest.approx(
        case["top"].tolist(), rel=1e-12
    )


def test_value_metrics():
    case = METRICS["values"]
    assert mse(case["y"], case["a"]) == pytest.approx(float(case["mse"]), rel=1e-10)
    assert [r2(case["y"][:, :n], case["a"][:, :n]) for n in (1, 2, 3)] == pytest.approx(case["r2"].tolist(), rel=1e-10)


@TYPES
def test_standardizing(dtype):
    case = METRICS["standardize"]
    x, shape = case["x"], Shape.vector(5)
    (fitted,) = steps = fit_preparation([Standardize()], Split(x, np.zeros(len(x), np.int64)), shape)
    np.testing.assert_allclose(fitted.mean, case["mean"], rtol=1e-12)
    np.testing.assert_allclose(fitted.deviation, case["deviation"], rtol=1e-12)
    agree(prepare(steps, x, shape, dtype), case["y"], dtype)


def test_the_perceptron():
    """Gradient descent on the perceptron loss, sample by sample, at α = 0.5 against scikit-learn's Perceptron."""
    case = METRICS["perceptron"]
    vector = np.append(case["weight"], case["bias"])
    scratch, ctx = new_scratch(vector), Context()
    for _ in range(int(case["epochs"])):
        for x, y in zip(case["x"], case["y"], strict=True):
            _, dn = Perceptron().value_and_gradient(
                np.array([[vector[:-1] @ x + vector[-1]]]), np.array([[float(y)]]), ctx
            )
            Sgd().update(vector, dn[0, 0] * np.append(x, 1.0), {}, 0.5, 1, scratch)
    np.testing.assert_allclose(vector, np.append(case["weight_after"], case["bias_after"]), rtol=1e-10)
