"""What a cell of a map sees of the input: told by the layers' settings, measured by changing pixels one by one."""

from __future__ import annotations

import numpy as np
import pytest

import tuinet
from tests.inspection.asking import look, offers, question
from tests.model.models import cnn, images, made
from tests.model.text_models import captioner
from tuinet.data.coding import Coding
from tuinet.errors import TuinetError
from tuinet.inspection.question import nodes
from tuinet.inspection.view import View
from tuinet.inspection.views.receptive import field_of, line_of
from tuinet.inspection.views.windows import VIEWS, reach, way_in
from tuinet.model.model import Model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Linear
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dropout import Dropout
from tuinet.nn.layers.pool import AveragePool, SumPool
from tuinet.nn.losses import SquaredError
from tuinet.nn.parts import Part

CHAINS: list[tuple[Part, ...]] = [
    (Conv2D(1, 3),),
    (Conv2D(2, 3, padding="same"), Linear(), AveragePool(2), Conv2D(1, 3, padding="same")),
    (Conv2D(1, (2, 3), stride=(2, 1), padding="same"), Dropout(0.5), SumPool(2, stride=3)),
    (Conv2D(1, 2, stride=3, padding=1), Conv2D(1, 2)),  # passes over rows
    (Conv2D(1, 3, padding=4), Conv2D(1, 3, padding=2)),  # cells that see nothing but padding
    (Conv2D(1, 9), Conv2D(1, 3, padding=4)),  # rows of padding that are no rows of the image further on
    (AveragePool((1, 2), stride=(2, 1)), Conv2D(1, 4, padding="same")),
]


def positive(layers: tuple[Part, ...]) -> Model:
    """All weights 1: nothing cancels out."""
    model = made(layers, {}, Shape.image(11, 10, 1), SquaredError(), Coding("values"))
    model.params.vector[:] = 1
    return model


def path_at_the_end(model: Model) -> str:
    return list(nodes(model))[-1]


@pytest.mark.parametrize("layers", CHAINS, ids=lambda layers: "-".join(type(layer).__name__ for layer in layers))
def test_exactly_the_pixels_seen_change_a_cell(layers: tuple[Part, ...]) -> None:
    model = positive(layers)
    path = path_at_the_end(model)
    node = nodes(model)[path]
    chain = way_in(model, node)
    assert chain is not None
    # One image for each pixel, alone on black: (110, 11, 10, 1)
    pixels = np.eye(110).reshape(110, 11, 10, 1)
    y = question(model, path, pixels).run.outputs[..., 0]  # (110, Ho, Wo)
    dark = question(model, path, np.zeros((1, 11, 10, 1))).run.outputs[0, ..., 0]
    for row in range(y.shape[1]):
        for column in range(y.shape[2]):
            changed = (y[:, row, column] != dark[row, column]).reshape(11, 10)
            expected = np.zeros((11, 10), bool)
            expected[np.ix_(reach(chain, row, 0).seen, reach(chain, column, 1).seen)] = True
            np.testing.assert_array_equal(changed, expected)


def test_sizes_by_hand() -> None:
    """3×3, then pooling by 2, then 3×3: 3, then 4 and a jump of 2, then 4 + 2 · 2 = 8."""
    model = positive((Conv2D(1, 3), AveragePool(2), Conv2D(1, 3)))
    chain = way_in(model, nodes(model)["conv2"])
    assert chain is not None
    field = field_of(line_of(model), 2)
    assert field is not None and (field.start, field.jump, field.size) == ((0, 0), (2, 2), (8, 8))
    assert reach(chain, 1, 0)[:3] == (2, 10, 11)
    assert reach(chain, 1, 0).seen == tuple(range(2, 10))
    padded = positive((Conv2D(1, 3, padding="same"), Conv2D(1, 3, padding="same")))
    chain = way_in(padded, nodes(padded)["conv2"])
    assert chain is not None
    assert reach(chain, 0, 0)[:2] == (-2, 3) and reach(chain, 0, 0).outside == (2, 0)
    assert reach(chain, 10, 0).outside == (0, 2)


def window(model: Model, layer: str, raw: np.ndarray, **choice: object) -> dict[str, View]:
    found = look(VIEWS, "window", question(model, layer, raw, **choice))
    return {seen.name: seen for seen in found if isinstance(seen, View)}


def test_the_window_of_the_digits_cnn() -> None:
    model = tuinet.load("digits-cnn")
    raw = np.random.default_rng(0).integers(1, 17, (1, 8, 8)).astype(np.uint8)
    found = window(model, "conv2", raw, at=(0, 5), units=(3,))
    image = raw[0] / 16
    cut = found["window"]  # 5×5 around (0, 5), two rows of it above the image
    assert cut.title.startswith("what map 3, row 0, column 5 of conv2 sees")
    assert "it sees rows 0–2, columns 3–7 of the input" in cut.notes
    assert any("2 rows above" in note and "column" not in note.split(":")[1] for note in cut.notes)
    np.testing.assert_allclose(cut.data[..., 0], image[0:3, 3:8], rtol=1e-6)
    assert (cut.axes[0].labels, cut.axes[1].labels) == (("0", "1", "2"), ("3", "4", "5", "6", "7"))
    place = np.zeros((8, 8))
    place[0:3, 3:8] = image[0:3, 3:8]
    np.testing.assert_allclose(found["place"].data[..., 0], place, rtol=1e-6)
    np.testing.assert_allclose(found["input"].data[..., 0], image, rtol=1e-6)
    own = found["own-window"]
    assert own.data.shape == (16, 3, 3) and own.axes[1].labels == ("·", "0", "1")
    relu = question(model, "relu1", raw).run.places["relu1"].y[0]
    np.testing.assert_array_equal(own.data[:, 0], 0)
    np.testing.assert_array_equal(own.data[:, 1:], np.moveaxis(relu[0:2, 4:7], 2, 0))
    weight, bias = model.params["conv2/weight"][..., 3], model.params["conv2/bias"][3]
    value = float((np.moveaxis(own.data, 0, 2) * weight).sum() + bias)
    said = float(cut.notes[0].rsplit(" ", 1)[1])
    assert value == pytest.approx(said, rel=1e-4)


def test_without_a_place_it_is_where_the_map_is_greatest() -> None:
    model, raw = cnn(), images(1)
    y = question(model, "relu1", raw).run.places["relu1"].y[0]
    row, column, unit = np.unravel_index(y.argmax(), y.shape)
    assert f"what map {unit}, row {row}, column {column} of relu1" in window(model, "relu1", raw)["window"].title
    row, column = np.unravel_index(y[..., 2].argmax(), y.shape[:2])
    assert f"map 2, row {row}, column {column}" in window(model, "relu1", raw, units=(2,))["window"].title


def test_a_cell_that_sees_only_padding_says_so() -> None:
    model = positive((Conv2D(1, 3, padding=4),))
    found = window(model, "conv1", np.ones((1, 11, 10, 1)), at=(0, 0))
    assert set(found) == {"own-window"}
    assert "it sees nothing but padding of the input" in found["own-window"].notes
    assert not found["own-window"].data.any()


@pytest.mark.parametrize(
    ("choice", "message"),
    [({"at": (6, 0)}, "no row 6"), ({"at": (0, 9)}, "no column 9"), ({"units": (7,)}, "no map 7"),
     ({"at": (3,)}, "no place 3"), ({"step": 1}, "no steps")],
)  # fmt: skip
def test_cells_that_are_not_there(choice: dict[str, object], message: str) -> None:
    with pytest.raises(TuinetError, match=message):
        window(cnn(), "conv1", images(1), **choice)


def test_only_maps_of_the_input_have_windows() -> None:
    def has(model: Model) -> list[str]:
        return [path for path in nodes(model) if offers(VIEWS, question(model, path))]

    assert has(cnn()) == ["conv1", "relu1", "pool1", "conv2", "relu2"]
    assert has(captioner()) == ["seq2seq1/encoder/conv1"]
    assert has(tuinet.load("iris-mlp")) == []
