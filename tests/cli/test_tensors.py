"""`tuinet inspect` of a file of tensors: the list of views, and what none of them takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.commands import Command


@pytest.fixture
def weights(tmp_path: Path) -> str:
    np.savez(tmp_path / "w.npz", w=np.arange(6.0).reshape(2, 3))
    return "w.npz"


def test_a_tensor_has_a_list_of_views(tuinet: Command, weights: str) -> None:
    found = tuinet("inspect", weights, "w", "--json").lines[0]
    assert found["layer"] == "w"
    assert {offer["name"]: offer["takes"] for offer in found["offers"]} == {
        "values": ["--unit", "--at", "--axes"],
        "statistics": [],
        "histogram": [],
    }
    assert {offer["needs"] for offer in found["offers"]} == {"nothing"}
    assert "--axes" in tuinet("inspect", weights, "w").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("w", "--view", "histogram", "--unit", "0"), "the view histogram takes no --unit"),
        (("w", "--view", "statistics", "--axes", "0,1"), "takes no --axes"),
        (("w", "--unit", "0"), "--unit belongs to a view"),
        (("--axes", "0,1"), "--axes belongs to a view"),
        (("w", "--view", "values", "--unit", "9"), "has no picture 9"),
        (("w", "--view", "values", "--axes", "x"), "--axes 'x' is no pair of axes"),
        (("w", "--view", "values", "--axes", "1"), "--axes '1' names 1 axes"),
        (("w", "--view", "values", "--axes", "0,9999999999"), "--axes '0,9999999999': 9999999999 is too large"),
    ],
)
def test_what_is_not_taken_is_refused(tuinet: Command, weights: str, arguments: tuple[str, ...], said: str) -> None:
    done = tuinet("inspect", weights, *arguments)
    assert done.code == 2
    assert said in done.err
