"""Regions and points on any paper: where each class and each point is, also where colours are few."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from rich.cells import cell_len

from tests.render.examples import screen
from tuinet.inspection.view import Axis, Points, View
from tuinet.render.draw import Colors, Paper, draw, plain
from tuinet.render.ink import FIRST, NO_NUMBER
from tuinet.render.png import png
from tuinet.render.regions import SHADES, class_color, class_levels, place_of, signs, taken

CLASSES = ("left", "right")


def halves(points: bool = True, sure: str = "margin", classes: tuple[str, ...] = CLASSES) -> View:
    """The left half is class 0, the right one class 1; the point at the left is right, that at the right wrong."""
    x = np.linspace(-1, 1, 101)
    kind = np.tile((x > 0).astype(float), (101, 1))
    data = np.stack([kind, np.tile(np.abs(x), (101, 1))], axis=2)
    axes = (Axis("x2"), Axis("x1"), Axis("value", ("class", sure)))
    over = Points("data", np.array([-0.9, 0.9]), np.array([0.9, -0.9]), np.array([False, True]))
    return View(
        "regions", "regions", axes, data, np.stack([x, x[::-1]]), 0.0, 1.0, "halves", ("a note",),
        (over,) if points else (), classes,
    )  # fmt: skip


@pytest.mark.parametrize("colors", ["truecolor", "256", "16", "none"])
@pytest.mark.parametrize("width", [1, 20, 60, 120, 200])
@pytest.mark.parametrize("height", [None, 1, 8])
def test_it_fits_any_paper(width: int, colors: Colors, height: int | None) -> None:
    for only_ascii in (False, True):
        for classes in (CLASSES, ("0", "1"), tuple(f"class {n}" for n in range(40))):
            lines = draw(halves(classes=classes), Paper(width, colors, only_ascii, height))
            text = plain(lines)
            assert max(map(cell_len, text.split("\n"))) <= width
            assert not only_ascii or text.isascii()
            assert all(style is not None for line in lines for _, style, _ in line)


def test_letters_are_the_regions_where_colours_are_few() -> None:
    text = plain(draw(halves(), Paper(60, "none"))).split("\n")
    first, last = text[1].split(maxsplit=1)[1], text[26].split(maxsplit=1)[1]
    assert first.strip("0").strip("1") == ""
    assert abs(first.count("0") - first.count("1")) <= 1
    assert (text[1].startswith("1 "), text[26].startswith("−1 ")) == (True, True)
    marks = [(row, line.index(mark)) for row, line in enumerate(text[1:27]) for mark in "•✗" if mark in line]
    assert [row for row, _ in marks] == [1, 24]
    assert marks[0][1] < 10 and marks[1][1] > 50
    assert last[-1] == "1"
    assert any(line == "0 left   1 right   • right   ✗ wrong" for line in text)
    assert text[-1] == "a note"


def test_of_several_points_in_a_cell_the_wrong_one_is_seen() -> None:
    x, y = np.zeros(3), np.zeros(3)
    over = Points("data", x, y, np.array([False, True, False]))
    text = plain(draw(msgspec.structs.replace(halves(), points=(over,)), Paper(60, "none"))).split("\n")
    assert "".join(text[1:27]).count("✗") == 1
    assert "•" not in "".join(text[1:27])


def test_ascii_marks() -> None:
    text = plain(draw(halves(), Paper(60, "none", ascii=True)))
    assert "*" in text and "X" in text and "* right   X wrong" in text


@pytest.mark.parametrize("colors", ["truecolor", "256"])
def test_colours_tell_the_classes_and_letters_do_too(colors: Colors) -> None:
    seen = screen(halves(), Paper(60, colors))
    row = seen.buffer[3]
    assert row[8].fg != row[55].fg
    text = "\n".join(seen.display[1:27])
    assert "0" in text and "1" in text and text.count("•") == text.count("✗") == 1
    assert seen.display[2].index("•") < 12


def test_the_surer_the_stronger() -> None:
    levels = class_levels(halves(), SHADES)
    assert levels[0, 0] == FIRST + SHADES - 1
    assert levels[0, 49] == FIRST
    assert levels[0, 100] == FIRST + 2 * SHADES - 1
    probable = class_levels(halves(sure="probability"), SHADES)
    assert probable[0, 25] == FIRST  # one half is no knowledge at all of two classes
    assert probable[0, 0] == FIRST + SHADES - 1
    assert (class_color(0, SHADES - 1) == class_color(8, SHADES - 1)).all()


def test_places_without_a_class() -> None:
    view = halves()
    view.data[:, :50] = np.nan
    assert (class_levels(view, 1)[:, :50] == NO_NUMBER).all()
    assert "?" in plain(draw(view, Paper(60, "none"))).split("\n")[5]
    view.data[...] = np.nan
    for colors in ("truecolor", "none"):
        assert plain(draw(view, Paper(60, colors))).strip()
    assert min(png([view]).size) > 0


def test_rows_and_columns_that_are_drawn() -> None:
    assert taken(101, 101).tolist() == list(range(101))
    assert taken(4, 2).tolist() == [1, 3]
    assert taken(2, 4).tolist() == [0, 0, 1, 1]


def test_points_lie_where_the_places_do() -> None:
    """A point at an outermost place is in the middle of its cell; one beyond the plane is not drawn."""
    view = halves()
    over = Points("data", np.array([-1.0, 1, 0, 5]), np.array([1.0, -1, 0, 0]), np.zeros(4, bool))
    ((across, down, wrong),) = place_of(msgspec.structs.replace(view, points=(over,)))
    assert across == pytest.approx([0.5 / 101, 100.5 / 101, 0.5])
    assert down == pytest.approx([0.5 / 101, 100.5 / 101, 0.5])
    assert len(wrong) == 3


def test_signs_of_classes() -> None:
    assert signs(("a", "b")) == ["a", "b"]
    assert signs(("0", "10")) == ["0", "1"]
    assert signs(("é", "b")) == ["0", "1"]
    assert signs(tuple(f"c{n}" for n in range(37)))[-2:] == ["z", "#"]


def test_a_picture_of_points_and_regions() -> None:
    found = np.asarray(png([halves()]).convert("RGB")).reshape(-1, 3)
    colors = {tuple(color) for color in np.unique(found, axis=0).tolist()}
    for number in (0, 1):
        assert tuple(np.rint(class_color(number)).astype(int).tolist()) in colors
    bare = np.asarray(png([halves(points=False)]).convert("RGB")).reshape(-1, 3)
    assert (found == (32, 32, 32)).all(axis=1).sum() > (bare == (32, 32, 32)).all(axis=1).sum()


def test_points_over_a_curve() -> None:
    x = np.linspace(0, 1, 50)
    over = Points("samples", np.array([0.1, 0.9]), np.array([3.0, 3.0]))
    view = View("fit", "series", (Axis("line", ("y",)), Axis("x")), x[None], x, points=(over,))
    for colors in ("256", "none"):
        text = plain(draw(view, Paper(80, colors)))
        assert "o samples" in text
        assert text.count("o") == 3  # two, and that of the legend
    assert min(png([view]).size) > 0
    broken = View("fit", "series", (Axis("line", ("y",)), Axis("x")), np.full((1, 50), np.nan), x, points=(over,))
    assert "o samples" in plain(draw(broken, Paper(80)))
    assert min(png([broken]).size) > 0
