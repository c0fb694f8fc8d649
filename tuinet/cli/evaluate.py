"""`tuinet evaluate`: how good a model is on a part of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuinet.errors import TuinetError

if TYPE_CHECKING:
    from tuinet.data.dataset import Dataset, Split
    from tuinet.experiment.spec import Experiment
    from tuinet.model.model import Model


@click.command("evaluate", short_help="Measure a model on a part of a data set.")
@click.argument("model")
@click.option("--data", metavar="NAME_OR_PATH", help="A data set or file. Default: what the model was trained on.")
@click.option("--split", metavar="PART", help="train, validation, test or all. Default: test.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(model: str, data: str | None, split: str | None, as_json: bool) -> None:
    """Measure MODEL: a .safetensors file, a run's directory, or the name of a model that ships."""
    from tuinet.cli.output import printable, write_facts, write_json
    from tuinet.files.find import find_model
    from tuinet.files.model_file import load_model
    from tuinet.render.table import number, percent

    path = find_model(model)
    loaded = load_model(path)
    dataset = _dataset(path, loaded, data)
    name, part = _part(dataset, split)
    measured = loaded.evaluate(part)
    if as_json:
        write_json({"split": name, **measured})
        return
    facts: list[tuple[str, object]] = [("model", path), ("data", f"{dataset.name}, {name} part")]
    for key, value in measured.items():
        shown = percent(value) if key == "accuracy" else f"{value:,}" if isinstance(value, int) else number(value)
        facts.append((key, shown))
    write_facts(facts)
    if loaded.meta.labels and 1 < len(loaded.meta.labels) <= 12:
        click.echo("\nconfusion (rows: the truth, columns: what the model says)")
        counts = loaded.confusion(part)
        labels = [printable(label) for label in loaded.meta.labels]
        _write_confusion(labels, counts.tolist())


def _write_confusion(labels: list[str], counts: list[list[int]]) -> None:
    from tuinet.cli.output import write_table

    rows = [
        (label, *(f"{count:,}" if count else "·" for count in row)) for label, row in zip(labels, counts, strict=True)
    ]
    write_table(("", *labels), rows, right=labels)


def _dataset(path: Path, model: Model, data: str | None) -> Dataset:
    """The data named, or what the model was trained on: divided as it was in training, if that can be known.

    A run's directory says so. Else the data are taken as they come, with the parts that they have by themselves.
    """
    from tuinet.data.sources import load, source_from_argument
    from tuinet.data.splits import SplitSettings

    experiment = _experiment(path)
    if data is None and experiment is None and not model.meta.data:
        raise TuinetError(f"{path} does not say what it was trained on", "Name data to measure it on with --data.")
    if data is None and experiment is not None:
        source, settings = experiment.data.source, experiment.data.split
    else:
        source, settings = source_from_argument(data or model.meta.data), SplitSettings()
        if experiment is not None and experiment.data.source == source:
            settings = experiment.data.split
    return load(source, settings, model.meta.seed, Path.cwd())


def _experiment(path: Path) -> Experiment | None:
    """The experiment of the run whose model this is."""
    from tuinet.experiment.decode import load_experiment

    file = path.with_name("experiment.toml")
    return load_experiment(str(file)) if path.name == "model.safetensors" and file.is_file() else None


def _part(dataset: Dataset, name: str | None) -> tuple[str, Split]:
    """The part to measure on, and what to call it. Data without any division, and no wish: all of them."""
    from functools import reduce

    from tuinet.data.splits import join

    parts = dataset.splits
    if name is None and "test" not in parts and len(parts) == 1:
        name = "all"
    name = name or "test"
    if name == "all":
        return name, reduce(join, parts.values())
    if name not in parts:
        there = ", ".join(f"{part} ({len(split):,})" for part, split in parts.items())
        raise TuinetError(f"{dataset.name} has no {name} part", f"There are: {there}; --split all takes everything.")
    return name, parts[name]
