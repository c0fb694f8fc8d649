"""Single lines: the head with the screens, the foot with the keys, and rules with the titles of panes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tuinet.render.paper import Line, Paper, clean, cut

BOLD, DIM, ACTIVE, PLAIN = Style(bold=True), Style(dim=True), Style(bold=True, reverse=True), Style.null()

_ANY, _ASCII = Paper(), Paper(ascii=True)


def said(text: object, style: Style = PLAIN, action: str = "") -> Segment:
    """A text of anybody's as a segment: nothing in it steers the terminal or is markup. A click does `action`."""
    return Segment(clean(text, _ANY), style + Style.from_meta({"@click": action}) if action else style)


class Bar(Widget):
    """One line, drawn again only when it changes."""

    DEFAULT_CSS = "Bar { height: 1; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.line: Line = []

    def show(self, line: Line) -> None:
        if line != self.line:
            self.line = line
            self.refresh()

    def render_line(self, y: int) -> Strip:
        line = in_ascii(self.line) if getattr(self.app, "ascii", False) else self.line
        return Strip(fitted(line, self.size.width)).apply_style(self.rich_style)


def in_ascii(line: Sequence[Segment]) -> Line:
    """The line with nothing but ASCII in it."""
    return [
        segment if segment.text.isascii() else Segment(clean(segment.text, _ASCII), segment.style or PLAIN)
        for segment in line
    ]


def fitted(line: Sequence[Segment], width: int) -> Line:
    """The line in exactly so many cells, … where it goes on."""
    used = sum(segment.cell_length for segment in line)
    if used <= width:
        return [*line, Segment(" " * (width - used), PLAIN)]
    kept: Line = []
    left = width
    for segment in line:
        if segment.cell_length > left or left <= 0:
            paper = _ASCII if all(each.text.isascii() for each in line) else _ANY
            kept.append(Segment(cut(segment.text, left, paper), segment.style or PLAIN))
            break
        kept.append(segment)
        left -= segment.cell_length
    return kept


def between(left: Line, right: Line, width: int, fill: str = " ", style: Style = PLAIN) -> Line:
    """Both at the ends of a line; `right` is left out where there is no room."""
    used = sum(segment.cell_length for segment in left)
    behind = sum(segment.cell_length for segment in right)
    if used + behind + 1 > width:
        return [*left, Segment(fill * max(0, width - used), style)]
    return [*left, Segment(fill * (width - used - behind), style), *right]


class Head(Bar):
    """The screens, what is looked at, and where help is."""

    DEFAULT_CSS = "Head { height: 1; background: $panel; color: $foreground; }"

    def tell(self, screens: Iterable[tuple[str, str, bool, str]], subject: str) -> None:
        """`screens`: (key, title, whether it is this one, action); `subject`: what is looked at."""
        left: Line = [Segment(" ", PLAIN)]
        for key, title, here, action in screens:
            left += [said(f"{key} {title}", ACTIVE if here else PLAIN, action), Segment("  ", PLAIN)]
        help_ = said("? Help ", PLAIN, "app.help")
        used = sum(segment.cell_length for segment in left)
        room = self.size.width - used - help_.cell_length - 2
        name = cut(clean(subject, _ANY), max(0, room), _ANY)
        middle = [Segment(" " * ((room - cell_len(name)) // 2), PLAIN), said(name, BOLD)] if name else []
        self.show(between([*left, *middle], [help_], self.size.width))


class Foot(Bar):
    """The keys that work now, those first that are listed first."""

    DEFAULT_CSS = "Foot { height: 1; background: $panel; color: $foreground; }"

    def tell(self, keys: Iterable[tuple[str, str, str]]) -> None:
        """`keys`: (how the key is written, what it does, action)."""
        last = said("? all ", BOLD, "app.help")
        room = self.size.width - last.cell_length - 1
        line: Line = [Segment(" ", PLAIN)]
        used = 1
        for key, word, action in keys:
            length = cell_len(key) + 1 + cell_len(word) + 2
            if used + length > room:
                break
            line += [said(key, BOLD, action), said(f" {word}  ", PLAIN, action)]
            used += length
        self.show(between(line, [last], self.size.width))


def rule(
    titles: Sequence[tuple[str, bool, str]],
    right: str,
    width: int,
    *,
    ascii_only: bool = False,
    focused: bool = False,
    middle: Line | None = None,
) -> Line:
    """`─ ‹this› that ── … ── right ──`: the titles of what can be seen here, the one that is seen in ‹›."""
    stroke, open_, close = ("-", "<", ">") if ascii_only else ("─", "‹", "›")
    style = BOLD if focused else DIM
    left: Line = [Segment(f"{stroke} ", style)]
    for title, here, action in titles:
        left += [
            said(f"{open_}{title}{close}" if here else title, BOLD if here else PLAIN, action),
            Segment(" ", PLAIN),
        ]
    if middle:
        left += [Segment(stroke * 2 + " ", style), *middle, Segment(" ", PLAIN)]
    behind = [said(f" {right} ", PLAIN), Segment(stroke, style)] if right else []
    return fitted(between(left, behind, width, stroke, style), width)
