"""What remains of a small shift behind each layer: pooling makes it matter less."""

from __future__ import annotations

import numpy as np
import pytest

import tuinet
from tests.model.models import made
from tests.model.text_models import captioner, classifier
from tuinet.data.coding import Coding
from tuinet.errors import TuinetError
from tuinet.inspection.question import Question, Samples, nodes
from tuinet.inspection.view import Table, View
from tuinet.inspection.views.shifts import VIEWS, shifts
from tuinet.model.model import Model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.over_time import LastStep, Rows
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import AnyLayer

THREE = Coding("ids", classes=3)


def shown(model: Model, inputs: np.ndarray) -> tuple[View, Table]:
    names = tuple(map(str, range(len(inputs))))
    series, table = shifts(Question(model, samples=Samples(model.raw(inputs), None, names)))
    assert isinstance(series, View) and isinstance(table, Table)
    return series, table


def network(*layers: AnyLayer, size: int = 8) -> Model:
    model = made((*layers, Dense(3)), {}, Shape.image(size, size, 1), CrossEntropy(), THREE)
    rng = np.random.default_rng(1)
    model.params.vector[:] = rng.normal(size=model.params.vector.size)
    for path, array in model.params.items():
        if path.endswith("bias"):
            array[...] = 0
    return model


def bright(*cells: tuple[int, int], size: int = 8) -> np.ndarray:
    image = np.zeros((1, size, size))
    for cell in cells:
        image[0][cell] = 1
    return image


def line(series: View, layer: str) -> list[float]:
    return series.data[:, series.axes[1].labels.index(layer)].tolist()


def test_one_bright_cell_by_hand() -> None:
    """Moved, it is as different as can be (√2), until it stays in the window of a pool."""
    model = network(MaxPool(4), SumPool(2), Flatten())
    series, _ = shown(model, bright((1, 1)))
    assert series.axes[0].labels == ("1 cell", "2 cells", "3 cells")
    # Moved by 2 or 3 to the left or up it leaves the image, which changes as much as there was: 1 and not 2.
    gone, half = np.sqrt((2 + 2 + 1 + 1) / 4), np.sqrt((0 + 0 + 1 + 1) / 4)
    assert line(series, "input") == pytest.approx([np.sqrt(2), gone, gone])
    assert line(series, "pool1") == pytest.approx(
        [0, half, gone]
    )  # by 1 and 2 within its window of 4×4, else out of it
    assert line(series, "pool2") == pytest.approx([0, half, half])


def test_against_themselves_moved_along_only_pools_change() -> None:
    model = network(Conv2D(2, 3, padding="same"), MaxPool(2), Conv2D(2, 1), Flatten(), size=16)
    series, table = shown(model, bright((7, 7), (8, 9), (9, 6), size=16))
    rows = {row[0]: row[1:] for row in table.rows}
    assert table.columns[4:] == ("moved along, 1", "moved along, 2", "moved along, 3")
    assert list(rows) == ["input", *model.network.names()]
    assert rows["input"][3:] == (0.0, 0.0, 0.0)
    assert rows["conv1"][3:] == pytest.approx((0, 0, 0), abs=1e-12)
    assert rows["pool1"][3:] == (None, pytest.approx(0, abs=1e-12), None)  # its cells are 2 apart
    assert rows["conv2"][3:] == (None, pytest.approx(0, abs=1e-12), None)
    assert rows["dense1"][3:] == (None, None, None)
    assert [row[1] for row in table.rows] == series.data[0].tolist()


def test_what_was_at_the_rim_is_lost_when_moved_along_too() -> None:
    model = network(Conv2D(1, 3, padding="same"), Flatten())
    model.params["conv1/weight"][...] = 1.0
    _, table = shown(model, bright((4, 4)) + 1)  # on a background of 1 the padding shows
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["conv1"][3] > 0.05  # type: ignore[operator]


def test_the_background_comes_in() -> None:
    series, _ = shown(network(Conv2D(2, 3), Flatten()), np.full((1, 8, 8), 7.0))
    assert not series.data.any()


@pytest.mark.parametrize("pool", [MaxPool(2), AveragePool(2), SumPool(2)])
def test_pooling_makes_shifts_matter_less(pool: MaxPool | AveragePool | SumPool) -> None:
    inputs = np.random.default_rng(0).uniform(size=(20, 16, 16))
    series, _ = shown(network(pool, pool, pool, Flatten(), size=16), inputs)
    for shift in range(3):
        behind = [line(series, name)[shift] for name in ("input", "pool1", "pool2", "pool3")]
        assert behind == sorted(behind, reverse=True)
        assert behind[-1] < behind[0] / 2
    smaller = series.data[0] < series.data[2]
    assert smaller[1:4].all()


@pytest.mark.parametrize(("name", "pools"), [("digits-cnn", ["pool1"]), ("mnist-small-cnn", ["pool1", "pool2"])])
def test_in_shipped_models(name: str, pools: list[str]) -> None:
    model = tuinet.load(name)
    recipe = tuinet.build(name).data.splits
    inputs, _ = recipe.get("test", recipe["train"]).take(np.arange(20))
    series, _ = shown(model, inputs)
    for pool in pools:
        before = series.axes[1].labels[series.axes[1].labels.index(pool) - 1]
        assert line(series, pool)[0] < 0.85 * line(series, before)[0]


def test_images_that_are_read_row_by_row_and_captions() -> None:
    inputs = np.random.default_rng(0).uniform(size=(3, 8, 8))
    series, _ = shown(network(Rows(), RNN(4), LastStep()), inputs)
    assert np.isfinite(series.data).all() and (series.data > 0).all()
    assert line(series, "rows1") == pytest.approx(line(series, "input"))
    series, _ = shown(captioner(), inputs)
    assert "seq2seq1/encoder/conv1" in series.axes[1].labels


def test_images_too_small() -> None:
    model = made((Flatten(), Dense(3)), {}, Shape.image(1, 8, 1), CrossEntropy(), THREE)
    with pytest.raises(TuinetError, match="cannot be moved"):
        shown(model, np.zeros((1, 1, 8)))
    small = made((Flatten(), Dense(3)), {}, Shape.image(3, 3, 1), CrossEntropy(), THREE)
    series, _ = shown(small, np.zeros((1, 3, 3)))
    assert series.data.shape == (2, 3) and not series.data.any()


def test_which_models_have_it() -> None:
    (offer,) = VIEWS
    model = tuinet.load("digits-cnn")
    assert offer.fits(model, None) and not offer.fits(model, nodes(model)["conv1"])
    assert not offer.fits(tuinet.load("iris-mlp"), None)
    assert not offer.fits(classifier(), None)
