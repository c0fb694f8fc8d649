"""The table of keys: every one does something, none of a screen clash, and what is said of them is so."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from textual.keys import Keys

from tests.tui.pilots import Traveller, travel
from tuinet.errors import TuinetError
from tuinet.tui.app import SCREENS, TuinetApp
from tuinet.tui.keys import KEYS, PLACES, SIGNS, Key, bindings, keys_of, own_keys
from tuinet.tui.popup import Read
from tuinet.tui.screens.base import Room

ROOMS = {name: type(mode()) for name, mode in TuinetApp.MODES.items()}


def test_ids_are_unique_and_name_their_place() -> None:
    assert len({key.id for key in KEYS}) == len(KEYS)
    assert {key.place for key in KEYS} == set(PLACES) == {"app", *SCREENS}
    for place in PLACES:
        assert [binding.id for binding in bindings(place)] == [key.id for key in keys_of(place)]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.id)
def test_a_key_has_a_method_a_name_and_words(key: Key) -> None:
    owner = TuinetApp if key.place == "app" else ROOMS[key.place]
    name = key.action.partition("(")[0]
    assert callable(getattr(owner, f"action_{name}", None)), f"{owner.__name__} has no action_{name}"
    assert key.help and key.show and len(key.word) <= 12
    first = key.keys.split(",")[0]
    assert {first, SIGNS.get(first), {"pagedown": "pgdn", "pageup": "pgup"}.get(first)} & set(key.show.split())


@pytest.mark.parametrize("place", ROOMS)
def test_no_two_keys_of_a_screen_clash(place: str) -> None:
    """Those of the screen come before those of the app: only `4` of Train, which looks into its run, covers one."""
    for one, other in combinations(keys_of(place), 2):
        assert not set(one.keys.split(",")) & set(other.keys.split(",")), f"{one.id} and {other.id}"
    covered = {
        (one.id, other.id)
        for one in keys_of(place)
        for other in keys_of("app")
        if set(one.keys.split(",")) & set(other.keys.split(","))
    }
    assert covered == ({("train.inside", "app.inspect")} if place == "train" else set())


# ── a person's own keys ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[keys", "keys.toml"),
        ("keys = 3", "holds names and keys as words"),
        ('[keys]\n"train.pause" = 3', "holds names and keys as words"),
        ('[keys]\n"train.pase" = "p"', "there is no key 'train.pase'"),
        ('[keys]\n"train.pause" = "spcae"', "'spcae' is no key"),
        ('[keys]\n"train.pause" = ""', "'' is no key"),
        ('[keys]\n"train.pause" = "s"', "train.pause and train.step"),
        ("\x00", "keys.toml"),
        (b"\xff\xfe", "keys.toml"),
    ],
)
def test_a_wrong_file_of_keys_is_told(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = tmp_path / "keys.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(TuinetError) as raised:
        own_keys(path)
    assert said in raised.value.message and raised.value.hint


def test_own_keys_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    assert own_keys(path) == {}
    path.write_text('[keys]\n"train.pause" = "p,f9"\n"home.train" = "ctrl+t"\n"train.step" = "space"\n"app.save" = "/"')
    assert own_keys(path) == {
        "train.pause": "p,f9", "home.train": "ctrl+t", "train.step": "space", "app.save": "slash",
    }  # fmt: skip


def _keys_file(text: str) -> None:
    path = Path.home() / ".config/tuinet/keys.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_own_keys_are_shown_and_work() -> None:
    _keys_file('[keys]\n"home.filter" = "f"\n"app.help" = "f6"\n')

    async def journey(person: Traveller) -> None:
        await person.until("f filter")
        await person.press("slash")
        assert not person.app.screen.query_one("#filter").has_focus
        await person.press_shown("f", "filter")
        await person.until(lambda: person.app.screen.query_one("#filter").has_focus)
        await person.press("escape", "f6")
        await person.until("╭─ Help")

    travel(journey)


def test_a_wrong_file_of_keys_is_told_on_screen() -> None:
    _keys_file('[keys]\n"[/s].key" = "f"\n')

    async def journey(person: Traveller) -> None:
        await person.told("there is no key '[/s].key'")
        await person.until("[/s].key")
        await person.press_shown("/", "filter")

    travel(journey)


# ── what is said of them ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", ROOMS)
def test_the_help_of_a_screen_holds_all_its_keys(place: str) -> None:
    async def journey(person: Traveller) -> None:
        await person.until("digits-cnn")
        await person.press(SCREENS[place][0])
        await person.until(lambda: person.app.current_mode == place)
        room = person.app.screen
        assert isinstance(room, Room)
        await person.press("question_mark")
        await person.until("╭─ Help")
        popup = person.app.screen
        assert isinstance(popup, Read)
        lines = ["".join(segment.text for segment in line) for line in popup.lines]
        text = " ".join(" ".join(lines).split())
        assert " ".join(room.WORDS.split()) in text
        for key in (*keys_of(place), *keys_of("app")):
            assert " ".join(key.help.split()) in text, key.id
            assert any(line.strip().startswith(key.show.split()[0]) for line in lines), key.id
        await person.press("pagedown", "pagedown", "pagedown", "pagedown", "pagedown")
        await person.until("the palette: every action by its name")
        await person.press("escape")
        assert person.app.screen is room

    travel(journey)


def test_the_palette_has_every_action_that_works_and_does_it() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("teaches")
        room = person.app.room
        assert room is not None
        titles = [command.title for command in person.app.get_system_commands(room)]
        for key in (*keys_of("home"), *keys_of("app")):
            works = key.place == "app" or room.works(key.action.partition("(")[0])
            assert (key.help in titles) == works, key.id
        assert any("theme nord" in title for title in titles)
        await person.press("ctrl+p")
        await person.press(*"only what has")
        await person.until("show only what has these letters")
        await person.press("enter", "enter")
        await person.until(lambda: person.app.screen.query_one("#filter").display)
        await person.press("escape", "colon")
        await person.press(*"theme dracula")
        await person.until("the colours of the screen")
        await person.press("enter", "enter")
        await person.until(lambda: person.app.theme == "dracula")

    travel(journey)


def test_the_foot_shows_what_works_under_the_cursor() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("digits-cnn")
        assert "t train" in person.foot and "look inside" not in person.foot and "delete" not in person.foot
        await person.until(lambda: any(item.kind == "model" for item in person.app.screen.items))
        await person.press("end")
        await person.until("enter look inside")
        assert "i look inside" in person.foot and "delete" not in person.foot and "go on" not in person.foot
        await person.press("3")
        await person.until("no run yet")
        for word in ("pause", "step", "epoch", "pace", "rate", "stop", "go on"):
            assert word not in person.foot
        await person.press("space", "s", "e", "plus", "x", "r", "t", "c", "v", "o", "f", "z", "a", "l", "m")
        await person.press("right", "left", "tab", "tab", "tab", "tab", "left_square_bracket", "right_square_bracket")
        await person.press("4")
        await person.until("digits-cnn")

    travel(journey)


def test_names_of_keys_are_textuals() -> None:
    known = {key.value for key in Keys}
    for key in KEYS:
        for name in key.keys.split(","):
            assert len(name) == 1 or name in known or name in SIGNS, f"{key.id}: {name}"
