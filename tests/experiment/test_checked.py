"""An experiment read and checked with its data, from the words a person has for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuinet.errors import TuinetError
from tuinet.experiment.checked import checked_experiment, problem_lines, read_experiment, report_on


def test_a_recipe_that_can_be_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    experiment, found = checked_experiment("digits-cnn", ("training.epochs=3",))
    assert experiment.training.epochs == 3
    assert not found.report.problems and not found.fetch
    assert found.encoded is None  # pictures need not be read to be checked


def test_every_problem_is_in_the_error() -> None:
    changes = ("model.layers[0].kernel=99", "model.layers[0].padding=0", "data.split.test=0.9")
    experiment = read_experiment("digits-cnn", changes)
    report = report_on(experiment).report
    assert len(report.problems) > 1
    with pytest.raises(TuinetError, match="digits-cnn cannot be trained") as caught:
        checked_experiment("digits-cnn", changes)
    assert problem_lines(report) in caught.value.message
    assert all(str(problem) in caught.value.message for problem in report.problems)


def test_data_that_are_not_here_are_said_to_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUINET_DATA", str(tmp_path))
    found = report_on(read_experiment("mnist-cnn"))
    assert "tuinet data fetch mnist" in found.fetch
    assert not found.report.problems
