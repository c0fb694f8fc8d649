"""What is said of a run's layers by their vitals: which do not work as they should, and what that means."""

from __future__ import annotations

from tuinet.inspection.view import Table

USUAL = ("fine", "", None)

MEANS = (
    ("not finite", "a number in it is none any more: half the rate may do"),
    ("dead", "a dead unit is 0 for every sample and learns nothing"),
    ("saturated", "its units stand at their limits, where gradients are next to 0"),
    ("no gradient", "nothing tells it how to change"),
    ("vanishes", "next to nothing tells it how to change"),
    ("hardly learns", "a larger rate, or another activation, may do"),
    ("explodes", "a smaller rate, or clipping of gradients, may do"),
    ("large", "a smaller rate may do"),
)
"""What verdicts mean to somebody who reads one for the first time, the first that fits."""


def warnings(vitals: Table | None) -> list[str]:
    """`relu3: many dead (a dead unit is 0 for every sample and learns nothing)`, for each layer that is not well."""
    if vitals is None or "verdict" not in vitals.columns:
        return []
    at = vitals.columns.index("verdict")
    found = [(str(row[0]), str(row[at])) for row in vitals.rows if row[at] not in USUAL]
    return [f"{layer}: {told(verdict)}" for layer, verdict in found if not verdict.endswith("as is usual")]


def told(verdict: str) -> str:
    """The verdict, and what it means."""
    means = next((meaning for word, meaning in MEANS if word in verdict), "")
    return f"{verdict} ({means})" if means else verdict
