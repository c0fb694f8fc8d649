"""Data that are not here are fetched from the screen, when somebody asks for a network on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.data.test_fetch import mnist_files
from tests.tui.pilots import Traveller, travel
from tuinet.data.fetched import read_record
from tuinet.tui.fetching import Fetching
from tuinet.tui.screens.home import HomeScreen
from tuinet.tui.widgets.rows import Rows


def test_a_recipe_fetches_its_data_and_trains(own_folder: Path) -> None:
    folder = own_folder / "files"
    folder.mkdir()
    for name, content in mnist_files().items():
        (folder / name).write_bytes(content)

    async def journey(person: Traveller) -> None:
        screen = person.app.screen
        assert isinstance(screen, HomeScreen)
        await person.until(lambda: any(item.kind == "model" for item in screen.items))
        rows = screen.query_one(Rows)
        rows.stand(next(item for item in screen.items if item.name == "mnist-mlp"))
        await person.press("t")
        await person.until("Fetch mnist?")
        await person.write(str(own_folder / "nowhere"))
        await person.told("nowhere")
        assert read_record("mnist") is None
        await person.press("t")
        await person.until("Fetch mnist?")
        await person.write(str(folder))
        await person.told("fetched and verified", 60)
        assert read_record("mnist") is not None

    travel(journey)


def test_a_popup_that_was_closed_before_it_was_drawn_draws_nothing() -> None:
    async def journey(person: Traveller) -> None:
        popup = Fetching("Fetching mnist")
        await person.app.push_screen(popup)
        await popup.remove_children()
        popup._begin()

    travel(journey)


def test_the_files_are_of_the_sets_form() -> None:
    assert all(isinstance(content, bytes) and len(content) > 8 for content in mnist_files().values())
    assert np.frombuffer(next(iter(mnist_files().values()))[2:4], np.uint8)[0] == 8
