"""What is drawn on, and how text comes onto it: harmless, in the characters allowed, never wider than the paper."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style

Colors = Literal["truecolor", "256", "16", "none"]

Line = list[Segment]
Lines = list[Line]
"""Every segment has a style of its own, never None: Textual fails on those under NO_COLOR."""

PLAIN = Style.null()
BOLD = Style(bold=True)

_SYSTEMS: dict[str, Colors] = {
    "truecolor": "truecolor", "eight_bit": "256", "256": "256", "standard": "16", "windows": "16",
}  # fmt: skip

_ASCII = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "×": "x", "·": ".", "…": "~", "→": "->", "≤": "<=", "≥": ">=", "±": "+-",
        "Σ": "sum", "σ": "sigma", "∂": "d", "ε": "eps", "½": "1/2", "²": "^2", "√": "sqrt", "≈": "~", "∞": "inf",
        "│": "|", "─": "-", "▁": "_", "⊙": "*", "‖": "||", "∈": "in", "\u00a0": " ", "′": "'", "″": '"',
        "‘": "'", "’": "'", "“": '"', "”": '"', "°": " deg", "␣": "_", "↵": "\\n", "⇥": "\\t", "✗": "x", "✓": "ok",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Paper:
    """What is drawn on.

    width    in cells of a terminal; below 20 what does not fit is cut off
    colors   how many there are; "none" for NO_COLOR and for pipes
    ascii    nothing but ASCII characters, whatever is drawn
    height   lines that one drawing of a view may take, its title, legend and notes included, where that is bounded:
             maps, images and charts are reduced to them as far as that goes. Lists and tables are no shorter for it,
             and of many tiles all are drawn: `page_of` says how many fit
    zoom     how many times the values of images are enlarged, as far as there is room; None: as fits a page
    title    whether a drawing says at its top what it is
    """

    width: int = 80
    colors: Colors = "truecolor"
    ascii: bool = False
    height: int | None = None
    zoom: int | None = None
    title: bool = True

    @property
    def shades(self) -> bool:
        """Whether values are drawn as characters, because colours are too few for them."""
        return self.ascii or self.colors in ("16", "none")


def colors_of(color_system: str | None, no_color: bool = False) -> Colors:
    """The colours of a terminal, from what Rich calls its colour system and whether NO_COLOR is set."""
    return "none" if no_color or color_system is None else _SYSTEMS.get(color_system, "none")


def clean(text: object, paper: Paper) -> str:
    """One line of any text, made harmless: what steers a terminal becomes an escape, in ASCII all else, too."""
    line = str(text)
    if paper.ascii:
        line = line.translate(_ASCII)
        return line if line.isascii() and line.isprintable() else "".join(map(_ascii, line))
    return line if line.isprintable() and "\ufe0f" not in line else "".join(map(_shown, line))


def _shown(character: str) -> str:
    # a variation selector changes the width of the character before it in some terminals, not in others
    if character.isprintable() and not "\ufe00" <= character <= "\ufe0f":
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def _ascii(character: str) -> str:
    if " " <= character <= "~":
        return character
    plain = unicodedata.normalize("NFKC", character)  # a raised or lowered sign of a formula is the sign
    if len(plain) == 1 and " " < plain <= "~" and unicodedata.decomposition(character).startswith(("<super>", "<sub>")):
        return plain
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def cut(text: str, cells: int, paper: Paper) -> str:
    """At most so many cells of a clean text, … (in ASCII ~) where it goes on."""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1) + ("~" if paper.ascii else "…") if cells > 0 else ""


def pad(text: str, cells: int, side: Literal["left", "right", "middle"] = "left") -> str:
    """A text at that side of so many cells."""
    rest = max(0, cells - cell_len(text))
    before = {"left": 0, "right": rest, "middle": rest // 2}[side]
    return " " * before + text + " " * (rest - before)


def wrap(text: str, width: int, indent: int = 0) -> list[str]:
    """A clean text in lines of at most `width` cells, broken between words, and within those that are longer.

    All lines but the first begin with `indent` blanks.
    """
    width = max(1, width)
    indent = min(indent, width // 2)
    lines: list[str] = []
    line, used = "", 0
    for word in text.split(" "):
        length = cell_len(word)
        if line and used + 1 + length <= width:
            line, used = f"{line} {word}", used + 1 + length
            continue
        if line:
            lines.append(line)
        first = " " * indent if lines else ""
        if len(first) + length > width:
            pieces = chop_cells(word, max(2, width - indent))
            lines += [(first if number == 0 else " " * indent) + piece for number, piece in enumerate(pieces[:-1])]
            word, first = pieces[-1], " " * indent
        line, used = first + word, len(first) + cell_len(word)
    return [*lines, line]


def words(text: str, paper: Paper, style: Style = PLAIN, indent: int = 0) -> Lines:
    """A text of ours or of others as lines of the paper's width."""
    return [[Segment(line, _style(style, paper))] for line in wrap(clean(text, paper), paper.width, indent)]


def raw(lines: Iterable[str], style: Style, paper: Paper) -> Lines:
    """Clean lines, each one segment."""
    return [[Segment(line, _style(style, paper))] for line in lines]


def _style(style: Style, paper: Paper) -> Style:
    return PLAIN if paper.colors == "none" else style


def width_of(line: Line) -> int:
    return cell_len("".join([segment.text for segment in line]))


def cropped(lines: Lines, paper: Paper) -> Lines:
    """The lines, cut off at the paper's edge."""
    return [
        line if width_of(line) <= paper.width else Segment.adjust_line_length(line, max(0, paper.width), PLAIN, False)
        for line in lines
    ]
