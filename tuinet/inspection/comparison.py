"""A CNN beside an MLP on the same images: what each would take."""

from __future__ import annotations

from tuinet.experiment.report import Report
from tuinet.inspection.view import Table
from tuinet.readable import size


def comparison_table(report: Report) -> Table | None:
    """Weights, memory in training and multiply-adds of both; None if this is no CNN, or cannot be yet."""
    other, totals = report.comparison, report.totals
    if other is None or totals is None:
        return None
    rows = (
        ("weights", f"{totals.parameters:,}", f"{other.parameters:,}"),
        ("memory in training", size(totals.memory.total), size(other.memory)),
        ("multiply-adds an image", f"{totals.multiply_adds:,}", f"{other.multiply_adds:,}"),
    )
    notes = (f"each hidden unit of the MLP has a weight for each of the {other.weights_per_unit:,} values of an image",)
    columns = ("", "this CNN", f"an MLP with {other.units:,} hidden units")
    return Table("comparison", columns, rows, title="this CNN and an MLP on the same images", notes=notes)
