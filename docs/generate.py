"""Writes the documents that are made from the code: `make docs`. A test holds them to it.

docs/events.md            from the structs in tuinet/training/events.py
docs/experiment-file.md   from the structs in tuinet/experiment/spec.py (by tuinet/experiment/document.py)
docs/import-file.md       from the structs in tuinet/experiment/foreign.py (by the same)
docs/views.md             from the catalog in tuinet/inspection/catalog.py (by docs/views_document.py)
docs/keys.md              from the table in tuinet/tui/keys.py
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tuinet.training import events as ev

DOCS = Path(__file__).resolve().parent

INTRODUCTION = """\
# Events

<!-- Made from tuinet/training/events.py by `make docs`. Change it there. -->

What happens in a run is written as events, one JSON object a line, UTF-8: into `events.jsonl` in the run's directory,
and with `tuinet train --json` and `tuinet runs watch --json` to stdout, the same lines.

- The key `event` says which event it is. New events and new keys may come with new versions: pass over what you do not
  know. Keys are never taken away or given another meaning within a major version.
- Keys at their default are left out: `step` 0, a `null`, a `false`.
- JSON knows neither NaN nor infinity: a number that is not finite is `null`.
- There are at most 20 step events a second; each stands for `count` steps.
- The last line of a run is `run-ended` or `run-failed`. A run that was interrupted ends with `run-ended`, too; when it
  is resumed, the log is cut back to its last checkpoint, and goes on from there.
- Lines are flushed as they are written. A reader should pass over a last line without line end: it is not whole yet.

Every event has:

"""

EXAMPLES: tuple[ev.Event, ...] = (
    ev.RunStarted(
        time=1700000000.125, name="digits-cnn", version="0.1.0", parameters=5130,
        samples={"train": 1169, "validation": 269, "test": 359}, epochs=20, batch_size=32, steps_per_epoch=37,
        shard_size=16, threads=2, steps_per_event=5, steps_per_checkpoint=185, task="classification",
    ),
    ev.StepDone(
        step=40, time=1700000001.5, epoch=2, count=5, samples=160, loss=ev.Range(0.75, 0.5, 1.125), rate=0.001
    ),
    ev.EpochDone(
        step=74, time=1700000002.0, epoch=2, complete=True, train={"loss": 0.75, "accuracy": 0.8125},
        validation={"loss": 0.5, "accuracy": 0.875}, best=True,
    ),
    ev.PhaseStarted(step=600, time=1700000009.0, phase="retrain", samples=1438, epochs=15),
    ev.Checkpointed(step=185, time=1700000004.0),
    ev.CommandDone(
        step=100, time=1700000003.0, id="a1b2c3", do="set", ok=True, message="learning rate 0.0005 from step 101 on",
        rate=0.0005,
    ),
    ev.SettingsChanged(step=185, time=1700000100.0, changes={"training.epochs": "20 -> 40"}, epochs=40),
    ev.RunEnded(
        step=740, time=1700000010.0, reason="epochs",
        metrics={
            "validation": {"loss": 0.125, "accuracy": 0.96875},
            "test": {"loss": 0.109375, "accuracy": 0.9765625, "errors": 8},
        },
        model="runs/digits-cnn-20231114-221320/model.safetensors",
    ),
    ev.RunFailed(step=12, time=1700000001.0, message="the loss is not finite", layer="dense1", rate=10.0),
)  # fmt: skip
"""One event of each kind."""


def events_document() -> str:
    """docs/events.md."""
    parts = [INTRODUCTION, _table(ev.Event), "\n"]
    examples = {type(example): example for example in EXAMPLES}
    for struct in typing.get_args(ev.AnyEvent):
        parts.append(f"\n## `{struct.__struct_config__.tag}`\n\n{_paragraphs(struct)}\n\n")
        fields = _table(struct)
        parts.append(f"{fields}\n" if fields else "")
        parts.append(f"```json\n{ev.encode(examples[struct]).decode().rstrip()}\n```\n")
    parts.append(f"\n## Ranges\n\n{_paragraphs(ev.Range)}\n\n{_table(ev.Range)}")
    return "".join(parts)


def _paragraphs(struct: type) -> str:
    return inspect.getdoc(struct) or ""


def _table(struct: type[msgspec.Struct]) -> str:
    """The struct's own fields, without those that every event has."""
    inherited = set() if struct is ev.Event else {field.name for field in msgspec.structs.fields(ev.Event)}
    hints = typing.get_type_hints(struct)
    rows = [
        f"| `{field.encode_name}` | {_words(hints[field.name])} | {'yes' if field.required else 'no'} |\n"
        for field in msgspec.structs.fields(struct)
        if field.name not in inherited
    ]
    return "| key | value | always there |\n|---|---|---|\n" + "".join(rows) if rows else ""


def _words(hint: Any) -> str:
    """A type as words of JSON."""
    plain = {int: "whole number", float: "number", str: "string", bool: "true or false", type(None): "null"}
    if hint in plain:
        return plain[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_words(each) for each in arguments)
    if origin is Mapping:
        inside = _words(arguments[1])
        return f"object: name → ({inside})" if " or " in inside else f"object: name → {inside}"
    if hint is ev.Range:
        return "a [range](#ranges)"
    raise TypeError(f"no words for {hint}")


def documents() -> dict[Path, str]:
    """Every document that is made from the code, with its text."""
    from tuinet.experiment import document

    return {
        DOCS / "events.md": events_document(),
        DOCS / "experiment-file.md": document.document(),
        DOCS / "import-file.md": document.import_document(),
        DOCS / "views.md": views_document(),
        DOCS / "keys.md": keys_document(),
    }


KEYS_INTRODUCTION = """\
# Keys

<!-- Made from tuinet/tui/keys.py by `make docs`. Change it there. -->

The foot of the screen shows the keys that work now, `?` all of the screen. Arrows move the cursor of the pane that has
the focus, and nothing else; `tab` goes to the next pane. Whatever a key does, the palette (`:`) does, too, by its name;
in a field, where letters are letters, `ctrl+p` opens it.

Other keys can be given in `keys.toml`, in tuinet's folder of settings (`~/.config/tuinet` on Linux): the names are
those of the last column.

```toml
[keys]
"train.pause" = "p"
"train.stop" = "ctrl+s"
```
"""


def keys_document() -> str:
    """docs/keys.md."""
    from tuinet.tui.keys import PLACES, keys_of

    parts = [KEYS_INTRODUCTION]
    for place, title in PLACES.items():
        parts.append(f"\n## {title}\n\n| key | does | name |\n|---|---|---|\n")
        parts += [f"| {_keys_in_words(key.keys)} | {key.help} | `{key.id}` |\n" for key in keys_of(place)]
    return "".join(parts)


def _keys_in_words(keys: str) -> str:
    from tuinet.tui.keys import SIGNS

    return " ".join(f"`{SIGNS.get(name, name)}`" for name in keys.split(","))


def views_document() -> str:
    """docs/views.md."""
    path = DOCS / "views_document.py"
    spec = importlib.util.spec_from_file_location("views_document", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text: str = module.views_document()
    return text


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text, "utf-8")
        sys.stdout.write(f"wrote {path}\n")
