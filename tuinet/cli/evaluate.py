"""`tuinet evaluate`: how good a model is on a part of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuinet.errors import TuinetError

if TYPE_CHECKING:
    from tuinet.data.dataset import Dataset
    from tuinet.model.model import Model


@click.command("evaluate", short_help="Measure a model on a part of a data set.")
@click.argument("model")
@click.option("--data", metavar="NAME_OR_PATH", help="A data set or file. Default: what the model was trained on.")
@click.option("--split", default="test", show_default=True, help="Which part: train, validation, test, or all.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(model: str, data: str | None, split: str, as_json: bool) -> None:
    """Measure MODEL: a .safetensors file, a run's directory, or the name of a model that ships."""
    from tuinet.cli.output import printable, write_facts, write_json
    from tuinet.files.find import find_model
    from tuinet.files.model_file import load_model
    from tuinet.render.table import number, percent

    path = find_model(model)
    loaded = load_model(path)
    dataset = _dataset(path, loaded, data)
    part = _part(dataset, split)
    measured = loaded.evaluate(part)
    if as_json:
        write_json({"split": split, **measured})
        return
    facts: list[tuple[str, object]] = [("model", path), ("data", f"{dataset.name}, {split} part")]
    for name, value in measured.items():
        if name == "accuracy":
            facts.append((name, percent(value)))
        else:
            facts.append((name, f"{value:,}" if isinstance(value, int) else number(value)))
    write_facts(facts)
    if loaded.meta.labels and 1 < len(loaded.meta.labels) <= 12:
        click.echo("\nconfusion (rows: the truth, columns: what the model says)")
        counts = loaded.confusion(part)
        labels = [printable(label) for label in loaded.meta.labels]
        _write_confusion(labels, counts.tolist())


def _write_confusion(labels: list[str], counts: list[list[int]]) -> None:
    from tuinet.cli.output import write_table

    rows = [(label, *(f"{count:,}" if count else "·" for count in row)) for label, row in zip(labels, counts, strict=True)]
    write_table(("", *labels), rows, right=labels)


def _dataset(path: Path, model: Model, data: str | None) -> Dataset:
    """The data named, else what the model was trained on, divided as it was then: a run knows, and so does its model."""
    from tuinet.data.sources import load, source_from_argument
    from tuinet.data.splits import SplitSettings
    from tuinet.experiment.decode import load_experiment

    described = path.parent / "experiment.toml"
    if data is not None:
        return load(source_from_argument(data), SplitSettings(), model.meta.seed, Path.cwd())
    if path.name == "model.safetensors" and described.is_file():
        experiment = load_experiment(str(described))
        return load(experiment.data.source, experiment.data.split, experiment.training.seed, described.parent)
    if not model.meta.data:
        raise TuinetError(f"{path} does not say what it was trained on", "Name data to measure it on with --data.")
    return load(source_from_argument(model.meta.data), SplitSettings(), model.meta.seed, Path.cwd())
