"""Edits of an experiment: KEY=VALUE settings, applied to a copy. `model.layers[2].units=64`, `training.loss=hinge`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from typing import Any, cast

import msgspec
import msgspec.inspect as inspect

from tuinet.errors import TuinetError
from tuinet.experiment.decode import experiment_type, from_raw, to_raw
from tuinet.experiment.problem import Problem, did_you_mean, join_key, show_text
from tuinet.experiment.schema import item_type, struct_types
from tuinet.experiment.spec import Experiment

_PART = re.compile(r"(?P<key>[A-Za-z0-9_-]+)|\[(?P<index>[0-9]{1,6})\]")

Key = tuple[str | int, ...]


class _WrongKeyError(TuinetError):
    def __init__(self, path: str, message: str, hint: str = "") -> None:
        self.problem = Problem(path, message, hint)
        super().__init__(str(self.problem), hint)


def apply_settings(experiment: Experiment, settings: Iterable[str], where: str = "settings") -> Experiment:
    """A new experiment with each KEY=VALUE applied in turn, held to the same rules as a file.

    A key is dotted, with places in lists in brackets, counted from 0; the place after the last item adds one.
    A value is TOML (`0.5`, `true`, `[3, 3]`, `{kind = "sgd", rate = 0.1}`); a word that is none is a text. Nothing
    after the `=` takes the key or the item away. Where a table with a `kind` belongs, the kind alone will do; what
    was set and the new kind has too is kept.

    Raises TuinetError for a setting that is not KEY=VALUE, an unknown key (with the nearest), or a wrong value.
    """
    raw = to_raw(experiment, complete=True)
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            hint = "write KEY=VALUE, such as training.epochs=5"
            raise TuinetError(f"{where}: {show_text(setting)} is not KEY=VALUE", hint)
        try:
            raw = _edited(raw, experiment_type(), parse_key(key.strip()), text.strip(), "")
        except _WrongKeyError as error:
            raise TuinetError(f"{where}: {error.problem}", error.problem.hint) from None
    return from_raw(cast("dict[str, Any]", raw), where)


def parse_value(text: str) -> object:
    """The value a text means in TOML; a text that is no TOML value stands for itself."""
    try:
        table: dict[str, object] = tomllib.loads(f"value = {text}\n")
    except (ValueError, RecursionError):
        return text
    return table["value"] if len(table) == 1 else text


def parse_key(key: str) -> Key:
    """`model.layers[2].units` as ("model", "layers", 2, "units"). Raises TuinetError if it is no key."""
    parts: list[str | int] = []
    place = 0
    while place < len(key):
        dotted = key[place] == "."
        found = _PART.match(key, place + dotted)
        # A name follows a dot or begins the key; a place in a list follows without one.
        if not found or bool(found["key"]) != (dotted or place == 0) or (dotted and place == 0):
            break
        parts.append(int(found["index"]) if found["index"] else found["key"])
        place = found.end()
    if place < len(key) or not parts or isinstance(parts[0], int):
        hint = "keys are like training.optimizer.rate or model.layers[2].units"
        raise _WrongKeyError(show_text(key), "this is no key", hint)
    return tuple(parts)


def _edited(old: object, kind: inspect.Type | None, key: Key, text: str, path: str) -> object:
    """What `old`, of type `kind` and at `path`, becomes when the setting `key` inside it is `text`."""
    if not key:
        value = parse_value(text)
        structs = struct_types(kind) if kind else ()
        is_kind = isinstance(value, str) and structs and structs[0].tag is not None
        return _with_kind(old, structs, str(value)) if is_kind else value
    if isinstance(key[0], int):
        return _edited_list(old, kind, key[0], key[1:], text, path)
    return _edited_table(old, kind, key[0], key[1:], text, path)


def _edited_list(old: object, kind: inspect.Type | None, index: int, rest: Key, text: str, path: str) -> object:
    items = list(cast("list[object]", old)) if isinstance(old, list) else []
    if old is not None and not isinstance(old, list):
        raise _WrongKeyError(path, f"this is no list, so it has no item {index}")
    here = f"{path}[{index}]"
    if index > len(items) or (index == len(items) and (rest or not text)):
        last = f"; the last is {path}[{len(items) - 1}]" if items else ""
        hint = f"{path}[{len(items)}]={{kind = …}} adds one"
        raise _WrongKeyError(here, f"there are {len(items)} items{last}", hint)
    if not rest and not text:
        return items[:index] + items[index + 1 :]
    before = items[index] if index < len(items) else None
    items[index : index + 1] = [_edited(before, item_type(kind) if kind else None, rest, text, here)]
    return items


def _edited_table(old: object, kind: inspect.Type | None, name: str, rest: Key, text: str, path: str) -> object:
    if old is not None and not isinstance(old, dict):
        hint = f"write {path}[0].{name} for the first item" if isinstance(old, list) else ""
        raise _WrongKeyError(join_key(path, name), f"{path} is no table", hint)
    table: dict[str, object] = dict(cast("dict[str, object]", old or {}))
    structs = struct_types(kind) if kind else ()
    chosen = _struct_of(table, structs)
    if name == "kind" and not rest and structs and structs[0].tag is not None:
        return _with_kind(table, structs, str(parse_value(text)))
    fields = {field.encode_name: field.type for field in chosen.fields} if chosen else {}
    if chosen and name not in fields:
        what = f"keys of {show_text(str(chosen.tag))}" if chosen.tag is not None else "keys"
        raise _WrongKeyError(join_key(path, name), "unknown key", did_you_mean(name, list(fields), what))
    if not rest and not text:
        table.pop(name, None)
    else:
        table[name] = _edited(table.get(name), fields.get(name), rest, text, join_key(path, name))
    return table


def _struct_of(table: dict[str, object], structs: tuple[inspect.StructType, ...]) -> inspect.StructType | None:
    """The struct a table stands for, if it is known already."""
    return next((each for each in structs if each.tag is None or each.tag == table.get("kind")), None)


def _with_kind(old: object, structs: tuple[inspect.StructType, ...], kind: str) -> dict[str, object]:
    """A table of another kind. What the old one set, other than its defaults, stays if the new one has such a key."""
    table = cast("dict[str, object]", old) if isinstance(old, dict) else {}
    before = _struct_of(table, structs)
    after = next((each for each in structs if each.tag == kind), None)
    kept: dict[str, object] = {}
    if before and after:
        keys = {field.encode_name for field in after.fields}
        for field in before.fields:
            name = field.encode_name
            default = to_raw(field.default, complete=True) if field.default is not msgspec.NODEFAULT else None
            if name in keys and name in table and table[name] != default:
                kept[name] = table[name]
    return {"kind": kind, **kept}
