"""Charts: reduced to what they can show, in the size asked for, without paint where none is wanted."""

from __future__ import annotations

import math
import re
import time

import pytest
from rich.cells import cell_len

from tuinet.render.chart import Series, chart, reduce_points, ticks


def test_reducing_keeps_every_columns_lowest_and_highest() -> None:
    x = [float(n) for n in range(100)]
    y: list[float | None] = [0.0] * 100
    y[37], y[38], y[99] = 5.0, -5.0, 1.0
    kept_x, kept_y = reduce_points(x, y, 10)
    assert len(kept_x) <= 20
    assert {(37.0, 5.0), (38.0, -5.0), (99.0, 1.0)} <= set(zip(kept_x, kept_y, strict=True))
    assert kept_x == sorted(kept_x)


def test_reducing_leaves_out_what_is_no_number() -> None:
    assert reduce_points([1, 2, 3, 4], [1.0, None, math.nan, math.inf], 10) == ([1], [1.0])
    assert reduce_points([], [], 10) == ([], [])
    same = reduce_points([5.0] * 50, [float(n) for n in range(50)], 10)  # all at one place
    assert same == ([5.0, 5.0], [0.0, 49.0])


def test_a_chart_is_as_large_as_asked_and_shows_the_curve() -> None:
    falling = Series("train", list(range(60)), [math.exp(-n / 15) for n in range(60)], "blue")
    text = chart([falling, Series("validation", [0, 59], [1.0, 0.1], "red", "o")], 60, 12, x_label="step", color=False)
    lines = text.split("\n")
    assert lines[0].strip() == "⠤⠤ train   o validation"
    assert len(lines) == 13
    assert max(cell_len(line) for line in lines) <= 60
    assert "\x1b" not in text
    assert sum(line.count("o") for line in lines[1:]) == 2
    rows = [number for number, line in enumerate(lines) if re.search("[⠀-⣿]", line)]
    assert rows[1] < rows[-1]
    assert lines[-1].strip() == "step"


def test_nothing_is_painted_and_the_colours_are_the_terminals_own() -> None:
    text = chart([Series("train", [1, 2, 3], [1.0, 2.0, 3.0], "blue")], 60, 12)
    assert "\x1b[38;5;4m" in text
    assert not re.search(r"\x1b\[48;|\x1b\[4[0-7]m", text)


@pytest.mark.parametrize("y", [[], [None], [math.nan, None]])
def test_no_points_no_chart(y: list[float | None]) -> None:
    assert chart([Series("train", list(range(len(y))), y)], 60, 12) == ""


def test_one_point_and_equal_points_are_drawn() -> None:
    for series in (
        Series("a", [3], [2.0]),
        Series("a", [1, 2, 3], [2.0, 2.0, 2.0]),
        Series("a", [1, 2], [1e-30, 1e30]),
    ):
        assert "┤" in chart([series], 60, 12, color=False)


def test_long_runs_are_drawn_at_once() -> None:
    long = Series("train", list(range(100_000)), [math.sin(n) for n in range(100_000)])
    chart([long], 60, 12)
    begin = time.process_time()
    chart([long], 120, 20)
    assert time.process_time() - begin < 1  # ten thousand points alone would take plotext 160 ms


@pytest.mark.parametrize(
    ("low", "high", "places"),
    [
        (40, 2400, [0, 500, 1000, 1500, 2000, 2400]),
        (1, 10, [0, 2, 4, 6, 8, 10]),
        (1, 3, [1, 2, 3]),
        (3, 3, [3]),
        (0, 1_000_000, [0, 200_000, 400_000, 600_000, 800_000, 1_000_000]),
        (700, 720, [700, 705, 710, 715, 720]),
    ],
)
def test_ticks_are_round(low: float, high: float, places: list[int]) -> None:
    assert ticks(low, high, 6) == places


@pytest.mark.parametrize(
    ("low", "high", "places"),
    [
        (-3.0, 3.0, [-3, -2, -1, 0, 1, 2, 3]),
        (-0.0123, 0.021, [-0.01, 0, 0.01, 0.02]),
        (0.1, 0.35, [0.1, 0.15, 0.2, 0.25, 0.3, 0.35]),
        (1e-9, 4e-9, [1e-9, 1.5e-9, 2e-9, 2.5e-9, 3e-9, 3.5e-9, 4e-9]),
        (2.0, 2.0, [2.0]),
        (-1e308, 1e308, [-1e308, 1e308]),
        (0.0, 1e-322, [0.0, 1e-322]),
    ],
)
def test_ticks_of_real_numbers(low: float, high: float, places: list[float]) -> None:
    assert ticks(low, high, 6, whole=False) == pytest.approx(places, abs=0)


def test_an_axis_with_signs_and_fractions_says_where_they_are() -> None:
    text = chart([Series("a", [-0.3, 0.0, 0.3], [-0.02, 0.0, 0.02])], 60, 15, color=False)
    marks = [line.split("┤")[0].strip() for line in text.split("\n") if "┤" in line]
    assert marks == ["0.02", "0.01", "0", "-0.01", "-0.02"]
    assert text.split("\n")[-1].split() == ["-0.2", "0", "0.2"]


def test_in_ascii_there_is_nothing_else() -> None:
    text = chart([Series("train", [1, 2, 3], [1.0, 2.0, 3.0], "blue")], 60, 12, color=False, ascii_only=True)
    assert text.isascii()
    assert text.startswith("    ** train\n") and text.count("*") > 20


def test_names_take_as_many_lines_as_they_need() -> None:
    many = [Series(f"line {n}", [0, 1], [0.0, n]) for n in range(8)]
    lines = chart(many, 40, 12, color=False).split("\n")
    assert all(cell_len(line) <= 40 for line in lines)
    assert all(any(f"line {n}" in line for line in lines[:3]) for n in range(8))


@pytest.mark.parametrize("y", [[2.0] * 3, [1e16, 1e16 + 2, 1e16], [-1e308, 1e308, 0.0], [3e-320] * 3])
def test_values_that_cannot_be_told_apart_are_drawn_and_nothing_is_printed(
    y: list[float], capfd: pytest.CaptureFixture[str]
) -> None:
    for series in (Series("a", [0, 1, 2], y), Series("a", y, [0, 1, 2]), Series("a", y, y)):
        assert "┤" in chart([series], 60, 12, color=False)
    assert capfd.readouterr() == ("", "")
