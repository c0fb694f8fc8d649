"""Tables and bars as text."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from tuinet.render.table import bar, table


def test_columns_are_aligned_by_the_width_that_a_terminal_gives_them() -> None:
    lines = table(("name", "n"), [("a", "1"), ("漢字", "1,234"), ("", "")], right=("n",))
    assert lines == [
        "name      n",
        "a         1",
        "漢字  1,234",
        "",
    ]


def test_a_narrow_table_cuts_words_and_never_numbers() -> None:
    rows = [("recipe-name", "a long description of it all", "123,456,789")]
    lines = table(("name", "what", "number"), rows, right=("number",), width=40)
    assert lines[1] == "recipe-name  a long descri…  123,456,789"
    assert all(cell_len(line) <= 40 for line in lines)
    tiny = table(("name", "what", "number"), rows, right=("number",), width=5)
    assert tiny[1] == "recipe-…  a long …  123,456,789"  # below eight cells nothing would be left to read


def test_wide_characters_are_cut_within_their_width() -> None:
    (_, line) = table(("what",), [("漢" * 20,)], width=10)
    assert cell_len(line) <= 10
    assert line.endswith("…")


@pytest.mark.parametrize(
    ("fraction", "shown"),
    [(0.0, ""), (1.0, "██████████"), (0.5, "█████"), (0.55, "█████▌"), (1e-6, "▏"), (2.0, "██████████"), (-1.0, "")],
)
def test_bar(fraction: float, shown: str) -> None:
    assert bar(fraction, 10) == shown


def test_bar_of_no_number() -> None:
    assert bar(float("nan"), 10) == bar(float("inf"), 10) == ""
