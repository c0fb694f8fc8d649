"""Edits of an experiment's layers and settings. Each gives a new experiment: undoing is going back to the old one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

import msgspec
import msgspec.inspect as inspect
import tomli_w

from tuinet.errors import TuinetError
from tuinet.experiment.costs import kind_of
from tuinet.experiment.decode import experiment_type
from tuinet.experiment.edit import apply_settings, parse_key
from tuinet.experiment.places import Place, layer_at, list_at, rows
from tuinet.experiment.schema import item_type as item_type_of
from tuinet.experiment.schema import options, struct_types
from tuinet.experiment.spec import Experiment
from tuinet.nn.layers.bidirectional import Bidirectional, Cell
from tuinet.nn.network import AnyLayer
from tuinet.nn.seq2seq import Seq2Seq

Origin = tuple[int | None, AnyLayer]
"""A layer of a changed list, and where in the old list it was; None: it is new."""


def add(experiment: Experiment, place: Place, layer: AnyLayer) -> Experiment:
    """With `layer` before the one at `place`, or behind the last. Raises TuinetError if it cannot stand there."""
    before = _origins(experiment, place, last=1)
    return _with_list(experiment, place, [*before[: place.index], (None, layer), *before[place.index :]])


def replace(experiment: Experiment, place: Place, layer: AnyLayer) -> Experiment:
    """With `layer` in place of the one at `place`. Raises TuinetError if it cannot stand there."""
    old = layer_at(experiment, place)
    if not place.in_list:
        assert place.outer is not None
        if not isinstance(layer, Cell):
            message = f"{kind_of(layer)} cannot be read in both directions"
            raise TuinetError(message, "take rnn, lstm, gru or clockwork")
        return replace(experiment, place.outer, Bidirectional(layer))
    changed = _origins(experiment, place)
    # A layer of another kind is another layer: that the old one was frozen says nothing about it.
    changed[place.index] = (place.index if layer.stem == old.stem else None, layer)
    return _with_list(experiment, place, changed)


def move(experiment: Experiment, place: Place, by: int) -> Experiment:
    """With the layer at `place` so many places further on in its list, where it is at `place.beside(by)`.

    Raises TuinetError if the list is not so long.
    """
    changed = _origins(experiment, place)
    target = place.index + by
    if not 0 <= target < len(changed):
        first = f"{kind_of(changed[place.index][1])} is the {'first' if by < 0 else 'last'} layer"
        raise TuinetError(f"{first} of {Place(place.keys[:-1])}" if abs(by) == 1 else f"there is no place {target}")
    changed.insert(target, changed.pop(place.index))
    return _with_list(experiment, place, changed)


def duplicate(experiment: Experiment, place: Place) -> Experiment:
    """With a second layer like the one at `place` behind it. Raises TuinetError if there is none."""
    return add(experiment, place.beside(1), layer_at(experiment, place))


def remove(experiment: Experiment, place: Place) -> Experiment:
    """Without the layer at `place`. Raises TuinetError if there is none."""
    changed = _origins(experiment, place)
    del changed[place.index]
    return _with_list(experiment, place, changed)


def set_field(experiment: Experiment, key: str, text: str) -> Experiment:
    """With the setting `key` (`model.layers[2].units`, `training.optimizer.rate`) at what was typed; "" unsets it.

    A value is written as in the file, but for what only typing makes tedious: texts have no quotes, and lists of
    numbers or names no brackets (`3 3`, `3×3`, `conv1, conv2`). Raises TuinetError, which says what would be right.
    """
    kind = _type_at(experiment, key)
    try:
        return apply_settings(experiment, [f"{key}={_as_toml(text.strip(), kind)}"], "")
    except TuinetError as error:
        raise TuinetError(error.message.removeprefix(": "), error.hint) from None


# ── layers ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _origins(experiment: Experiment, place: Place, last: int = 0) -> list[Origin]:
    """The list that `place` is in. Raises TuinetError if there is none, or the place is not in it."""
    layers = list_at(experiment, place)
    if not 0 <= place.index < len(layers) + last:
        raise TuinetError(f"there is no layer at {place}")
    return list(enumerate(layers))


def _with_list(experiment: Experiment, place: Place, changed: Sequence[Origin]) -> Experiment:
    """With another list in place of the one that `place` is in. Layers that were frozen stay so under their new names,
    for names count: without conv1, conv2 becomes conv1."""
    layers = tuple(layer for _, layer in changed)
    outer = place.outer
    if outer is None:
        after = _with_layers(experiment, layers)
    elif any(isinstance(layer, Seq2Seq) for layer in layers):
        raise TuinetError("a seq2seq layer is the only layer of its network", "there is none inside another")
    else:
        whole = msgspec.structs.replace(layer_at(experiment, outer), **{str(place.keys[-2]): layers})
        after = _with_layers(experiment, _replaced(experiment.model.layers, outer.index, whole))
    old, new = _names(experiment, place), _names(after, place)
    renamed: dict[str, str | None] = dict.fromkeys(old)
    renamed |= {old[origin]: name for name, (origin, _) in zip(new, changed, strict=True) if origin is not None}
    freeze = [_followed(name, renamed) for name in experiment.model.freeze]
    model = msgspec.structs.replace(after.model, freeze=tuple(name for name in freeze if name is not None))
    return msgspec.structs.replace(after, model=model)


def _with_layers(experiment: Experiment, layers: tuple[AnyLayer, ...]) -> Experiment:
    return msgspec.structs.replace(experiment, model=msgspec.structs.replace(experiment.model, layers=layers))


def _replaced(layers: tuple[AnyLayer, ...], index: int, layer: AnyLayer) -> tuple[AnyLayer, ...]:
    return (*layers[:index], layer, *layers[index + 1 :])


def _names(experiment: Experiment, place: Place) -> list[str]:
    """The names of the layers in the list that `place` is in."""
    return [row.name for row in rows(experiment) if row.place.in_list and row.place.at(0) == place.at(0)]


def _followed(frozen: str, renamed: dict[str, str | None]) -> str | None:
    """The name of a frozen layer, or of a part of one, after the edit; None if it is gone."""
    for old, new in renamed.items():
        if frozen == old or frozen.startswith(f"{old}/"):
            return None if new is None else new + frozen[len(old) :]
    return frozen


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _type_at(experiment: Experiment, key: str) -> inspect.Type | None:
    """What a setting may be; None where that is not known, since there is no such setting or it is in none that is."""
    kind: inspect.Type | None = experiment_type()
    value: object = experiment
    for part in parse_key(key):
        if kind is None:
            return None
        if isinstance(part, int):
            kind = item_type_of(kind)
            items = cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()
            value = items[part] if part < len(items) else None
        else:
            structs = struct_types(kind)
            chosen = [each for each in structs if each.cls is type(value) or (value is None and each.tag is None)]
            fields = {field.encode_name: field for field in chosen[0].fields} if chosen else {}
            kind = fields[part].type if part in fields else None
            value = getattr(value, fields[part].name, None) if part in fields else None
    return kind


def _as_toml(text: str, kind: inspect.Type | None) -> str:
    """What was typed, with the quotes and brackets that its type needs."""
    found = options(kind) if kind is not None else ()
    if not text or not found:
        return text
    if all(_is_text(option) for option in found):
        return tomli_w.dumps({"v": text}).partition("=")[2].strip()
    items = [item for option in found if (item := item_type_of(option)) is not None]
    several = re.split(r"\s*[,;×·\s]\s*|(?<=\d)x(?=\d)", text)
    if items and text[0] not in "[{" and not struct_types(items[0]) and (len(several) > 1 or len(found) == 1):
        return f"[{', '.join(_as_toml(each, items[0]) for each in several if each)}]"
    return text


def _is_text(kind: inspect.Type) -> bool:
    return isinstance(kind.type if isinstance(kind, inspect.Metadata) else kind, inspect.StrType)
