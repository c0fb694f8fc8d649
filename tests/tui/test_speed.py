"""What makes the figures of benchmarks/tui.py possible."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.strip import Strip

from tests.tui.pilots import Traveller, travel
from tests.tui.terminal import terminal
from tuinet.tui.screens.inspect import AT_ONCE, InspectScreen
from tuinet.tui.screens.train import TrainScreen
from tuinet.tui.widgets.sheet import Mark, Sheet


def test_the_first_frame_waits_for_nothing_heavy() -> None:
    code = """
import sys
from tuinet.tui.app import TuinetApp
from tuinet.tui.shelf import recipes
assert len(recipes()) > 20
heavy = {"numpy", "plotext", "msgspec", "PIL", "requests", "textual.widgets._data_table", "textual.widgets._text_area"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_drawn_needs_nothing_more_than_was_loaded() -> None:
    code = """
import sys
import tuinet.tui.app
from tuinet.tui.later import load
load()
before = set(sys.modules)
from tuinet.render.chart import Series
from tuinet.render.live_chart import live_chart
from tuinet.render.paper import Paper
live_chart([Series("train", [1, 2], [1.0, 2.0], "blue")], 60, 12, paper=Paper(60))
from tuinet.tui.screens.build import BuildScreen
from tuinet.tui.screens.inspect import InspectScreen
from tuinet.tui.screens.train import TrainScreen
BuildScreen(), InspectScreen(), TrainScreen()
assert set(sys.modules) == before, set(sys.modules) - before
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_recipe_whose_data_were_fetched_needs_them_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tuinet.tui.shelf import recipes

    monkeypatch.setenv("TUINET_DATA", str(tmp_path))
    assert {item.name: item.needs for item in recipes()}["mnist-cnn"] == "mnist"
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist/fetched.json").touch()
    assert {item.name: item.needs for item in recipes()}["mnist-cnn"] == ""


def test_keys_that_are_pressed_before_numpy_is_there_are_not_lost() -> None:
    async def journey(person: Traveller) -> None:
        await person.until(lambda: person.app.loaded)
        person.app.loaded = False  # as it is in a process that has just begun
        person.app.action_go("train")
        person.app.action_go("inspect")
        assert person.app.current_mode == "home"
        person.app._loaded()
        await person.until(lambda: person.app.current_mode == "inspect")
        await person.until("‹kernels›")

    travel(journey)


def test_what_was_imported_is_never_searched_for_garbage() -> None:
    async def journey(person: Traveller) -> None:
        await person.until(lambda: gc.isenabled())
        assert gc.get_freeze_count() > before

    before = gc.get_freeze_count()
    gc.disable()  # as the command does
    try:
        travel(journey)
    finally:
        gc.unfreeze()
        gc.enable()


@pytest.mark.parametrize("opened", [(), ("ui", "digits-cnn")])
def test_an_app_in_which_nothing_happens_sends_nothing(opened: tuple[str, ...], tmp_path: Path) -> None:
    with terminal(*opened, cwd=tmp_path) as screen:
        screen.until("digits-cnn")
        while screen.read(1.5):
            pass
        sent = screen.came
        screen.read(4.0)
        assert screen.came == sent


class Counting(Sheet):
    """Remembers which of its lines were drawn."""

    drawn: list[int]

    def render_line(self, y: int) -> Strip:
        self.drawn.append(y)
        return super().render_line(y)


class OneSheet(App[None]):
    ascii = False

    def compose(self) -> ComposeResult:
        sheet = Counting()
        sheet.drawn = []
        yield sheet


def test_only_lines_that_changed_are_drawn_again() -> None:
    def lines(changed: str = "") -> list[list[Segment]]:
        return [[Segment(changed or f"line {y}" if y == 3 else f"line {y}", Style.null())] for y in range(10)]

    async def go() -> None:
        app = OneSheet()
        async with app.run_test(size=(40, 10)) as pilot:
            sheet = app.query_one(Counting)
            sheet.show(lines())
            await pilot.pause(0.1)
            for shown, again in (
                (lambda: sheet.show(lines()), []),
                (lambda: sheet.show(lines("another")), [3]),
                (lambda: sheet.show(lines("another"), Mark(0, 5)), [5]),
                (lambda: sheet.show(lines("another"), Mark(0, 6)), [5, 6]),
            ):
                sheet.drawn = []
                shown()
                await pilot.pause(0.1)
                assert sorted(set(sheet.drawn)) == again

    asyncio.run(go())


def test_only_few_views_are_computed_at_a_time_and_the_last_is_seen() -> None:
    async def journey(person: Traveller) -> None:
        screen = person.app.screen
        assert isinstance(screen, InspectScreen)
        await person.until("‹kernels›")
        for name in screen.asking.subject.layers if screen.asking is not None else ():
            screen.rows.stand(name)
            screen.asking.wish = "excites"
            screen.look(anew=True)
            assert screen.looking <= AT_ONCE
        await person.until(lambda: screen.looking == 0)
        assert "excites dense2" in person.text

    travel(journey, "digits-cnn")


def test_a_run_that_does_not_move_is_not_looked_into_again(tmp_path: Path) -> None:
    line = ["train", "xor", "--set", "training.epochs=20", "--out", "run", "--quiet"]
    subprocess.run([sys.executable, "-m", "tuinet", *line], check=True, cwd=tmp_path, capture_output=True)

    async def journey(person: Traveller) -> None:
        screen = person.app.screen
        assert isinstance(screen, TrainScreen)
        inside = screen.inside
        await person.until(lambda: bool(inside.found.seen) and not inside.looking)
        assert inside._is_known(tmp_path / "run", due=True)
        inside.next_sample(1)
        assert not inside._is_known(tmp_path / "run", due=True)

    travel(journey, str(tmp_path / "run"))
