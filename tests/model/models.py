"""Small models whose weights are set by hand, for the tests of rooms that use models."""

from __future__ import annotations

import numpy as np

from tuinet.data.coding import Coding
from tuinet.data.dataset import DatasetInfo
from tuinet.data.preparation import Preparation, Scale
from tuinet.model.model import Meta, Model, new_model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu, Step
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.losses import CrossEntropy, Loss, SquaredError
from tuinet.nn.network import AnyLayer, Sequential
from tuinet.nn.params import Params


def made(
    layers: tuple[AnyLayer, ...],
    weights: dict[str, object],
    inputs: Shape,
    loss: Loss,
    coding: Coding,
    preparation: tuple[Preparation, ...] = (),
) -> Model:
    """A float64 model with these weights; classes are named a, b, c …"""
    network = Sequential(layers)
    labels = tuple("abcdefghijklmnopqrstuvwxyz"[: coding.classes])
    task = "regression" if coding.kind == "values" else "classification"
    meta = Meta(
        name="made", task=task, input_shape=inputs, preparation=preparation, coding=coding, labels=labels, loss=loss
    )
    params = Params.zeros(network.param_shapes(inputs), np.float64)
    for path, values in weights.items():
        params[path][...] = values
    return Model(network, params, meta)


def linear(weight: object, bias: object, loss: Loss, coding: Coding) -> Model:
    """x W + b."""
    w = np.array(weight, np.float64)
    layers = (Dense(w.shape[1]),)
    return made(layers, {"dense1/weight": w, "dense1/bias": bias}, Shape.vector(len(w)), loss, coding)


def constant(outputs: list[float], loss: Loss, coding: Coding) -> Model:
    """Whatever comes in, these outputs."""
    return linear(np.zeros((1, len(outputs))), outputs, loss, coding)


def xor() -> Model:
    """The lecture's two layers with weights set by hand: (x or y) and not (x and y)."""
    weights = {"dense1/weight": np.ones((2, 2)), "dense1/bias": [-0.5, -1.5]}
    weights |= {"dense2/weight": [[1.0], [-1.0]], "dense2/bias": [-0.5]}
    layers = (Dense(2), Step(), Dense(1), Step())
    return made(layers, weights, Shape.vector(2), SquaredError(), Coding("binary", classes=2))


IMAGES = DatasetInfo(
    "squares", "classification", Shape.image(8, 8, 1), {"train": 10}, labels=("a", "b", "c"), maximum=255.0
)


def cnn(dtype: type = np.float64, seed: int = 1) -> Model:
    """A small CNN with random weights for 8×8 grey images of three classes."""
    layers = (Conv2D(4, 3), Relu(), MaxPool(), Conv2D(2, 2), Relu(), Flatten(), Dropout(0.5), Dense(3))
    return new_model(Sequential(layers), IMAGES, (Scale(255.0),), CrossEntropy(), seed, "cnn", dtype=dtype)


def images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8), np.uint8)
