"""Anything the structs of an experiment allow, drawn from their types; and anything a quick line can say."""

from __future__ import annotations

import typing
from typing import Any

import msgspec
import msgspec.inspect as inspect
from hypothesis import strategies as st

from tuinet.experiment.decode import experiment_type, from_raw
from tuinet.experiment.schema import options, struct_types
from tuinet.nn.parts import Part

NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,20}\Z")
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)


def raw(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """A value of this type as a TOML file has it: tables, lists, numbers, texts; never None."""
    return st.one_of(*(_option(option) for option in options(kind)))


def _option(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            low = int(kind.ge if kind.ge is not None else (kind.gt or 0) + 1 if kind.gt is not None else -1000)
            high = int(kind.le) if kind.le is not None else low + 1000
            return st.one_of(st.integers(low, min(high, low + 9)), st.integers(low, high))
        case inspect.FloatType():
            low = kind.ge if kind.ge is not None else kind.gt if kind.gt is not None else -1e6
            high = kind.le if kind.le is not None else kind.lt if kind.lt is not None else 1e6
            return st.floats(
                low, high, exclude_min=kind.gt is not None, exclude_max=kind.lt is not None, allow_nan=False
            )
        case inspect.LiteralType(values):
            return st.sampled_from(list(values))
        case inspect.Metadata():  # the name of an experiment: a text of a certain form
            return NAMES
        case inspect.StrType():
            return TEXTS if kind.max_length != 1 else st.sampled_from(",;|\t")
        case inspect.TupleType(item_types):
            return st.tuples(*map(raw, item_types)).map(list)
        case inspect.VarTupleType() | inspect.ListType():
            least, most = kind.min_length or 0, kind.max_length or 3
            return st.lists(st.deferred(lambda: raw(kind.item_type)), min_size=least, max_size=min(most, least + 3))
        case inspect.StructType():
            return table(kind)
        case inspect.DictType():
            return st.dictionaries(TEXTS, raw(kind.value_type), max_size=2)
        case _:
            raise AssertionError(kind)


def table(struct: inspect.StructType) -> st.SearchStrategy[dict[str, Any]]:
    """A table with every key that is needed and some of the others."""
    needed = {field.encode_name: raw(field.type) for field in struct.fields if field.required}
    others = {field.encode_name: raw(field.type) for field in struct.fields if not field.required}
    found = st.fixed_dictionaries(needed, optional=others)
    return found.map(lambda keys: {"kind": struct.tag, **keys}) if struct.tag is not None else found


EXPERIMENTS = raw(experiment_type()).map(lambda found: from_raw(found, "drawn"))


def layers() -> st.SearchStrategy[tuple[Any, ...]]:
    """Up to five layers of any kind, anyhow set."""
    structs = [struct for part in typing.get_args(Part) for struct in struct_types(inspect.type_info(part))]
    one = st.one_of(*map(table, structs))
    return st.lists(one, min_size=1, max_size=5).map(lambda found: msgspec.convert(found, tuple[Part, ...]))
