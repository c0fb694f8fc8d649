"""The chart of a run that is going on: of its size whatever comes, and every column knows its x."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tuinet.render.chart import Series
from tuinet.render.draw import Paper, plain
from tuinet.render.live_chart import ChartDrawing, key, live_chart

STEPS = [float(n) for n in range(316)]
TRAIN = Series("train", STEPS, [2.2 * math.exp(-n / 40) + 0.1 for n in STEPS], "blue")
VALID = Series("valid", STEPS[::45], [2.2 * math.exp(-n / 40) + 0.25 for n in STEPS[::45]], "orange", "o")
PAPERS = [Paper(120), Paper(120, "16"), Paper(120, "none"), Paper(120, "none", True), Paper(120, "256", True)]
SIZES = [(1, 1), (2, 1), (1, 7), (3, 3), (11, 5), (13, 4), (30, 2), (80, 10), (120, 16), (200, 30)]


def check(drawn: ChartDrawing, width: int, height: int, paper: Paper) -> list[str]:
    assert len(drawn.lines) == height
    rows = ["".join(segment.text for segment in line) for line in drawn.lines]
    assert all(cell_len(row) == width and row.isprintable() for row in rows)
    assert all(segment.style is not None for line in drawn.lines for segment in line)
    assert not paper.ascii or "".join(rows).isascii()
    if paper.colors == "none":
        assert not any(segment.style for line in drawn.lines for segment in line)
    for column in range(drawn.left, drawn.right + 1):
        x = drawn.x_at(column)
        assert x is not None
        assert drawn.column_of(x) == column or not math.isfinite(drawn.high - drawn.low)
    assert drawn.x_at(drawn.left - 1) is None and drawn.x_at(drawn.right + 1) is None
    return rows


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: f"{paper.colors}-{paper.ascii}")
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_is_of_the_size_asked_for(width: int, height: int, paper: Paper, log: bool) -> None:
    drawn = live_chart(
        [TRAIN, VALID], width, height, log=log, marks=[(105.0, "lr 0.01→0.001"), (314.0, "漢字 \x1b[31m")],
        cursor=250.0, best=(270.0, 0.255), paper=paper,
    )  # fmt: skip
    check(drawn, width, height, paper)


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: f"{paper.colors}-{paper.ascii}")
@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_a_point_lies_in_the_column_of_its_x(width: int, paper: Paper) -> None:
    points = Series("points", [3.0, 17.0, 60.0, 90.0, 141.0], [1.0, 5.0, 2.0, 3.0, 4.0], "red", "o")
    drawn = live_chart([points], width, 12, paper=paper)
    rows = check(drawn, width, 12, paper)
    found = sorted(column for row in rows for column, character in enumerate(row) if character == "o")
    assert found == [drawn.column_of(x) for x in points.x]
    assert (drawn.column_of(3.0), drawn.column_of(141.0)) == (drawn.left, drawn.right)
    assert drawn.column_of(2.9) is None and drawn.column_of(142.0) is None and drawn.column_of(math.nan) is None
    assert drawn.x_at(drawn.left) == 3.0 and drawn.x_at(drawn.right) == 141.0
    assert rows[0][drawn.column_of(17.0) or 0] == "o"  # the highest
    for point in (0.0, 5.0, -3000.0):
        single = live_chart([Series("point", [point], [2.0], "red", "o")], width, 12, paper=paper)
        rows_of_it = check(single, width, 12, paper)
        assert [row.index("o") for row in rows_of_it if "o" in row] == [single.column_of(point)]
    line = live_chart([Series("line", [0.0, 100.0], [0.0, 1.0])], width, 12, paper=paper)
    rows = check(line, width, 12, paper)
    assert sum(any(row[column] != " " for row in rows[:10]) for column in range(line.left, width)) == width - line.left


def test_marks_cursor_and_best_stand_where_they_belong() -> None:
    for paper, (mark, upright, best) in ((Paper(80), "▼│◆"), (Paper(80, "none", True), "v|@")):
        drawn = live_chart(
            [TRAIN, VALID], 80, 12, marks=[(105.0, "lr 0.01→0.001"), (120.0, "paused"), (400.0, "later")],
            cursor=250.0, best=(270.0, 0.255), paper=paper,
        )  # fmt: skip
        rows = check(drawn, 80, 12, paper)
        first, second = (drawn.column_of(x) or 0 for x in (105.0, 120.0))
        assert rows[0][first] == rows[0][second] == mark
        assert rows[0].count(mark) == 2 and "later" not in rows[0]
        assert "lr" not in rows[0] and rows[0][second + 1 :].startswith(" paused")  # the first has no room for its text
        column = drawn.column_of(250.0) or 0
        lines = [row[column] for row in rows[:10]]
        assert lines.count(upright) == 9 and " " not in lines  # the curve goes over it
        column = drawn.column_of(270.0) or 0
        assert [n for n, row in enumerate(rows) if row[column] == best] == [8]
    alone = live_chart([TRAIN], 80, 12, marks=[(105.0, "lr 0.01→0.001")], paper=Paper(80))
    assert "▼ lr 0.01→0.001" in plain(alone.lines)
    for none in ((1000.0, 0.2), (100.0, 9.0), (math.nan, 1.0), (100.0, math.nan), (100.0, -math.inf)):
        assert "◆" not in plain(live_chart([TRAIN], 80, 12, best=none, paper=Paper(80)).lines)


def test_axes_name_round_values() -> None:
    rows = plain(live_chart([TRAIN, VALID], 80, 12, paper=Paper(80)).lines).split("\n")
    assert [row.split("┤")[0].strip() for row in rows if "┤" in row] == ["2", "1"]
    assert rows[-1].split() == ["0", "100", "200", "300"]
    drawn = live_chart([TRAIN, VALID], 80, 12, paper=Paper(80))
    ticks = [drawn.column_of(x) for x in (0.0, 100.0, 200.0, 300.0)]
    assert [column for column, character in enumerate(rows[-2]) if character == "┬"] == ticks
    assert rows[-1].index("100") == ticks[1]


def test_a_log_axis_is_one_of_powers() -> None:
    falling = Series("loss", STEPS[1:101], [10.0 ** (-n / 20) for n in range(100)], "default", "o")
    rows = plain(live_chart([falling], 60, 14, log=True, paper=Paper(60)).lines).split("\n")
    assert [row.split("┤")[0].strip() for row in rows if "┤" in row] == ["1", "0.01", "0.0001"]
    points = [(row.index("o"), n) for n, row in enumerate(rows[:12]) if "o" in row]
    steps = [second[0] - first[0] for first, second in pairwise(points)]
    assert len(points) == 12 and max(steps) - min(steps) <= 2  # a straight line
    with_zero = Series("loss", STEPS[:3], [0.0, -1.0, 0.5], "default", "o")
    assert plain(live_chart([with_zero], 60, 8, log=True, paper=Paper(60)).lines).count("o") == 1
    small = Series("loss", STEPS[:3], [0.31, 0.32, 0.33])
    assert "0.32┤" in plain(live_chart([small], 60, 8, log=True, paper=Paper(60)).lines)
    assert "0.2┤" in plain(live_chart([TRAIN], 60, 12, log=True, paper=Paper(60)).lines)


@pytest.mark.parametrize("height", [1, 2, 9])
def test_without_points_it_says_so(height: int) -> None:
    for series, said in (
        ([], "no steps yet"), ([Series("a", [], [])], "no steps yet"),
        ([Series("a", [1.0, 2.0], [None, math.nan])], "no numbers to draw"),
    ):  # fmt: skip
        drawn = live_chart(series, 40, height, cursor=1.0, best=(1.0, 1.0), marks=[(1.0, "a")], paper=Paper(40))
        assert said in "\n".join(check(drawn, 40, height, Paper(40)))
        assert drawn.column_of(0.0) is None and drawn.x_at(0) is None
    drawn = live_chart([Series("a", [1.0], [-2.0])], 40, height, log=True, paper=Paper(40))
    assert "nothing above 0 to draw" in "\n".join(check(drawn, 40, height, Paper(40)))
    assert check(live_chart([], 4, 1, paper=Paper(4)), 4, 1, Paper(4)) == ["no …"]


def test_series_are_told_apart_without_colours() -> None:
    for paper in PAPERS:
        signs = {"⠤⠤": "⠤⠤ train   o valid", "**": "** train   o valid"}["**" if paper.ascii else "⠤⠤"]
        assert plain([key([TRAIN, VALID], paper)]) == signs
        painted = {str(segment.style) for segment in key([TRAIN, VALID], paper)}
        assert len(painted) == (1 if paper.colors == "none" else 2)
        hostile = Series("\x1b[31m漢", [], [], "no colour")
        assert "\\x1b[31m" in plain([key([hostile], paper)])
    drawn = live_chart([TRAIN, VALID], 80, 12, paper=Paper(80))
    colors = {
        segment.text.strip()[:1]: segment.style.color.number
        for line in drawn.lines for segment in line if segment.style and segment.style.color
    }  # fmt: skip
    assert colors["o"] == 3 and {number for sign, number in colors.items() if sign != "o"} == {4}


def test_long_series_are_reduced() -> None:
    x = [float(n) for n in range(20_000)]
    y: list[float | None] = [0.0] * 20_000
    y[7000] = 5.0
    text = plain(live_chart([Series("a", x, y, "default", "o")], 120, 16, paper=Paper(120)).lines)
    assert text.split("\n")[0].count("o") == 1  # the one peak is not lost
    assert 100 <= text.count("o") <= 200


numbers = st.floats() | st.sampled_from([0.0, 1.0, 5e-324, -5e-324, 1e308, -1e308, 1e16, 1e16 + 2, 1e-310])
lists = st.lists(st.tuples(numbers, st.none() | numbers), max_size=7)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(lists, max_size=3), st.integers(0, 50), st.integers(0, 20), st.booleans(),
    st.lists(st.tuples(numbers, st.text(max_size=9)), max_size=3), st.none() | numbers,
    st.none() | st.tuples(numbers, numbers), st.sampled_from(PAPERS),
)  # fmt: skip
def test_nothing_makes_it_fail(
    points: list[list[tuple[float, float | None]]], width: int, height: int, log: bool,
    marks: list[tuple[float, str]], cursor: float | None, best: tuple[float, float] | None, paper: Paper,
) -> None:  # fmt: skip
    series = [
        Series(f"line {n}", [x for x, _ in line], [y for _, y in line], "blue", "o" if n % 2 else None)
        for n, line in enumerate(points)
    ]
    drawn = live_chart(series, width, height, log=log, marks=marks, cursor=cursor, best=best, paper=paper)
    assert len(drawn.lines) == height
    for line in drawn.lines:
        assert cell_len("".join(segment.text for segment in line)) == width
    assert drawn.column_of(math.inf) is None


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    for y in ([2.0] * 3, [1e16, 1e16 + 2, 1e16], [-1e308, 1e308, 0.0], [5e-324] * 3, [1e-322, 5e-324, 1e-323]):
        for log in (False, True):
            live_chart([Series("a", [0.0, 1.0, 2.0], y), Series("b", y, y)], 60, 12, log=log, paper=Paper(60))
    assert capfd.readouterr() == ("", "")
