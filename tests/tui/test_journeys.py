"""Whole journeys: from launch to a trained network and what is inside it, with real runs, by keys that are shown."""

from __future__ import annotations

import re
from pathlib import Path

from tests.tui.pilots import Traveller, travel
from tuinet.training.feed import Feed
from tuinet.tui.screens.train import TrainScreen


def the_run() -> Feed:
    """The only run there is, read to its end."""
    (run,) = Path("runs").iterdir()
    feed = Feed(run)
    feed.read()
    return feed


def test_from_launch_to_a_trained_cnns_kernels_in_ten_keys() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("digits-cnn")
        await person.press_shown("t", "train")
        await person.until("Inside: conv1 kernels", 60)
        await person.until("16 kernels of 3×3, in conv1", 60)
        await person.press_shown("x", "stop")
        await person.until("keep the best weights")
        await person.press("enter")
        await person.until("ended: stopped", 60)
        await person.press_shown("4", "inside")
        await person.until("‹kernels›", 30)
        await person.until("16 kernels of 3×3, in conv1", 30)
        assert len(person.pressed) <= 10

    travel(journey)
    feed = the_run()
    assert feed.ended is not None and feed.ended.reason == "stopped"
    assert (feed.directory / "model.safetensors").is_file()


def test_a_cnn_is_held_stepped_hurried_and_let_go_on() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("digits-cnn")
        await person.press_shown("t", "train")
        await person.until("steps/s", 60)
        assert "Train ●" in person.text
        await person.press_shown("space", "pause")
        await person.until("PAUSED", 30)
        feed = the_run()
        held = feed.step
        await person.press_shown("s", "step")
        await person.until(lambda: bool(feed.read()) and feed.step == held + 1, 30)
        await person.press_shown("e", "epoch")
        await person.until(lambda: bool(feed.read()) and feed.step % 40 == 0 and feed.step > held + 1, 30)
        await person.press("plus")
        rate = feed.rate or 0.0
        await person.until(lambda: bool(feed.read()) and (feed.rate or 0.0) > 1.9 * rate, 30)
        await person.press("greater_than_sign")
        await person.until(lambda: bool(feed.read()) and feed.pace == 200, 30)
        await person.press_shown("space", "go on")
        await person.until(lambda: bool(feed.read()) and feed.step > held + 120, 60)
        await person.press_shown("x", "stop")
        await person.press("l")
        await person.until("ended: stopped", 60)

    travel(journey)


def test_what_is_set_is_marked_and_a_stopped_run_goes_on() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("digits-cnn")
        await person.press_shown("t", "train")
        await person.until("steps/s", 60)
        await person.press_shown("space", "pause")
        await person.until("PAUSED")
        feed = the_run()
        await person.press("t")
        await person.until("Set while it trains")
        await person.until("rate 0.00")  # what it is now stands in the field
        await person.write("rate 0.004, dropout 0.25, pace full")
        await person.until("dropout 0.25")
        await person.until("lr 0.004")
        feed.read()
        assert (feed.rate, feed.dropout, feed.pace) == (0.004, 0.25, 0.0)
        train = person.app.screen
        assert isinstance(train, TrainScreen)
        for wrong, words in (
            ("fast", "'fast' sets nothing"),
            ("dropout 1", "below 1"),
            ("teacher forcing 0.5", "teac"),
        ):
            await person.press("t")
            await person.write(wrong)
            await person.told(words)
        step = feed.step
        await person.press("s")
        await person.until(lambda: train.feed is not None and train.feed.step == step + 1)
        feed.read()
        await person.press("left")
        for _ in range(80):
            if "dropout 0.25" in train.curves.in_words():
                break
            await person.press("left")
        words = r"cursor: step \d+ .*train \d.*rate 0\.\d+→0\.004, full pace, dropout 0\.25"
        assert re.search(words, train.curves.in_words()), train.curves.in_words()
        await person.press("end")
        assert train.curves.in_words() == "left and right: a cursor that reads values"
        await person.press("c")
        await person.told("checkpoint at step")
        await person.press_shown("x", "stop")
        await person.until("Stop this run?")
        await person.press("g")  # no: go on
        await person.until(lambda: person.app.screen is train)
        await person.press_shown("space", "go on")
        step = feed.step
        await person.until(lambda: bool(feed.read()) and feed.step > step + 100)
        await person.press_shown("x", "stop")
        await person.press("escape")
        await person.press_shown("x", "stop")
        await person.press("down", "enter")  # the last weights
        await person.until("ended: stopped")
        assert "r goes on" not in person.foot and "go on" not in person.foot

    travel(journey)
    feed = the_run()
    assert feed.ended is not None and feed.ended.reason == "stopped"
    kept = {mark.text for mark in feed.marks}
    assert any("dropout 0.25" in text for text in kept) and "stop" in kept


def test_a_run_that_is_discarded_leaves_nothing() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("digits-cnn")
        await person.press("home", "down", "down")
        await person.until("‹xor›")
        await person.press_shown("t", "train")
        await person.until("steps/s", 60)
        await person.press_shown("x", "stop")
        await person.press("d")
        await person.until(lambda: person.app.current_mode == "home")
        await person.until(lambda: not list(Path("runs").iterdir()))
        await person.press("3")
        await person.until("no run yet")

    travel(journey)
