"""The README's journey, key by key, as it is written there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.tui.pilots import Traveller, travel

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")

SEEN = (
    "Inside: conv1 kernels", "Inside: conv2 kernels", "ended: stopped", "‹kernels›", "‹maps›", "cell by cell, window",
    "off: conv1:0   with all on",
)  # fmt: skip
"""What each row of the table leads to."""


def rows() -> list[list[str]]:
    """The keys of each row."""
    section = README.split("## The app")[1].split("\n## ")[0]
    return [re.findall(r"`([^`]+)`", row) for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)]


def test_ten_keys_lead_from_the_first_screen_to_the_inside_of_a_network() -> None:
    found = rows()
    assert sum(map(len, found)) == 10 and len(found) == len(SEEN)

    async def journey(person: Traveller) -> None:
        await person.until("t trains it")
        for keys, seen in zip(found, SEEN, strict=True):
            for key in keys:
                await person.press({"esc": "escape"}.get(key, key))
                if key == "x":
                    await person.until("keep the best weights")
                if key == "v":
                    await person.until(lambda: "looking …" not in person.text)
            await person.until(seen, 60)

    travel(journey)
