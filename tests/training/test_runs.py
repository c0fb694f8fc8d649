"""Listing runs again and again: only what changed is read."""

from __future__ import annotations

import os
from pathlib import Path

from tests.training.test_feed import STARTED, epoch, step, write
from tuinet.training.directory import EVENTS, EXPERIMENT, Lock
from tuinet.training.events import RunEnded
from tuinet.training.runs import Listing, list_runs, newest_runs

ENDED = RunEnded(step=9, reason="epochs", metrics={})


def run(root: Path, name: str, at: float) -> Path:
    """A run that ended, whose log was written at that time."""
    directory = root / name
    directory.mkdir()
    (directory / EXPERIMENT).touch()
    write(directory, STARTED, step(1, 1.5), ENDED)
    os.utime(directory / EVENTS, (at, at))
    return directory


def test_what_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    directory = run(tmp_path, "one", 100.0)
    listing = Listing(tmp_path)
    (before,) = listing.look()
    log = directory / EVENTS
    log.write_bytes(log.read_bytes().replace(b"1.5", b"2.5"))
    os.utime(log, (100.0, 100.0))
    assert listing.look() == [before]
    os.utime(log, (101.0, 101.0))
    assert [found.loss for found in listing.look()] == [2.5]


def test_a_living_run_is_read_on_and_its_end_is_seen(tmp_path: Path) -> None:
    directory = run(tmp_path, "one", 100.0)
    listing = Listing(tmp_path)
    assert [found.state for found in listing.look()] == ["ended"]
    with Lock(directory):
        assert [(found.state, found.step) for found in listing.look()] == [("running", 9)]
        write(directory, step(12), epoch(1, 12, 0.5))
        assert [(found.state, found.step) for found in listing.look()] == [("running", 12)]
    assert [found.state for found in listing.look()] == ["stopped short"]
    assert listing.look() == list_runs(tmp_path)


def test_runs_come_and_go_the_latest_first(tmp_path: Path) -> None:
    listing = Listing(tmp_path / "not-there")
    assert listing.look() == [] and newest_runs(tmp_path / "not-there") == []
    old, new = run(tmp_path, "old", 100.0), run(tmp_path, "new", 200.0)
    listing = Listing(tmp_path)
    assert [Path(found.directory) for found in listing.look()] == newest_runs(tmp_path) == [new, old]
    (new / EXPERIMENT).unlink()
    assert [Path(found.directory) for found in listing.look()] == newest_runs(tmp_path) == [old]
