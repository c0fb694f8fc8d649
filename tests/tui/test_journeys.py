"""Whole journeys: from launch to a trained network and what is inside it, with real runs, by keys that are shown."""

from __future__ import annotations

from pathlib import Path

from tests.tui.pilots import Traveller, travel
from tuinet.training.feed import Feed


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
    (run,) = Path("runs").iterdir()
    feed = Feed(run)
    feed.read()
    assert feed.ended is not None and feed.ended.reason == "stopped"
    assert (run / "model.safetensors").is_file()


def test_a_cnn_is_held_stepped_hurried_and_let_go_on() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("digits-cnn")
        await person.press_shown("t", "train")
        await person.until("steps/s", 60)
        await person.press_shown("space", "pause")
        await person.until("PAUSED", 30)
        (run,) = Path("runs").iterdir()
        feed = Feed(run)
        feed.read()
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
