"""What a screen knows of a run: curves by hand, logs that are cut back, and memory that does not grow."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.training.test_run import EXPERIMENT, place  # noqa: F401
from tuinet.experiment.decode import decode
from tuinet.training.course import Speed
from tuinet.training.curve import MOST_POINTS, Curve, Point
from tuinet.training.directory import EVENTS, Lock
from tuinet.training.events import (
    CommandDone,
    EpochDone,
    Event,
    PhaseStarted,
    Range,
    RunEnded,
    RunFailed,
    RunStarted,
    SettingsChanged,
    StepDone,
    encode,
)
from tuinet.training.feed import LOOK_EVERY, MOST_ANSWERS, MOST_MARKS, MOST_METRICS, Feed, Mark
from tuinet.training.run import new_run, train_run
from tuinet.training.runs import summary

STARTED = RunStarted(
    time=100.0, name="t", version="1", parameters=3, samples={"train": 90, "validation": 10}, epochs=20,
    batch_size=10, steps_per_epoch=9, shard_size=10, threads=1, steps_per_event=2, steps_per_checkpoint=9,
)  # fmt: skip


def step(number: int, loss: float | None = 1.0, count: int = 1, time: float | None = None, rate: float = 0.1) -> Event:
    seen = Range(loss, loss, loss)
    return StepDone(step=number, time=time, epoch=1, count=count, samples=10 * count, loss=seen, rate=rate)


def epoch(number: int, at: int, loss: float, validation: float | None = None, best: bool = False) -> Event:
    figures = None if validation is None else {"loss": validation, "accuracy": 0.5}
    return EpochDone(step=at, epoch=number, complete=True, train={"loss": loss}, validation=figures, best=best)


def answer(number: int, do: str, ok: bool = True, **fields: float) -> Event:
    return CommandDone(step=number, id=f"id{number}", do=do, ok=ok, message=do, **fields)


def write(directory: Path, *events: Event, mode: str = "ab") -> None:
    with (directory / EVENTS).open(mode) as log:
        for event in events:
            log.write(encode(event))


# ── curves ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_short_curve_is_what_was_added() -> None:
    curve = Curve()
    curve.add(2, 3.0, 1.0, 5.0, 2)
    curve.add(4, 2.0, 2.0, 2.0)
    assert curve.points == (Point(2, 3.0, 1.0, 5.0, 2), Point(4, 2.0, 2.0, 2.0, 1))


def test_a_full_curve_joins_neighbours_and_goes_on_so() -> None:
    curve = Curve()
    for number in range(1, MOST_POINTS + 1):
        curve.add(number, number % 2, -number, number)
    assert len(curve) == MOST_POINTS
    curve.add(MOST_POINTS + 1, 9.0, 9.0, 9.0)
    assert len(curve) == MOST_POINTS // 2 + 1
    assert curve.points[0] == Point(2, 0.5, -2, 2, 2)
    assert curve.points[-1] == Point(MOST_POINTS + 1, 9.0, 9.0, 9.0, 1)
    curve.add(MOST_POINTS + 2, 1.0, 0.0, 2.0, 3)  # the last point still has room for one
    assert curve.points[-1] == Point(MOST_POINTS + 2, 3.0, 0.0, 9.0, 4)  # (9·1 + 1·3) / 4


def test_a_long_curve_stays_short_and_loses_neither_peak_nor_count() -> None:
    curve = Curve()
    total = 50_000
    for number in range(1, total + 1):
        curve.add(number, 1.0, 0.5, 1000.0 if number == 31_415 else 2.0)
    points = curve.points
    assert MOST_POINTS // 2 <= len(points) <= MOST_POINTS
    assert sum(point.count for point in points) == total and points[-1].step == total
    assert {point.count for point in points[:-1]} == {32}  # every point the same share
    assert max(point.maximum for point in points) == 1000
    assert all(point.mean == pytest.approx(1) for point in points)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, 10**400])
def test_what_is_no_number_is_left_out(value: float | None) -> None:
    curve = Curve()
    curve.add(1, value, value, value)
    assert len(curve) == 0


def test_a_curve_never_goes_back() -> None:
    curve = Curve()
    for number in (5, 5, 3, 6):
        curve.add(number, float(number), 0.0, 9.0)
    assert [point.step for point in curve.points] == [5, 6]


# ── what the log says ─────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_known_of_a_run_that_has_not_begun(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    assert not feed.read()
    assert feed.started is None and feed.step == 0 and feed.best is None and feed.steps_per_second is None
    assert feed.state() == "stopped short"
    with Lock(tmp_path):
        assert feed.state() == "running"
    with Lock(tmp_path, after=tmp_path / "other"):
        assert feed.state() == "waiting"


def test_what_a_log_says(tmp_path: Path) -> None:
    write(tmp_path, STARTED, step(2, 0.5, count=2), epoch(1, 9, 0.75, 0.25, best=True), step(10, 0.5, rate=0.05))
    feed = Feed(tmp_path)
    assert feed.read() and not feed.read()
    assert (feed.step, feed.epoch, feed.epochs, feed.steps) == (10, 1, 20, 180)
    assert (feed.loss, feed.rate, feed.best) == (0.5, 0.05, (9, 0.25))
    assert [point.step for point in feed.train.points] == [2, 10]
    assert feed.train.points[0].count == 2
    assert set(feed.epochs_done) == {"loss", "accuracy"}
    assert [point.mean for point in feed.epochs_done["loss"].train.points] == [0.75]
    assert [point.mean for point in feed.epochs_done["loss"].validation.points] == [0.25]
    assert len(feed.epochs_done["accuracy"].train) == 0
    write(tmp_path, epoch(2, 18, 0.5, 0.5))
    assert feed.read()
    assert feed.best == (9, 0.25) and feed.validation == {"loss": 0.5, "accuracy": 0.5}


def test_answers_and_marks(tmp_path: Path) -> None:
    write(
        tmp_path, STARTED, answer(0, "set", pace=20.0), step(1, rate=0.01), answer(1, "pause"), answer(2, "step"),
        answer(3, "set", rate=0.001, dropout=0.25), answer(4, "set", ok=False), answer(5, "resume"),
        answer(6, "set", teacher_forcing=0.5, pace=0.0),
        SettingsChanged(step=7, changes={"training.epochs": "20 -> 40"}, epochs=40),
        PhaseStarted(step=8, phase="retrain", samples=100, epochs=3), answer(9, "stop"),
    )  # fmt: skip
    feed = Feed(tmp_path)
    feed.read()
    assert feed.marks == (
        Mark(0, "pace 20"), Mark(3, "rate 0.01→0.001, dropout 0.25"), Mark(6, "full pace, teacher forcing 0.5"),
        Mark(7, "epochs 20 -> 40"), Mark(8, "retrain"), Mark(9, "stop"),
    )  # fmt: skip
    assert (feed.pace, feed.dropout, feed.teacher_forcing) == (0.0, 0.25, 0.5)
    assert feed.answers["id4"].ok is False and feed.answers["id1"].do == "pause"
    assert feed.epochs == 4 and feed.steps == 8 + 3 * 10  # of the phase: 1 epoch done, 3 of 10 steps each to come


def test_whether_it_holds(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    write(tmp_path, STARTED)
    with Lock(tmp_path):
        for number, (do, ok, state) in enumerate(
            [("pause", True, "paused"), ("step", True, "paused"), ("resume", False, "paused"),
             ("resume", True, "running"), ("epoch", True, "paused"), ("set", True, "paused")]
        ):  # fmt: skip
            write(tmp_path, answer(number, do, ok))
            feed.read()
            assert (feed.state(), feed.paused) == (state, state == "paused"), do


def test_how_it_ended(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    for event, state in (
        (RunEnded(reason="epochs", metrics={}), "ended"),
        (RunEnded(reason="interrupted", metrics={}), "interrupted"),
        (RunFailed(message="oh"), "failed"),
        (step(3), "stopped short"),
    ):
        write(tmp_path, event)
        feed.read()
        assert feed.state() == state
        assert (feed.ended is not None, feed.failed is not None) == (isinstance(event, RunEnded), state == "failed")


def test_a_log_that_was_cut_back_is_read_anew(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    write(tmp_path, STARTED, *(step(n, time=float(n)) for n in range(1, 50)), RunEnded(reason="stopped", metrics={}))
    feed.read()
    assert feed.step == 49 and feed.ended is not None
    whole = (tmp_path / EVENTS).read_bytes().splitlines(keepends=True)
    (tmp_path / EVENTS).write_bytes(b"".join(whole[:31]))
    assert feed.read()
    assert feed.step == 30 and feed.ended is None and len(feed.train) == 30
    # Cut back, and grown beyond where it was read to, between two looks.
    later = [step(n, loss=2.0, time=100.0 + n) for n in range(21, 90)]
    (tmp_path / EVENTS).write_bytes(b"".join(whole[:21]))
    write(tmp_path, *later)
    assert feed.read()
    assert [point.mean for point in feed.train.points] == [1.0] * 20 + [2.0] * 69
    # Begun anew, with more than before.
    (tmp_path / EVENTS).write_bytes(b"")
    assert feed.read() and feed.step == 0 and feed.started is None
    (tmp_path / EVENTS).unlink()
    feed.read()
    assert feed.step == 0


def test_a_second_beginning_starts_over(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    write(tmp_path, STARTED, step(40), STARTED, step(2))
    feed.read()
    assert feed.step == 2 and [point.step for point in feed.train.points] == [2]
    assert not feed.read()


def test_half_lines_and_rubbish(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    line = encode(step(5))
    (tmp_path / EVENTS).write_bytes(b"\xff\n[[[\n{}\n" + b"[" * 100_000 + b"\n" + encode(STARTED) + line[:20])
    feed.read()
    assert feed.started == STARTED and feed.step == 0 and not feed.behind
    with (tmp_path / EVENTS).open("ab") as log:
        log.write(
            line[20:] + b'{"event": "epoch", "step": 6, "epoch": 1, "complete": true, "train": {"loss": 1' + b"0" * 400
        )
        log.write(b"}}\nrubbish\n")
    assert feed.read()
    assert feed.step in (5, 6) and [point.step for point in feed.train.points] == [5]
    assert not len(feed.epochs_done) or len(feed.epochs_done["loss"].train) == 0
    feed.read()
    (tmp_path / EVENTS).unlink()
    (tmp_path / EVENTS).mkdir()
    feed.read()


def test_nothing_grows_with_the_log(tmp_path: Path) -> None:
    many = {f"m{number}": 1.0 for number in range(100)}
    write(tmp_path, STARTED, EpochDone(step=1, epoch=1, complete=True, train=many, validation=many))
    write(tmp_path, *(answer(number, "set", rate=0.1) for number in range(2, 1000)))
    feed = Feed(tmp_path)
    feed.read()
    assert len(feed.epochs_done) == MOST_METRICS
    assert len(feed.marks) == MOST_MARKS and feed.marks[-1].step == 999
    assert len(feed.answers) == MOST_ANSWERS and "id999" in feed.answers and "id900" not in feed.answers


def test_reading_in_slices_ends_at_the_same(tmp_path: Path) -> None:
    write(tmp_path, STARTED, *(step(n) for n in range(1, 3 * LOOK_EVERY)))
    feed, slices = Feed(tmp_path), 0
    while feed.read(seconds=0):
        slices += 1
        assert feed.behind and feed.step == min(slices * LOOK_EVERY - 1, 3 * LOOK_EVERY - 1)
    assert slices == 3 and not feed.behind and feed.step == 3 * LOOK_EVERY - 1
    at_once = Feed(tmp_path)
    at_once.read()
    assert at_once.train.points == feed.train.points


def test_a_real_run_and_its_summary(place: Path) -> None:  # noqa: F811
    run, _ = new_run(decode(EXPERIMENT, "e"), place, place / "run")
    feed = Feed(run)
    for event in train_run(run):
        feed.read()
        assert feed.step == event.step and feed.state() == "running"
    assert feed.state() == "ended"
    again = Feed(run)
    again.read()
    assert again.train.points == feed.train.points and again.marks == feed.marks and again.best == feed.best
    logged = [json.loads(line) for line in (run / EVENTS).read_text().splitlines()]
    losses = {event["step"]: event["validation"]["loss"] for event in logged if "validation" in event}
    assert feed.best is not None and feed.best[1] == min(losses.values()) == losses[feed.best[0]]
    found = summary(run)
    assert found.metrics == logged[-1]["metrics"] and (found.step, found.epochs) == (feed.step, feed.epochs)


# ── speed ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_speed_leaves_pauses_out() -> None:
    speed = Speed()
    for event in (STARTED, step(10, time=101.0), step(20, time=102.0)):
        speed.add(event)
    assert speed.rate() == pytest.approx(10)
    speed.add(CommandDone(step=20, time=102.0, id="", do="pause", ok=True, message=""))
    speed.add(step(21, time=150.0))  # a single step
    assert speed.rate() == pytest.approx(10)
    speed.add(CommandDone(step=21, time=200.0, id="", do="resume", ok=True, message=""))
    assert speed.rate() is None
    speed.add(step(26, time=201.0))
    assert speed.rate() == pytest.approx(5)
    speed.add(EpochDone(step=26, time=203.0, epoch=1, complete=True, train={}))  # two seconds of validation
    speed.add(step(31, time=204.0))
    assert speed.rate() == pytest.approx(5)
    speed.add(CommandDone(step=31, time=204.0, id="", do="set", ok=True, message="", pace=1.0))
    speed.add(step(32, time=205.0))
    assert speed.rate() == pytest.approx(1)
