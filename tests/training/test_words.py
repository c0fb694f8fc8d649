"""What a run says in words, how far it has come and how fast it goes, all from its events."""

from __future__ import annotations

import pytest

from tuinet.training import events as ev
from tuinet.training.course import Course
from tuinet.training.words import ending, figures, result, scores, sentence

LOSS = ev.Range(0.5, 0.4, 0.6)


def started(name: str = "digits", **fields: object) -> ev.RunStarted:
    values: dict[str, object] = {
        "name": name, "version": "1", "parameters": 38_282, "samples": {"train": 100, "validation": 20}, "epochs": 3,
        "batch_size": 10, "steps_per_epoch": 10, "shard_size": 10, "threads": 1, "steps_per_event": 1,
        "steps_per_checkpoint": 10, "time": 100.0,
    }  # fmt: skip
    return ev.RunStarted(**(values | fields))  # pyright: ignore[reportArgumentType]


def step(number: int, time: float) -> ev.StepDone:
    return ev.StepDone(step=number, time=time, epoch=1, count=1, samples=10, loss=LOSS, rate=0.1)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (started(), "digits: 38,282 parameters, 3 epochs of 10 steps\nsamples: 100 train, 20 validation"),
        (
            ev.PhaseStarted(step=30, phase="retrain", samples=120, epochs=2),
            "step 30: now from scratch, with the validation samples too (120 in all)",
        ),
        (ev.CommandDone(id="1", do="pause", ok=True, message=""), "pause"),
        (ev.CommandDone(id="1", do="set", ok=False, message="no such rate"), "refused: no such rate"),
        (ev.SettingsChanged(step=4, changes={"training.epochs": "9"}, epochs=9), "step 4: changed training.epochs = 9"),
        (ev.Checkpointed(step=4), ""),
        (step(1, 0.0), ""),
    ],
)
def test_an_event_in_words(event: ev.Event, said: str) -> None:
    assert sentence(event) == said


def test_what_a_log_holds_steers_no_terminal() -> None:
    hostile = "\x1b[2J\n"
    events = (
        started(hostile, samples={hostile: 3}),
        ev.CommandDone(id="1", do="set", ok=True, message=hostile),
        ev.SettingsChanged(changes={hostile: hostile}, epochs=1),
    )
    ended = ev.RunEnded(reason=hostile, metrics={"test": {"targets": 3}}, model=hostile, message=hostile)
    for text in (*map(sentence, events), *ending(ended)):
        assert text and "\x1b" not in text and text.count("\n") <= 1


def test_the_figures_of_an_epoch() -> None:
    done = ev.EpochDone(
        epoch=1, complete=True, train={"loss": 0.25, "accuracy": 0.9}, validation={"loss": None, "r2": 0.5}, best=True
    )
    assert scores(done) == "train loss 0.25, accuracy 90.00 %  validation loss –, R² 0.5 (best)"
    assert scores(done, brief=True) == "train 0.25 90.00 %  validation – R² 0.5 (best)"
    assert figures("", {"loss": 1.0, "perplexity": 2.5}) == "loss 1, perplexity 2.5"


def test_how_a_run_ended() -> None:
    said = ending(
        ev.RunEnded(
            step=1200, reason="epochs", metrics={"test": {"loss": 0.1, "accuracy": 0.97, "errors": 1}}, model="m"
        )
    )
    assert said == ["all epochs done after 1,200 steps", "test: accuracy 97.00 %, 1 mistake, loss 0.1", "model: m"]
    symbols = {"loss": 1.5, "accuracy": 0.5, "errors": 50, "targets": 100, "bits": 2.2, "perplexity": 4.5}
    assert result("test", symbols) == (
        "test: accuracy 50.00 % of the symbols, 50 mistakes in 100, loss 1.5 nats a symbol, 2.2 bits, perplexity 4.5"
    )


def test_how_far_a_run_has_come() -> None:
    course = Course()
    assert (course.epochs, course.steps) == (0, 0)
    course.note(started())
    assert (course.epochs, course.steps) == (3, 30)
    course.note(ev.SettingsChanged(changes={}, epochs=5))
    assert (course.epochs, course.steps) == (5, 50)
    course.note(ev.PhaseStarted(step=20, phase="continue", samples=120, epochs=4))
    assert (course.epochs, course.steps) == (2 + 4, 20 + 4 * 12)
    assert course.reason is None
    course.note(ev.RunEnded(reason="stopped", metrics={}))
    assert course.reason == "stopped"


def test_how_fast_a_run_goes() -> None:
    course = Course()
    speed = course.speed
    course.note(started(symbols=3.0))
    assert speed.words() == "" and speed.seconds(10) is None
    for number in range(1, 5):
        speed.add(step(number, 100 + number / 2))
    assert speed.words() == "20 samples/s, 60 symbols/s"  # two steps of ten samples
    assert speed.seconds(10) == 5.0
    speed.add(ev.EpochDone(step=4, time=109.0, epoch=1, complete=True, train={}))  # seven seconds of validation
    speed.add(step(5, 109.5))
    assert speed.seconds(10) == 5.0
    for number in range(6, 40):  # one a second: what is over five seconds old counts no longer
        speed.add(step(number, 109.5 + (number - 5)))
    assert speed.seconds(10) == 10.0
