"""An experiment file changed as little as possible: comments, order and layout stay where nothing changed.

Tables and keys are tomlkit's work. Lists of tables are matched item by item, so that a layer that moves takes the
comment behind it along; how lists are cut up and put together is in `toml_list`.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, TypeGuard, cast

import msgspec
import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, Comment, InlineTable, Item, Table, Whitespace

from tuinet.errors import TuinetError
from tuinet.experiment.decode import absolute, decode, to_raw
from tuinet.experiment.inline import inline
from tuinet.experiment.spec import Experiment
from tuinet.experiment.toml_list import cut, laid_out, matched, put_together

LARGEST_KEPT = 100_000
"""Bytes of a file whose layout is kept: at worst two seconds' work. A file by hand has a few thousand."""

_Table = MutableMapping[str, Any]


def updated(text: str, experiment: Experiment, base: Path | None = None) -> str:
    """The text of an experiment file, changed as little as possible, so that it decodes to `experiment`.

    What did not change keeps its bytes. A comment goes with the line it stands on, and one right above a `[table]`
    with that table: it moves with it, and goes where it goes. Keys that the file leaves out stay out as long as they
    have their defaults. `base`: the file's folder; paths that mean the same from there stay as they are.

    Raises TuinetError if `text` is no experiment file, is too large, or is written in a way in which it cannot be
    changed in place.
    """
    old = decode(text, "the file")
    if base is not None:
        old, experiment = absolute(old, base), absolute(experiment, base)
    if len(text.encode()) > LARGEST_KEPT:
        message = f"the file has over {LARGEST_KEPT:,} bytes: too many to keep their layout"
        raise TuinetError(message, "save it under another name")
    for headers in (True, False):
        try:
            changed = _Edit(headers).of(text, old, experiment)
            again = decode(changed, "the file")
        except (TuinetError, TOMLKitError, ValueError, KeyError, IndexError, RecursionError):
            continue  # rare forms of TOML: a table in pieces, say, that tomlkit cannot put together again
        if (again if base is None else absolute(again, base)) == experiment:
            return changed
    message = "the file is written in a way that cannot be changed in place without losing its comments"
    raise TuinetError(message, "save it under another name")


class _Edit:
    """One pass over a file. `headers`: a new table gets a [header] of its own; else it is written on one line."""

    def __init__(self, headers: bool) -> None:
        self.headers = headers

    def of(self, text: str, old: Experiment, new: Experiment) -> str:
        document = tomlkit.parse(text)
        _hand_down(document)
        self.table([document], 0, old, new)
        return document.as_string()

    def table(self, holder: Any, place: str | int, old: msgspec.Struct, new: msgspec.Struct) -> None:
        """Change the table `holder[place]`, which says `old`, so that it says `new`."""
        after = cast("dict[str, object]", to_raw(new, complete=True))
        needed = cast("dict[str, object]", to_raw(new, complete=False))
        for key in [key for key in holder[place] if key not in after]:
            del holder[place][key]  # looked up anew each time: tomlkit's view of a table in pieces grows stale
        table = cast("_Table", holder[place])
        for key, raw in after.items():
            was, now = getattr(old, key, None), getattr(new, key, None)
            if key not in table:
                if key in needed:
                    self.add(table, key, now, raw)
            elif now is None:  # not a field: the kind
                if table[key] != raw:
                    table[key] = raw
            elif not _same(was, now):
                self.change(table, key, was, now)

    def change(self, table: _Table, key: str, was: object, now: object) -> None:
        """Change the value of a key that is there."""
        there = table[key]
        if isinstance(now, msgspec.Struct) and isinstance(was, msgspec.Struct) and isinstance(there, MutableMapping):
            if isinstance(there, InlineTable):
                table[key] = self.inline_table(there.as_string(), was, now)
            else:
                self.table(table, key, was, now)
        elif _are_structs(was) and _are_structs(now) and isinstance(there, AoT):
            if now:
                self.tables(there, was, now)
            else:
                table[key] = tomlkit.array()
        elif _are_structs(was) and _are_structs(now) and isinstance(there, Array) and was:
            table[key] = _parsed(self.list(there.as_string(), was, now))
        else:
            table[key] = _value(now)

    def tables(self, tables: AoT, old: tuple[msgspec.Struct, ...], new: tuple[msgspec.Struct, ...]) -> None:
        """Change a list whose items are [[tables]]."""
        before = list(tables.body)
        after: list[Table] = []
        for item, place in zip(new, matched(old, new), strict=True):
            if place is None:
                after.append(_fresh(item))
                after[-1].add(tomlkit.nl())
            else:
                self.table(before, place, old[place], item)
                after.append(before[place])
        while len(tables):
            del tables[0]
        for place, each in enumerate(after):
            tables.insert(place, each)

    def list(self, text: str, old: tuple[msgspec.Struct, ...], new: tuple[msgspec.Struct, ...]) -> str:
        """The text of a list in brackets, changed."""
        chunks, end = cut(text)
        found: list[str | tuple[int, str]] = []
        for item, place in zip(new, matched(old, new), strict=True):
            if place is None:
                found.append(laid_out(_fields(item), chunks[0].indent))
            elif _same(old[place], item):
                found.append((place, chunks[place].value))
            else:
                found.append((place, self.inline_table(chunks[place].value, old[place], item).as_string()))
        return put_together(chunks, end, found)

    def inline_table(self, text: str, old: msgspec.Struct, new: msgspec.Struct) -> InlineTable:
        """A table in braces, changed; with blanks inside of them if it had some."""
        table = _parsed(text)
        self.table([table], 0, old, new)
        inside = cast("InlineTable", table).as_string().strip()[1:-1].strip()
        return cast("InlineTable", _parsed(f"{{ {inside} }}" if text.startswith("{ ") else f"{{{inside}}}"))

    def add(self, table: _Table, key: str, now: object, raw: object) -> None:
        """Write a key that is not there yet."""
        if not isinstance(now, msgspec.Struct):
            table[key] = _value(now) if now is not None else raw
        elif self.headers and not isinstance(table, InlineTable):
            table[key] = _fresh(now)
        else:
            table[key] = _value(now)


def _fields(struct: msgspec.Struct) -> dict[str, object]:
    """The keys that a table of this struct needs."""
    return cast("dict[str, object]", to_raw(struct, complete=False))


def _fresh(struct: msgspec.Struct) -> Table:
    """A new table to stand under a header."""
    table = tomlkit.table(is_super_table=False)
    for key, raw in _fields(struct).items():
        table.add(key, cast("Item", _parsed(laid_out(raw))))
    return table


def _value(value: object) -> Item | bool:
    return _parsed(laid_out(to_raw(value, complete=False)))


def _parsed(text: str) -> Item | bool:
    """A value of tomlkit's, as if it had been read from a line of its own."""
    return cast("Item | bool", tomlkit.parse(f"value = {text}\n")["value"])


def _same(one: object, other: object) -> bool:
    """Whether both are the same in a file: 1 and 1.0 are not, where a number may be a share or a count."""
    return inline(to_raw(one, complete=True)) == inline(to_raw(other, complete=True))


def _are_structs(value: object) -> TypeGuard[tuple[msgspec.Struct, ...]]:
    return isinstance(value, tuple) and all(isinstance(each, msgspec.Struct) for each in cast("tuple[object]", value))


def _hand_down(document: tomlkit.TOMLDocument) -> None:
    """Make comments right above a header part of it; tomlkit leaves them with the table before."""
    above: list[tuple[list[tuple[Any, Item]], int]] = []
    for place in _lines(document.body):
        if isinstance(place, Table):
            place.trivia.indent = "".join(body[n][1].as_string() for body, n in above) + place.trivia.indent
            for body, n in above:
                body[n] = (None, Whitespace(""))
            above = []
        elif isinstance(place[0][place[1]][1], Comment):
            above.append(place)
        else:
            above = []


def _lines(body: list[tuple[Any, Item]]) -> Iterator[Table | tuple[list[tuple[Any, Item]], int]]:
    """A document from top to bottom: each table that has a header, each other item by the body and place it is in."""
    for n, (_, item) in enumerate(body):
        if isinstance(item, Table | AoT):
            for table in (item,) if isinstance(item, Table) else item.body:
                if not table.is_super_table():
                    yield table
                yield from _lines(table.value.body)
        else:
            yield body, n
