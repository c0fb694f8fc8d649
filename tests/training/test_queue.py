"""Runs that wait for another run's end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.training.test_run import EXPERIMENT, Tuinet, finish, lines, place, wait_for  # noqa: F401
from tuinet.errors import TuinetError
from tuinet.experiment.decode import decode
from tuinet.training.directory import Lock, is_locked, waits_for
from tuinet.training.run import lay_out, train_run
from tuinet.training.runs import command, new_line, summary

SHORT = EXPERIMENT.replace("epochs = 6", "epochs = 1").replace("early_stopping", "# ")
WAIT = ("train", "e.toml", "--after", "first", "--out", "run", "--quiet")


@pytest.fixture
def first(place: Path) -> Path:  # noqa: F811
    """A run; who holds its lock seems to train it."""
    (place / "e.toml").write_text(SHORT)
    return lay_out(decode(SHORT, "e"), place, place / "first")


def waiting(first: Path, *arguments: str) -> Tuinet:
    trainer = Tuinet(*(arguments or WAIT), cwd=first.parent)
    run = first.parent / "run"
    wait_for(lambda: trainer.process.poll() is not None or waits_for(run) is not None)
    assert trainer.process.poll() is None, trainer.end(0)
    return trainer


def test_it_begins_when_the_other_ends(first: Path) -> None:
    run = first.parent / "run"
    with Lock(first):
        trainer = waiting(first)
        assert summary(run).state == "waiting" and is_locked(run)
        assert waits_for(run) == first.resolve()
        assert not (run / "events.jsonl").exists()
        with pytest.raises(TuinetError, match=r"waits for .*first: resume begins it now"):
            command(run, new_line("set", pace=5))
    trainer.end(0)
    found = lines(run)
    assert found[0]["event"] == "run-started" and found[-1]["reason"] == "epochs"
    assert waits_for(run) is None and summary(run).state == "ended"


def test_it_reads_its_data_when_its_turn_comes(first: Path) -> None:
    table = first.parent / "d.csv"
    table.write_text("a,y\n" + "".join(f"{i},{'uv'[i % 2]}\n" for i in range(40)))
    layers = '[{ kind = "dense", units = 2 }]\n[training]\nepochs = 1\noptimizer = { kind = "sgd" }\n'
    data = '[data]\nsource = { kind = "csv", path = "d.csv", target = "y" }\n[model]\nlayers = '
    (first.parent / "e.toml").write_text(f'name = "t"\n{data}{layers}loss = {{ kind = "cross-entropy" }}\n')
    with Lock(first):
        trainer = waiting(first)
        table.write_text(table.read_text() + "7,u\n")
    trainer.end(0)
    assert lines(first.parent / "run")[0]["samples"] == {"train": 41}


def test_resume_begins_it_at_once(first: Path) -> None:
    run = first.parent / "run"
    with Lock(first):
        trainer = waiting(first)
        assert command(run, new_line("resume")).ok
        assert waits_for(run) is None
        trainer.end(0)
    assert [event["event"] for event in lines(run)][:2] == ["run-started", "command"]


def test_stop_takes_it_out_of_the_queue(first: Path) -> None:
    run = first.parent / "run"
    with Lock(first):
        trainer = waiting(first)
        assert command(run, new_line("stop")).ok
        trainer.end(0)
    assert lines(run)[-1]["reason"] == "stopped" and not (run / "model.safetensors").exists()
    assert summary(run).state == "ended"
    finish(run)
    assert lines(run)[0]["event"] == "run-started"  # the words of the queue are gone


def test_an_interrupt_ends_the_waiting_too(first: Path) -> None:
    run = first.parent / "run"
    for number in (signal.SIGTERM, signal.SIGINT):
        with Lock(first):
            trainer = waiting(first, *(("train", "--resume", "run", "--after", "first") if run.exists() else WAIT))
            os.kill(trainer.process.pid, number)
            assert "interrupted before its turn" in trainer.end(130)
        assert summary(run).state == "interrupted"
    finish(run)


def test_a_run_that_ended_goes_on_in_its_turn(first: Path) -> None:
    run = lay_out(decode(SHORT, "e"), first.parent, first.parent / "run")
    finish(run)
    more = ("train", "--resume", "run", "--set", "training.epochs=2", "--after", "first", "--quiet")
    with Lock(first):
        trainer = waiting(first, *more)
        assert summary(run).state == "waiting"
        assert command(run, new_line("resume")).ok
        trainer.end(0)
    assert [event["epoch"] for event in lines(run) if event["event"] == "epoch"] == [1, 2]


def test_waiting_in_a_circle_is_refused(first: Path) -> None:
    run = lay_out(decode(SHORT, "e"), first.parent, first.parent / "run")
    with pytest.raises(TuinetError, match="cannot wait for"):
        next(train_run(run, after=run))
    with Lock(first, after=run), pytest.raises(TuinetError, match="cannot wait for"):
        next(train_run(run, after=first))
    assert Tuinet("train", "e.toml", "--after", "nosuch", "--out", "new", cwd=first.parent).end(2)
    assert not (first.parent / "new").exists()
    finish(run, after=first)  # nobody trains there
