"""Activation maximisation: what was put into hand-built detectors comes out again."""

from __future__ import annotations

import numpy as np
import pytest

import tuinet
from tests.model.models import made, xor
from tests.model.text_models import captioner, classifier
from tuinet.data.coding import Coding
from tuinet.data.dataset import Split
from tuinet.errors import TuinetError
from tuinet.inspection.question import Choice, Question, nodes
from tuinet.inspection.view import Table, View
from tuinet.inspection.views.ideal import VIEWS, ideal
from tuinet.model.model import Model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu, Sigmoid, Softmax, Step
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.over_time import LastStep, Rows
from tuinet.nn.layers.pool import AveragePool, MaxPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.layers.windows import pair
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.params import Array

THREE = Coding("ids", classes=3)


def asked(model: Model, layer: str, part: Split | None = None, **choice: object) -> Question:
    return Question(model, layer, None, None if part is None else lambda: part, Choice(**choice))  # type: ignore[arg-type]


def made_for(model: Model, layer: str, **choice: object) -> tuple[Table, Array]:
    table, view = ideal(asked(model, layer, **choice))
    assert isinstance(table, Table) and isinstance(view, View)
    return table, view.data[..., 0] if view.data.ndim == 4 else view.data


def cosine(one: Array, other: Array) -> float:
    a, b = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def best_fit(image: Array, template: Array) -> float:
    """The cosine of the image with the template, wherever on it that fits best."""
    (rows, columns), (height, width) = image.shape, template.shape
    found: list[float] = []
    for i in range(rows - height + 1):
        for j in range(columns - width + 1):
            whole = np.zeros_like(image)
            whole[i : i + height, j : j + width] = template
            found.append(cosine(image, whole))
    return max(found)


def templates(count: int, size: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=(count, size, size))


def detector(kernels: Array, bias: float, pool: MaxPool | AveragePool) -> Model:
    """Class c answers where the template c is found."""
    count, size, _ = kernels.shape
    layers = (Conv2D(count, size), Relu(), pool, Flatten(), Dense(count))
    drawn = {
        "conv1/weight": np.moveaxis(kernels, 0, -1)[:, :, None],
        "conv1/bias": bias,
        "dense1/weight": np.tile(np.eye(count), (((13 - size) // pair(pool.window)[0]) ** 2, 1)),
    }
    return made(layers, drawn, Shape.image(12, 12, 1), CrossEntropy(), Coding("ids", classes=count))


@pytest.mark.parametrize("bias", [0.0, -1.0])
@pytest.mark.parametrize("layer", ["conv1", "relu1", "pool1", "flatten1", "dense1"])
def test_a_convolution_that_looks_for_a_template_is_given_it(layer: str, bias: float) -> None:
    kernels = templates(3, 5)
    model = detector(kernels, bias, MaxPool(8))
    table, found = made_for(model, layer)
    assert len(found) == 3
    for image, kernel in zip(found, kernels, strict=True):
        assert best_fit(image, kernel) >= 0.99
    if layer == "dense1":
        assert [row[1] for row in table.rows] == pytest.approx(model.predict(found).outputs.diagonal())


def test_what_no_start_excites_is_found_through_the_values_before_the_rectifier() -> None:
    """With such a bias no small input opens a unit, so every gradient at the start is 0."""
    kernels = templates(3, 5)
    size = float(np.linalg.norm(kernels[0]))
    model = detector(kernels, -2 * size, MaxPool(8))  # the ball's radius is 6
    table, found = made_for(model, "dense1", units=(0,))
    assert best_fit(found[0], kernels[0]) >= 0.99
    assert table.rows[0][1] > 0  # type: ignore[operator]


def test_of_maps_the_place_that_is_named() -> None:
    kernels = templates(2, 3)
    model = detector(kernels, 0.0, MaxPool(2))
    for at, top in (((1, 4), (1, 4)), (None, (5, 5))):
        _, found = made_for(model, "relu1", units=(1,), at=at)
        whole = np.zeros((12, 12))
        whole[top[0] : top[0] + 3, top[1] : top[1] + 3] = kernels[1]
        assert cosine(found[0], whole) >= 0.99


@pytest.mark.parametrize("end", [Relu(), Sigmoid(), Softmax(), Step()])
def test_units_of_an_mlp_are_given_their_weights(end: Relu | Sigmoid | Softmax | Step) -> None:
    weight = np.random.default_rng(5).normal(size=(10, 3))
    model = made((Dense(3), end), {"dense1/weight": weight}, Shape.vector(10), CrossEntropy(), THREE)
    last = model.network.names()[-1]
    table, found = made_for(model, last)
    for unit in range(3):
        assert cosine(found[unit], weight[:, unit]) >= 0.99
    expected = model.predict(found).outputs.diagonal()
    assert [row[1] for row in table.rows] == pytest.approx(expected)


def test_behind_hidden_templates_one_of_them_or_their_sum() -> None:
    """y = relu(t₁·x) + relu(t₂·x) with t₁ ⟂ t₂ of one length is largest at t₁ + t₂."""
    weight = np.eye(8)[:, :2] * 3
    layers = (Dense(2), Relu(), Dense(3))
    model = made(
        layers, {"dense1/weight": weight, "dense2/weight": np.ones((2, 3))}, Shape.vector(8), CrossEntropy(), THREE
    )
    _, found = made_for(model, "dense2", units=(0,))
    assert cosine(found[0], weight.sum(axis=1)) >= 0.99


def test_through_steps_there_is_a_way_too() -> None:
    _, found = made_for(xor(), "dense1", units=(0,))
    assert cosine(found[0], np.ones(2)) >= 0.99
    table, _ = made_for(xor(), "step2")
    assert table.rows[0][1] == 1.0


def test_the_ball_is_as_large_as_data_are() -> None:
    model = detector(templates(2, 3), 0.0, MaxPool(2))
    inputs = np.random.default_rng(0).uniform(size=(20, 12, 12, 1))
    part = Split(inputs, np.zeros(20, int))
    table, view = ideal(asked(model, "dense1", part))
    assert isinstance(table, Table) and isinstance(view, View)
    typical = np.linalg.norm(inputs.reshape(20, -1), axis=1).mean()
    outputs = model.predict(inputs).outputs
    for row, image in zip(table.rows, view.data, strict=True):
        unit, reached, real, norm = row
        assert norm == pytest.approx(typical) and np.linalg.norm(image) == pytest.approx(typical)
        assert real == pytest.approx(outputs[:, unit].max())
        assert reached > real  # type: ignore[operator]
    table, _ = made_for(model, "dense1")
    assert table.rows[0][3] == pytest.approx(6.0)  # √144 / 2


def test_real_models_reach_more_than_real_inputs() -> None:
    model = tuinet.load("digits-cnn")
    part = tuinet.build("digits-cnn").data.splits["test"]
    table, view = ideal(asked(model, "dense2", part))
    assert isinstance(table, Table) and isinstance(view, View)
    assert view.data.shape == (10, 8, 8, 1)
    assert all(row[1] > 1.2 * row[2] for row in table.rows)  # type: ignore[operator]
    assert model.predict(view.data * 16).labels == [str(digit) for digit in range(10)]
    again = ideal(asked(model, "dense2", part))[1]
    assert isinstance(again, View) and np.array_equal(again.data, view.data)


def test_an_image_that_is_read_row_by_row() -> None:
    layers = (Rows(), RNN(4), LastStep(), Dense(3))
    model = made(layers, {}, Shape.image(5, 4, 1), CrossEntropy(), THREE)
    model.params.vector[:] = np.random.default_rng(1).normal(size=model.params.vector.size)
    table, found = made_for(model, "dense1", units=(2,))
    random = np.random.default_rng(2).normal(size=(200, 5, 4, 1))
    random *= np.linalg.norm(found[0]) / np.linalg.norm(random.reshape(200, -1), axis=1).reshape(-1, 1, 1, 1)
    assert table.rows[0][1] > model.predict(random).outputs[:, 2].max()  # type: ignore[operator]


def test_which_layers_have_it() -> None:
    (offer,) = VIEWS
    rows = made((Rows(), RNN(4), LastStep(), Dense(3)), {}, Shape.image(5, 4, 1), CrossEntropy(), THREE)
    for model, fitting in (
        (rows, ["last1", "dense1"]),
        (classifier(), []),
        (captioner(), [f"seq2seq1/encoder/{name}" for name in ("conv1", "flatten1", "dense1")]),
    ):
        every = nodes(model)
        assert [path for path in every if offer.fits(model, every[path])] == fitting
        assert not offer.fits(model, None)
    _, found = made_for(captioner(), "seq2seq1/encoder/dense1")
    assert found.shape == (4, 8, 8)


def test_what_cannot_be() -> None:
    model = detector(templates(2, 3), 0.0, MaxPool(2))
    with pytest.raises(TuinetError, match="no unit 2") as caught:
        ideal(asked(model, "dense1", units=(2,)))
    assert caught.value.hint == "Units: 0 to 1."
    with pytest.raises(TuinetError, match="no place 10,0") as caught:
        ideal(asked(model, "conv1", at=(10, 0)))
    assert caught.value.hint == "Places: row 0 to 9, column 0 to 9."
    with pytest.raises(TuinetError, match="no place 1"):
        ideal(asked(model, "dense1", at=(1,)))
    model.params.vector[:] = np.nan
    ideal(asked(model, "dense1"))


def test_what_nothing_excites_is_said() -> None:
    model = detector(templates(2, 3), 0.0, MaxPool(2))
    model.params["dense1/weight"][:, 1] = 0
    model.params["dense1/bias"][1] = 0
    table, *_ = ideal(asked(model, "dense1"))
    assert isinstance(table, Table)
    assert any(note.startswith("found nothing that excites 1:") for note in table.notes)
