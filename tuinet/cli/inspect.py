"""`tuinet inspect`: what a model is made of and how it came to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tuinet.inspection.memory import Memory
    from tuinet.inspection.summary import Summary
    from tuinet.model.model import Model


@click.command("inspect", short_help="Show a model's layers, parameters and history.")
@click.argument("model")
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(model: str, inputs: tuple[str, ...], as_json: bool) -> None:
    """Show the layers of MODEL, their parameters and costs, and how it was trained.

    MODEL is a .safetensors file, a run's directory, or the name of a model that ships. With INPUTs as for predict
    (a text, a table of steps, …), it shows how far back a recurrent model remembers in them: the size of the gradient
    of its answer with respect to each step, against the distance from the last.
    """
    from tuinet.cli.output import write_facts, write_json
    from tuinet.files.find import find_model
    from tuinet.files.model_file import load_model
    from tuinet.inspection.summary import summarize

    path = find_model(model)
    loaded = load_model(path)
    summary = summarize(loaded)
    remembered = _memory(loaded, inputs) if inputs else None
    if as_json:
        write_json(summary if remembered is None else {**_as_dict(summary), "memory": _memory_as_dict(remembered)})
        return
    from tuinet.render.table import size

    if remembered is not None:
        _write_memory(remembered)
        return
    bytes_on_disk = size(path.stat().st_size)
    write_facts([("file", f"{path} ({bytes_on_disk})"), *_about(summary)])
    click.echo()
    _write_layers(summary)
    trained = _training(summary)
    if trained:
        click.echo()
        write_facts(trained)


def _memory(model: Model, inputs: tuple[str, ...]) -> Memory:
    from tuinet.cli.inputs import read_inputs, texts
    from tuinet.inspection.memory import memory

    if model.meta.vocabulary is not None:
        return memory(model, list(texts(inputs)))
    read = [read_inputs(text, model.meta).samples for text in inputs]
    return memory(model, [sample for samples in read for sample in samples])


def _as_dict(summary: Summary) -> dict[str, Any]:
    import msgspec

    return msgspec.structs.asdict(summary)


def _memory_as_dict(memory: Memory) -> dict[str, Any]:
    return {"layer": memory.layer, "sizes": memory.sizes.tolist(), "samples": memory.samples.tolist()}


def _write_memory(memory: Memory) -> None:
    """A table on a logarithmic scale: what vanishes, does so exponentially."""
    import math

    from tuinet.cli.output import write_table
    from tuinet.inspection.memory import distances
    from tuinet.render.table import bar, number

    click.echo(f"the gradient of the answer with respect to what {memory.layer} reads, by distance from the last step")
    rows: list[tuple[str, str, str, str, str]] = []
    for place in distances(len(memory.sizes)):
        part = float(memory.relative[place])
        # Twelve powers of ten are more than float32 tells apart.
        height = 1 + math.log10(part) / 12 if part > 0 and math.isfinite(part) else 0.0
        shown = f"{part:.2e}" if math.isfinite(part) else "not a number"
        size, samples = number(float(memory.sizes[place])), f"{int(memory.samples[place]):,}"
        rows.append((f"{place:,}", size, shown, samples, bar(min(1.0, max(0.0, height)), 24)))
    headers = ("steps back", "size", "of the last", "samples", "")
    write_table(headers, rows, right=headers[:4])


def _about(summary: Summary) -> list[tuple[str, object]]:
    broken = f"{summary.not_finite:,} weights are not finite numbers" if summary.not_finite else ""
    return [
        ("model", summary.name),
        ("task", summary.task),
        ("input", "" if summary.vocabulary else _shape(summary.input, summary.sequence)),
        ("reads", summary.vocabulary),
        ("writes", summary.target_vocabulary if summary.target_vocabulary != summary.vocabulary else ""),
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

    rows = [("input", "", "", _shape(summary.prepared, summary.sequence), "", "")]
    rows += [
        (
            layer.name,
            layer.kind,
            layer.settings,
            _shape(layer.output, layer.steps),
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


def _shape(sizes: tuple[int, ...], steps: bool) -> str:
    """Like 28×28; of sequences T×64, T any number of steps."""
    return "×".join(("T",) * steps + tuple(map(str, sizes)))


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _some(names: tuple[str, ...], most: int = 12) -> str:
    """The names in a line, the middle left out where there are many."""
    if len(names) > most:
        return f"{', '.join(names[: most - 2])}, … {names[-1]} ({len(names)} in all)"
    return ", ".join(names)
