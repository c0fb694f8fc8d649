"""The app in a real terminal: a stranger's way from launch to kernels, and what runs outlive."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.cli.commands import run_command
from tests.training.test_run import wait_for
from tests.tui.pilots import end_runs
from tests.tui.terminal import Terminal, terminal
from tuinet.training.control import send
from tuinet.training.directory import is_locked
from tuinet.training.feed import Feed
from tuinet.training.runs import new_line


def the_run() -> Path:
    (run,) = Path("runs").iterdir()
    return run


def test_from_launch_to_kernels(own_folder: Path) -> None:
    with terminal(cwd=own_folder) as person:
        person.until("digits-cnn")
        person.until("t train")
        person.press("t")
        person.until("16 kernels of 3×3, in conv1", 60)
        assert "Train ●" in person.text and "space pause" in person.lines[-1]
        person.press("space")
        person.until("PAUSED")
        person.press("s")
        person.until("PAUSED")
        person.press("x")
        person.until("keep the best weights")
        person.press("enter")
        person.until("ended: stopped", 60)
        person.press("4")
        person.until("‹kernels›")
        person.press("enter", "right", "down")
        person.until("kernel 0, row 1, column 1 = ")
        person.press("q")
        assert person.ended() == 0
    feed = Feed(the_run())
    feed.read()
    assert feed.ended is not None and feed.ended.reason == "stopped"


@pytest.mark.parametrize("how", ["killed", "hung up"])
def test_a_run_outlives_the_app_that_began_it(own_folder: Path, how: str) -> None:
    person = Terminal(cwd=own_folder)
    try:
        person.until("digits-cnn")
        person.press("/")
        person.until("only what has")
        person.press(*"sine", "enter")
        person.until("‹sine›")
        person.press("t")
        person.until("Inside: fit", 60)
        run = the_run()
        feed = Feed(run)
        if how == "killed":
            os.kill(person.pid, signal.SIGKILL)
            assert person.ended() == -signal.SIGKILL
    finally:
        person.close()
    try:
        feed.read()
        step = feed.step
        send(run, new_line("set", pace=0))
        wait_for(lambda: not is_locked(run), 60)
        feed.read()
        assert feed.ended is not None and feed.ended.reason == "epochs" and feed.step > step
        assert (run / "model.safetensors").is_file()
    finally:
        end_runs(Path("runs"))


def test_what_is_named_is_opened(trained: Path, own_folder: Path) -> None:
    """`tuinet ui RUN`, `MODEL`, `FILE`, and what is none of them."""
    for opened, words in (
        ("digits-cnn", "Inside: conv1 kernels"), ("runs/reverse-lstm", "Inside: "), ("iris-mlp", "‹ test:0 ›"),
        ("runs/digits-cnn/model.safetensors", "‹kernels›"), ("nothing[/s]", "nothing[/s]"),
    ):  # fmt: skip
        with terminal("ui", opened, cwd=own_folder) as person:
            person.until(words)
            person.press("q")
            assert person.ended() == 0


def test_it_fits_itself_to_a_window_that_is_dragged(own_folder: Path) -> None:
    with terminal("ui", "digits-cnn", cwd=own_folder) as person:
        person.until("‹kernels›")
        for columns, rows in ((120, 40), (40, 10), (1, 1), (80, 24)):
            person.resize(columns, rows)
            if columns == 40:
                person.until("tuinet needs 60 columns and 20 rows")
            else:
                person.read(0.2)
        person.until("16 kernels of 3×3")
        person.press("q")
        assert person.ended() == 0


def test_a_theme_that_is_not_there(own_folder: Path) -> None:
    with terminal("ui", "--theme", "nonsense", cwd=own_folder) as person:
        assert person.ended() == 2
        assert "there is no theme 'nonsense'" in person.text and "nord" in person.text
    with terminal("ui", "--theme", "nord", "--ascii", cwd=own_folder) as person:
        person.until("digits-cnn")
        person.until("teaches")
        assert person.text.isascii()
        person.press("q")
        assert person.ended() == 0


@pytest.mark.parametrize("line", [(), ("ui",), ("ui", "digits-cnn")])
def test_without_a_terminal_it_prints_the_help(line: tuple[str, ...], own_folder: Path) -> None:
    done = run_command(*line, cwd=own_folder)
    assert done.code == 2
    assert "Usage: tuinet" in done.out and "recipes" in done.out
    assert not list(own_folder.iterdir())
