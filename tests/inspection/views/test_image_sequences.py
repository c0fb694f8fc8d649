"""Sequences whose steps are images: what each image adds to an answer, and the views that they do not have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tuinet.data.dataset import DatasetInfo, Split
from tuinet.errors import TuinetError
from tuinet.inspection.catalog import look
from tuinet.inspection.question import Choice, Question, Samples
from tuinet.inspection.view import Table, View
from tuinet.model.model import Model, new_model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.over_time import LastStep, MeanOverTime
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import AnyLayer, Sequential
from tuinet.nn.sequence import Ragged

GREY, COLOURED, TABLES = Shape.image(8, 8, 1), Shape.image(8, 8, 3), Shape((8, 8), ("row", "column"))
every_shape = pytest.mark.parametrize("shape", [GREY, COLOURED, TABLES], ids=str)


def watches(shape: Shape, *layers: AnyLayer) -> Model:
    """Tells three kinds of sequences of such images apart."""
    info = DatasetInfo("films", "classification", shape.over_time, {"train": 9}, labels=("a", "b", "c"))
    return new_model(Sequential((*layers, Dense(3))), info, (), CrossEntropy(), 1, "films", dtype=np.float64)


def films(shape: Shape, *lengths: int) -> Ragged:
    rng = np.random.default_rng(0)
    return Ragged.of([rng.normal(size=(length, *shape.sizes)) for length in lengths])


def asked(model: Model, *lengths: int, layer: str = "", **choice: Any) -> Question:
    inputs = films(model.meta.input_shape.step, *lengths)
    samples = Samples(inputs, np.zeros(len(lengths), int), tuple(map(str, range(len(lengths)))))
    part = Split(inputs, np.arange(len(lengths)) % 3)
    return Question(model, layer, samples, lambda: part, Choice(**choice))


@every_shape
def test_what_each_image_adds(shape: Shape) -> None:
    """Of the mean over T images, xₜ · w / T."""
    model = watches(shape, Flatten(), MeanOverTime())
    question = asked(model, 4, units=(1,))
    *before, found = look(question, "gradient-input")
    assert isinstance(found, View) and (found.kind, found.axes[0].name) == ("vector", "step")
    images = question.need_samples().inputs
    assert isinstance(images, Ragged)
    flat = images.row(0).reshape(4, -1)
    assert found.data == pytest.approx(flat @ model.params["dense1/weight"][:, 1] / 4)
    assert len(before) == (shape is TABLES)  # its own three axes can be seen
    both = look(asked(model, 4, units=(1, 2)), "gradient-input")[-1]
    assert isinstance(both, View) and (both.kind, both.data.shape) == ("matrix", (2, 4))
    assert both.data[0] == pytest.approx(found.data)


@every_shape
def test_mistakes_come_without_pictures(shape: Shape) -> None:
    model = watches(shape, Flatten(), GRU(3), LastStep())
    found = look(asked(model, 1, 2, 3, 4, 5, 6), "mistakes")
    assert [type(each) for each in found] == [Table]
    assert found[0].rows  # type: ignore[union-attr]


@pytest.mark.parametrize("layer", ["", "conv1"])
def test_a_map_of_several_images_is_no_heat_map(layer: str) -> None:
    model = watches(GREY, Conv2D(2, 3), Flatten(), GRU(3), LastStep())
    with pytest.raises(TuinetError, match="has no view 'grad-cam'"):
        look(asked(model, 3, layer=layer), "grad-cam")
