"""Inspect on runs that were really trained: a CNN and a translator, from kernels to sums, and back through time."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.digit_strokes import DIGIT_LINES
from tests.tui.pilots import Traveller, travel
from tuinet.tui.popup import Read
from tuinet.tui.screens.draw import DrawScreen, Pad
from tuinet.tui.screens.inspect import InspectScreen


def inspect(person: Traveller) -> InspectScreen:
    screen = person.app.room
    assert isinstance(screen, InspectScreen)
    return screen


def line_with(person: Traveller, words: str) -> str:
    return next((line for line in person.text.splitlines() if words in line), "")


async def popup(person: Traveller) -> str:
    """All that stands in the popup that comes."""
    await person.until(lambda: isinstance(person.app.screen, Read))
    screen = person.app.screen
    assert isinstance(screen, Read)
    return "\n".join("".join(segment.text for segment in line) for line in screen.lines)


def test_kernels_maps_sums_and_what_is_off(trained: Path) -> None:
    async def journey(person: Traveller) -> None:
        await person.until("‹kernels›")
        await person.until("16 kernels of 3×3, in conv1")
        says = line_with(person, "‹ test:0 ›")
        assert re.search(r"says \d, in truth 5 +\d 0\.\d\d ▇+", says), says
        await person.press_shown("enter", "look")
        await person.press("right", "down")
        await person.until("kernel 0, row 1, column 1 = ")
        # A weight: its gradient, term by term.
        await person.press("g")
        assert "dJ/d conv1/weight[1, 1, 0, 0]" in await popup(person)
        await person.press("escape")
        await person.press_shown("v", "view")
        await person.until("the maps of conv1 for test:0")
        await person.press("right", "down", "down")
        await person.until("map 0, row 2, column 1 = ")
        value = line_with(person, "map 0, row 2, column 1").partition("= ")[2].split()[0]
        # A value: its sum, and from there, as no weight has led to it, why there is no gradient.
        await person.press_shown("enter", "sum")
        found = await popup(person)
        assert "kernel 0" in found and "cell by cell, window" in found
        both = re.search(r"value (\S+) +stored (\S+)", found)
        assert both is not None
        numbers = [float(text.replace("−", "-")) for text in (*both.groups(), value)]
        assert numbers[0] == pytest.approx(numbers[1], abs=1e-5) == pytest.approx(numbers[2], abs=1e-3)
        assert "g its gradient" in person.text
        await person.press("g")
        await person.told("is no weight")
        # A unit off, and on again.
        await person.press_shown("space", "off")
        await person.until("off: conv1:0   with all on: says")
        assert "0 off" in person.text and "map 0 off, row 2" in person.text
        await person.press("R")
        await person.until(lambda: "with all on" not in person.text)
        assert line_with(person, "‹ test:0 ›") == says
        await person.press("space")
        await person.until("off: conv1:0")
        await person.press("space")
        await person.until(lambda: "off: conv1:0" not in person.text)
        # Other samples; before the first comes the last.
        await person.press("right_square_bracket")
        await person.until("‹ test:1 ›")
        await person.press("left_square_bracket", "left_square_bracket")
        await person.until("‹ test:358 ›")

    travel(journey, str(trained / "digits-cnn/model.safetensors"))


def test_the_weights_of_earlier_epochs(trained: Path) -> None:
    async def journey(person: Traveller) -> None:
        await person.until("16 kernels of 3×3, in conv1")
        await person.until("step through the weights of 2 epochs")
        last = inspect(person).pane.seens[0]
        await person.press("comma", "comma")
        await person.until("digits-cnn · epoch 1")
        await person.until("the weights after epoch 1: , earlier   . later   (colours keep their range)")
        await person.until(lambda: inspect(person).pane.seens[0] is not last)
        first = inspect(person).pane.seens[0]
        assert not np.array_equal(first.data, last.data)
        assert first.range == last.range  # a picture whose range moves lies
        await person.press("comma")  # there is none before
        await person.press("full_stop")
        await person.until("digits-cnn · epoch 2")
        await person.press("full_stop")
        await person.until(lambda: "· epoch" not in person.text)
        await person.until(lambda: np.array_equal(inspect(person).pane.seens[0].data, last.data))

    travel(journey, str(trained / "digits-cnn/model.safetensors"))


def test_every_view_of_every_layer_is_seen(trained: Path) -> None:
    """Whatever view of whatever layer is asked for, the screen shows it or says in words why not."""

    async def journey(person: Traveller) -> None:
        await person.until("16 kernels of 3×3, in conv1")
        screen = inspect(person)
        asking = screen.asking
        assert asking is not None
        seen = 0
        for layer in ("", "conv1", "pool1", "dense2"):
            screen.rows.stand(layer)
            await person.until(lambda: asking.layer == screen.layer)
            for name in asking.view_names():
                before = screen.pane.seens
                screen.action_show_view(name)
                await person.until(lambda before=before: screen.pane.seens is not before)
                await person.until(f"‹{name}›")
                assert screen.picture.lines and "Traceback" not in person.text
                seen += 1
        assert seen > 40

    travel(journey, str(trained / "digits-cnn/model.safetensors"))


def test_gates_of_a_translator_and_texts_that_are_typed(trained: Path) -> None:
    async def journey(person: Traveller) -> None:
        await person.until("‹translation›")
        await person.until("cell: encoder lstm1, context lstm1, decoder lstm1 (fed")
        assert re.search(r"‹ test:0 ›  \w+ +says \w+ +in truth \w+", person.text)
        await person.press_shown("g", "next gate")
        await person.until("forget: encoder lstm1, decoder lstm1")
        await person.press("down", "down", "down")  # over the heading of the encoder
        await person.until("‹gates›")
        await person.until("forget gate")
        await person.press_shown("enter", "look")
        await person.press("right", "down")
        await person.until(re.compile(r"step 1 '\w', unit \d+: forget = 0\.\d+"))
        await person.press("g")
        await person.until("input = 0")
        await person.press_shown("i", "input")
        await person.until("Which input?")
        await person.write("hello")
        await person.until("‹ hello ›  says ")
        await person.until("0 h")
        await person.press("i")
        await person.write("test:3")
        await person.until("‹ test:3 ›")
        await person.press("i")
        await person.write("[/s] [bold]\x1b[31m")
        await person.until("‹ [/s] [bold]")
        await person.press("T", "o")
        await person.until("unit 24 ↓")
        await person.press("space")
        await person.until("off: seq2seq1/encoder/lstm1:")

    travel(journey, str(trained / "reverse-lstm/model.safetensors"))


def test_what_is_seen_is_saved_and_nothing_written_over(trained: Path, own_folder: Path) -> None:
    async def journey(person: Traveller) -> None:
        await person.until("16 kernels of 3×3, in conv1")
        for name in ("k.png", "k.txt", "k.json", "k.npy"):
            await person.press("w")
            await person.until("Save what is seen")
            await person.write(name)
            await person.told(f"wrote {name}")
        before = (own_folder / "k.txt").read_bytes()
        for name, words in (("k.txt", "k.txt is already there"), ("k.gif", ".gif"), ("nowhere/k.png", "nowhere"),
                            ("runs", "runs is already there")):  # fmt: skip
            await person.press("w")
            await person.until("Save what is seen")
            await person.write(name)
            await person.told(words)
        assert (own_folder / "k.txt").read_bytes() == before
        await person.press("w")
        await person.until("digits-cnn-conv1-kernels.png")  # a name is there already
        await person.press("escape")

    travel(journey, str(trained / "digits-cnn/model.safetensors"))
    assert np.load(own_folder / "k.npy").shape == (16, 3, 3)
    assert json.loads((own_folder / "k.json").read_text())
    assert "16 kernels of 3×3, in conv1" in (own_folder / "k.txt").read_text()
    with Image.open(own_folder / "k.png") as image:
        assert image.width > 16
    assert {path.name for path in own_folder.iterdir()} == {"k.png", "k.txt", "k.json", "k.npy", "runs"}


# ── the pad ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def draw_by_keys(person: Traveller, pad: Pad, points: tuple[tuple[float, float], ...]) -> None:
    """A line through the points: the pen up to the first, down, along, up."""
    for at, (row, column) in enumerate(points):
        rows, columns = round(row) - pad.pen[0], round(column) - pad.pen[1]
        for n in range(max(abs(rows), abs(columns))):
            if n < abs(rows):
                pad.action_pen(1 if rows > 0 else -1, 0)
            if n < abs(columns):
                pad.action_pen(0, 1 if columns > 0 else -1)
        if at == 0:
            await person.press("space")
    await person.press("space")


def test_digits_drawn_by_keys_are_recognised() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("‹kernels›")
        right = 0
        for digit in (0, 3, 7):
            await person.press_shown("d", "draw")
            await person.until("Draw:")
            await person.until(lambda: bool(person.app.screen.query(Pad)))
            screen = person.app.screen
            assert isinstance(screen, DrawScreen)
            pad = screen.query_one(Pad)
            for line in DIGIT_LINES[digit]:
                await draw_by_keys(person, pad, line)
            await person.until(lambda: "maps of" in person.text)
            await person.press("enter")
            await person.until("‹ drawn ›")
            right += f"says {digit}" in line_with(person, "‹ drawn ›")
        assert right == 3
        await person.press("right_square_bracket")
        await person.until("‹ test:1 ›")

    travel(journey, "digits-cnn", (120, 40))


def test_the_pen_by_keys_and_by_mouse_undone_and_cleared() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("‹kernels›")
        await person.press("d")
        await person.until("○")
        pad = person.app.screen.query_one(Pad)
        assert not pad.ink.any()
        await person.press("right")  # the pen is up
        assert not pad.ink.any()
        await person.press("space", "down", "down", "right")
        await person.until("●")
        line = pad.ink.copy()
        assert line.any()
        await person.press("space")
        await person.until("○")
        await person.pilot.mouse_down(pad, offset=(4, 4))
        await person.pilot.hover(pad, offset=(12, 8))
        await person.pilot.mouse_up(pad, offset=(12, 8))
        await person.until(lambda: not np.array_equal(pad.ink, line))
        both = pad.ink.copy()
        assert both[6, 3] > 0 and both[14, 11] > 0 and (both >= line).all()  # the frame is a cell wide
        await person.pilot.hover(pad, offset=(1, 1))
        assert np.array_equal(pad.ink, both)  # no button, no ink
        await person.press("c")
        assert not pad.ink.any()
        await person.press("u")
        assert np.array_equal(pad.ink, both)
        await person.press("u")
        assert np.array_equal(pad.ink, line)
        await person.press("u", "u", "u")
        assert not pad.ink.any()
        await person.press("escape")
        await person.until("‹ drawn ›")

    travel(journey, "digits-cnn")
