"""What can go wrong with a run, and that it is told in words with what to do: nothing here ends the app."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
from pathlib import Path

import pytest

from tests.training.test_full_disk import TINY
from tests.tui.pilots import Traveller, background, travel
from tests.tui.test_runs import stand
from tuinet.training.control import send
from tuinet.training.directory import is_locked, owner
from tuinet.training.feed import Feed
from tuinet.training.runs import new_line
from tuinet.tui.popup import Choose
from tuinet.tui.screens.train import TrainScreen

STEEP = """
name = "steep"
[data]
source = { kind = "sine" }
[model]
layers = [{ kind = "dense", units = 8 }, { kind = "relu" }, { kind = "dense", units = 1 }]
[training]
loss = { kind = "mean-squared-error" }
optimizer = { kind = "sgd", rate = 0.0001 }
epochs = 5000
"""


def train(person: Traveller) -> TrainScreen:
    screen = person.app.room
    assert isinstance(screen, TrainScreen)
    return screen


async def goes_on(person: Traveller, directory: Path) -> None:
    feed = Feed(directory)
    feed.read()
    step = feed.step
    await person.until(lambda: (feed.read(), feed.step > step)[1])


# ── processes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_process_that_is_killed_is_told_and_goes_on() -> None:
    async def journey(person: Traveller) -> None:
        run = Path(person.app.opened or "")
        await person.until("steps/s", 60)
        send(run, new_line("checkpoint"))
        await person.until(lambda: (run / "checkpoint.safetensors").exists())
        who = owner(run)
        assert who is not None
        os.kill(who.pid, signal.SIGKILL)
        await person.until("died: r goes on")
        await person.until("its process has gone. r goes on from the last checkpoint.")
        assert "pause" not in person.foot
        await person.press("space", "s", "plus")  # nobody is there to hear
        await person.press_shown("r", "go on")
        await person.until(lambda: is_locked(run), 60)
        await person.until("steps/s", 60)
        await person.until(lambda: "its process has gone" not in person.text)
        await goes_on(person, run)

    travel(journey, str(background("sine", "--pace", "50")))


def test_a_run_that_another_terminal_steers() -> None:
    async def journey(person: Traveller) -> None:
        run = Path(person.app.opened or "")
        await person.until("steps/s", 60)
        for line, words in (
            (new_line("set", rate=0.0125), "→0.0125"), (new_line("pause"), "PAUSED"),
            (new_line("resume"), "steps/s"), (new_line("stop", keep="best"), "ended: stopped"),
        ):  # fmt: skip
            send(run, line)
            await person.until(words)
        assert any("rate" in mark.text and "0.0125" in mark.text for mark in train(person).feed.marks)
        assert not person.app.said or "refused" not in person.app.said[-1]

    travel(journey, str(background("sine", "--pace", "50")))


@pytest.mark.parametrize(("key", "goes"), [("l", True), ("s", False)])
def test_quitting_asks_what_becomes_of_the_run(key: str, goes: bool) -> None:
    async def journey(person: Traveller) -> None:
        run = Path(person.app.opened or "")
        await person.until("steps/s", 60)
        await person.press("q")
        await person.until("Leave?")
        await person.press("b")
        await person.until(lambda: not isinstance(person.app.screen, Choose))
        await person.press("4", "q")
        await person.until("A run needs no app.")
        await person.pilot.press(key)
        await person.pilot.pause()
        assert person.app._exit
        feed = Feed(run)
        if goes:
            await goes_on(person, run)
        else:
            await person.until(lambda: (feed.read(), feed.state() == "ended")[1])
            assert (run / "model.safetensors").exists()

    app = travel(journey, str(background("sine", "--pace", "50")))
    assert app.return_code == 0


def test_quitting_asks_nothing_where_nothing_goes_on(trained: Path) -> None:
    async def journey(person: Traveller) -> None:
        await person.until("16 kernels of 3×3")
        await person.pilot.press("q")
        await person.pilot.pause()
        assert person.app._exit

    travel(journey, str(trained / "digits-cnn"))


# ── training that cannot go on ────────────────────────────────────────────────────────────────────────────────────────


def test_a_loss_that_is_no_number_is_told_with_the_layer(own_folder: Path) -> None:
    (own_folder / "steep.toml").write_text(STEEP)

    async def journey(person: Traveller) -> None:
        await person.until("steps/s", 60)
        await person.press("t")
        await person.write("rate 1000000, pace full")
        await person.until("FAILED", 60)
        screen = train(person)
        assert screen.feed is not None and screen.feed.failed is not None
        await person.until("it failed in dense")
        assert screen.feed.failed.layer in person.text
        await person.press("tab", "tab", "tab")
        await person.until(re.compile(r"with\s+half\s+the\s+learning\s+rate"))
        await person.press_shown("r", "go on")
        await person.until("lr 5e+05", 60)

    travel(journey, str(background("steep.toml", "--pace", "20")))


def test_a_full_disk_is_told(own_folder: Path) -> None:
    (own_folder / "and.toml").write_text(TINY)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def journey(person: Traveller) -> None:
        run = Path(person.app.opened or "")
        await person.until("died: r goes on", 60)
        await person.until(f"its process has gone: {run}/events.jsonl: could not be")
        await person.until("File too large")
        await person.until(re.compile(r"r goes on from\s+the last checkpoint"))
        await person.press_shown("r", "go on")
        await person.until(lambda: is_locked(run) or train(person).state == "ended", 60)
        await person.until("done", 60)

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        run = background("and.toml")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    travel(journey, str(run))


def test_an_experiment_that_cannot_be_trained_is_told(own_folder: Path) -> None:
    (own_folder / "[bold]wrong.toml").write_text(TINY.replace("units = 2", "units = 3"))
    (own_folder / "broken.toml").write_text("name = [")

    async def journey(person: Traveller) -> None:
        await person.until("digits-cnn")
        for name in ("[bold]wrong.toml", "broken.toml", "not-there"):
            person.app.train(name)
            await person.until(f"{name} cannot be trained")
            await person.press("escape")
        assert not Path("runs").exists()

    travel(journey)


def test_a_run_that_cannot_go_on_says_why(trained: Path) -> None:
    run = trained / "digits-cnn"
    content = (run / "events.jsonl").read_bytes().splitlines(keepends=True)
    (run / "events.jsonl").write_bytes(b"".join(content[:-1]))  # it died before its last word
    (run / "checkpoint.safetensors").write_bytes(b"\xff" * 50)

    async def journey(person: Traveller) -> None:
        await stand(person, "runs/digits-cnn")
        await person.until("state   stopped short")
        await person.press_shown("r", "go on")
        await person.until("The run could not begin", 60)
        await person.until("checkpoint.safetensors")
        await person.press("escape")
        await person.until(lambda: person.app.current_mode == "home")

    travel(journey)


# ── folders that are not as a run leaves them ─────────────────────────────────────────────────────────────────────────

CORRUPT = {
    "garbage in the log": lambda run: (run / "events.jsonl").write_bytes(os.urandom(3000) + b"\n{}\n[/s]\n" * 5),
    "no log": lambda run: (run / "events.jsonl").unlink(),
    "half a model": lambda run: os.truncate(run / "model.safetensors", 3000),
    "a model of nothing": lambda run: (run / "model.safetensors").write_bytes(b""),
    "no experiment": lambda run: (run / "experiment.toml").unlink(),
    "a wrong experiment": lambda run: (run / "experiment.toml").write_text("[/s]"),
    "broken epochs": lambda run: [path.write_bytes(b"no") for path in (run / "snapshots").iterdir()],
    "folders for files": lambda run: [
        shutil.rmtree(path) if path.is_dir() else path.unlink() for path in list(run.iterdir())
        if path.name != "experiment.toml"
    ] + [(run / name).mkdir() for name in ("events.jsonl", "model.safetensors", "lock", "log.txt", "control.jsonl",
                                           "live.safetensors")] + [(run / "snapshots").write_text("")],
}  # fmt: skip


def test_corrupt_runs_are_looked_at_everywhere(trained: Path) -> None:
    """Home, Train and Inspect open them, and a run beside them is as well as ever."""
    for how, spoil in CORRUPT.items():
        shutil.copytree(trained / "digits-cnn", trained / how)
        spoil(trained / how)

    async def look_at(person: Traveller, run: Path) -> None:
        if (run / "experiment.toml").exists():
            await stand(person, f"runs/{run.name}")
            await person.until("folder  runs/")
        person.app.show_run(run)
        await person.until(lambda: person.app.current_mode == "train")
        screen = train(person)
        await person.until(lambda: screen.feed is not None and screen.feed.directory == run)
        await person.until(lambda: screen.state and (screen.inside.found.wrong or screen.inside.found.seen))
        await person.press("v", "tab", "right", "left", "o")
        await person.until("Lay over")
        await person.press("1", "4")
        await person.until(lambda: person.app.current_mode == "inspect" and "opening" not in person.text)
        await person.press("comma", "full_stop", "v", "space", "g", "enter", "enter", "escape", "1")

    async def journey(person: Traveller) -> None:
        for how in CORRUPT:
            await look_at(person, trained / how)
        person.app.look_into("runs/reverse-lstm")
        await person.until("says ")
        await person.until("lstm1")

    travel(journey)
