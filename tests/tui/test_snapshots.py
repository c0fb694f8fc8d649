"""How the screens look, kept as SVG files in snapshots/: TUINET_SNAPSHOTS=write makes them anew. Look, then commit."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from textual.pilot import Pilot

from tuinet.tui.app import TuinetApp
from tuinet.tui.screens.build import BuildScreen
from tuinet.tui.screens.train import TrainScreen

FOLDER = Path(__file__).parent / "snapshots"

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)


async def settled(app: TuinetApp, pilot: Pilot[None]) -> None:
    """Nothing is being worked out any more, and what was found is drawn."""
    for _ in range(2):
        await pilot.pause()
        while not all(worker.is_finished for worker in app.workers):
            await asyncio.sleep(0.01)
    await pilot.pause()


def picture(opened: str | None, size: tuple[int, int], keys: Sequence[str], *, only_ascii: bool = False) -> str:
    """The screen after these keys, as SVG."""
    app = TuinetApp(opened, ascii=only_ascii)

    async def go() -> str:
        async with app.run_test(size=size) as pilot:
            await settled(app, pilot)
            if isinstance(app.screen, TrainScreen):
                inside = app.screen.inside
                while app.screen.feed is None or app.screen.undrawn or not inside.found.seen or not inside.found.health:
                    await pilot.pause(0.05)
            for key in keys:
                await pilot.press(key)
                await settled(app, pilot)
            app.clear_notifications()
            await settled(app, pilot)
            return app.export_screenshot()

    return asyncio.run(go())


def compare(name: str, found: str) -> None:
    """With the file of that name; or write it, if TUINET_SNAPSHOTS=write asks for it."""
    found = re.sub(r"@font-face \{.*?\}\s*", "", found, flags=re.DOTALL)  # the address of a font on the web
    found = re.sub(r"terminal-\d+", "tuinet", found)
    path = FOLDER / name
    if os.environ.get("TUINET_SNAPSHOTS") == "write":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(found, "utf-8")
    assert path.exists(), f"no {name}: TUINET_SNAPSHOTS=write makes it"
    assert found == path.read_text("utf-8"), f"{name} differs: look at both, then TUINET_SNAPSHOTS=write"


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=str)
def test_home(size: tuple[int, int], trained: Path) -> None:
    compare(f"home-{size[0]}.svg", picture(None, size, ()))


@pytest.mark.parametrize(
    ("size", "keys"), [(SMALL, ("left",)), (MIDDLE, ("tab", "tab")), (LARGE, ("v", "left"))], ids=["80", "120", "200"]
)
def test_train(size: tuple[int, int], keys: tuple[str, ...], trained: Path) -> None:
    compare(f"train-{size[0]}.svg", picture(str(trained / "digits-cnn"), size, keys))


INSPECTED = {
    "maps": ("digits-cnn", MIDDLE, ("v", "enter", "right", "down", "space")),
    "maps-ascii": ("digits-cnn", SMALL, ("v", "enter", "right", "down")),
    "channel": ("digits-cnn", SMALL, ("down", "down", "greater_than_sign")),
    "translation": ("cmudict-seq2seq", SMALL, ("g",)),
    "gates": ("cmudict-seq2seq", SMALL, ("down", "down", "down", "down", "enter", "g")),
    "sum": ("digits-cnn", SMALL, ("v", "enter", "down", "enter")),
    "help": ("digits-cnn", SMALL, ("question_mark",)),
    "pad": ("digits-cnn", SMALL, ("d", "space", *["right"] * 5, *["down"] * 9)),
}


@pytest.mark.parametrize("name", INSPECTED)
def test_inspect(name: str) -> None:
    opened, size, keys = INSPECTED[name]
    compare(f"inspect-{name}.svg", picture(opened, size, keys, only_ascii=name.endswith("ascii")))


def test_inspect_another_programs_file(own_folder: Path) -> None:
    values = np.sin(np.arange(16 * 3 * 5 * 5, dtype=np.float32)).reshape(16, 3, 5, 5)
    save_file({"features.0.weight": values, "features.0.bias": values[:, 0, 0, 0].copy()}, "foreign.safetensors")
    compare("inspect-foreign.svg", picture("foreign.safetensors", SMALL, ("down", "down")))


BUILT = {
    "80": (SMALL, ("b",)),
    "120": (MIDDLE, ("b", "tab")),
    "200": (LARGE, ("b", "tab", "tab")),
    "form": (SMALL, ("b", "enter")),
    "mistake": (SMALL, ("b", "i", *"conv 16 9, dense 10", "enter")),
}


@pytest.mark.parametrize("name", BUILT)
def test_build(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BuildScreen, "estimate", lambda _: None)  # how long an epoch takes is never the same
    size, keys = BUILT[name]
    compare(f"build-{name}.svg", picture(None, size, keys))
