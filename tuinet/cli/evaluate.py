"""`tuinet evaluate`: how good a model is on a part of a data set."""

from __future__ import annotations

import click


@click.command("evaluate", short_help="Measure a model on a part of a data set.")
@click.argument("model")
@click.option("--data", metavar="NAME_OR_PATH", help="A data set or file. Default: what the model was trained on.")
@click.option("--split", metavar="PART", help="train, validation, test or all. Default: test.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(model: str, data: str | None, split: str | None, as_json: bool) -> None:
    """Measure MODEL: a .safetensors file, a run's directory, or the name of a model that ships."""
    from tuinet.cli.output import printable, write_facts, write_json
    from tuinet.cli.provenance import find_part
    from tuinet.files.find import find_model
    from tuinet.files.model_file import load_model
    from tuinet.render.table import number, percent

    path = find_model(model)
    loaded = load_model(path)
    dataset, name, part = find_part(path, loaded, data, split)
    measured = loaded.evaluate(part)
    if as_json:
        write_json({"split": name, **measured})
        return
    facts: list[tuple[str, object]] = [
        ("model", path),
        ("data", f"{dataset.name}, {'all parts' if name == 'all' else f'the {name} part'}"),
    ]
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
