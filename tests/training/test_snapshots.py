"""Weights kept on the way: one file an epoch, thinned by a rule; and those of this moment while somebody watches."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tuinet
from tests.cli.commands import run_command
from tests.model.models import cnn
from tuinet.files.model_file import load_model
from tuinet.training import live as live_module
from tuinet.training import snapshots as snapshots_module
from tuinet.training.live import Live
from tuinet.training.snapshots import every, keep, snapshots


def test_how_many_are_kept() -> None:
    assert [every(epochs, 1000) for epochs in (1, 50, 51, 100, 101, 5000)] == [1, 1, 2, 2, 3, 100]
    assert every(60, 50 * 2**20) == 15  # four of 50 MB
    assert every(10, 200 * 2**20) == 10
    assert every(10, 201 * 2**20) == 0
    for epochs in (3, 77, 1234):
        for size in (100, 30 * 2**20):
            kept = epochs // every(epochs, size)
            assert kept <= 50 and kept * size <= 200 * 2**20


def test_those_of_another_number_of_epochs_are_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots_module, "MOST_FILES", 4)
    for epoch in range(1, 5):
        keep(tmp_path, cnn(), epoch, 4)
    assert list(snapshots(tmp_path)) == [1, 2, 3, 4]
    (tmp_path / "snapshots" / "notes.txt").write_text("mine")
    keep(tmp_path, cnn(), 5, 8)  # goes on to eight epochs
    assert list(snapshots(tmp_path)) == [1, 2, 3, 4]
    keep(tmp_path, cnn(), 6, 8)
    assert list(snapshots(tmp_path)) == [2, 4, 6]
    keep(tmp_path, cnn(), 2, 8)  # cut back to an earlier checkpoint
    assert list(snapshots(tmp_path)) == [2]
    assert (tmp_path / "snapshots" / "notes.txt").exists()


def test_a_run_keeps_its_epochs_and_the_last_is_its_model(tmp_path: Path) -> None:
    done = run_command("train", "xor", "--set", "training.epochs=120", "--out", "run", "-q", cwd=tmp_path)
    assert done.code == 0, done.err
    found = snapshots(tmp_path / "run")
    assert found and all(epoch % 3 == 0 for epoch in found)
    models = {epoch: load_model(path) for epoch, path in found.items()}
    assert [model.meta.epochs for model in models.values()] == list(found)
    losses = [record.train["loss"] for record in models[max(found)].meta.history]
    assert len(losses) > 2
    assert len({model.params.vector.tobytes() for model in models.values()}) == len(models)


def test_live_weights_are_leased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(live_module.time, "monotonic", lambda: now[0])
    model, live = cnn(), Live(tmp_path)
    live.show(1, lambda: model)
    assert not live.path.exists()  # nobody watches
    live.renew()
    live.show(1, lambda: model)
    assert (load_model(live.path).params.vector == model.params.vector).all()
    model.params.vector[:] += 1
    now[0] += 0.5
    live.show(2, lambda: model)  # too soon
    assert not np.array_equal(load_model(live.path).params.vector, model.params.vector)
    now[0] += 0.6
    live.show(2, lambda: model)
    assert np.array_equal(load_model(live.path).params.vector, model.params.vector)
    now[0] += 4
    live.show(3, lambda: pytest.fail("the lease has ended"))
    live.close()
    assert not live.path.exists()


def test_a_run_is_watched_and_does_one_epoch(tmp_path: Path) -> None:
    """In a process of its own, steered by its control file alone."""
    command = [
        sys.executable,
        "-m",
        "tuinet",
        "train",
        "digits-cnn",
        "--set",
        "training.epochs=5000",
        "--out",
        "run",
        "-q",
    ]
    process = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.DEVNULL)
    run = tmp_path / "run"
    try:
        wait(lambda: (run / "events.jsonl").exists() and "step" in (run / "events.jsonl").read_text())
        assert run_command("runs", "step", "run", "--epoch", cwd=tmp_path).code == 0
        wait(lambda: run_command("runs", "show", "run", "--json", cwd=tmp_path).lines[0]["state"] == "paused")
        step = run_command("runs", "show", "run", "--json", cwd=tmp_path).lines[0]["step"]
        assert step % 40 == 0  # an epoch of digits has 40 steps
        assert not (run / "live.safetensors").exists()
        before = (run / "events.jsonl").stat().st_size
        with (run / "control.jsonl").open("a") as control:
            control.write(json.dumps({"id": "w", "do": "watch"}) + "\n")
        wait((run / "live.safetensors").exists)
        assert load_model(run / "live.safetensors").meta.steps == step
        assert (run / "events.jsonl").stat().st_size == before  # no answer to each renewal
        assert run_command("runs", "stop", "run", cwd=tmp_path).code == 0
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert not (run / "live.safetensors").exists()
    assert isinstance(tuinet.load(run), tuinet.Model)


def wait(ready: object, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not ready():  # pyright: ignore[reportCallIssue]
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)
