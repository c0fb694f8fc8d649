"""The settings inside an experiment as rows of a form, made from the structs' own fields: type, bounds, help, value."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple, cast

import msgspec
import msgspec.inspect as inspect

from tuinet.errors import TuinetError
from tuinet.experiment.costs import kind_of, settings_in_words
from tuinet.experiment.decode import experiment_type, to_raw
from tuinet.experiment.document import describe
from tuinet.experiment.edit import Key, parse_key
from tuinet.experiment.ideas import idea_of
from tuinet.experiment.inline import inline
from tuinet.experiment.places import Place
from tuinet.experiment.schema import in_words, item_type, options, strip, struct_types
from tuinet.experiment.spec import Experiment


class FormRow(NamedTuple):
    """One setting.

    key           as `--set` calls it
    shown, text   its value for people, and as it is typed; "" where it is not set
    words         what it may be
    help          what it does, and which idea of the lecture it is
    about         of a table with a kind: what that kind is, and which idea
    choices       the words that can stand here; () where any value of the type can
    is_set        whether it is other than its default
    """

    key: str
    name: str
    depth: int
    shown: str
    text: str
    words: str
    help: str
    about: str
    choices: tuple[str, ...]
    may_be_unset: bool
    is_set: bool


_described = cache(describe)


def form_rows(experiment: Experiment, key: str) -> tuple[FormRow, ...]:
    """The setting `key`, then all inside it, in the order of the file; layers inside layers have forms of their own.

    Raises TuinetError if there is no such setting.
    """
    return tuple(_rows(experiment, parse_key(key)))


def row_of(experiment: Experiment, key: str) -> FormRow:
    """One of them. Raises TuinetError if there is no such setting."""
    return next(_rows(experiment, parse_key(key)))


def _rows(experiment: Experiment, key: Key) -> Iterator[FormRow]:
    kind: inspect.Type = experiment_type()
    value: object = experiment
    help_, default = "", msgspec.NODEFAULT
    for part in key:
        found = _inside(kind, value, part)
        if found is None:
            raise TuinetError(f"there is no setting {Place(key)}")
        kind, value, help_, default = found
    yield from _row(Place(key), kind, value, help_, default, 0)


def _inside(kind: inspect.Type, value: object, part: str | int) -> tuple[inspect.Type, object, str, object] | None:
    if isinstance(part, int):
        items = item_type(kind)
        several = cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()
        return None if items is None or part > len(several) else (items, (*several, None)[part], "", msgspec.NODEFAULT)
    for struct in struct_types(kind):
        if struct.cls is type(value):
            for field in struct.fields:
                if field.encode_name == part:
                    return field.type, getattr(value, field.name), _help(struct.cls, field.name), field.default
    return None


def _row(place: Place, kind: inspect.Type, value: object, help_: str, default: object, depth: int) -> Iterator[FormRow]:
    structs, items = struct_types(kind), item_type(kind)
    about = _about(type(value)) if isinstance(value, msgspec.Struct) else ""
    unset = default is None or (value is None and default is msgspec.NODEFAULT)
    optional = isinstance(strip(kind), inspect.UnionType) and any(
        isinstance(option, inspect.NoneType) for option in cast("inspect.UnionType", strip(kind)).types
    )
    yield FormRow(
        key=str(place),
        name=str(place.keys[-1]),
        depth=depth,
        shown=_shown(value),
        text=_typed(value, bool(structs)),
        words=in_words(kind),
        help=help_,
        about=about,
        choices=_choices(kind),
        may_be_unset=unset or optional or default is not msgspec.NODEFAULT,
        is_set=default is msgspec.NODEFAULT or value != default,
    )
    if isinstance(value, msgspec.Struct):
        struct = next((each for each in structs if each.cls is type(value)), None)
        for field in struct.fields if struct is not None else ():
            inner = item_type(field.type)
            if inner is not None and any(_is_layer(each) for each in struct_types(inner)):
                continue
            if any(_is_layer(each) for each in struct_types(field.type)):
                continue
            here = Place((*place.keys, field.encode_name))
            said = _help(type(value), field.name)
            yield from _row(here, field.type, getattr(value, field.name), said, field.default, depth + 1)
    elif value is None and len(structs) == 1 and structs[0].tag is None:  # a table that is not there can be begun
        for field in structs[0].fields:
            here = Place((*place.keys, field.encode_name))
            yield from _row(here, field.type, None, _help(structs[0].cls, field.name), None, depth + 1)
    elif isinstance(value, tuple) and items is not None and struct_types(items):
        for index, each in enumerate((*cast("tuple[object, ...]", value), None)):
            yield from _row(
                Place((*place.keys, index)), items, each, "one more" if each is None else "", None, depth + 1
            )


def _help(cls: type[msgspec.Struct], field: str) -> str:
    return _with_idea(_described(cls)[1].get(field, ""), idea_of(cls, field))


def _about(cls: type[msgspec.Struct]) -> str:
    return _with_idea(_described(cls)[0].split("\n\n")[0], idea_of(cls))


def _with_idea(text: str, idea: str) -> str:
    return f"{text} The lecture: {idea}." if idea else text


def _is_layer(struct: inspect.StructType) -> bool:
    from tuinet.nn.layer import Layer

    return issubclass(struct.cls, Layer)


def _choices(kind: inspect.Type) -> tuple[str, ...]:
    """Words that can stand here, if only such can."""
    found: list[str] = []
    for option in options(kind):
        if isinstance(option, inspect.LiteralType):
            found += map(str, option.values)
        elif isinstance(option, inspect.BoolType):
            found += ["true", "false"]
        elif isinstance(option, inspect.StructType) and option.tag is not None:
            found.append(str(option.tag))
        else:
            return ()
    return tuple(found)


def _shown(value: object) -> str:
    """For people: a table by its kind and what is set in it."""
    if value is None:
        return ""
    if isinstance(value, msgspec.Struct):
        named = value.__struct_config__.tag is not None
        return f"{kind_of(value) if named else ''} {settings_in_words(value)}".strip()
    if isinstance(value, tuple):
        several = cast("tuple[object, ...]", value)
        if any(isinstance(each, msgspec.Struct) for each in several):
            return f"{len(several)}: {', '.join(map(_shown, several))}"
    return _typed(cast("object", value), False)


def _typed(value: object, table: bool) -> str:
    """As it is typed: texts without quotes, lists of numbers without brackets, tables by their kind."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, msgspec.Struct):
        return kind_of(value) if value.__struct_config__.tag is not None else ""
    if isinstance(value, tuple) and not table:
        return " ".join(_typed(each, False) for each in cast("tuple[object, ...]", value))
    return inline(to_raw(cast("object", value), complete=False))
