"""Cells and values: what stands in a cell is the value that the drawing says lies there, and arrow keys reach all."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tests.render.examples import confusion, curves, digit, forget_gate, layers, matrix, view
from tests.render.test_draw import any_view
from tuinet.inspection.pointing import said
from tuinet.inspection.view import View, held
from tuinet.render.bars import LISTED
from tuinet.render.draw import Drawing, Paper, draw, drawing, page_of, plain
from tuinet.render.grid import plain_numbers
from tuinet.render.ink import Scale, scale
from tuinet.render.paper import clean

RNG = np.random.default_rng(5)
WIDTHS = (60, 80, 120, 200)
INKS = (("truecolor", False), ("256", False), ("16", False), ("none", False), ("truecolor", True), ("none", True))
PAPERS = [
    *(Paper(60, colors, ascii_only) for colors, ascii_only in INKS), Paper(80), Paper(120, "none"), Paper(120, "256"),
    Paper(200), Paper(200, "none", True),
]  # fmt: skip

Index = tuple[int, ...]


def maps() -> dict[str, View]:
    """Views that are points of colour, none of them reduced to means."""
    noise = RNG.standard_normal((70, 90))
    steps = {"step": tuple("abcdefghijklm")}
    return {
        "maps": digit()["conv1/output"],
        "odd tiles": view("images", RNG.random((7, 5, 3)), "map", "row", "column"),
        "tiles with names": view("images", noise[:12, :60].reshape(12, 15, 4), "map", "row", "column",
                                 labels={"map": tuple(f"kernel {n}" for n in range(12))}),
        "large tiles": view("images", RNG.standard_normal((2, 55, 130)), "map", "row", "column"),
        "grey tiles": view("images", RNG.random((5, 6, 6, 1)), "item", "row", "column", "channel"),
        "grey image": view("image", RNG.random((9, 8, 1)), "row", "column", "channel"),
        "numbers": matrix(noise[:9, :6]),
        "names over numbers": confusion(),
        "names told above": view("matrix", noise[:3, :9], "row", "class",
                                 labels={"class": tuple(f"a long name {n}" for n in range(9))}),
        "cells": matrix(noise[:45, :75]),
        "reduced": matrix(RNG.standard_normal((130, 500))),
        "gates": view("matrix", RNG.random((13, 230)), "step", "unit", labels=steps, low=0.0, high=1.0),
        "shown gate": forget_gate(),
        "few wide": view("matrix", RNG.standard_normal((40, 30)), "step", "unit"),
        "one": matrix([[2.5]]),
    }  # fmt: skip


OTHERS = {
    "coloured tiles": lambda: view("images", RNG.random((3, 5, 4, 3)), "item", "row", "column", "channel"),
    "coloured image": lambda: view("image", RNG.random((120, 260, 3)), "row", "column", "channel"),
    "listed": lambda: view("vector", RNG.standard_normal(9), "class"),
    "largest": lambda: view("vector", RNG.permutation(90.0 + np.arange(80)), "symbol",
                            labels={"symbol": tuple(f"w{n}" for n in range(80))}),
    "columns": lambda: view("vector", RNG.standard_normal(150), "unit"),
    "many columns": lambda: view("vector", RNG.standard_normal(5000), "unit"),
    "histogram": lambda: view("histogram", RNG.integers(1, 40, 24), "bin"),
    "many bins": lambda: view("histogram", RNG.integers(1, 40, 500), "bin"),
    "curves": curves,
    "short curve": lambda: view("series", [[1.0, 3.0, 2.0]], "line", "place", x=np.array([0.0, 1.0, 10.0])),
    "long curve": lambda: view("series", [np.sin(np.arange(1000) / 90)], "line", "place"),
    "backwards": lambda: view("series", [np.arange(9.0)], "line", "place", x=-np.arange(9.0)),
}  # fmt: skip


def cells_of(line: list[Segment]) -> list[tuple[str, Style | None]]:
    assert all(cell_len(segment.text) == len(segment.text) for segment in line)
    return [(character, segment.style) for segment in line for character in segment.text]


def found_in_cells(drawn: Drawing) -> set[Index]:
    """Every index that some half of some cell gives."""
    places = ((x, y) for y in range(len(drawn.lines)) for x in range(drawn.width))
    return {index for x, y in places for half in (False, True) if (index := drawn.at(x, y, half)) is not None}


def reached(drawn: Drawing, first: Index) -> set[Index]:
    found, ahead = {first}, [first]
    while ahead:
        index = ahead.pop()
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            other = drawn.moved(index, dx, dy)
            if other not in found:
                found.add(other)
                ahead.append(other)
    return found


def check_places(drawn: Drawing) -> set[Index]:
    """The laws that hold for every drawing; what it shows."""
    indices = found_in_cells(drawn)
    for index in indices:
        place = drawn.where(index)
        assert place is not None
        x, y, width = place
        assert x >= 0 and width >= 1 and x + width <= drawn.width and 0 <= y < len(drawn.lines)
        shared = (drawn.at(x, y), drawn.at(x, y, second=True))
        assert shared[drawn.second(index)] == index
        assert {drawn.at(x + n, y, drawn.second(index)) for n in range(width)} == {index}
    if indices:
        assert reached(drawn, min(indices)) == indices
    return indices


def value_of(seen: View, index: Index) -> float:
    return float(seen.data[index])


def check_paint(seen: View, drawn: Drawing, index: Index, found: Scale, numbers: list[list[str]] | None) -> None:
    """The cells of a value are of its colour, hold its marks or its number."""
    x, y, width = drawn.where(index) or (0, 0, 0)
    own = cells_of(drawn.lines[y])[x : x + width]
    text = "".join(character for character, _ in own)
    level = int(found.levels(np.array([value_of(seen, index)]))[0])
    if numbers is not None:
        assert text.strip() == numbers[index[0]][index[1]]
    if found.ink.marks:
        if numbers is None:
            mark = found.ink.marks[level]
            assert text in {mark * (width // 2), mark[1] * width}, (text, mark)
        assert own[0][1] == found.ink.styles[level]
        return
    for character, style in own:
        assert style is not None
        ahead = numbers is None and not drawn.second(index)
        assert (style.color if ahead else style.bgcolor) == found.ink.colors[level]
        assert numbers is not None or character in "▀▌"


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: f"{paper.width}-{paper.colors}-{paper.ascii}")
def test_maps_are_of_the_colours_of_the_values_that_lie_there(paper: Paper) -> None:
    for name, seen in maps().items():
        drawn = drawing(seen, paper)
        assert drawn.lines == draw(seen, paper)
        indices = check_places(drawn)
        found = scale(seen, paper, grey="grey" in name)
        reduced = "each point" in plain(drawn.lines)
        numbers = None
        if seen.kind == "matrix" and any(block.wide > 2 and not block.largest for block in drawn.blocks):
            numbers = [[clean(text, paper) for text in row] for row in plain_numbers(np.asarray(seen.data, float))]
        assert len(indices) == seen.data.size or reduced
        for index in indices:
            check_paint(seen, drawn, index, found, numbers)


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: f"{paper.width}-{paper.colors}-{paper.ascii}")
@pytest.mark.parametrize("name", OTHERS)
def test_of_all_else_the_places_agree_with_each_other(name: str, paper: Paper) -> None:
    seen = OTHERS[name]()
    drawn = drawing(seen, paper)
    assert drawn.lines == draw(seen, paper)
    indices = check_places(drawn)
    assert said(seen, min(indices))  # a place that the view itself understands
    text = plain(drawn.lines)
    if name in ("coloured tiles", "listed", "columns", "histogram"):
        assert len(indices) == math.prod(seen.data.shape[:3] if seen.data.ndim == 4 else seen.data.shape)
    if name == "largest":
        assert indices == {(int(n),) for n in np.argsort(-seen.data)[:LISTED]}
    if name in ("many columns", "many bins") and paper.width < 500:
        assert "each column is" in text
    if seen.kind == "series":
        assert {index[0] for index in indices} == {0}


@pytest.mark.parametrize("paper", [Paper(60), Paper(80, "none"), Paper(120, "none", True)], ids=str)
def test_a_listed_value_stands_on_its_line(paper: Paper) -> None:
    seen = OTHERS["largest"]()
    drawn = drawing(seen, paper)
    for index in found_in_cells(drawn):
        _, y, _ = drawn.where(index) or (0, 0, 0)
        assert plain([drawn.lines[y]]).split()[:2] == [f"w{index[0]}", f"{value_of(seen, index):.3g}"]


def test_a_column_is_as_high_as_its_value() -> None:
    seen = view("vector", np.linspace(-2, 2, 41), "unit")
    for paper in (Paper(80), Paper(80, "none")):
        drawn = drawing(seen, paper)
        filled = []
        for n in range(41):
            x, y, _ = drawn.where((n,)) or (0, 0, 0)
            column = [cells_of(line)[x] for line in drawn.lines[1:13]]
            assert y == 6  # the line of 0
            filled.append(sum(character in "▀▄█" for character, _ in column))
        assert filled[:20] == filled[:20:-1]
        assert filled[20] == 0 and filled[0] == 6
        assert filled[:20] == sorted(filled[:20], reverse=True)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_place_of_a_curve_lies_in_the_column_of_its_point(width: int, ascii_only: bool) -> None:
    x = np.array([30.0, 31.0, 34.0, 38.0, 39.0, 60.0, 97.0])  # the axis begins at 0 or 20
    seen = view("series", [np.full(7, np.nan), np.arange(7.0)], "line", "place", x=x)  # the second has a glyph
    drawn = drawing(seen, Paper(width, "none", ascii_only))
    signs = {x for line in drawn.lines[2:-4] for x, (character, _) in enumerate(cells_of(line)) if character == "o"}
    found = [drawn.at(column, 4) for column in sorted(signs)]
    assert found[:4] == [(0, n) for n in range(4)] and found[-1] == (0, 6)
    for n in range(7):
        begin, y, cells = drawn.where((0, n)) or (0, 0, 0)
        assert cells == 1
        assert min(abs(begin - sign) for sign in signs) <= (n == 4)  # it may share its column with the one before
        assert plain([drawn.lines[y + 1]]).strip()[0] in "└+"  # the last line above the axis


def test_arrows_go_through_tiles_and_over_their_edges() -> None:
    seen = view("images", np.arange(5 * 3 * 4).reshape(5, 3, 4), "map", "row", "column")
    drawn = drawing(seen, Paper(40, "none"))  # three of ten cells a row
    lefts = [drawn.where((item, 0, 0)) for item in range(5)]
    assert [left and left[1] for left in lefts] == [1, 1, 1, 6, 6]
    assert drawn.moved((0, 1, 2), 1, 0) == (0, 1, 3)
    assert drawn.moved((0, 1, 3), 1, 0) == (1, 1, 0)
    assert drawn.moved((0, 1, 3), 5, 0) == (2, 1, 0)
    assert drawn.moved((2, 1, 3), 1, 0) == (2, 1, 3)  # the outer edge
    assert drawn.moved((1, 2, 1), 0, 1) == (4, 0, 1)
    assert drawn.moved((4, 0, 1), 0, -1) == (1, 2, 1)
    assert drawn.moved((2, 2, 1), 0, 1) == (2, 2, 1)  # nothing below
    assert drawn.moved((0, 0, 0), 10**9, 10**9) == (2, 2, 3)
    assert drawn.moved((0, 0, 0), 0, 0) == (0, 0, 0)
    assert drawn.moved((7, 0, 0), 1, 0) == (7, 0, 0)  # it is not drawn


def test_arrows_go_on_in_the_next_band() -> None:
    drawn = drawing(forget_gate(), Paper(60))
    assert drawn.moved((3, 99), 1, 0) == (3, 100)
    assert drawn.moved((3, 100), -1, 0) == (3, 99)
    assert drawn.moved((3, 191), 1, 0) == (3, 191)
    assert drawn.moved((6, 5), 0, 1) == (0, 105)
    assert drawn.moved((0, 105), 0, -1) == (6, 5)


def test_a_point_of_a_reduced_drawing_is_its_largest_value_and_stands_for_the_others() -> None:
    data = RNG.random((300, 300)) / 9
    data[100:103, 100:103] = 0.5
    data[101, 102], data[200, 7] = -2.0, np.nan
    seen = matrix(data)
    for paper in (Paper(60), Paper(60, "none"), Paper(60, "none", True)):
        drawn = drawing(seen, paper)
        x, y, _ = drawn.where((101, 102)) or (0, 0, 0)
        assert drawn.at(x, y, drawn.second((101, 102))) == (101, 102)
        block = drawn.blocks[0]
        assert block.down[0] > 1
        neighbour = (101 // block.down[0] * block.down[0], 102 // block.across[1] * block.across[1])
        assert drawn.where(neighbour) == (x, y, (drawn.where((101, 102)) or (0, 0, 0))[2])
        assert drawn.moved(drawn.moved(neighbour, 1, 0), -1, 0) == (101, 102)
        assert (200, 7) in found_in_cells(drawn)


def test_outside_of_the_values_there_is_nothing() -> None:
    seen = digit()["conv1/output"]
    drawn = drawing(seen, Paper(60))
    assert drawn.at(0, 0) is None and drawn.at(0, 10**6) is None and drawn.at(-1, 1) is None
    assert drawn.at(10**6, 1) is None and drawn.at(0, -1) is None
    colored = drawing(OTHERS["coloured tiles"](), Paper(60))
    assert colored.where((1, 2, 3, 0)) == colored.where((1, 2, 3, 2)) == colored.where((1, 2, 3))
    assert colored.moved((1, 2, 3, 2), 0, -1) == (1, 1, 3, 0)
    for index in ((16, 0, 0), (0, -1, 0), (0, 8, 0), (0,), ()):
        assert drawn.where(index) is None and not drawn.second(index)
    part = drawing(seen, Paper(60), most=3)
    assert part.where((2, 7, 7)) and part.where((3, 0, 0)) is None
    for nothing in (layers(), view("matrix", np.zeros((0, 3)), "row", "column")):
        drawn = drawing(nothing, Paper(60))
        assert drawn.lines and not drawn.blocks
        assert drawn.at(1, 1) is None and drawn.where((0, 0)) is None and drawn.moved((0, 0), 1, 1) == (0, 0)


HEIGHTS = (8, 13, 20, 60)


@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: f"{paper.width}-{paper.colors}-{paper.ascii}")
def test_a_page_of_tiles_keeps_to_the_height(paper: Paper, height: int) -> None:
    for shape in ((100, 3, 3), (40, 8, 8), (70, 16, 16), (3, 100, 100), (20, 5, 5, 3), (1, 4, 4)):
        for zoom in (None, 1, 2, 5):
            names = ("map", "row", "column", "channel")[: len(shape)]
            seen = view("images", RNG.random(shape), *names, notes=("a note of its own",))
            for title in (True, False):
                given_paper = Paper(paper.width, paper.colors, paper.ascii, height, zoom, title)
                more = "--unit {first}-{last}"
                most = page_of(seen, given_paper, more=more)
                drawn = drawing(seen, given_paper, most=most, more=more)
                assert len(drawn.lines) <= height, (shape, zoom, title)
                assert len({block.start[0] for block in drawn.blocks}) == most
                if most < min(len(seen.data), 64) and zoom is not None:
                    assert len(draw(seen, given_paper, most=most + 40, more=more)) > height


def test_a_page_holds_what_it_can() -> None:
    seen = view("images", RNG.random((64, 8, 8)), "map", "row", "column")
    # title 1, legend 1, that there are more 1: three rows of 4 + 1 lines with an empty line between, eight a row
    assert page_of(seen, Paper(80, height=3 + 17)) == 24
    assert page_of(seen, Paper(80, height=3 + 16)) == 16
    assert page_of(seen, Paper(80, height=2 + 17, title=False)) == 24
    assert page_of(seen, Paper(80, height=3 + 9, zoom=2)) == 4  # 16 cells and a gap, eight lines and a name
    assert page_of(seen, Paper(80, height=3 + 5)) == 8
    assert page_of(seen, Paper(80, height=1)) > 1  # a row at the least
    wide = view("images", RNG.random((9, 60, 60)), "map", "row", "column")  # of 60 columns 30 are drawn, and it is said
    around = len(draw(wide, Paper(50), most=1)) - 16
    assert page_of(wide, Paper(50, height=around + 16 + 1 + 16)) == 2
    assert page_of(wide, Paper(50, height=around + 16 + 16)) == 1
    assert page_of(seen, Paper(80)) == page_of(matrix([[1.0]]), Paper(80, height=5)) == 64
    assert page_of(seen, Paper(80, height=2 + 8 * 6 - 1)) == 64  # all of them, so that nothing says there are more


def test_a_zoom_is_kept_as_far_as_there_is_room() -> None:
    seen = view("images", RNG.random((4, 8, 8)), "map", "row", "column")
    picture = view("image", RNG.random((8, 8, 1)), "row", "column", "channel")
    for each, most in ((seen, 8), (picture, 8)):
        for paper in (Paper(80), Paper(80, "none")):
            one = 2 if paper.shades else 1
            widths = [
                drawing(each, Paper(80, paper.colors, zoom=zoom)).blocks[0].wide // 2 for zoom in (1, 2, 3, 5, 1000)
            ]
            assert widths == [one, 2 * one, 3 * one, 5 * one, 80 // (most * one) * one]
        low = drawing(each, Paper(80, height=12, zoom=9))
        assert len(low.blocks) and low.blocks[0].high == 2 and len({block.high for block in low.blocks}) == 1


@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: f"{paper.width}-{paper.colors}-{paper.ascii}")
def test_maps_and_images_keep_to_the_height_with_all_around_them(paper: Paper, height: int) -> None:
    noise = RNG.standard_normal((300, 300))
    ends = np.linspace(-1, 1, 30)
    plane = view("regions", np.stack([ends[:, None] > ends, np.full((30, 30), 0.9)], axis=2), "row", "column", "value",
                 x=np.stack([ends, -ends]), classes=("one", "other"), notes=("a note",))  # fmt: skip
    for seen in (
        matrix(noise), matrix(noise[:20, :20]), matrix(noise[:5, :200]), forget_gate(),
        view("matrix", noise, "step", "unit"), view("image", noise[:, :, None], "row", "column", "channel"),
        view("image", np.abs(noise[:, :, None] * [1, 1, 1]), "row", "column", "channel"), curves(), plane,
    ):  # fmt: skip
        for title in (True, False):
            bounded = Paper(paper.width, paper.colors, paper.ascii, height, title=title)
            drawn = drawing(seen, bounded)
            assert len(drawn.lines) <= height, (seen.kind, seen.data.shape)
            assert drawn.blocks or seen is plane
            assert ("example" in plain(drawn.lines[:1])) == (title and not seen.title)


def test_height_that_suffices_changes_nothing() -> None:
    for seen in maps().values():
        drawn = draw(seen, Paper(80))
        if seen.kind == "matrix":
            assert draw(seen, Paper(80, height=len(drawn))) == drawn


def test_without_a_title_only_that_is_missing() -> None:
    for seen in (*maps().values(), curves(), layers()):
        with_title, without = draw(seen, Paper(120)), draw(seen, Paper(120, title=False))
        assert with_title[1:] == without


def test_a_held_range_stays_and_what_is_outside_is_of_the_end_colours() -> None:
    seen = held(matrix(np.linspace(-3, 3, 40 * 40).reshape(40, 40)), -1.0, 1.0)
    assert (seen.low, seen.high, seen.name) == (-1.0, 1.0, "example")
    for paper in (Paper(80), Paper(80, "256"), Paper(80, "none", True)):
        drawn = drawing(seen, paper)
        text = plain(drawn.lines)
        assert "1,066 of 1,600 values lie outside these" in text
        legend = next(line for line in text.split("\n") if line.endswith(" +1"))
        assert legend.startswith("-1" if paper.ascii else "−1")
        found = scale(seen, paper)
        for index in found_in_cells(drawn):
            check_paint(seen, drawn, index, found, None)
    refit = held(seen, 0.0, 2.0)
    assert not refit.signed and refit.range == (0.0, 2.0)
    assert held(seen, -1.0, 3.0).range == (-3.0, 3.0)  # 0 keeps its colour
    for low, high in ((1.0, 0.0), (math.nan, 1.0), (0.0, math.inf)):
        with pytest.raises(ValueError, match="no range"):
            held(seen, low, high)


@settings(max_examples=150, deadline=None)
@given(
    any_view(), st.integers(1, 130), st.sampled_from(["truecolor", "256", "16", "none"]), st.booleans(),
    st.none() | st.integers(1, 60), st.none() | st.integers(1, 9),
)  # fmt: skip
def test_whatever_is_drawn_every_place_leads_back(
    seen: View, width: int, colors: str, ascii_only: bool, height: int | None, zoom: int | None
) -> None:
    paper = Paper(width, colors, ascii_only, height, zoom)
    assert page_of(seen, paper) >= 1
    drawn = drawing(seen, paper)
    for index in sorted(found_in_cells(drawn))[:: max(1, seen.data.size // 50)]:
        x, y, cells = drawn.where(index) or (-1, -1, 0)
        assert drawn.at(x, y, drawn.second(index)) == index and x + cells <= width
        assert np.shape(seen.data[index]) == ()
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1), (3, 2)):
            assert drawn.where(drawn.moved(index, dx, dy)) is not None
