"""Journeys through the app without a terminal: keys are pressed as a person would, what the screen says is read."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from tuinet.training.directory import is_locked, owner
from tuinet.training.start import Started, start, wait_until_there
from tuinet.tui.app import TuinetApp

SIZE = (80, 24)

_STARTED: list[Started] = []
"""Runs that no app started."""


class Traveller:
    """Presses keys and reads the screen. `strict`: only keys that the foot of the screen shows, or that move."""

    MOVES = frozenset({"up", "down", "left", "right", "tab", "escape", "enter"})

    def __init__(self, app: TuinetApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot
        self.pressed: list[str] = []

    @property
    def text(self) -> str:
        """All lines of the screen, popups and all."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def foot(self) -> str:
        return self.text.splitlines()[-1]

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            self.pressed.append(key)
        await self.pilot.pause()

    async def press_shown(self, key: str, word: str) -> None:
        """A key that the foot shows now, with what it does."""
        assert f"{key} {word}" in self.foot, f"the foot does not show {key} {word}: {self.foot}"
        await self.press({"space": "space", "<": "less_than_sign", ">": "greater_than_sign"}.get(key, key))

    async def fill(self, text: str) -> None:
        """In place of what stands in the field."""
        field = self.app.screen.query_one(Input)
        await self.until(lambda: field.has_focus)
        field.value = text
        await self.pilot.pause()

    async def write(self, text: str) -> None:
        """The same, then enter."""
        await self.fill(text)
        await self.press("enter")

    def sees(self, words: str | re.Pattern[str]) -> bool:
        return words in self.text if isinstance(words, str) else words.search(self.text) is not None

    async def until(self, seen: str | re.Pattern[str] | Callable[[], object], seconds: float = 30.0) -> None:
        """Wait for words on the screen, or for anything else. Raises AssertionError with the screen."""
        found = seen if callable(seen) else lambda: self.sees(seen)
        end = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < end, f"never seen: {seen}\n{self.text}"
            await self.pilot.pause(0.05)

    async def told(self, words: str, seconds: float = 30.0) -> None:
        """Wait for words that pop up; there they are broken into lines, but the log keeps them whole."""
        said = self.app.said
        await self.until(lambda: any(words in line for line in said), seconds)


Journey = Callable[[Traveller], Awaitable[None]]


def travel(
    journey: Journey, opened: str | None = None, size: tuple[int, int] = SIZE, *, only_ascii: bool = False
) -> TuinetApp:
    """Run a journey in an app of its own; runs it left going are ended."""
    app = TuinetApp(opened, ascii=only_ascii)

    async def go() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            await journey(Traveller(app, pilot))

    try:
        asyncio.run(go())
    finally:
        end_runs(Path("runs"))
        for started in (*app.begun, *_STARTED):
            if started.process.poll() is None:
                started.process.terminate()
            started.process.wait(20)
        _STARTED.clear()
    return app


def background(name: str, *arguments: str) -> Path:
    """A run that somebody else started: `tuinet train NAME ARGUMENTS`, until it can be steered."""
    started = start([name, *arguments], Path(name).stem)
    wait_until_there(started)
    _STARTED.append(started)
    return started.directory


def end_runs(folder: Path) -> None:
    """Ask every run that is still going in the folder to end, and wait until it has."""
    for directory in folder.glob("*") if folder.is_dir() else ():
        who = owner(directory)
        if who is not None and is_locked(directory):
            os.kill(who.pid, signal.SIGTERM)
            end = time.monotonic() + 20
            while is_locked(directory):
                if time.monotonic() > end:
                    os.kill(who.pid, signal.SIGKILL)
                time.sleep(0.02)
