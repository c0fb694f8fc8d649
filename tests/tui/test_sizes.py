"""Screens of any size, and names of anybody's: nothing crashes, nothing is taken for markup or steers the terminal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from tests.tui.pilots import Traveller, background, travel
from tuinet.tui.app import SCREENS

SIZES = ((200, 60), (60, 20), (59, 20), (60, 19), (20, 5), (2, 1), (1, 1), (80, 24))


async def resize(person: Traveller, width: int, height: int) -> None:
    """What is seen then is as large, and says that it needs more room where that is so."""
    words = "tuinet needs 60 columns and 20 rows"[: width * height]
    cramped = width < 60 or height < 20

    def seen() -> bool:
        lines = person.text.split("\n")
        joined = "".join(line.ljust(width) for line in lines)
        return len(lines) == height and joined.startswith(words) == cramped

    await person.pilot.resize_terminal(width, height)
    await person.until(seen)


POPUPS = {"question_mark": "Help", "q": "Leave?", "i": "Which input?", "w": "Save what is seen"}


async def come(person: Traveller, key: str, name: str) -> None:
    await person.press(key)
    await person.until(lambda: person.app.current_mode == name)
    await person.until({"home": "digits-cnn", "build": "output", "train": "Inside", "inspect": "Layers"}[name])


def test_every_screen_and_popup_at_every_size() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("steps/s", 60)
        for name, (key, _) in SCREENS.items():
            await come(person, key, name)
            for size in SIZES:
                await resize(person, *size)
                await person.press("v")
        for key, words in POPUPS.items():
            await person.press(key)
            await person.until(words)
            for size in ((200, 60), (1, 1), (80, 24)):
                await person.pilot.resize_terminal(*size)
                await person.press("down")
            await person.until(words)
            await person.press("escape")
            await person.until(lambda: person.app.screen is person.app.room)

    travel(journey, str(background("sine", "--pace", "50")))


def test_nothing_but_ascii() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("steps/s", 60)
        for name, (key, _) in SCREENS.items():
            await come(person, key, name)
            await person.until(lambda: person.text.isascii(), 5)
            for view in ("v", "v", "tab"):
                await person.press(view)
                assert person.text.isascii(), person.text
        for key, words in POPUPS.items():
            await person.press(key)
            await person.until(words)
            assert person.text.isascii(), person.text
            await person.press("escape")
        await person.press("1")
        await person.until("teaches")
        await person.press("slash", *"3\u00d73", "escape", "down", "down")
        assert person.text.isascii(), person.text

    travel(journey, str(background("sine", "--pace", "50")), only_ascii=True)


WILD = (
    "[/s]",
    "[bold]",
    "[@click=app.quit]x[/]",
    "a\x1b[2Jb",
    "tab\tnew\nline",
    "日本語の名前",
    "e\u0301\u200d👩\u200d👧",
    "\u202eback",
    "''",
    "\\[",
)


def test_wild_names_of_tensors_and_files(own_folder: Path) -> None:
    tensors = {name: np.arange(12, dtype=np.float32).reshape(3, 4) + n for n, name in enumerate(WILD)}
    path = own_folder / "[bold]日本\x1b[31m.safetensors"
    save_file(tensors, path)

    async def journey(person: Traveller) -> None:
        await person.until("Tensors")
        await person.until("[/s]")
        screen = person.app.screen
        for name in WILD:
            screen.rows.stand(name)  # pyright: ignore[reportAttributeAccessIssue]
            await person.until(lambda name=name: screen.asking.layer == name)  # pyright: ignore[reportAttributeAccessIssue]
            await person.until(lambda: "0" in screen.pane.about_value())  # pyright: ignore[reportAttributeAccessIssue]
            assert "\x1b" not in person.text and "\t" not in person.text and "\u202e" not in person.text
        await person.press("question_mark")
        await person.until("Help")
        await person.press("escape", "w")
        await person.until("Save what is seen")
        await person.press("enter")
        await person.until(lambda: person.app.said)
        await person.press("1", "3", "4")

    travel(journey, str(path))


def test_wild_names_of_runs_and_classes(own_folder: Path) -> None:
    """Class labels and the names of folders are somebody's text, on every screen."""
    (own_folder / "wild.csv").write_text(
        "x,y,label\n" + "".join(f"{n % 7},{n % 5},{('[/s]', '[bold]', '日本')[n % 3]}\n" for n in range(60))
    )
    (own_folder / "wild.toml").write_text(WILD_EXPERIMENT)
    run = background("wild.toml", "--pace", "20")
    wild = run.parent / "[bold][@click=app.quit]日本"
    wild.symlink_to(run.name)

    async def journey(person: Traveller) -> None:
        await person.until("[bold][@click=app.quit]日本", 60)
        await person.until("Inside: regions", 60)
        await person.press("q")
        await person.until("Leave?")
        await person.press("escape", "x")
        await person.until("Stop this run?")
        await person.press("l")
        await person.until("ended: stopped", 60)
        await person.press("4")
        await person.until("in truth [/s]")
        await person.press("1")
        await person.until(lambda: any(item.kind == "run" for item in person.app.screen.items))
        await person.press("end", *["up"] * 8)
        await person.press("question_mark", "escape", "3", "o")
        await person.until(lambda: person.app.current_mode == "train")

    travel(journey, str(wild))


WILD_EXPERIMENT = """
name = "wild"
[data]
source = { kind = "csv", path = "wild.csv", target = "label" }
[model]
layers = [{ kind = "dense", units = 3 }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "sgd", rate = 0.01 }
epochs = 3000
batch_size = 4
"""
