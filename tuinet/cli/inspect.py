"""`tuinet inspect`: what a model is made of and how it came to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tuinet.inspection.summary import Summary


@click.command("inspect", short_help="Show a model's layers, parameters and history.")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(model: str, as_json: bool) -> None:
    """Show the layers of MODEL, their parameters and costs, and how it was trained.

    MODEL is a .safetensors file, a run's directory, or the name of a model that ships.
    """
    from tuinet.cli.output import write_facts, write_json
    from tuinet.files.find import find_model
    from tuinet.files.model_file import load_model
    from tuinet.inspection.summary import summarize

    path = find_model(model)
    summary = summarize(load_model(path))
    if as_json:
        write_json(summary)
        return
    from tuinet.render.table import size

    bytes_on_disk = size(path.stat().st_size)
    write_facts([("file", f"{path} ({bytes_on_disk})"), *_about(summary)])
    click.echo()
    _write_layers(summary)
    trained = _training(summary)
    if trained:
        click.echo()
        write_facts(trained)


def _about(summary: Summary) -> list[tuple[str, object]]:
    broken = f"{summary.not_finite:,} weights are not finite numbers" if summary.not_finite else ""
    return [
        ("model", summary.name),
        ("task", summary.task),
        ("input", _shape(summary.input)),
        ("columns", _some(summary.columns)),
        ("prepared by", ", then ".join(summary.preparation)),
        ("labels", _some(summary.labels)),
        ("targets", _some(summary.target_names) or summary.targets),
        ("numbers", summary.dtype),
        ("WARNING", broken),
        ("notes", summary.notes),
    ]


def _write_layers(summary: Summary) -> None:
    from tuinet.cli.output import write_table

    rows = [("input", "", "", _shape(summary.prepared), "", "")]
    rows += [
        (
            layer.name,
            layer.kind,
            layer.settings,
            _shape(layer.output),
            _count(layer.parameters),
            _count(layer.multiply_adds),
        )
        for layer in summary.layers
    ]
    rows.append(("total", "", "", "", f"{summary.parameters:,}", f"{summary.multiply_adds:,}"))
    write_table(
        ("layer", "kind", "settings", "output", "parameters", "multiply-adds"),
        rows,
        right=("output", "parameters", "multiply-adds"),
    )


def _training(summary: Summary) -> list[tuple[str, object]]:
    from tuinet.cli.progress import figures

    last = summary.history[-1] if summary.history else None
    return [
        ("trained on", _data(summary.data)),
        ("with", summary.training),
        ("loss", summary.loss),
        ("for", f"{summary.epochs:,} epochs, {summary.steps:,} steps, seed {summary.seed}" if summary.steps else ""),
        (f"epoch {last.epoch}" if last else "", figures("train", last.train) if last else ""),
        ("", figures("validation", last.validation) if last and last.validation else ""),
    ]


def _data(said: str) -> str:
    """The data in words, where the model holds them as JSON."""
    if not said.startswith("{"):
        return said
    import json

    try:
        source = dict(json.loads(said)["source"])
        return ", ".join([str(source.pop("kind")), *(f"{name} {value}" for name, value in source.items())])
    except (ValueError, TypeError, KeyError, RecursionError):
        return said


def _shape(sizes: tuple[int, ...]) -> str:
    return "×".join(map(str, sizes))


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _some(names: tuple[str, ...], most: int = 12) -> str:
    """The names in a line, the middle left out where there are many."""
    if len(names) > most:
        return f"{', '.join(names[: most - 2])}, … {names[-1]} ({len(names)} in all)"
    return ", ".join(names)
