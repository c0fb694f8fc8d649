"""What is said of layers that are not well."""

from __future__ import annotations

from tuinet.inspection.view import Table
from tuinet.tui.verdicts import told, warnings


def test_only_layers_that_are_not_well_are_warned_of_and_the_word_is_explained() -> None:
    rows = (("conv1", "fine"), ("relu1", "some dead, as is usual"), ("relu3", "many dead"), ("flatten1", None))
    assert warnings(Table("vitals", ("layer", "verdict"), rows)) == [
        "relu3: many dead (a dead unit is 0 for every sample and learns nothing)"
    ]
    assert warnings(None) == warnings(Table("vitals", ("layer",), (("conv1",),))) == []


def test_a_verdict_nobody_has_words_for_is_said_as_it_is() -> None:
    assert told("odd") == "odd"
    assert told("hardly learns: a step changes it by 2e-05 of its size").startswith("hardly learns: a step")
    assert "larger rate" in told("hardly learns")
