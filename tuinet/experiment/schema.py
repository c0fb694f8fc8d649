"""What the types of the experiment allow, in plain words, and the first place where a file departs from them.

msgspec decodes the file; but it names neither the key that was probably meant, nor the kinds there are, and its
types are Python's. `first_problem` walks the file and the types side by side and says it for people.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec.inspect as inspect

from tuinet.experiment.problem import Problem, did_you_mean, join_key, show, show_text

INT64 = 2**63
Number = inspect.IntType | inspect.FloatType


def first_problem(value: Any, kind: inspect.Type, path: str = "") -> Problem | None:
    """The first thing in `value` that `kind` does not allow, in the order of the file; None if all is well."""
    kind = strip(kind)
    structs = struct_types(kind)
    if isinstance(value, dict) and structs:
        return _table_problem(cast("dict[str, object]", value), structs, path)
    if isinstance(value, list):
        items = cast("list[object]", value)
        for option in options(kind):
            item_types = _item_types(option, len(items))
            if item_types is not None:
                pairs = enumerate(zip(items, item_types, strict=True))
                found = (first_problem(item, item_type, f"{path}[{i}]") for i, (item, item_type) in pairs)
                return next((problem for problem in found if problem), None)
    elif any(_scalar_fits(value, option) for option in options(kind)):
        return None
    return Problem(
        path, f"{in_words(kind)} is needed here, not {show(cast('object', value))}", _nearest_literal(value, kind)
    )


def _nearest_literal(value: Any, kind: inspect.Type) -> str:
    literals = [option.values for option in options(kind) if isinstance(option, inspect.LiteralType)]
    if not isinstance(value, str) or not literals:
        return ""
    return did_you_mean(value, [str(word) for words in literals for word in words], "words that can stand here")


def _table_problem(table: dict[str, object], structs: Sequence[inspect.StructType], path: str) -> Problem | None:
    chosen, problem = _choose(table, structs, path)
    if chosen is None:
        return problem
    fields = {field.encode_name: field for field in chosen.fields}
    tag_field = chosen.tag_field if chosen.tag is not None else None
    for key, value in table.items():
        if key == tag_field:
            continue
        here = join_key(path, key)
        if key not in fields:
            owner = f" of {show_text(str(chosen.tag))}" if chosen.tag is not None else ""
            nothing = f"{show_text(str(chosen.tag))} has no settings" if not fields else ""
            return Problem(here, "unknown key", did_you_mean(key, list(fields), f"keys{owner}") or nothing)
        problem = first_problem(value, fields[key].type, here)
        if problem:
            return problem
    for key, field in fields.items():
        if field.required and key not in table:
            owner = f" ({show_text(str(chosen.tag))} needs it)" if chosen.tag is not None else ""
            return Problem(join_key(path, key), f"this key is missing{owner}", f"it is {in_words(field.type)}")
    return None


def _choose(
    table: Mapping[str, object], structs: Sequence[inspect.StructType], path: str
) -> tuple[inspect.StructType | None, Problem | None]:
    """The struct a table stands for: the only one, or the one its `kind` names."""
    if len(structs) == 1 and structs[0].tag is None:
        return structs[0], None
    kinds = {str(struct.tag): struct for struct in structs}
    tag_field = structs[0].tag_field or "kind"
    here = join_key(path, tag_field)
    tag = table.get(tag_field)
    if tag is None:
        return None, Problem(here, "this key is missing", f"it is one of: {', '.join(kinds)}")
    if isinstance(tag, str) and tag in kinds:
        return kinds[tag], None
    hint = did_you_mean(tag, list(kinds), "kinds") if isinstance(tag, str) else f"kinds: {', '.join(kinds)}"
    return None, Problem(here, f"there is no kind {show(tag)} here", hint)


def strip(kind: inspect.Type) -> inspect.Type:
    """Without the wrapper that carries a description."""
    while isinstance(kind, inspect.Metadata):
        if isinstance(kind.type, inspect.StrType) and kind.type.pattern:
            break  # its description says in words what the pattern means
        kind = kind.type
    return kind


def options(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    """The types one of which a value must have. TOML knows no null, so an optional value has one option less."""
    kind = strip(kind)
    each = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return tuple(option for option in map(strip, each) if not isinstance(option, inspect.NoneType))


def struct_types(kind: inspect.Type) -> tuple[inspect.StructType, ...]:
    return tuple(option for option in options(kind) if isinstance(option, inspect.StructType))


def item_type(kind: inspect.Type) -> inspect.Type | None:
    """The type of the items, if a value of this type can be a list."""
    for option in options(kind):
        if isinstance(option, inspect.VarTupleType | inspect.ListType):
            return option.item_type
        if isinstance(option, inspect.TupleType):
            return option.item_types[0]
    return None


def _item_types(kind: inspect.Type, count: int) -> Sequence[inspect.Type] | None:
    """The types of `count` items of a list, or None if `kind` is no list of that length."""
    match kind:
        case inspect.TupleType(item_types) if len(item_types) == count:
            return item_types
        case inspect.VarTupleType() | inspect.ListType():
            least, most = kind.min_length or 0, kind.max_length
            fits = least <= count and (most is None or count <= most)
            return [kind.item_type] * count if fits else None
        case _:
            return None


def _scalar_fits(value: Any, kind: inspect.Type) -> bool:
    match kind:
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool) and _within(value, kind)
        case inspect.FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool) and _within(value, kind)
        case inspect.LiteralType(values):
            return any(value == each and type(value) is type(each) for each in cast("tuple[object, ...]", values))
        case inspect.Metadata():
            return _scalar_fits(value, kind.type)
        case inspect.StrType():
            if not isinstance(value, str):
                return False
            long_enough = len(value) >= (kind.min_length or 0)
            short_enough = kind.max_length is None or len(value) <= kind.max_length
            return long_enough and short_enough and (kind.pattern is None or bool(re.search(kind.pattern, value)))
        case _:
            return False


def _within(value: float, kind: Number) -> bool:
    return (
        (isinstance(value, float) or -INT64 <= value < INT64)
        and math.isfinite(value)
        and (kind.ge is None or value >= kind.ge)
        and (kind.gt is None or value > kind.gt)
        and (kind.le is None or value <= kind.le)
        and (kind.lt is None or value < kind.lt)
    )


def in_words(kind: inspect.Type) -> str:
    """What a value may be: "a whole number of at least 1", "true or false", "a list" …"""
    words = list(dict.fromkeys(_option_in_words(option) for option in options(kind)))
    return ", ".join(words[:-1]) + " or " + words[-1] if len(words) > 1 else "".join(words)


def _option_in_words(kind: inspect.Type) -> str:
    match kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return f"a whole number{_limits(kind)}"
        case inspect.FloatType():
            return f"a number{_limits(kind)}"
        case inspect.LiteralType(values):
            return " or ".join(show(each) for each in cast("tuple[object, ...]", values))
        case inspect.Metadata():
            schema = cast("dict[str, object]", kind.extra_json_schema or {})  # pyright: ignore[reportUnknownMemberType]
            return str(schema.get("description", "a text of a certain form"))
        case inspect.StrType():
            return "a text in quotes" + (
                f" of at most {kind.max_length} characters" if kind.max_length else ""
            ).replace(" 1 characters", " one character")
        case inspect.TupleType(item_types):
            each = list(dict.fromkeys(in_words(item) for item in item_types))
            return f"a list of {len(item_types)}" + (f", each {each[0]}" if len(each) == 1 else "")
        case inspect.VarTupleType() | inspect.ListType():
            item = kind.item_type
            if kind.min_length is not None and kind.min_length == kind.max_length:
                return f"a list of {kind.min_length}, each {in_words(item)}"
            return "a list of tables" if struct_types(item) else f"a list, each item {in_words(item)}"
        case inspect.StructType():
            return "a table such as { kind = … }" if kind.tag is not None else "a table"
        case inspect.DictType():
            return "a table"
        case _:
            return "a value of another type"


def _limits(kind: Number) -> str:
    if kind.ge is not None and kind.le is not None:
        return f" from {_figure(kind.ge)} to {_figure(kind.le)}"
    bounds = (("of at least", kind.ge), ("above", kind.gt), ("at most", kind.le), ("below", kind.lt))
    said = [f"{words} {_figure(bound)}" for words, bound in bounds if bound is not None]
    return f" {' and '.join(said)}" if said else ""


def _figure(value: float) -> str:
    if value == INT64 - 1:
        return "2⁶³ − 1"
    return f"{int(value):,}" if value == int(value) and abs(value) < 1e15 else f"{value:g}"
