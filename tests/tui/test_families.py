"""One journey for each family of networks: what is inside it while it trains is what tells most about it."""

from __future__ import annotations

import re

from tests.tui.pilots import Traveller, background, travel
from tuinet.training.feed import Feed
from tuinet.tui.screens.train import TrainScreen


async def train(person: Traveller, name: str) -> Feed:
    """The recipe, found by its name with the filter of Home, begun; the run."""
    await person.until("digits-cnn")
    await person.press_shown("/", "filter")
    await person.press(*name.replace("-", " ").split()[0], "enter")
    await person.until(f"‹{name}›")
    await person.press_shown("t", "train")
    await person.until("Inside: ", 60)
    await person.until(lambda: person.app.watched is not None)
    assert person.app.watched is not None
    return Feed(person.app.watched)


async def stop(person: Traveller) -> None:
    await person.press_shown("x", "stop")
    await person.press("l")
    await person.until("ended: stopped", 60)


def test_a_translator() -> None:
    """Gates over a sequence, teacher forcing set while it trains, a word typed, its answer."""

    async def journey(person: Traveller) -> None:
        feed = await train(person, "reverse-seq2seq")
        await person.until("gru1 gates", 60)
        await person.until("update gate of seq2seq1/encoder/gru1", 60)
        await person.press("t")
        await person.write("teacher forcing 0.5, rate 0.004")
        await person.until("forcing 0.5")
        feed.read()
        assert any(re.fullmatch(r"rate 0\.\d+→0\.004, teacher forcing 0\.5", mark.text) for mark in feed.marks)
        screen = person.app.screen
        assert isinstance(screen, TrainScreen)
        sample = screen.inside.found.seen
        await person.press("right_square_bracket")
        await person.until(lambda: screen.inside.found.seen is not sample)
        for _ in range(3):
            await person.press("v")
            await person.until(lambda: "Inside: answer" in person.text or "gates" in person.text)
            if "Inside: answer" in person.text:
                break
        await person.until(re.compile(r"test:1 +\w+"))
        await stop(person)
        await person.press_shown("4", "inside")
        await person.until("‹translation›")
        await person.press("i")
        await person.write("stressed")
        await person.until(re.compile(r"‹ stressed ›  says \w+  p "))

    travel(journey)


def test_a_curve_is_fitted() -> None:
    async def journey(person: Traveller) -> None:
        await train(person, "sine")
        await person.until("Inside: fit", 60)
        screen = person.app.screen
        assert isinstance(screen, TrainScreen)
        await person.until(lambda: screen.inside.found.seen)
        first = screen.inside.found.seen
        await person.until(lambda: screen.inside.found.seen is not first)
        await person.press("f")  # held as it is
        await person.until("(frozen)")
        held = screen.inside.found.seen
        step = screen.feed.step if screen.feed is not None else 0
        await person.until(lambda: screen.feed is not None and screen.feed.step > step + 100)
        assert screen.inside.found.seen is held
        await person.press("f")
        await person.until(lambda: screen.inside.found.seen is not held)
        await person.press("m", "l")
        await person.until("log")
        await person.until("smooth 5")
        await stop(person)
        await person.press("4")
        await person.until("‹fit›")

    travel(journey)


def test_regions_of_a_plane() -> None:
    async def journey(person: Traveller) -> None:
        await train(person, "spirals")
        await person.until("Inside: regions", 60)
        screen = person.app.screen
        assert isinstance(screen, TrainScreen)
        await person.until(lambda: screen.inside.found.seen)
        assert screen.inside.found.seen[0].kind == "regions"
        await person.press("a")
        await person.until("‹Accuracy›")
        await stop(person)
        await person.press("4")
        await person.until("‹regions›")
        await person.until("of the plane: ")

    travel(journey)


def test_a_perceptron_is_trained_to_its_end() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("digits-cnn")
        await person.press("home")
        await person.until("‹perceptron-2d›")
        await person.press("enter")
        await person.until("Inside: regions", 60)
        await person.told("the run has ended: 4 looks inside its model")
        await person.until(lambda: "Train ●" not in person.text)
        await person.press("1")
        await person.until(lambda: any(item.kind == "run" for item in person.app.screen.items))

    travel(journey)


def test_a_language_model_writes() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("Inside: writes", 60)
        screen = person.app.screen
        assert isinstance(screen, TrainScreen)
        await person.until(lambda: screen.inside.found.seen)
        await person.press("space")
        await person.until("PAUSED")
        await person.press("v")
        await person.until("rnn1 gates" if "rnn1 gates" in person.text else "Inside: ")
        await person.press("4")
        await person.until("‹writes›")
        await person.press("i")
        await person.write("ROMEO: ")
        await person.until("behind it comes")

    small = ("--set", "model.layers[0].units=8", "--set", "model.layers[1].units=16", "--pace", "20")
    travel(journey, str(background("shakespeare-rnn", *small)))
