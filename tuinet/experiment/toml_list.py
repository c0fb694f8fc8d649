"""A list of tables as text: cut into its items with the comments that go with them, and put together anew."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import msgspec

from tuinet.experiment.decode import to_raw
from tuinet.experiment.inline import inline

MOST_MATCHED = 500
"""Items of which the longest common sequence is looked for: its time grows with their product."""

# What ends an item or hides its end: texts, comments, brackets, commas. A text in three quotes may hold single ones.
_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{},]', re.DOTALL
)
_BLANKS = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\n\r]*)?(?=\r?\n)")


class Chunk(NamedTuple):
    """One item: what stands before it, its text, and what goes with it up to the end of its line.

    before  line breaks, indentation, comments on lines of their own
    after   what stands between the item and its comma
    comma   whether one follows
    tail    the rest of the line behind the comma, with its comment
    """

    before: str
    value: str
    after: str
    comma: bool
    tail: str

    @property
    def indent(self) -> str:
        """The blanks at the beginning of its line; "" of a list on one line."""
        return self.before.rpartition("\n")[2] if "\n" in self.before else ""


def cut(text: str) -> tuple[list[Chunk], str]:
    """The items of a TOML list, with its brackets, and what stands between the last of them and the bracket."""
    chunks: list[Chunk] = []
    place = 1
    while True:
        start = _end(_BLANKS, text, place)
        if text[start] == "]":
            return chunks, text[place:start]
        stop = _item_end(text, start)
        value = text[start:stop].rstrip(" \t\r\n")
        behind = start + len(value)
        comma = _end(_BLANKS, text, behind)
        has_comma = text[comma] == ","
        line = _end(_REST_OF_LINE, text, comma + 1 if has_comma else behind)
        after = text[behind:comma] if has_comma else ""
        chunks.append(
            Chunk(text[place:start], value, after, has_comma, text[comma + 1 if has_comma else behind : line])
        )
        place = line


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


def _item_end(text: str, start: int) -> int:
    """Where an item ends that begins at `start`: before its comma, the bracket of the list, or a comment."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        sign = text[token.start()]
        if sign in "[{":
            depth += 1
        elif depth and sign in "]}":
            depth -= 1
        elif not depth and sign in ",]#":
            return token.start()
    raise ValueError("a list has no end")


def put_together(chunks: Sequence[Chunk], end: str, items: Sequence[str | tuple[int, str]]) -> str:
    """The list of `items`: each is a new text, or the number of the chunk it was in and its text now.

    Commas and line breaks are put where items that moved need them.
    """
    breaks = any("\n" in chunk.before for chunk in chunks)
    indent = next((chunk.indent for chunk in chunks if "\n" in chunk.before), "")
    comma_at_end = bool(chunks) and chunks[-1].comma
    text, comment = "[", False
    for number, item in enumerate(items):
        last = number == len(items) - 1
        if isinstance(item, str):
            before = f"\n{indent}" if breaks else " " if number else chunks[0].before
            chunk = Chunk(before, item, "", not last or comma_at_end, "")
        else:
            chunk = chunks[item[0]]._replace(value=item[1])
        comma = "," if not last or comma_at_end else ""
        behind = f"{chunk.after}{comma}" if chunk.comma else f"{comma}{chunk.after}"
        text += f"{_on_its_own_line(chunk.before) if comment else chunk.before}{chunk.value}{behind}{chunk.tail}"
        comment = "#" in chunk.tail
    return f"{text}{_on_its_own_line(end) if comment else end}]"


def _on_its_own_line(blanks: str) -> str:
    """What follows a comment begins a new line."""
    return blanks if blanks.lstrip(" \t\r").startswith("\n") else f"\n{blanks}"


def laid_out(value: object, indent: str = "") -> str:
    """A value as a person would write it: lists of tables with an item a line, everything else on one line."""
    if isinstance(value, dict):
        table = cast("dict[str, object]", value)
        return (
            f"{{ {', '.join(f'{key} = {laid_out(each, indent)}' for key, each in table.items())} }}" if table else "{}"
        )
    items = cast("list[object]", value) if isinstance(value, list) else []
    if not items or not all(isinstance(each, dict) for each in items):
        return inline(cast("object", value))
    inner = f"{indent}    "
    return "[\n" + "".join(f"{inner}{laid_out(each, inner)},\n" for each in items) + f"{indent}]"


def matched(old: Sequence[msgspec.Struct], new: Sequence[msgspec.Struct]) -> list[int | None]:
    """For each new item the place of the old one it was made from, each at most once; None: it is new.

    Items that stayed in order are found first, then those that moved, then those that changed where they were. Of very
    long lists, only what did not change at both ends.
    """
    before, after = [_text(each) for each in old], [_text(each) for each in new]
    found: list[int | None] = [None] * len(new)
    for start, to, size in _stayed(before, after):
        found[to : to + size] = range(start, start + size)
    if max(len(old), len(new)) > MOST_MATCHED:
        return found
    left = [n for n in range(len(old)) if n not in found]
    for place, text in enumerate(after):
        if found[place] is None:
            found[place] = _taken(left, (n for n in left if before[n] == text))
    for place, item in enumerate(new):
        if found[place] is None:
            low = max((each for each in found[:place] if each is not None), default=-1)
            high = min((each for each in found[place:] if each is not None), default=len(old))
            same_kind = (n for n in left if low < n < high and type(old[n]) is type(item))
            found[place] = _taken(left, same_kind)
            if found[place] is None and len(old) == len(new):
                found[place] = _taken(left, (n for n in left if n == place))
    return found


def _taken(left: list[int], candidates: Iterator[int]) -> int | None:
    """The first candidate, which is no longer left then."""
    chosen = next(candidates, None)
    if chosen is not None:
        left.remove(chosen)
    return chosen


def _stayed(before: list[str], after: list[str]) -> list[tuple[int, int, int]]:
    """Runs of equal items, in order in both: (start in the one, start in the other, how many)."""
    if max(len(before), len(after)) <= MOST_MATCHED:
        blocks = difflib.SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
        return [(block.a, block.b, block.size) for block in blocks]
    head = _same_at_start(before, after)
    tail = _same_at_start(before[head:][::-1], after[head:][::-1])
    return [(0, 0, head), (len(before) - tail, len(after) - tail, tail)]


def _same_at_start(one: list[str], other: list[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _text(item: msgspec.Struct) -> str:
    return inline(to_raw(item, complete=True))
