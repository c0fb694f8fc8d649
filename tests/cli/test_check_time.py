"""`tuinet check --time`: how long an epoch takes, on three real steps."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.commands import Command


def test_the_time_of_an_epoch_and_of_the_whole(tuinet: Command, tmp_path: Path) -> None:
    done = tuinet("check", "digits-cnn", "--time")
    assert done.code == 0, done.err
    assert re.search(r"^time +≈ \S+ (s|min) an epoch, \S+ (s|min|h) in all$", done.out, re.M)
    assert "total" in done.out
    assert not list(tmp_path.iterdir())


def test_as_json(tuinet: Command) -> None:
    (line,) = tuinet("check", "iris-mlp", "--time", "--json").lines
    assert line["timing"]["steps"] == 3
    assert line["timing"]["run"] > line["timing"]["epoch"] > line["timing"]["step"] > 0
    assert "at most" in tuinet("check", "iris-mlp", "--time").out  # early stopping may end it
    assert line["totals"]["parameters"] == 131
    (without,) = tuinet("check", "iris-mlp", "--json").lines
    assert "timing" not in without


def test_what_cannot_be_trained_is_not_measured(tuinet: Command, tmp_path: Path) -> None:
    wrong = ("--set", "model.layers[0].kernel=99", "--set", "model.layers[0].padding=0")
    done = tuinet("check", "digits-cnn", "--time", *wrong)
    assert done.code == 2
    assert "does not fit" in done.err
    assert "time" not in done.out
    (line,) = tuinet("check", "digits-cnn", "--time", "--json", *wrong).lines
    assert line["timing"] is None
    fetch = tuinet("check", "mnist-cnn", "--time", TUINET_DATA=str(tmp_path))
    assert "≈" not in fetch.out
    assert "note: mnist is not on this machine: tuinet data fetch mnist" in fetch.out
