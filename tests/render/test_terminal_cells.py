"""What a terminal shows: the glyph and the colours of single cells, at every depth of colour and at three widths."""

from __future__ import annotations

import re

import numpy as np
import pyte
import pytest

from tests.render.examples import confusion, digit, forget_gate, matrix, screen, view
from tuinet.render import oklab
from tuinet.render.draw import Paper, colors_of
from tuinet.render.ink import FIRST, ink

SIGNED = [[-1.0, 0.0], [1.0, 0.5], [0.25, -0.5]]
WIDTHS = (60, 120, 200)


def hexed(color: object) -> str:
    return "{:02x}{:02x}{:02x}".format(*np.asarray(color).tolist())


def text(terminal: pyte.Screen) -> list[str]:
    return [line.rstrip() for line in terminal.display]


def image(data: object, **more: object) -> object:
    return view("images", np.asarray(data, float)[None], "map", "row", "column", **more)


def test_two_values_lie_in_a_cell_each_in_its_colour() -> None:
    colors = oklab.signed()
    middle = len(colors) // 2
    terminal = screen(image(np.array(SIGNED * 9)), Paper(60))  # 27 rows: nothing is enlarged
    upper, lower = terminal.buffer[1][0], terminal.buffer[1][1]
    assert (upper.data, lower.data) == ("▀", "▀")
    assert (upper.fg, upper.bg) == (hexed(colors[0]), hexed(colors[-1]))  # −1 over +1
    assert (lower.fg, lower.bg) == (hexed(colors[middle]), hexed(colors[middle + middle // 2]))  # 0 over +0.5
    last = terminal.buffer[14][0]  # row 26 alone: nothing below it
    assert (last.data, last.fg, last.bg) == ("▀", hexed(colors[middle + middle // 4]), "default")


def test_steps_go_down_and_two_units_lie_in_a_cell() -> None:
    data = np.linspace(0, 1, 120).reshape(2, 60)
    seen = view("matrix", data, "step", "unit", labels={"step": ("a", "b")}, low=0.0, high=1.0)
    terminal = screen(seen, Paper(40))
    assert text(terminal)[0] == "example   step 2 ↓ × unit 60 →"
    assert text(terminal)[2].startswith("0 a ▌▌▌▌▌")
    colors = oklab.magnitude()
    cell = terminal.buffer[2][4]
    assert (cell.fg, cell.bg) == (hexed(colors[0]), hexed(colors[0]))
    cell = terminal.buffer[3][4 + 29]
    assert (cell.fg, cell.bg) == (hexed(colors[-1]), hexed(colors[-1]))


@pytest.mark.parametrize("width", WIDTHS)
def test_feature_maps_in_true_colours(width: int) -> None:
    maps = digit()["conv1/output"]
    terminal = screen(maps, Paper(width))
    lines = text(terminal)
    assert lines[0] == "conv1/output   channel 16 × row 8 × column 8"
    times = next(n for n in (1, 2, 3, 4) if lines[n * 4 + 1].split()[0] == "0")
    most = np.abs(maps.data).max()
    colors = oklab.signed()
    middle = len(colors) // 2
    for row, column in ((0, 0), (3, 3), (7, 5), (2, 6)):  # of map 0
        place = terminal.buffer[1 + row * times // 2][column * times]
        level = middle + int(np.rint(maps.data[0, row, column] / most * middle))
        color = place.fg if row * times % 2 == 0 else place.bg
        assert color == hexed(colors[level])
    named = [int(name) for line in lines if re.fullmatch(r"[\d ]+", line) for name in line.split()]
    assert named == list(range(16))
    assert lines[-2].startswith("−2.47 ▌▌▌") and lines[-2].endswith("▌ +2.47")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("colors", ["truecolor", "256"])
def test_a_gate_over_a_word(width: int, colors: str) -> None:
    gate = forget_gate()
    terminal = screen(gate, Paper(width, colors))
    lines = text(terminal)
    used = ink("magnitude", colors, False, False)
    levels = np.rint(np.clip(gate.data, 0, 1) * (used.count - 1)).astype(int) + FIRST
    found = []
    for number, line in enumerate(lines):
        if re.match(r"\d [a-z] ▌", line):
            cells = [terminal.buffer[number][x] for x in range(4, len(line))]
            found.append([color for cell in cells for color in (cell.fg, cell.bg)])
    bands = [found[start : start + 7] for start in range(0, len(found), 7)]
    rows = [[color for band in bands for color in band[step]] for step in range(7)]
    across = len(rows[0]) // 192  # wide paper: each unit has a whole cell
    wanted = [[hexed(used.rgb[level]) for level in row.repeat(max(1, across))] for row in levels]
    assert rows == wanted
    if len(bands) > 1:
        assert f"unit 0–{len(found[0]) - 1} of 192" in lines
    assert [line[:3] for line in lines if re.match(r"\d [a-z] ▌", line)][:7] == [
        "0 t", "1 h", "2 g", "3 u", "4 o", "5 h", "6 t",
    ]  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("colors", ["truecolor", "256", "16", "none"])
def test_a_confusion_matrix_is_numbers_on_colours(width: int, colors: str) -> None:
    seen = confusion()
    terminal = screen(seen, Paper(width, colors))
    lines = text(terminal)
    rows = [
        line
        for line in lines
        if re.match(r"(\d )?(airplane|automobile|bird|cat|deer|dog|frog|horse|ship|truck) .*\d$", line)
    ]
    assert [[int(n) for n in re.findall(r"\d+", line)[-10:]] for line in rows] == seen.data.tolist()
    number = lines.index(rows[9])
    end = len(rows[9]) - 1
    cell = terminal.buffer[number][end]
    used = ink("magnitude", colors, False, colors in ("16", "none"))
    if colors in ("16", "none"):
        assert cell.bg == "default"
    else:
        assert cell.bg == hexed(used.rgb[-1])
        assert cell.fg in ("000000", "16")
    assert "\n".join(lines).count("truck") == (2 if width == 200 else 1)  # where names have no room, numbers stand


def test_sixteen_colours_show_the_sign_by_glyph_and_colour() -> None:
    terminal = screen(image(SIGNED), Paper(60, "16"))
    rows = [[terminal.buffer[y][x] for x in range(4)] for y in (1, 2, 3)]
    assert ["".join(cell.data for cell in row) for row in rows] == ["−█  ", "+█+▒", "+░−▒"]
    assert {cell.fg for row in rows for cell in row if cell.data == "−"} == {"brightblue"}
    assert {cell.fg for row in rows for cell in row if cell.data == "+"} == {"brown"}
    assert text(terminal)[-2] == "−1 −█−▓−▒−░−  0 + +░+▒+▓+█ +1"


def test_no_colour_at_all_where_none_is_wanted() -> None:
    for seen in (image(SIGNED), forget_gate(), confusion(), view("vector", [1.0, -2.0], "unit")):
        terminal = screen(seen, Paper(60, "none"))
        cells = [cell for row in terminal.buffer.values() for cell in row.values()]
        assert {(cell.fg, cell.bg, cell.bold) for cell in cells} == {("default", "default", False)}


def test_values_without_sign_are_shades() -> None:
    terminal = screen(image([[0, 1, 2, 3, 4]]), Paper(60, "none"))
    assert text(terminal)[1] == "  ░░▒▒▓▓██"
    terminal = screen(image([[0, 1, 9]]), Paper(60, "none", ascii=True))
    assert text(terminal)[1] == " 0 1 9"
    terminal = screen(image([[0, -1, 9]]), Paper(60, "none", ascii=True))
    assert text(terminal)[1] == " .-1+9"


def test_small_values_keep_their_sign() -> None:
    terminal = screen(image([[1e-9, -1e-9, 0, 1]]), Paper(60, "none"))
    assert text(terminal)[1] == "+ −   +█"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_has_a_shape_of_its_own_and_is_told(value: float) -> None:
    data = np.ones((40, 40))
    data[0, 0] = data[3, 1] = data[4, 2] = data[5, 2] = value
    terminal = screen(matrix(data), Paper(60))
    cells = [terminal.buffer[y][3 + x] for y, x in ((2, 0), (3, 1), (4, 2), (2, 3))]
    assert [cell.data for cell in cells] == ["▘", "▖", "▞", "▀"]
    assert [cell.fg for cell in cells[:3]] == ["ff00ff"] * 3
    name = {"nan": "NaN", "inf": "+infinite", "-inf": "−infinite"}[str(value)]
    assert text(terminal)[-2] == f"no numbers: 4 {name}, the first at row 0, column 0"
    assert "??" in "\n".join(text(screen(matrix(data - 2), Paper(100, "none"))))


def test_what_lies_outside_the_range_is_told() -> None:
    terminal = screen(view("matrix", np.linspace(-1, 2, 100)[:, None], "step", "unit", low=0.0, high=1.0), Paper(90))
    assert "66 of 100 values lie outside these and are drawn as the nearest end" in text(terminal)


def test_an_image_keeps_its_own_colours() -> None:
    colors = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]])
    terminal = screen(view("image", colors, "row", "column", "channel"), Paper(60))
    lines = text(terminal)
    assert lines[-2] == "red, green, blue from 0 to 255"
    cells = [terminal.buffer[1][0], terminal.buffer[len(lines) - 3][7]]
    assert cells[0].fg == "ff0000" and cells[1].bg == "ffffff"
    grey = screen(view("image", [[[0.0], [1.0]]], "row", "column", "channel"), Paper(60))
    assert (grey.buffer[1][0].fg, grey.buffer[1][7].fg) == (hexed(oklab.grey()[0]), "ffffff")
    shades = screen(view("image", colors / 255, "row", "column", "channel"), Paper(60, "16"))
    assert "drawn by how light its colours are" in text(shades)


@pytest.mark.parametrize(
    ("system", "no_color", "colors"),
    [("truecolor", False, "truecolor"), ("256", False, "256"), ("standard", False, "16"), (None, False, "none"),
     ("truecolor", True, "none"), ("eight_bit", False, "256"), ("windows", False, "16")],
)  # fmt: skip
def test_the_depth_follows_from_what_the_terminal_says(system: str | None, no_color: bool, colors: str) -> None:
    assert colors_of(system, no_color) == colors
