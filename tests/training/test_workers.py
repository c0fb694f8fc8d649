"""Workers: the same bits as without them, whatever becomes of them, and nothing of them left behind."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tuinet.data.dataset import Dataset, Split
from tuinet.experiment.decode import decode
from tuinet.experiment.spec import TrainingSettings
from tuinet.model.model import new_model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.dense import Dense
from tuinet.nn.losses import SquaredError
from tuinet.nn.network import Sequential
from tuinet.nn.optimizers import Adam
from tuinet.training import channel, workers
from tuinet.training.build import Job, build
from tuinet.training.channel import Channel, Memory
from tuinet.training.events import RunEnded, StepDone
from tuinet.training.fit import fit

DIGITS = """
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
optimizer = { kind = "adam", rate = 0.01 }
regularization = { weight_noise = 0.01 }
epochs = 2
batch_size = 150
"""

TEXT = """
name = "text"
[data]
source = { kind = "text", path = "PATH" }
window = 3
[model]
layers = [{ kind = "embedding", units = 5 }, { kind = "lstm", units = 6 }, { kind = "dense" }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam", rate = 0.01 }
epochs = 3
batch_size = 40
"""

REVERSE = """
name = "reverse"
[data]
source = { kind = "reverse", samples = 150 }
[[model.layers]]
kind = "seq2seq"
reverse_source = true
encoder = [{ kind = "embedding", units = 4 }, { kind = "lstm", units = 5 }]
decoder = [{ kind = "embedding", units = 4 }, { kind = "dropout", rate = 0.2 }, { kind = "lstm", units = 5 },
           { kind = "dense" }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam", rate = 0.01 }
teacher_forcing = { ratio = 0.9, last = 0.4 }
epochs = 2
batch_size = 40
"""

SCRIPT = """
import sys, time
from pathlib import Path
from tuinet.training import workers
from tuinet.training.channel import Channel
from tuinet.training.fit import fit
from tuinet.training.build import build
from tuinet.experiment.decode import decode
workers.START_AFTER = 0.0
Channel.waiting = lambda self: True
started = []
begin = workers.Worker.__init__
def note(self, *a):
    begin(self, *a)
    started.append(self)
workers.Worker.__init__ = note
job = build(decode(Path(sys.argv[1]).read_text(), "test"))
steps = fit(*job, threads=2)
for _ in range(4):
    next(steps)
part = Path(sys.argv[2] + ".part")
part.write_text(str(started[0].pid if started[0].alive else 0))
part.rename(sys.argv[2])
"""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[workers.Worker]:
    """Workers are started with the first step and waited for; here they are."""
    found: list[workers.Worker] = []
    begin = workers.Worker.__init__

    def noted(self: workers.Worker, *arguments: object) -> None:
        begin(self, *arguments)
        found.append(self)

    monkeypatch.setattr(workers, "START_AFTER", 0.0)
    monkeypatch.setattr(workers.Worker, "__init__", noted)
    monkeypatch.setattr(Channel, "waiting", lambda self: True)
    return found


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are started with the first step, and join when they are ready."""
    monkeypatch.setattr(workers, "START_AFTER", 0.0)


def job(text: str, tmp_path: Path, **training: object) -> Job:
    path = tmp_path / "text.txt"
    path.write_text("the quick brown fox jumps over the lazy dog. " * 12)
    experiment = decode(text.replace("PATH", str(path)), "test")
    settings = msgspec.structs.replace(experiment.training, **training)
    return build(msgspec.structs.replace(experiment, training=settings))


def trained(each: Job, threads: int) -> tuple[bytes, list[object]]:
    events = list(fit(*each, threads=threads))
    return each.model.params.vector.tobytes(), [msgspec.structs.replace(events[0], threads=1), *events[1:]]


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


def gone(pid: int, seconds: float = 5.0) -> bool:
    """Whether the process ends in that time (one that is nobody's child is never a zombie for long)."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


# ── the same numbers ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", [DIGITS, TEXT, REVERSE], ids=["cnn", "carried states", "seq2seq"])
def test_workers_change_no_number(text: str, tmp_path: Path, started: list[workers.Worker]) -> None:
    alone = trained(job(text, tmp_path), 1)
    assert not started
    assert trained(job(text, tmp_path), 2) == alone
    assert len(started) == 1
    assert trained(job(text, tmp_path), 5) == alone
    assert len(started) == (5 if text == DIGITS else 2)  # five shards, or two


def test_a_worker_may_join_at_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list) -> None:
    alone = trained(job(REVERSE, tmp_path), 1)
    asked: Iterator[int] = iter(range(100))
    monkeypatch.setattr(Channel, "waiting", lambda self: next(asked) >= 3)
    assert trained(job(REVERSE, tmp_path), 2) == alone
    assert len(started) == 1 and next(asked) == 4


def test_large_networks_share_the_update_too(started: list[workers.Worker]) -> None:
    def wide(threads: int) -> bytes:
        x = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
        data = Dataset("random", "regression", Shape.vector(5), {"train": Split(x, x[:, :1])}, target_names=("y",))
        model = new_model(Sequential((Dense(160_000), Dense(1))), data, (), SquaredError())
        settings = TrainingSettings(loss=SquaredError(), optimizer=Adam(), epochs=1, batch_size=150)
        list(fit(model, data, settings, threads=threads))
        return model.params.vector.tobytes()

    assert wide(1) == wide(2) == wide(3)
    assert len(started) == 3


# ── what becomes of workers ───────────────────────────────────────────────────────────────────────────────────────


def test_training_goes_on_when_workers_are_killed(tmp_path: Path, started: list[workers.Worker]) -> None:
    alone = trained(job(DIGITS, tmp_path), 1)
    each = job(DIGITS, tmp_path)
    events = []
    for event in fit(*each, threads=3):
        events.append(event)
        if isinstance(event, StepDone) and event.step in (3, 7):
            os.kill(started[event.step // 4].pid or 0, signal.SIGKILL)
    assert (each.model.params.vector.tobytes(), events[1:]) == (alone[0], alone[1][1:])
    assert len(started) == 2 and not any(worker.alive for worker in started)


def test_training_goes_on_when_a_worker_is_stopped(
    tmp_path: Path, started: list[workers.Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = trained(job(DIGITS, tmp_path), 1)
    monkeypatch.setattr(workers, "PATIENCE", 1.0)
    each = job(DIGITS, tmp_path)
    events = []
    for event in fit(*each, threads=2):
        events.append(event)
        if isinstance(event, StepDone) and event.step == 3:
            os.kill(started[0].pid or 0, signal.SIGSTOP)
    assert (each.model.params.vector.tobytes(), events[1:]) == (alone[0], alone[1][1:])
    assert len(started) == 1 and not started[0].alive
    assert gone(started[0].pid or 0)


def test_training_goes_on_when_a_worker_cannot_do_it(
    tmp_path: Path, started: list[workers.Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = trained(job(TEXT, tmp_path), 1)
    give = workers.Worker.give
    monkeypatch.setattr(workers.Worker, "give", lambda self, work: give(self, work._replace(targets=0)))
    assert trained(job(TEXT, tmp_path), 2) == alone
    assert len(started) == 1


class Doubled(Dense, frozen=True, tag="doubled"):
    """A layer that no other process can import, as one written in a REPL."""

    def forward(self, params, x, ctx):
        y, kept = super().forward(params, x, ctx)
        return 2 * y, kept


Doubled.__module__ = "nowhere"


@pytest.mark.parametrize("trouble", ["layer", "memory", "process"])
def test_training_goes_alone_where_workers_cannot_be_had(
    trouble: str, started: list[workers.Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no room")

    if trouble == "memory":
        monkeypatch.setattr(channel, "_reserve", refuse)
    if trouble == "process":
        monkeypatch.setattr(subprocess, "Popen", refuse)
    x = np.arange(600, dtype=np.float32).reshape(200, 3) / 600
    data = Dataset("random", "regression", Shape.vector(3), {"train": Split(x, x[:, :1])}, target_names=("y",))
    layer = Doubled(1) if trouble == "layer" else Dense(1)
    before = descriptors()
    model = new_model(Sequential((layer,)), data, (), SquaredError())
    settings = TrainingSettings(loss=SquaredError(), optimizer=Adam(), epochs=3, batch_size=130)
    events = list(fit(model, data, settings, threads=2))
    assert isinstance(events[-1], RunEnded) and not started
    assert descriptors() == before


def test_none_for_short_trainings_and_for_batches_of_one_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a worker was started")

    monkeypatch.setattr(workers.Workers, "_start", refuse)
    list(fit(*job(REVERSE, tmp_path, epochs=1), threads=2))
    monkeypatch.setattr(workers, "START_AFTER", 0.0)
    list(fit(*job(REVERSE, tmp_path, epochs=1, batch_size=16), threads=2))
    with pytest.raises(AssertionError, match="was started"):
        list(fit(*job(REVERSE, tmp_path, epochs=1), threads=2))


# ── nothing is left ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("end", ["close", "exception", "complete"])
def test_nothing_is_left_behind(end: str, tmp_path: Path, started: list[workers.Worker]) -> None:
    before = descriptors()
    training = fit(*job(DIGITS, tmp_path), threads=3)
    for _ in range(3):
        next(training)
    assert len(started) == 2 and all(worker.alive for worker in started)
    assert all(os.getsid(worker.pid or 0) != os.getsid(0) for worker in started)  # no Ctrl-C, no hang-up
    if end == "close":
        training.close()
    elif end == "exception":
        with pytest.raises(KeyboardInterrupt):
            training.throw(KeyboardInterrupt)
    else:
        list(training)
    for worker in started:
        with pytest.raises(ProcessLookupError):  # ended, and waited for
            os.kill(worker.pid or 0, 0)
    assert descriptors() == before


def test_a_training_that_waits_costs_nothing(tmp_path: Path, started: list[workers.Worker]) -> None:
    training = fit(*job(DIGITS, tmp_path), threads=2)
    for _ in range(3):
        next(training)
    stat = Path(f"/proc/{started[0].pid}/stat")
    if not stat.exists():
        pytest.skip("no /proc here")
    time.sleep(0.1)
    before = stat.read_text().rsplit(")", 1)[1].split()[11:13]
    time.sleep(0.5)
    assert stat.read_text().rsplit(")", 1)[1].split()[11:13] == before
    training.close()


@pytest.mark.parametrize("closed", ["", "<&- >&- 2>&-"], ids=["killed", "killed, with standard streams closed"])
def test_workers_end_when_their_trainer_is_killed(closed: str, tmp_path: Path) -> None:
    (tmp_path / "digits.toml").write_text(DIGITS)
    (tmp_path / "script.py").write_text(SCRIPT + "time.sleep(60)")
    said = tmp_path / "pid"
    command = f'exec "$0" "$@" {closed}'
    trainer = subprocess.Popen(
        ["/bin/sh", "-c", command, sys.executable, tmp_path / "script.py", tmp_path / "digits.toml", said],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    try:
        until = time.monotonic() + 30
        while not said.exists() and time.monotonic() < until:
            time.sleep(0.02)
        pid = int(said.read_text())
        assert pid and not gone(pid, 0.1)
    finally:
        trainer.kill()
        trainer.wait()
    assert gone(pid)


def test_a_program_that_ends_in_the_middle_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "digits.toml").write_text(DIGITS)
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-W", "error", tmp_path / "script.py", tmp_path / "digits.toml", tmp_path / "pid"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert gone(int((tmp_path / "pid").read_text()))


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("named", [True, False], ids=["as here", "without memfd and fallocate"])
def test_messages_grow_and_arrays_come_as_they_were(named: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not named:
        monkeypatch.delattr(os, "memfd_create", raising=False)
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    here, there = Channel.pair()
    for size in (0, 3, 100_000, 5, 3_000_000):
        sent = {"a": np.arange(size, dtype=np.float32), "b": (np.ones((2, 3), ">i2").T, "word", None)}
        here.send(sent)
        found = there.receive()
        np.testing.assert_array_equal(found["a"], sent["a"])
        np.testing.assert_array_equal(found["b"][0], sent["b"][0])
        assert found["b"][1:] == ("word", None)
        there.send(found)
        np.testing.assert_array_equal(here.receive()["a"], sent["a"])
    there.hand_over()
    with pytest.raises(EOFError):
        here.receive()
    here.close()


@pytest.mark.parametrize("fails", range(4))
def test_a_channel_that_cannot_be_had_leaves_nothing_open(fails: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two memories, then the two ends: the one that fails takes with it what was there."""
    made = iter(range(10))
    above = channel._above_standard

    def above_standard(descriptor: int) -> int:
        if next(made) == fails:
            os.close(descriptor)
            raise OSError("too many open files")
        return above(descriptor)

    monkeypatch.setattr(channel, "_above_standard", above_standard)
    gc.collect()
    gc.disable()
    try:
        before = descriptors()
        with pytest.raises(OSError, match="too many"):
            Channel.pair()
        assert descriptors() == before
    finally:
        gc.enable()


def test_memory_holds_vectors_that_both_sides_see() -> None:
    memory = Memory.new(channel.vector_bytes(10, np.dtype(np.float64)) * 3)
    other = Memory(os.dup(memory.descriptor))
    first, second = (each.vectors(10, np.dtype(np.float64)) for each in (memory, other))
    assert len(first) == len(second) == 3
    first[2][:] = np.arange(10)
    np.testing.assert_array_equal(second[2], np.arange(10))
    assert not second[1].any()
    memory.close()
    other.close()
