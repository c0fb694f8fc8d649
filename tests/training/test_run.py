"""Runs as people and scripts meet them: processes that are killed, steered, refused and resumed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tuinet.errors import RunFailedError, TuinetError
from tuinet.experiment.decode import decode
from tuinet.training.directory import is_locked
from tuinet.training.events import CommandDone, RunEnded, StepDone
from tuinet.training.log import read_events
from tuinet.training.run import new_run, train_run
from tuinet.training.runs import command, follow, list_runs, new_line, summary

EXPERIMENT = """
name = "digits"
[data]
source = { kind = "digits" }
split = { validation = 300, test = 300 }
augment = [{ kind = "shift", pixels = 1 }]
[model]
layers = [
  { kind = "conv2d", filters = 4, kernel = 3, padding = "same" }, { kind = "relu" }, { kind = "max-pool" },
  { kind = "flatten" }, { kind = "dropout", rate = 0.3 }, { kind = "dense", units = 10 },
]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam", rate = 0.005 }
schedule = { kind = "cosine" }
early_stopping = { patience = 3, reuse = "retrain" }
epochs = 6
checkpoint_every = 17
batch_size = 20
"""


class Tuinet:
    """A `tuinet` process; what it says goes to a file, so that nothing waits for a reader."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        command = [sys.executable, "-m", "tuinet", *arguments]
        handle, name = tempfile.mkstemp()
        self.said = Path(name)
        self.process = subprocess.Popen(command, cwd=cwd, stdout=handle, stderr=subprocess.STDOUT)
        os.close(handle)

    def end(self, code: int, seconds: float = 120) -> str:
        """Wait for the end, hold the exit code to `code`, and return what was said."""
        try:
            found = self.process.wait(seconds)
        finally:
            self.kill()
        said = self.said.read_text()
        assert found == code, said
        return said

    def kill(self) -> None:
        """kill -9, if it still lives."""
        self.process.kill()
        self.process.wait()


def lines(run: Path) -> list[dict[str, object]]:
    """The log without its times."""
    found = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return [{key: value for key, value in event.items() if key != "time"} for event in found]


def wait_for(condition, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.01)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an experiment whose checkpoints come often, so that kills fall between, in and behind them."""
    (tmp_path / "e.toml").write_text(EXPERIMENT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_ten_kills_at_random_moments_change_nothing(place: Path):
    text = EXPERIMENT.replace("epochs = 6", "epochs = 50").replace("patience = 3", "patience = 20")
    (place / "e.toml").write_text(text)
    (place / "alone").mkdir(), (place / "killed").mkdir()
    first, again = ("train", "../e.toml", "--out", "run", "--quiet"), ("train", "--resume", "run", "--quiet")
    Tuinet(*first, cwd=place / "alone").end(0)
    rng = random.Random(7)
    killed = place / "killed" / "run"
    log = killed / "events.jsonl"
    kills = 0
    while kills < 10:
        if killed.exists() and not (killed / "experiment.toml").exists():
            killed.rmdir()  # killed between making the directory and writing into it
        before = log.stat().st_mtime_ns if log.exists() else 0
        trainer = Tuinet(*(again if killed.exists() else first), cwd=place / "killed")
        if kills % 5:  # most kills hit the training, some whatever comes before it
            wait_for(
                lambda t=trainer, b=before: (
                    t.process.poll() is not None or (log.exists() and log.stat().st_mtime_ns != b)
                )
            )
        time.sleep(rng.uniform(0.0, 0.6))
        assert trainer.process.poll() is None, "the run is too short to be killed ten times: " + trainer.end(0)
        trainer.kill()
        kills += 1
    Tuinet(*again, cwd=place / "killed").end(0)
    other = place / "alone" / "run"
    assert (killed / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    assert lines(killed) == lines(other)
    assert not [path for path in killed.iterdir() if path.suffix == ".tmp"]


def test_ctrl_c_saves_and_exits_130_and_resuming_ends_as_if_nothing_had_been(place: Path):
    long = EXPERIMENT.replace("epochs = 6", "epochs = 12").replace("patience = 3", "patience = 50")
    (place / "e.toml").write_text(long)
    alone = Tuinet("train", "e.toml", "--out", "alone", "--quiet", cwd=place)
    alone.end(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        run = place / f"run{number}"
        trainer = Tuinet("train", "e.toml", "--out", run.name, "--quiet", cwd=place)
        wait_for(lambda run=run: (run / "events.jsonl").exists() and len(lines(run)) > 1)
        trainer.process.send_signal(number)
        assert "resume" in trainer.end(130)
        assert lines(run)[-1]["reason"] == "interrupted"
        assert summary(run).state == "interrupted"
        Tuinet("train", "--resume", run.name, "--quiet", cwd=place).end(0)
        same = (
            [{**event, "model": None} for event in lines(run)],
            [{**event, "model": None} for event in lines(place / "alone")],
        )
        assert same[0] == same[1]
        assert (run / "model.safetensors").read_bytes() == (place / "alone/model.safetensors").read_bytes()


def test_a_run_is_steered_from_another_process(place: Path):
    (place / "e.toml").write_text(
        EXPERIMENT.replace("epochs = 6", "epochs = 100000").replace("patience = 3", "patience = 90000")
    )
    trainer = Tuinet("train", "e.toml", "--out", "run", "--quiet", cwd=place)
    run = place / "run"
    try:
        wait_for(lambda: (run / "events.jsonl").exists() and len(lines(run)) > 1)
        paused = command(run, new_line("pause"))
        assert paused.ok and summary(run).state == "paused"
        time.sleep(0.2)
        assert lines(run)[-1]["step"] == paused.step  # nothing moves
        command(run, new_line("step"))
        command(run, new_line("step"))
        wait_for(lambda: lines(run)[-1]["step"] == paused.step + 2)
        command(run, new_line("set", rate=0.001, pace=40))
        command(run, new_line("resume"))
        begin, first = time.monotonic(), summary(run).step
        time.sleep(1.5)
        done = (summary(run).step - first) / (time.monotonic() - begin)
        assert 15 < done < 60
        assert [e.rate for e, _ in read_events(run / "events.jsonl") if isinstance(e, StepDone)][-1] <= 0.001
        with pytest.raises(TuinetError, match="being trained already"):
            next(train_run(run))
        assert "being trained already" in Tuinet("train", "--resume", "run", "--quiet", cwd=place).end(2)
        command(run, new_line("stop", keep="last"))
        trainer.end(0)
    finally:
        trainer.kill()
    events = [event for event, _ in read_events(run / "events.jsonl")]
    assert isinstance(events[-1], RunEnded) and events[-1].reason == "stopped"
    assert [e.do for e in events if isinstance(e, CommandDone)] == ["pause", "step", "step", "set", "resume", "stop"]
    assert not is_locked(run)
    with pytest.raises(TuinetError, match="not being trained"):
        command(run, new_line("pause"))
    assert list(follow(run)) == events


def finish(run: Path, **options) -> RunEnded:
    events = list(train_run(run, **options))
    assert isinstance(events[-1], RunEnded)
    return events[-1]


def test_a_finished_run_goes_on_when_it_is_given_more_epochs(place: Path):
    text = EXPERIMENT.replace("early_stopping", "# ").replace('schedule = { kind = "cosine" }', "")
    long, _ = new_run(decode(text, "e"), place, place / "long")
    short, _ = new_run(decode(text.replace("epochs = 6", "epochs = 2"), "e"), place, place / "short")
    finish(long), finish(short)
    again = finish(short)
    assert again.reason == "epochs" and again.step == 2 * 60
    finish(short, changes=["training.epochs=6"])
    assert {"event": "settings-changed", "step": 120, "changes": {"training.epochs": "2 -> 6"}} in lines(short)
    assert (long / "model.safetensors").read_bytes() == (short / "model.safetensors").read_bytes()
    with pytest.raises(TuinetError, match="epochs"):
        finish(short, changes=["training.epochs=3"])
    with pytest.raises(TuinetError, match="cannot change"):
        finish(short, changes=["training.batch_size=3"])


def test_a_run_whose_data_changed_is_refused(place: Path):
    (place / "d.csv").write_text("a,b,y\n" + "".join(f"{i},{i % 3},{'u' if i % 2 else 'v'}\n" for i in range(40)))
    text = """
name = "t"
[data]
source = { kind = "csv", path = "d.csv", target = "y" }
[model]
layers = [{ kind = "dense", units = 2 }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "sgd" }
epochs = 3
"""
    run, _ = new_run(decode(text, "e"), place, place / "run")
    finish(run)
    (place / "d.csv").write_text((place / "d.csv").read_text().replace("7,1,u", "7,9,u"))
    with pytest.raises(TuinetError, match="not what they were"):
        finish(run, changes=["training.epochs=9"])


def test_a_directory_that_holds_something_is_not_written_into(place: Path):
    (place / "full").mkdir()
    (place / "full/file").write_text("mine")
    with pytest.raises(TuinetError, match="not empty"):
        new_run(decode(EXPERIMENT, "e"), place, place / "full")
    assert [path.name for path in (place / "full").iterdir()] == ["file"]


def test_a_loss_that_blows_up_keeps_the_last_good_checkpoint(place: Path):
    text = EXPERIMENT.replace("cross-entropy", "squared-error").replace('"adam", rate = 0.005', '"sgd", rate = 1e6')
    run, _ = new_run(decode(text, "e"), place, place / "run")
    with pytest.raises(RunFailedError, match="not finite at step"):
        list(train_run(run))
    assert lines(run)[-1]["event"] == "run-failed" and lines(run)[-1]["layer"]
    assert summary(run).state == "failed"


def test_runs_are_listed_latest_first(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TUINET_RUNS", str(place / "all"))
    text = EXPERIMENT.replace("epochs = 6", "epochs = 1")
    first, _ = new_run(decode(text, "e"), place)
    finish(first)
    second, _ = new_run(decode(text, "e"), place)
    assert first.parent == second.parent == place / "all" and first != second
    found = list_runs()
    assert [run.directory for run in found] == [str(second), str(first)]
    assert [run.state for run in found] == ["stopped short", "ended"]
    assert found[1].metrics["test"]["accuracy"] is not None
