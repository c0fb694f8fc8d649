"""Drawing as a whole: layout, bounds, what is said; and whatever comes, it fits the paper and steers no terminal."""

from __future__ import annotations

import math
import re

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment

from tests.render.examples import (
    cell_of_a_map,
    confusion,
    curves,
    digit,
    forget_gate,
    gate_of_many,
    layers,
    matrix,
    view,
    word,
)
from tuinet.inspection.view import Axis, Part, Seen, Sum, Table, Term, View
from tuinet.render.draw import Lines, Paper, ansi, as_ascii, draw, draw_all, plain

COLORS = ("truecolor", "256", "16", "none")


def everything() -> list[Seen]:
    maps = digit()
    return [
        maps["input"], maps["conv1/output"], maps["conv2/kernels"], maps["dense1/weight"], maps["flatten1/output"],
        maps["scores"], forget_gate(), word()["scores"], confusion(), curves(), layers(), cell_of_a_map(),
        gate_of_many(), view("histogram", [1, 5, 2], "bin", x=np.array([-0.5, -0.25, 0.25, 0.5])),
    ]  # fmt: skip


def check(lines: Lines, paper: Paper) -> str:
    text = plain(lines)
    assert all(segment.style is not None for line in lines for segment in line)
    assert max((cell_len(line) for line in text.split("\n")), default=0) <= paper.width
    assert all(line.isprintable() for line in text.split("\n"))
    codes = re.sub(r"\x1b\[[0-9;]*m", "", ansi(lines, paper))
    assert "\x1b" not in codes
    assert [line.rstrip() for line in codes.split("\n")] == text.split("\n")
    if paper.ascii:
        assert text.isascii()
    if paper.colors == "none":
        assert "\x1b" not in ansi(lines, paper)
    return text


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("colors", COLORS)
@pytest.mark.parametrize("width", [20, 33, 60, 80, 120, 200])
def test_everything_fits_any_paper(width: int, colors: str, ascii_only: bool) -> None:
    paper = Paper(width, colors, ascii_only)
    for seen in everything():
        check(draw(seen, paper), paper)


@pytest.mark.parametrize("width", range(1, 20, 3))
def test_on_very_narrow_paper_nothing_fails(width: int) -> None:
    for seen in everything():
        check(draw(seen, Paper(width)), Paper(width))


HOSTILE = (
    "\x1b[31mred\x1b]0;title\x07",
    "漢字" * 30,
    "",
    "[/s] [bold]",
    "a\nb\tc\r",
    "\u202eright to left",
    "👩‍👩‍👧❤️",
    "\ud800",
    "e\u0301",
)


@pytest.mark.parametrize("colors", COLORS)
def test_labels_may_hold_anything(colors: str) -> None:
    names = {"step": HOSTILE, "class": HOSTILE, "item": HOSTILE, "line": HOSTILE}
    data = np.linspace(-1, 1, 9)
    seens = [
        view("matrix", np.tile(data, (9, 1)), "step", "class", labels=names),
        view("matrix", np.tile(data, (9, 20)), "step", "unit", labels=names),
        view("vector", data, "class", labels=names),
        view("images", np.tile(data, (9, 2, 1)), "item", "row", "column", labels=names),
        view("series", np.tile(data, (9, 1)), "line", "step", labels=names),
        Table(HOSTILE[0], HOSTILE, (HOSTILE, HOSTILE), title=HOSTILE[1], notes=HOSTILE),
        Sum(HOSTILE[0], HOSTILE[4], (), 1.0, 1.0, 1.0, 1e-6, notes=HOSTILE),
    ]
    seens += [msgspec.structs.replace(seens[0], name=name, title=name, notes=HOSTILE) for name in HOSTILE]
    for seen in seens:
        for paper in (Paper(60, colors), Paper(60, colors, ascii=True)):
            text = check(draw(seen, paper), paper)
            assert "\\x1b[31m" in re.sub(r"\s+", "", text) or not isinstance(seen, Sum | Table)
    text = plain(draw(seens[2], Paper(60)))
    assert "[/s] [bold]" in text  # no markup, and nothing is taken for it
    assert "\n2 " in text  # a class without a name has its number


SHAPES = [(0, 3), (3, 0), (0, 0), (1, 1), (2, 10_000), (10_000, 2), (300, 300), (33, 24), (34, 25)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, math.nan, math.inf, 1e308, -1e-308])
def test_matrices_of_any_shape_and_value(shape: tuple[int, int], value: float) -> None:
    for seen in (matrix(np.full(shape, value)), view("matrix", np.full(shape, value), "step", "unit")):
        for paper in (Paper(60), Paper(80, "none"), Paper(60, "none", True)):
            text = check(draw(seen, paper), paper)
            if not seen.data.size:
                assert text.endswith("no values")
            assert text.count("\n") < 220


@pytest.mark.parametrize("kind", ["vector", "histogram"])
@pytest.mark.parametrize("size", [0, 1, 32, 33, 200, 10_000])
@pytest.mark.parametrize("value", [0.0, 1.0, -2.5, math.nan, -math.inf, 1e308])
def test_vectors_of_any_length(kind: str, size: int, value: float) -> None:
    for labels in ({}, {"place": tuple(f"word {n}" for n in range(size))}):
        seen = view(kind, np.full(size, value), "place", labels=labels)
        for paper in (Paper(60), Paper(60, "16"), Paper(60, "none", True)):
            text = check(draw(seen, paper), paper)
            assert text.count("\n") < 80


def test_a_band_says_which_units_it_holds_and_all_are_there() -> None:
    text = plain(draw(forget_gate(), Paper(60)))
    bands = re.findall(r"unit (\d+)–(\d+) of 192", text)
    assert bands == [("0", "99"), ("100", "191")]
    assert sum(len(line) - line.index("▌") for line in text.split("\n") if line.startswith("0 t ")) == 96


def test_labels_that_are_but_numbers_are_none() -> None:
    data = np.random.default_rng(0).random((60, 60))
    numbers = tuple(map(str, range(60)))
    for kind, shape in (("matrix", (60, 60)), ("vector", (60,))):
        names = ("row", "unit")[: len(shape)]
        seen = view(kind, data[0] if len(shape) == 1 else data, *names)
        numbered = view(kind, seen.data, *names, labels=dict.fromkeys(names, numbers))
        assert plain(draw(numbered, Paper(80))) == plain(draw(seen, Paper(80)))


def test_of_columns_in_another_order_each_that_has_room_says_which_it_is() -> None:
    labels = {"unit": tuple(str(n) for n in range(99, -1, -1)), "step": ("a", "b")}
    lines = plain(draw(view("matrix", np.ones((2, 100)), "step", "unit", labels=labels), Paper(60))).split("\n")
    assert lines[1].startswith("    99 93 87 81 ")
    assert lines[2].startswith("0 a ▌▌▌▌▌")


def test_large_matrices_are_reduced_to_the_value_of_largest_size_and_it_is_said() -> None:
    data = np.zeros((784, 256))
    data[400, 100], data[401, 101] = 0.5, -2.0
    text = plain(draw(matrix(data), Paper(60, "none")))
    found = re.search(
        r"each point is the value of largest size of (\d+) × (\d+) of the 784 × 256 values", text.replace("\n", " ")
    )
    assert found is not None
    assert text.count("−█") == 2  # the one, and that of the legend
    assert "+▒" not in text.replace("+▒+▓+█", "")  # the smaller one in its block is told by nobody


@pytest.mark.parametrize("height", [6, 12, 40])
def test_maps_and_charts_keep_to_a_height(height: int) -> None:
    square = np.random.default_rng(0).standard_normal((300, 300))
    for seen in (
        matrix(square),
        view("matrix", square, "step", "unit"),
        view("image", square[..., None], *"abc"),
        curves(),
    ):
        for paper in (Paper(70, height=height), Paper(70, "none", height=height)):
            around = 12  # the title, the names of bands and their ticks, the legend, notes
            assert len(draw(seen, paper)) <= height + around


def test_numbers_that_are_none_say_so() -> None:
    text = plain(draw(matrix([[1.0, math.nan], [math.inf, -math.inf]]), Paper(60, "none")))
    assert text.split("\n")[1:] == [
        "     0    1",
        "0    1  NaN",
        "1   +∞   −∞",
        "no numbers: 1 NaN, 1 +infinite, 1 −infinite, the first at",
        "row 0, column 1",
    ]


def test_images_are_reduced_to_means() -> None:
    picture = np.tile([[0.0], [1.0]], (100, 200))[:, :, None]
    text = plain(draw(view("image", picture, "row", "column", "channel"), Paper(60)))
    assert "each point is the mean of 4 × 4 of the 200 × 200 values" in text


def test_many_tiles_are_bounded_and_the_rest_is_said_in_words() -> None:
    seen = view("images", np.random.default_rng(0).random((100, 3, 3)), "kernel", "row", "column")
    text = plain(draw(seen, Paper(80), most=10, more="--unit {first}-{last}"))
    assert "and 90 more: --unit 10-99" in text
    names = [int(name) for line in text.split("\n") if re.fullmatch(r"[\d ]+", line) for name in line.split()]
    assert names == list(range(10))
    assert "and 36 more\n" in plain(draw(seen, Paper(80)))
    named = view("images", np.ones((2, 3, 3)), "kernel", "row", "column", labels={"kernel": ("filter 7", "filter 9")})
    assert re.search(r"filter 7 +filter 9", plain(draw(named, Paper(80))))


COLORED = [[[[255, 0, 0], [0, 255, 0]]], [[[0, 0, 255], [255, 255, 255]]]]
"""Two images of one row and two columns."""


def test_coloured_images_stand_side_by_side_in_their_colours() -> None:
    seen = view("images", COLORED, "sample", "row", "column", "channel")
    row = draw(seen, Paper(60))[1]
    assert [(color_of(segment), segment.text) for segment in row if segment.text.strip()] == [
        ((255, 0, 0), "▀▀▀▀"), ((0, 255, 0), "▀▀▀▀"), ((0, 0, 255), "▀▀▀▀"), ((255, 255, 255), "▀▀▀▀")
    ]  # fmt: skip
    _, *_, names, said = plain(draw(seen, Paper(60))).split("\n")
    assert names.split() == ["0", "1"]
    assert said == "red, green, blue from 0 to 255"
    shades = plain(draw(seen, Paper(60, "none"))).split("\n")[1]
    assert shades.split() == ["▓▓▓▓", "▒▒██"]  # red and green are lighter than blue, white is the lightest


def color_of(segment: Segment) -> tuple[int, ...] | None:
    color = segment.style.color if segment.style else None
    return None if color is None or color.triplet is None else tuple(color.triplet)


def test_grey_images_are_no_maps() -> None:
    data = np.array([[0.0, 1.0], [0.5, 0.25]])
    row = draw(view("images", data[None, ..., None], "sample", "row", "column", "channel"), Paper(60))[1]
    colors = [color_of(segment) for segment in row]
    assert len(colors) == 2 and all(color and len(set(color)) == 1 for color in colors)
    of_a_map = draw(view("images", data[None], "map", "row", "column"), Paper(60))[1]
    assert not any(color and len(set(color)) == 1 for color in map(color_of, of_a_map))


def test_how_to_see_more_is_said_where_the_names_are_numbers() -> None:
    data = np.zeros((70, 2, 2))
    numbered = view("images", data, "map", "row", "column")
    named = msgspec.structs.replace(
        numbered, axes=(Axis("kernel", tuple(f"3:{n}" for n in range(70))), *numbered.axes[1:])
    )
    more = "--unit {first}-{last}"
    assert "and 6 more: --unit 64-69" in plain(draw(numbered, Paper(80), more=more))
    text = plain(draw(named, Paper(80), more=more))
    assert "and 6 more" in text and "--unit" not in text


def test_bars_go_left_and_right_of_0() -> None:
    seen = view("vector", [2.0, -1.0, 0.0], "class", labels={"class": ("cat", "dog", "漢字")})
    assert plain(draw(seen, Paper(30, "none"))).split("\n")[1:] == [
        "cat  +2           │██████████",
        "dog  −1      █████│",
        "漢字  0           │",
    ]
    lines = plain(draw(seen, Paper(30, "none", ascii=True))).split("\n")
    assert lines[1:3] == ["cat        +2        |+++++++", "dog        -1    ----|"]


def test_of_many_names_the_largest_are_listed() -> None:
    values = np.arange(100.0)
    seen = view("vector", values, "symbol", labels={"symbol": tuple(f"w{n}" for n in range(100))})
    text = plain(draw(seen, Paper(60)))
    assert re.search(r"\nw99 +99 ", text) and "w67" not in text
    assert "the 32 of largest size; 68 more, none larger than 67" in text


def test_a_histogram_stands_on_its_edges() -> None:
    seen = view("histogram", [1, 4, 2], "bin", x=np.array([-0.5, 0.0, 0.5, 1.0]))
    assert plain(draw(seen, Paper(26, "none"))).split("\n")[1:] == [
        "4         ████████",
        "          ████████",
        "          ████████",
        "          ████████",
        "          ████████████████",
        "          ████████████████",
        "  ████████████████████████",
        "0 ████████████████████████",
        "  −0.5           0.5     1",
        "7 values in 3 bins",
    ]


def test_curves_have_signs_and_real_ticks() -> None:
    for paper in (Paper(60), Paper(60, "none"), Paper(60, "none", True)):
        text = plain(draw(curves(), paper))
        assert re.search(r"(⠤⠤|\*\*) tanh   o its slope", text)
        assert re.search(r" -2 +0 +2\n", text)
        assert text.count("o") > 20
        assert "sum of the inputs" in text
    assert re.search(r"-3 +-2 +-1 +0 +1 +2 +3", plain(draw(curves(), Paper(100))))
    small = view("series", [[0.0, 1.0, 4.0]], "line", "place", x=np.array([0.001, 0.002, 0.003]))
    assert "0.0015" in plain(draw(small, Paper(80)))
    assert "no points to draw" in plain(draw(view("series", [[math.nan]], "line", "place"), Paper(60)))


def test_a_wide_table_wraps_its_words_and_loses_none() -> None:
    for width in (60, 40, 24):
        lines = plain(draw(layers(), Paper(width, "none"))).split("\n")
        together = "".join(lines).replace(" ", "")
        for each in ("2,570", "0.00514", "8×8×16"):
            assert each in together
        assert all(len(line) <= width for line in lines)
    at_60 = plain(draw(layers(), Paper(60, "none")))
    assert [word for word in ["16", "of", "3×3,", "same", "padding,", "stride", "1"] if word not in at_60] == []
    assert plain(draw(layers(), Paper(120, "none"))).split("\n")[1:3] == [
        "layer   settings                                 input   output  parameters    MFLOP",
        "conv1   16 of 3×3, same padding, stride 1        8×8×1   8×8×16         160   0.0184",
    ]


def test_columns_that_hold_nothing_are_left_out() -> None:
    rows = ((0, "a", None, ""), (1, "b", None, "✗"))
    text = plain(draw(Table("t", ("step", "says", "truth", "wrong"), rows), Paper(60)))
    assert "truth" not in text and "wrong" in text and "✗" in text
    assert "truth" in plain(draw(Table("t", ("step", "truth"), ()), Paper(60)))


def test_a_sum_shows_window_kernel_and_products_side_by_side() -> None:
    text = plain(draw(cell_of_a_map(), Paper(80, "none")))
    assert text.split("\n") == [
        "conv1 · map 3 · row 2, column 5",
        "y[r, c] = Σ x[r + i, c + j] · w[i, j] + b",
        "",
        "window           kernel                 products",
        "0.00 0.50 1.00    0.210 −0.400  0.110    0.000 −0.200  0.110",
        "0.20 0.90 1.00    0.350  0.020 −0.070    0.070  0.018 −0.070",
        "0.00 0.30 0.80   −0.110  0.520  0.300    0.000  0.156  0.240",
        "",
        "9 products together 0.324 + bias 0.488 = 0.812",
        "",
        "value 0.812   stored 0.812   agree to 0 (allowed 2.0e-06)",
    ]
    narrow = plain(draw(cell_of_a_map(), Paper(30, "none")))  # then one under the other
    assert narrow.index("window") < narrow.index("kernel") < narrow.index("products")


def test_a_sum_of_many_terms_shows_the_largest_and_says_the_rest() -> None:
    seen = gate_of_many()
    text = plain(draw(seen, Paper(80, "none")))
    listed = re.findall(r"^x\[(\d+)\] × w\[\d+, 7\] +0.5 × (\S+) +(\S+)$", text, re.MULTILINE)
    assert len(listed) == 20
    assert [int(n) for n, _, _ in listed] == sorted(int(n) for n, _, _ in listed)
    sizes = np.abs(0.5 * np.sin(np.arange(784.0)))
    assert {int(n) for n, _, _ in listed} == set(np.argsort(-sizes, kind="stable")[:20].tolist())
    rest = re.search(r"and 764 more, together (\S+)", text)
    shown = sum(0.5 * math.sin(int(n)) for n, _, _ in listed)
    assert rest is not None
    assert float(rest[1].replace("−", "-")) + shown == pytest.approx(seen.parts[0].total, abs=1e-5)
    assert "sum of 784 terms = " in text and "sigmoid → " in text
    assert "DIFFER by 1 (allowed 2.0e-06)" in text
    assert "numerical 0.6514223" in text and "agrees to 0" in text


def test_several_things_stand_apart() -> None:
    paper = Paper(60, "none")
    both = plain(draw_all([layers(), cell_of_a_map()], paper))
    assert both == f"{plain(draw(layers(), paper))}\n\n{plain(draw(cell_of_a_map(), paper))}"
    assert draw_all([], paper) == []


def test_text_in_ascii() -> None:
    assert as_ascii("8×8 · −0.5 … 漢\x1b") == "8x8 . -0.5 ~ \\u6f22\\x1b"


numbers = st.floats(width=32, allow_nan=True, allow_infinity=True)


@st.composite
def any_view(draw_one: st.DrawFn) -> View:
    kind = draw_one(st.sampled_from(["image", "images", "matrix", "vector", "series", "histogram"]))
    ndim = {"image": 3, "images": 3, "matrix": 2, "series": 2}.get(kind, 1)
    shape = [draw_one(st.integers(0, 40)) for _ in range(ndim)]
    if kind == "image":
        shape[2] = draw_one(st.sampled_from([1, 3]))
    few = draw_one(st.lists(numbers, min_size=1, max_size=6))
    data = np.resize(np.array(few, draw_one(st.sampled_from([np.float32, np.float64]))), shape)
    names = [draw_one(st.sampled_from(["step", "unit", "row", "class"])) for _ in shape]
    labels = {name: tuple(draw_one(st.lists(st.text(max_size=12), max_size=8))) for name in names}
    ends = draw_one(st.sampled_from([(None, None), (0.0, 1.0), (-1.0, None), (0.0, 0.0), (-2.0, 1.0)]))
    return view(kind, data, *names, labels=labels, low=ends[0], high=ends[1], title=draw_one(st.text(max_size=30)))


@settings(max_examples=200, deadline=None)
@given(any_view(), st.integers(1, 130), st.sampled_from(COLORS), st.booleans(), st.none() | st.integers(1, 60))
def test_no_view_is_wider_than_its_paper_or_fails(
    seen: View, width: int, colors: str, ascii_only: bool, height: int | None
) -> None:
    paper = Paper(width, colors, ascii_only, height)
    check(draw(seen, paper), paper)


cells = st.none() | st.integers() | st.floats() | st.text(max_size=20) | st.booleans()


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 130), st.sampled_from(COLORS), st.booleans())
def test_no_table_is_wider_than_its_paper_or_fails(
    data: st.DataObject, width: int, colors: str, ascii_only: bool
) -> None:
    count = data.draw(st.integers(0, 9))
    row = st.lists(cells, min_size=count, max_size=count).map(tuple)
    columns = data.draw(st.lists(st.text(max_size=14), min_size=count, max_size=count))
    rows = data.draw(st.lists(row, max_size=4))
    paper = Paper(width, colors, ascii_only)
    check(draw(Table("table", tuple(columns), tuple(rows), notes=(data.draw(st.text()),)), paper), paper)


terms = st.builds(
    Term,
    st.lists(st.text(max_size=5), max_size=3).map(tuple),
    st.lists(st.floats(), max_size=3).map(tuple),
    st.floats(),
)
stages = st.builds(
    Part, st.text(max_size=9), st.sampled_from(["sum", "largest", "only"]), st.lists(terms, max_size=25).map(tuple),
    st.floats(), st.text(max_size=9), st.floats(),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(stages, max_size=3), st.lists(any_view(), max_size=3), st.text(), st.floats(), st.integers(1, 130))
def test_no_sum_is_wider_than_its_paper_or_fails(
    parts: list[Part], pictures: list[View], name: str, value: float, width: int
) -> None:
    seen = Sum(name, name, tuple(parts), value, 1.0, 1.0, 1e-6, numerical=value, pictures=tuple(pictures))
    for paper in (Paper(width), Paper(width, "none", True)):
        check(draw(seen, paper), paper)


def test_raised_and_lowered_signs_of_a_formula_in_ascii() -> None:
    assert as_ascii("s⁽ᵐ⁾ = xₖ²") == "s(m) = xk^2"
    assert as_ascii("é") == r"\xe9"
