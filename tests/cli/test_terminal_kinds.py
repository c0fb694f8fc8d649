"""What stands in the cells of real terminals: glyphs and colours are those of the values that are looked at.

Gates, feature maps and a confusion matrix of models that ship, at every depth of colour and three widths, through a
pseudo-terminal and a terminal emulator. One process shows all three.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import click.testing
import numpy as np
import pytest

from tests.cli.test_inspect import CASES
from tests.cli.test_terminal import terminal
from tuinet.cli.inspect import command
from tuinet.render.ink import FIRST, Ink, Map, ink

SCRIPT = """
import json, sys
from tuinet.cli.main import run
for name, arguments in json.loads(sys.argv[1]).items():
    print(f"=== {name}", flush=True)
    if run(arguments):
        sys.exit(1)
print("=== end")
"""

COLORS = ("truecolor", "256", "16", "none")
KINDS = {
    "truecolor": {"COLORTERM": "truecolor"},
    "256": {"TERM": "xterm-256color"},
    "16": {"TERM": "xterm"},
    "none": {"NO_COLOR": "1", "COLORTERM": "truecolor"},
    "ascii": {"NO_COLOR": "1"},
}

Cells = list[list[Any]]
"""A case's part of the screen: pyte's characters, with `data`, `fg` and `bg`."""


class Kind(NamedTuple):
    """A terminal: which of KINDS, and how wide."""

    kind: str
    columns: int

    def ink(self, name: Map) -> Ink:
        marks = self.kind not in ("truecolor", "256")
        return ink(name, "none" if self.kind == "ascii" else self.kind, self.kind == "ascii", marks)


@cache
def values(case: str) -> np.ndarray:
    """What is looked at, as --json gives it."""
    run = click.testing.CliRunner().invoke(command, [*CASES[case][1:], "--json"])
    (view,) = json.loads(run.stdout)["views"]
    return np.array(view["data"])


def levels(data: np.ndarray, used: Ink, low: float, high: float) -> np.ndarray:
    """The nearest of so many steps from low to high; of marks with signs, none but 0 goes without its sign."""
    half = used.count // 2
    if used.map == "signed" and used.marks:
        return FIRST + half + (np.sign(data) * (np.rint(np.abs(data) / high * (half - 1)) + 1)).astype(int)
    return FIRST + np.rint((data - low) / (high - low) * (used.count - 1)).astype(int)


def hexed(color: Any) -> str:
    return "{:02x}{:02x}{:02x}".format(*np.asarray(color).tolist())


def line(cells: list[Any]) -> str:
    return "".join(cell.data for cell in cells).rstrip()


def check_gates(shown: Kind, cells: Cells) -> None:
    """A line for each step and band; two units a cell in colours, else a shade (or two) for each."""
    data, used = values("gates"), shown.ink("magnitude")
    wanted = levels(data, used, 0.0, 1.0)
    rows = [row for row in cells if re.match(r"\d [thoug]( |$)", line(row))]
    steps, units = data.shape
    assert len(rows) % steps == 0
    bands = [rows[start : start + steps] for start in range(0, len(rows), steps)]
    ends = [int(said[1]) + 1 for said in re.finditer(r"unit \d+[–-](\d+) of 192", "\n".join(map(line, cells)))] or [
        units
    ]
    assert len(ends) == len(bands)
    for band, first, end in zip(bands, [0, *ends], ends, strict=False):
        for step, row in enumerate(band):
            assert line(row)[:3] == f"{step} {'thguoht'[step]}"
            own = wanted[step, first:end]
            if used.marks:
                # two characters each where they have room
                narrow = "".join(used.marks[level][1] for level in own)
                assert line(row)[4:] in (narrow.rstrip(), "".join(used.marks[level] for level in own).rstrip())
                assert {(cell.fg, cell.bg) for cell in row} == {("default", "default")}
                continue
            drawn = [cell for cell in row[4:] if cell.data == "▌"]
            colors = [color for cell in drawn for color in (cell.fg, cell.bg)]
            times = max(1, len(colors) // len(own))
            assert colors == [hexed(used.rgb[level]) for level in own.repeat(times)]


def check_maps(shown: Kind, cells: Cells) -> None:
    """Sixteen tiles with their numbers under them; two rows a line in colours, else two characters a value."""
    data, used = values("maps"), shown.ink("signed")
    high = float(np.abs(data).max())
    wanted = levels(data, used, -high, high)
    each = 2 if used.marks else 1
    for times in (1,) if used.marks else (4, 3, 2, 1):
        pitch = (8 * times + 2) * each
        across = min(16, (shown.columns + 2 * each) // pitch)
        height = 8 * times if used.marks else 4 * times
        names = [n for n, row in enumerate(cells) if line(row).split() == [str(k) for k in range(across)]]
        if names and names[0] >= height:
            break
    else:
        raise AssertionError("no tiles")
    for place, tile in enumerate(wanted):
        top = names[0] - height + place // across * (height + 2)
        left = place % across * pitch
        for (row, column), level in np.ndenumerate(tile):
            if used.marks:
                pair = cells[top + row][left + 2 * column : left + 2 * column + 2]
                assert line(pair) == used.marks[level].rstrip(), (place, row, column)
                side = {"−": "brightblue", "+": "brown"}[pair[0].data] if shown.kind == "16" else "default"
                assert {cell.fg for cell in pair if cell.data != " "} == {side}
                continue
            for y in range(row * times, (row + 1) * times):
                cell = cells[top + y // 2][left + column * times]
                assert cell.data == "▀"
                assert (cell.bg if y % 2 else cell.fg) == hexed(used.rgb[level]), (place, row, column)


def check_confusion(shown: Kind, cells: Cells) -> None:
    """Counts, on their colours where there are such."""
    data, used = values("confusion"), shown.ink("magnitude")
    wanted = levels(data, used, 0.0, float(data.max()))
    rows = [row for row in cells if re.fullmatch(r"\d( +\d+){10}", line(row))]
    assert [[int(number) for number in line(row).split()[1:]] for row in rows] == data.tolist()
    for row, own in zip(rows, wanted, strict=True):
        for found, level in zip(list(re.finditer(r"\d+", line(row)))[1:], own, strict=True):
            cell = row[found.end() - 1]
            if used.marks:
                assert (cell.fg, cell.bg) == ("default", "default")
            else:
                assert cell.bg == hexed(used.rgb[level])
                assert cell.fg in ("000000", "ffffff")


CHECKS = {"gates": check_gates, "maps": check_maps, "confusion": check_confusion}


@pytest.mark.parametrize(
    ("kind", "columns"), [("ascii", 60), *((kind, width) for kind in COLORS for width in (60, 120, 200))]
)
def test_terminals_of_every_kind(kind: str, columns: int, tmp_path: Path) -> None:
    extra = ("--ascii",) if kind == "ascii" else ()
    asked = json.dumps({name: (*arguments, *extra) for name, arguments in CASES.items()})
    screen, came, code = terminal("-c", SCRIPT, asked, cwd=tmp_path, columns=columns, rows=160, **KINDS[kind])
    assert code == 0, screen.display
    text = came.decode()
    assert bool(re.search(r"\x1b\[[34]8;2;", text)) is (kind == "truecolor")
    assert bool(re.search(r"\x1b\[[34]8;5;", text)) is (kind == "256")
    if kind in ("none", "ascii"):
        assert "\x1b[3" not in text and "\x1b[4" not in text
    if kind == "ascii":
        assert text.isascii()
    rows = [[screen.buffer[y][x] for x in range(columns)] for y in range(160)]
    begins = {line(row)[4:]: place for place, row in enumerate(rows) if line(row).startswith("=== ")}
    ends = list(begins.values())[1:]
    parts = {name: rows[begins[name] + 1 : end] for name, end in zip(CASES, ends, strict=True)}
    for name, check in CHECKS.items():
        check(Kind(kind, columns), parts[name])
