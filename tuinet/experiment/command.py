"""The command line that trains an experiment: what a screen shows, and anyone can type."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import cast

import msgspec

from tuinet.experiment.decode import load_experiment, to_raw
from tuinet.experiment.edit import parse_value
from tuinet.experiment.inline import inline
from tuinet.experiment.problem import join_key
from tuinet.experiment.recipes import ORDER
from tuinet.experiment.spec import Experiment

FEW = 4
"""Settings that a command line may change; more belong into a file."""

LONGEST_SETTING = 60
"""Characters of one of them, for the same reason."""


Items = tuple[object, ...]


def command_for(experiment: Experiment, source: str) -> str:
    """The command that trains `experiment`, quoted for a shell. `source`: the recipe it began as, or its file.

    Of a recipe that was changed in a few settings: `tuinet train digits-cnn --set training.epochs=5`. If it was changed
    in more, `tuinet train NAME.toml`: as which it has to be saved. Of a file, `tuinet train FILE`: what was changed has
    to be saved there.
    """
    words = ["tuinet", "train", source]
    if source in ORDER:
        settings = settings_between(load_experiment(source), experiment)
        if len(settings) > FEW or any(len(each) > LONGEST_SETTING for each in settings):
            words[2] = f"{experiment.name}.toml"
        else:
            words += [word for each in settings for word in ("--set", each)]
    elif source.startswith("-"):
        words[2] = f"./{source}"
    return shlex.join(words)


def settings_between(old: Experiment, new: Experiment) -> list[str]:
    """Settings KEY=VALUE that make `new` of `old`: apply_settings(old, these) == new."""
    return list(_changes(old, new, ""))


def _changes(old: object, new: object, path: str) -> Iterator[str]:
    if inline(to_raw(old, complete=True)) == inline(to_raw(new, complete=True)):  # 1 and 1.0 are not the same
        return
    if isinstance(new, msgspec.Struct) and type(old) is type(new):
        for name in new.__struct_fields__:
            yield from _changes(getattr(old, name), getattr(new, name), join_key(path, name))
        return
    items, others = (cast("Items", each) if isinstance(each, tuple) else () for each in (old, new))
    if items and len(items) == len(others) and all(isinstance(each, msgspec.Struct) for each in (*items, *others)):
        for place, (item, other) in enumerate(zip(items, others, strict=True)):
            yield from _changes(item, other, f"{path}[{place}]")
        return
    yield f"{path}={_written(new)}"


def _written(value: object) -> str:
    """As TOML, without quotes where a word does not need them; nothing, if it is unset."""
    if value is None:
        return ""
    bare = (
        isinstance(value, str) and value.strip() == value != "" and value.isprintable() and parse_value(value) == value
    )
    return str(value) if bare else inline(to_raw(value, complete=False))
