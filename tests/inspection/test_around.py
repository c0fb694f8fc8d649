"""What is said around a value: figures worked by hand."""

from __future__ import annotations

import numpy as np

from tuinet.inspection.around import around, beside
from tuinet.inspection.view import Axis, Origin, View

MAPS = np.zeros((2, 2, 3))
MAPS[1] = [[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]


def test_of_a_map_its_largest_value_with_its_place_its_mean_and_its_zeros() -> None:
    view = View("maps", "images", (Axis("map"), Axis("row"), Axis("column")), MAPS)
    assert around(view, (1, 0, 0)) == "max 2 at row 1, column 2, mean 0.5, 67 % are 0"
    assert around(view, (0, 0, 0)) == "max 0 at row 0, column 0, mean 0, 100 % are 0"


def test_of_a_map_that_is_not_finite_nothing() -> None:
    maps = MAPS.copy()
    maps[1, 0, 0] = np.nan
    assert around(View("maps", "images", (Axis("map"), Axis("row"), Axis("column")), maps), (1, 0, 0)) == ""


def gate(name: str, data: list[list[float]], layer: str = "lstm1") -> View:
    return View(
        name, "matrix", (Axis("step"), Axis("unit")), np.array(data), origin=Origin(layer, name, 0, called=name)
    )


def test_of_a_step_its_mean_over_the_units() -> None:
    assert around(gate("forget", [[0.0, 1.0], [0.5, 1.0]]), (1, 0)) == "mean 0.75"


def test_beside_a_gate_stand_the_others_of_its_layer_at_the_same_place() -> None:
    forget, cell = gate("forget", [[0.0, 0.25]]), gate("cell", [[3.0, -0.5]])
    other, longer = (
        gate("cell", [[9.0, 9.0]], layer="lstm2"),
        View("x", "matrix", (Axis("a"), Axis("b")), np.ones((1, 2))),
    )
    assert beside((forget, cell, other, longer), forget, (0, 1)) == "cell -0.5"
    assert beside((forget, cell), longer, (0, 1)) == ""
