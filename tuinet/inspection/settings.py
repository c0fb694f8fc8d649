"""All that a model file says beside its numbers, setting by setting, as texts that can be compared."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import cast

import msgspec

from tuinet.experiment.decode import to_raw
from tuinet.model.model import Model

MOST = 60
"""Characters of a setting that are shown."""


def settings_of(model: Model) -> dict[str, str]:
    """Every setting of every layer (`conv1.padding`) and of what `Meta` holds (`preparation[0].divisor`)."""
    found: dict[str, str] = {}
    for name, layer in zip(model.network.names(), model.network.layers, strict=True):
        _flatten(name, to_raw(layer, complete=True), found)
    for field in msgspec.structs.fields(model.meta):
        value = to_raw(getattr(model.meta, field.name), complete=True)
        if field.name == "history":  # a row for each figure of each epoch would fill pages
            text = msgspec.json.encode(value)
            found[field.name] = f"{len(model.meta.history):,} epochs, their figures {zlib.crc32(text):08x}"
        else:
            _flatten(field.name, _data(value) if field.name == "data" else value, found)
    return found


def _data(said: object) -> object:
    """What a model was trained on, which it may hold as JSON."""
    try:
        return msgspec.json.decode(str(said), type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return said


def _flatten(name: str, value: object, found: dict[str, str]) -> None:
    """Tables key by key, lists of tables item by item, all else as JSON; "" for what is not set."""
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[str, object]", value).items():
            _flatten(f"{name}.{key}", inner, found)
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in cast("list[object]", value)):
        for place, inner in enumerate(cast("list[object]", value)):
            _flatten(f"{name}[{place}]", inner, found)
    elif value is not None and value != []:
        found[name] = value if isinstance(value, str) else msgspec.json.encode(value).decode()


def shown(before: str, after: str) -> tuple[str, str]:
    """Both, short enough for a line: of long ones the place where they part."""
    if max(len(before), len(after)) <= MOST:
        return before, after
    parted = next(
        (k for k, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    start = max(0, parted - MOST // 3)
    return _cut(before, start), _cut(after, start)


def _cut(text: str, start: int) -> str:
    end = start + MOST
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
