"""A CNN beside an MLP, as a table."""

from __future__ import annotations

from tests.experiment.test_check import CIFAR, PLANE, report
from tuinet.inspection.comparison import comparison_table


def test_both_side_by_side() -> None:
    found = report("cifar10-cnn", CIFAR)
    table = comparison_table(found)
    assert table is not None and found.totals is not None
    assert table.columns == ("", "this CNN", "an MLP with 64 hidden units")
    weights, memory, work = table.rows
    assert weights == ("weights", "89,834", "197,322")
    assert work == ("multiply-adds an image", f"{found.totals.multiply_adds:,}", f"{3072 * 64 + 640:,}")
    assert memory[0] == "memory in training"
    assert all(str(cell).endswith("MB") for cell in memory[1:])
    assert "3,072 values" in table.notes[0]


def test_there_is_none_for_an_mlp_or_for_what_cannot_be() -> None:
    assert comparison_table(report("cifar10-mlp", CIFAR)) is None
    assert comparison_table(report("cifar10-cnn", PLANE)) is None
    assert (
        comparison_table(report("cifar10-cnn", CIFAR, "model.layers[0].kernel=99", "model.layers[0].padding=0")) is None
    )
