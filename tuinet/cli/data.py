"""`tuinet data`: the data sets known by name, and fetching those that do not ship."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tuinet.errors import TuinetError

if TYPE_CHECKING:
    from tuinet.data.sources import NamedSet
    from tuinet.nn.layer import Shape

SHOWN = 3
"""Samples of a set of texts that are shown."""

LONGEST = 60
"""Characters of a text that are shown."""


@click.group("data", short_help="List data sets, describe one, fetch one.")
def command() -> None:
    """The data sets known by name. Data of your own are named in an experiment file."""


@command.command("list")
def list_all() -> None:
    """All data sets: those that are generated, those that ship, and those that are fetched."""
    from tuinet.cli.output import write_table
    from tuinet.data.sources import DATASETS

    rows = [
        (name, found.title, _size(found.info.input_shape), f"{sum(found.info.sizes.values()):,}", _state(name, found))
        for name, found in DATASETS.items()
    ]
    write_table(("data set", "what", "input", "samples", "where"), rows, right=("input", "samples"))


def _size(shape: Shape) -> str:
    return "text" if shape.kind == "id" else str(shape)


def _state(name: str, found: NamedSet) -> str:
    if found.kind != "fetched":
        return found.kind
    from tuinet.data.fetched import read_record

    record = read_record(name)
    if record is None:
        return f"tuinet data fetch {name}"
    return "fetched" if record.official else "fetched, not the official set"


@command.command("info")
@click.argument("name")
def info(name: str) -> None:
    """All that is known of the data set NAME: shape, classes, sizes, licence; where it is."""
    from tuinet.cli.output import write_facts
    from tuinet.data.fetched import read_record
    from tuinet.data.kept import data_folder

    found = _named(name)
    about = found.info
    facts: list[tuple[str, object]] = [
        ("data set", name),
        ("what", found.title),
        ("task", about.task),
        ("input", _input(about.input_shape)),
        ("columns", ", ".join(column.name for column in about.columns)),
        ("classes", f"{about.classes}: {', '.join(about.labels)}" if about.classes else ""),
        ("targets", ", ".join(about.target_names)),
        (
            "characters" if about.task == "next-symbol" else "samples",
            ", ".join(f"{count:,} {part}" for part, count in about.sizes.items()),
        ),
        ("pixels", f"0 to {about.maximum:g}" if about.maximum != 1 else ""),
        ("where", _state(name, found)),
        ("licence", found.licence),
    ]
    record = read_record(name) if found.kind == "fetched" else None
    if found.kind != "fetched" or record is not None:
        facts += _texts(found)
    if record is not None:
        facts += [("folder", data_folder() / name), ("taken from", record.origin), ("note", record.note)]
    write_facts(facts)


def _input(shape: Shape) -> str:
    if shape.kind == "id":
        return "text"
    axes = (*("step",) * shape.sequence, *shape.axes)
    return f"{shape} ({' × '.join(axes)})"


def _texts(found: NamedSet) -> list[tuple[str, object]]:
    """Of a set with texts: its symbols, their lengths, and the first samples."""
    from pathlib import Path

    from tuinet.data.encoding import encode_dataset
    from tuinet.data.texts import Texts

    if found.info.input_shape.kind != "id" and found.info.task != "seq2seq":
        return []
    dataset = found.source.load(Path(), 0)
    encoded = encode_dataset(dataset)
    info = encoded.dataset.info
    sides = (("in", encoded.vocabulary, info.length), ("out", encoded.target_vocabulary, info.target_length))
    if info.task == "next-symbol":
        sides = (("", encoded.vocabulary, 0.0),)
    facts: list[tuple[str, object]] = []
    for side, vocabulary, length in sides:
        if vocabulary is not None:
            unit = vocabulary.tokens.unit
            words = f"{len(vocabulary):,}, the units are {unit}" + (f", {length:,.1f} a text" if length else "")
            facts.append((f"symbols {side}".rstrip(), words))
    inputs, targets = dataset.splits["train"].take(slice(0, SHOWN))
    if info.task == "next-symbol":
        lines = [line for line in next(iter(inputs))[:10_000].splitlines() if line.strip()]
        return [*facts, *(("begins" if row == 0 else "", _cut(line)) for row, line in enumerate(lines[:SHOWN]))]
    for row in range(len(targets)):
        source = _cut(inputs.row(row)) if isinstance(inputs, Texts) else f"image {row}"
        if isinstance(targets, Texts):
            target = _cut(targets.row(row))
        elif info.task == "tagging":
            target = " ".join(info.labels[tag] for tag in targets.row(row).tolist())
        else:
            target = info.labels[int(targets[row])]
        facts.append(("for example" if row == 0 else "", f"{source} → {_cut(target)}"))
    return facts


def _cut(text: str) -> str:
    """As much of a text as a line has room for."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _named(name: str) -> NamedSet:
    import difflib

    from tuinet.data.sources import DATASETS

    found = DATASETS.get(name)
    if found is None:
        near = difflib.get_close_matches(name, DATASETS, 1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(DATASETS)}."
        raise TuinetError(f"there is no data set {name}", hint)
    return found


@command.command("fetch")
@click.argument("name")
@click.option("--from", "origin", metavar="DIR_OR_URL", help="A local folder or another mirror, gzipped or not.")
def fetch(name: str, origin: str | None) -> None:
    """Download the data set NAME from its authors' mirrors, verify it, keep it in the user's data folder.

    $TUINET_DATA names another folder.
    """
    from tuinet.cli.output import is_terminal
    from tuinet.data.fetch import fetch as fetch_set
    from tuinet.data.fetched import read_record
    from tuinet.readable import printable, printable_lines

    folder = _with_bar(name, origin) if is_terminal() else fetch_set(name, origin)
    click.echo(f"{name} is in {printable(folder)}")
    record = read_record(name)
    if record is not None and record.note:
        click.echo(f"note: {printable_lines(record.note)}", err=True)


def _with_bar(name: str, origin: str | None) -> object:
    """Fetch with a bar for each file on its way."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    from tuinet.data.fetch import fetch as fetch_set

    bars: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(highlight=False, markup=False), transient=True) as progress:

        def show(file: str, done: int, total: int) -> None:
            if file not in bars:
                bars[file] = progress.add_task(file, total=total)
            progress.update(bars[file], completed=done, total=total)

        return fetch_set(name, origin, show)
