"""Runs as people and scripts meet them: processes that are killed, steered, refused and resumed."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import tuinet
from tuinet.errors import RunFailedError, TuinetError
from tuinet.experiment.decode import decode, load_experiment
from tuinet.files.reader import read_tensors
from tuinet.files.writer import write_tensors
from tuinet.training.control import Line, send
from tuinet.training.directory import Lock, is_locked
from tuinet.training.events import Checkpointed, CommandDone, Event, RunEnded, RunStarted, StepDone
from tuinet.training.interrupts import Interrupts
from tuinet.training.log import read_events
from tuinet.training.run import new_run, train_run
from tuinet.training.runs import command, discard, follow, list_runs, new_line, summary

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


LONG = EXPERIMENT.replace("epochs = 6", "epochs = 50").replace("patience = 3", "patience = 20")

LANGUAGE = """
name = "plays"
[data]
source = { kind = "text", path = "text.txt" }
split = { validation = 0.1 }
window = 20
[model]
layers = [
  { kind = "embedding", units = 8 }, { kind = "lstm", units = 32 }, { kind = "dropout", rate = 0.2 },
  { kind = "dense" },
]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam", rate = 0.005 }
epochs = 12
checkpoint_every = 17
batch_size = 20
"""

TRANSLATION = """
name = "reverse"
[data]
source = { kind = "reverse", samples = 1500 }
[[model.layers]]
kind = "seq2seq"
encoder = [{ kind = "embedding", units = 8 }, { kind = "gru", units = 24 }]
decoder = [{ kind = "embedding", units = 8 }, { kind = "dropout", rate = 0.2 }, { kind = "gru", units = 24 },
           { kind = "dense" }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam", rate = 0.005 }
teacher_forcing = { ratio = 1.0, last = 0.5 }
epochs = 15
checkpoint_every = 17
batch_size = 40
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
@pytest.mark.parametrize("text", [LONG, LANGUAGE, TRANSLATION], ids=["digits", "language", "translation"])
def test_ten_kills_at_random_moments_change_nothing(place: Path, text: str):
    (place / "e.toml").write_text(text)
    (place / "text.txt").write_text("".join(random.Random(1).choices("the lazy dog jumps.\n", k=40_000)))
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
    assert {"event": "settings-changed", "step": 120, "changes": {"training.epochs": "2 -> 6"}, "epochs": 6} in lines(
        short
    )
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
    text = EXPERIMENT.replace("cross-entropy", "squared-error").replace('"adam", rate = 0.005', '"sgd", rate = 1e-4')
    run, _ = new_run(decode(text, "e"), place, place / "run")

    def blow_up() -> None:
        for event in train_run(run):
            if isinstance(event, Checkpointed) and event.step == 34:
                send(run, new_line("set", rate=1e6))

    with pytest.raises(RunFailedError, match="not finite at step") as raised:
        blow_up()
    assert "last good checkpoint" in raised.value.hint
    assert lines(run)[-1]["event"] == "run-failed" and lines(run)[-1]["layer"]
    assert summary(run).state == "failed"
    arrays, _ = read_tensors(run / "checkpoint.safetensors")
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_a_failure_before_the_first_checkpoint_promises_none(place: Path):
    text = EXPERIMENT.replace("cross-entropy", "squared-error").replace('"adam", rate = 0.005', '"sgd", rate = 1e6')
    run, _ = new_run(decode(text, "e"), place, place / "run")
    with pytest.raises(RunFailedError, match="not finite at step") as raised:
        list(train_run(run))
    assert "no checkpoint yet" in raised.value.hint and not (run / "checkpoint.safetensors").exists()


def steered(run: Path, *lines_at: tuple[int, Line], **options) -> list[Event]:
    """The events of a run to which commands are sent once that many events have come."""
    events: list[Event] = []
    waiting = list(lines_at)
    for event in train_run(run, **options):
        events.append(event)
        while waiting and len(events) >= waiting[0][0]:
            send(run, waiting.pop(0)[1])
    return events


SLOW = EXPERIMENT.replace("early_stopping", "# ").replace("epochs = 6", "epochs = 4000")


def test_a_paused_run_that_is_stopped_ends(place: Path):
    run, _ = new_run(decode(SLOW, "e"), place, place / "run")
    events = steered(run, (3, new_line("pause")), (3, new_line("stop", keep="last")))
    assert isinstance(events[-1], RunEnded) and events[-1].reason == "stopped"


def test_what_was_answered_is_not_lost_by_an_interrupt(place: Path):
    run, _ = new_run(decode(SLOW.replace('schedule = { kind = "cosine" }', ""), "e"), place, place / "run")
    answered: list[str] = []
    orders = (new_line("pause"), new_line("set", rate=0.5), new_line("set", rate=0.001, pace=1000))
    for event in train_run(run, interrupted=lambda: len(answered) == 3):
        if isinstance(event, CommandDone):
            answered.append(event.do)
        elif isinstance(event, StepDone) and not answered and orders:
            for line in orders:
                send(run, line)
            orders = ()
    assert answered == ["pause", "set", "set"] and summary(run).state == "interrupted"
    again = train_run(run)
    first = next(again)
    assert isinstance(first, CommandDone) and first.do == "resume"
    step = next(event for event in again if isinstance(event, StepDone))
    assert step.rate == 0.001
    again.close()


def test_commands_from_before_the_process_are_not_its_own(place: Path):
    run, _ = new_run(decode(EXPERIMENT, "e"), place, place / "run")
    send(run, new_line("stop"))
    begun = train_run(run)  # killed before its first checkpoint: nothing of it is left
    assert isinstance(next(begun), RunStarted)
    for event in begun:
        if isinstance(event, Checkpointed):
            break
    send(run, new_line("set", rate=0.5))  # nobody there to answer
    begun.close()
    finish(run)
    assert not [event for event in lines(run) if event["event"] == "command"]
    alone, _ = new_run(decode(EXPERIMENT, "e"), place, place / "alone")
    finish(alone)
    assert (run / "model.safetensors").read_bytes() == (alone / "model.safetensors").read_bytes()


def test_commands_that_came_while_a_new_run_began_are_its_own(place: Path):
    run, _ = new_run(decode(EXPERIMENT, "e"), place, place / "run")
    send(run, new_line("stop"))
    assert finish(run, commands_from=0).reason == "stopped"


def test_a_kill_between_a_command_and_its_answer_loses_neither(place: Path):
    text = SLOW.replace('schedule = { kind = "cosine" }', "")
    run, _ = new_run(decode(text, "e"), place, place / "run")
    line, trainer = new_line("set", rate=0.001), train_run(run)
    for event in trainer:
        if isinstance(event, RunStarted):
            send(run, line)
        if isinstance(event, CommandDone):
            break
    killed = place / "killed"
    shutil.copytree(run, killed)  # as on a disk that the last line of the log did not reach
    log = (run / "events.jsonl").read_bytes()
    (killed / "events.jsonl").write_bytes(log[: log[:-1].rfind(b"\n") + 1])
    trainer.close()
    again = train_run(killed)
    first = next(again)
    assert isinstance(first, CommandDone) and first.id == line.id and first.rate == 0.001
    assert next(event for event in again if isinstance(event, StepDone)).rate == 0.001
    again.close()
    assert sum(event["event"] == "command" for event in lines(killed)) == 1


def test_a_run_begins_at_a_pace_and_says_so(place: Path):
    run, _ = new_run(decode(SLOW, "e"), place, place / "run")
    steps: list[float] = []
    for event in train_run(run, pace=20):
        if isinstance(event, StepDone):
            steps += [event.time or 0.0] * event.count
        if len(steps) == 30:
            send(run, new_line("set", pace=0))
            break
    assert 0.7 < steps[29] - steps[5] < 3  # 24 beats of 50 ms
    first, second = lines(run)[:2]
    assert first["event"] == "run-started"
    assert (second["event"], second["pace"], second["id"]) == ("command", 20, "")
    again = train_run(run, pace=1000)
    assert next(event for event in again if isinstance(event, CommandDone)).pace == 1000
    again.close()
    with pytest.raises(TuinetError, match="pace must be 0 or above"):
        next(train_run(run, pace=-1))


def test_a_run_is_discarded_but_not_what_else_is_there(place: Path):
    run, _ = new_run(decode(EXPERIMENT.replace("epochs = 6", "epochs = 1"), "e"), place, place / "run")
    finish(run)
    (run / "log.txt").write_text("words")
    (run / f".model.safetensors.{2**22 + 1}-01234567.tmp").mkdir()  # of a writer that was killed
    (run / "notes.txt").write_text("mine")
    (run / "snapshots" / "more.txt").write_text("mine")
    with Lock(run), pytest.raises(TuinetError, match="being trained"):
        discard(run)
    assert (run / "model.safetensors").exists()
    assert discard(run) == [run / "notes.txt", run / "snapshots"]
    assert [path.name for path in (run / "snapshots").iterdir()] == ["more.txt"]
    with pytest.raises(TuinetError, match="is not a run"):
        discard(run)
    other, _ = new_run(decode(EXPERIMENT, "e"), place, place / "other")
    (place / "folder").mkdir()
    (place / "folder" / "epoch-000001.safetensors").write_text("mine")
    (other / "snapshots").symlink_to(place / "folder")
    assert discard(other) == [other / "snapshots"]
    assert (place / "folder" / "epoch-000001.safetensors").exists()
    third, _ = new_run(decode(EXPERIMENT, "e"), place, place / "third")
    assert discard(third) == [] and not third.exists()


@pytest.mark.parametrize(("options", "count"), [({}, 4), ({"pace": 70.0}, 30)], ids=["full", "paced"])
def test_at_most_20_step_events_a_second(place: Path, options: dict[str, float], count: int):
    run, _ = new_run(load_experiment("digits-cnn"), place, place / "run")
    events: list[StepDone] = []
    for event in train_run(run, **options):
        events += [event] if isinstance(event, StepDone) else []
        if len(events) == count:
            break
    for event in events:
        low, mean, high = event.loss.minimum, event.loss.mean, event.loss.maximum
        assert low is not None and mean is not None and high is not None and low <= mean <= high
        assert event.count > 1
    times = [event.time or 0.0 for event in events]
    steady = [time for time in times if time > times[0] + 0.2]  # a pace begins by catching up a tenth of a second
    assert len(steady) > 1 and (len(steady) - 1) / (steady[-1] - steady[0]) <= 20


def test_step_events_are_as_far_apart_as_the_run_says(place: Path):
    """Where a sample is a sequence, too."""
    run, _ = new_run(decode(TRANSLATION, "e"), place, place / "run")
    events = train_run(run)
    started = next(events)
    assert isinstance(started, RunStarted)
    assert next(event for event in events if isinstance(event, StepDone)).count == started.steps_per_event
    events.close()


def test_interrupting_before_the_first_step_begins_the_log_once(place: Path):
    run, _ = new_run(decode(EXPERIMENT, "e"), place, place / "run")
    assert [type(event) for event in train_run(run, interrupted=lambda: True)] == [RunStarted, RunEnded]
    finish(run)
    assert [event["event"] for event in lines(run)].count("run-started") == 1


def test_a_listener_that_leaves_at_the_end_spoils_nothing(place: Path):
    run, _ = new_run(decode(EXPERIMENT, "e"), place, place / "run")
    for event in train_run(run):
        if isinstance(event, RunEnded):
            break
    log, model = lines(run), (run / "model.safetensors").read_bytes()
    finish(run)
    assert lines(run) == log and (run / "model.safetensors").read_bytes() == model


def test_what_a_stop_kept_is_forgotten_when_the_run_goes_on(place: Path):
    text = EXPERIMENT.replace(', reuse = "retrain"', "").replace("rate = 0.005", "rate = 0.05")
    run, _ = new_run(decode(text, "e"), place, place / "run")
    steered(run, (2, new_line("stop", keep="last")))
    end = finish(run)
    validations = [event["validation"]["loss"] for event in lines(run) if event["event"] == "epoch"]
    assert end.metrics["validation"]["loss"] == min(validations)


def test_a_kill_between_the_new_settings_and_the_checkpoint_loses_nothing(place: Path):
    text = EXPERIMENT.replace("early_stopping", "# ").replace('schedule = { kind = "cosine" }', "")
    text = text.replace("epochs = 6", "epochs = 2")
    run, _ = new_run(decode(text, "e"), place, place / "run")
    finish(run)
    old = (run / "checkpoint.safetensors").read_bytes(), (run / "events.jsonl").read_bytes()
    changes = ["training.epochs=3", "training.optimizer.rate=0.001"]
    finish(run, changes=changes)
    whole = lines(run), (run / "model.safetensors").read_bytes()
    (run / "checkpoint.safetensors").write_bytes(old[0])  # as it was, but for experiment.toml
    (run / "events.jsonl").write_bytes(old[1])
    finish(run)
    assert (lines(run), (run / "model.safetensors").read_bytes()) == whole
    assert "rate 0.001" in tuinet.load(str(run)).meta.training
    assert summary(run).epochs == 3


def test_an_experiment_edited_by_hand_is_another_run(place: Path):
    run, _ = new_run(decode(EXPERIMENT, "e"), place, place / "run")
    finish(run)
    path = run / "experiment.toml"
    path.write_text(path.read_text().replace("batch_size = 20", "batch_size = 21"))
    with pytest.raises(TuinetError, match="another run"):
        finish(run)


def test_a_change_that_can_have_no_effect_is_refused(place: Path):
    run, _ = new_run(decode(EXPERIMENT, "e"), place, place / "run")
    finish(run)
    before = (run / "experiment.toml").read_bytes()
    for change in ("training.epochs=60", "training.early_stopping.patience=9", "training.optimizer.rate=0.1"):
        with pytest.raises(TuinetError):
            finish(run, changes=[change])
    assert (run / "experiment.toml").read_bytes() == before


def test_asking_whether_a_run_is_alive_never_turns_a_trainer_away(tmp_path: Path):
    with Lock(tmp_path):
        pass
    probe = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(probe, fcntl.LOCK_SH)
    threading.Timer(0.05, lambda: os.close(probe)).start()
    with Lock(tmp_path):
        assert is_locked(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"batch": -5}, {"seen": 0}, {"history_stride": 0}, {"epoch": -1}, {"step": -3}, {"step": 2**70},
        {"phase": "retrain2"}, {"finished": "wat"}, {"base_rate": None}, {"best_step": 10**6},
    ],
)  # fmt: skip
def test_a_checkpoint_that_was_tampered_with_is_refused(place: Path, change: dict[str, object]):
    run, _ = new_run(decode(EXPERIMENT, "e"), place, place / "run")
    events = train_run(run)
    next(event for event in events if isinstance(event, Checkpointed))
    next(events)
    events.close()
    path = run / "checkpoint.safetensors"
    arrays, metadata = read_tensors(path)
    said = json.loads(metadata["tuinet"])
    assert said["progress"]["batch"] > 0
    said["progress"] |= change
    write_tensors(path, arrays, {"tuinet": json.dumps(said)})
    with pytest.raises(TuinetError):
        finish(run)


def test_a_log_and_commands_full_of_rubbish_harm_nobody(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TUINET_RUNS", str(place))
    run, _ = new_run(decode(EXPERIMENT, "e"), place, place / "run")
    finish(run)
    good = (run / "events.jsonl").read_bytes()
    rubbish = b"[" * 100_000 + b'\n\xff\xfe\n{"event": "step", "step": ' + b"9" * 400 + b"}\n" + b"x" * 3_000_000
    (run / "events.jsonl").write_bytes(rubbish + b"\n" + good)
    assert [run.state for run in list_runs()] == ["ended"]
    (run / "events.jsonl").unlink()
    (run / "events.jsonl").mkdir()
    (run / "lock").write_bytes(b"[" * 100_000)
    assert [run.state for run in list_runs()] == ["stopped short"]
    other, _ = new_run(decode(EXPERIMENT, "e"), place, place / "other")
    (other / "control.jsonl").mkdir()
    assert finish(other).reason in ("epochs", "early-stopping")


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


def test_a_signal_that_is_ignored_stays_ignored():
    """As under nohup: the line drops, and the training goes on."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as interrupted:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interrupted()
            os.kill(os.getpid(), signal.SIGTERM)
            assert interrupted()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
