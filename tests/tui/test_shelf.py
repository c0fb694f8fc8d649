"""What Home's rows say."""

from __future__ import annotations

import pytest

from tuinet.render.draw import plain
from tuinet.render.paper import Paper, width_of
from tuinet.tui.shelf import Item, item_row, layer_in_brief

RUN = Item("run", "runs/digits-cnn-20260101-120000", "epoch 60/60  98.61 %", "ended")


def row(item: Item, width: int, wide: int = 26, *, only_ascii: bool = False) -> str:
    line = item_row(item, Paper(width, ascii=only_ascii), wide)
    assert width_of(line) <= width
    return plain([line])


def test_of_a_run_its_state_is_said_at_the_least_then_how_it_ended() -> None:
    assert row(RUN, 76) == "   digits-cnn-20260101-120000  epoch 60/60  98.61 %"
    assert row(RUN, 39) == "   digits-cnn-20260101-120000  98.61 %"
    assert row(RUN, 20) == "   digits…  98.61 %"
    dead = RUN._replace(state="stopped short")
    assert row(dead, 76) == " ! digits-cnn-20260101-120000  stopped short  epoch 60/60  98.61 %"
    assert row(dead, 45).startswith(" ! digits-cnn-2026010") and row(dead, 45).endswith("  stopped short")


@pytest.mark.parametrize("state", ["running", "paused", "waiting", "failed", "interrupted", "unheard of"])
def test_every_state_has_a_sign_also_in_ascii(state: str) -> None:
    found = {row(RUN._replace(state=state), 76, only_ascii=ascii_only)[1] for ascii_only in (True, False)}
    assert " " not in found
    assert row(RUN._replace(state=state), 76, only_ascii=True).isascii()


def test_names_stand_in_a_column_and_what_has_no_room_ends_with_dots() -> None:
    item = Item("recipe", "xor", "A hidden layer learns XOR", needs="")
    assert row(item, 30, 10) == "   xor         A hidden laye…"
    assert row(item._replace(needs="mnist"), 76, 10).startswith(" ↓ xor         A hidden layer learns XOR")


@pytest.mark.parametrize(
    ("kind", "settings", "brief"),
    [
        ("conv2d", "16 filters, kernel 3×3, stride 1, padding same", "conv2d 16 of 3×3"),
        ("dense", "64 units", "dense 64"),
        ("max-pool", "window 2×2", "max-pool 2×2"),
        ("relu", "", "relu"),
        ("seq2seq", "bridge copy, reverse source, 42 symbols", "seq2seq"),
    ],
)
def test_a_layer_in_brief(kind: str, settings: str, brief: str) -> None:
    assert layer_in_brief(kind, settings) == brief
