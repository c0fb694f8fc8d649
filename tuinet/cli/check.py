"""`tuinet check`: what an experiment would do, and everything that is wrong with it. Trains nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tuinet.errors import EXIT_DONE, EXIT_WRONG_INPUT

if TYPE_CHECKING:
    from tuinet.experiment.check import DataSummary, LayerRow, Report
    from tuinet.experiment.checked import Checked
    from tuinet.experiment.spec import Experiment
    from tuinet.training.timing import Timing


@click.command("check", short_help="Show what an experiment would do, and what is wrong with it.")
@click.argument("experiment")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a setting first: training.epochs=3.")
@click.option("--time", "timed", is_flag=True, help="Train a few steps to tell how long it will take.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(experiment: str, changes: tuple[str, ...], timed: bool, as_json: bool) -> int:
    """Show the layers of EXPERIMENT with shapes, parameters, costs and data; name every problem.

    Trains nothing, or with --time three steps, which are forgotten.

    EXPERIMENT is a recipe's name or a TOML file. The exit code is 2 if there are problems.
    """
    from msgspec import to_builtins

    from tuinet.cli.output import write_json
    from tuinet.experiment.checked import problem_lines, read_experiment, report_on
    from tuinet.readable import about, printable, printable_lines

    asked = read_experiment(experiment, changes)
    found = report_on(asked)
    report, fetch, _ = found
    timing = _timing(asked, found) if timed and not report.problems and not fetch else None
    if as_json:
        write_json({**to_builtins(report), "timing": timing} if timed else report)
    else:
        _write(report)
        if timing is not None:
            most = "at most " if asked.training.early_stopping is not None else ""
            click.echo(f"time        ≈ {about(timing.epoch)} an epoch, {most}{about(timing.run)} in all")
        if fetch:
            click.echo(f"\nnote: {printable(fetch)}")
        for warning in report.warnings:
            click.echo(f"\nwarning: {printable(warning)}")
        if report.problems:
            count = len(report.problems)
            click.echo(f"\nerror: {experiment} has {count} problem{'s' * (count > 1)}:", err=True)
            click.echo(printable_lines(problem_lines(report)), err=True)
    return EXIT_WRONG_INPUT if report.problems else EXIT_DONE


def _timing(experiment: Experiment, found: Checked) -> Timing:
    from pathlib import Path

    from tuinet.training.timing import measured

    return measured(experiment, Path.cwd(), found=found)


def _write(report: Report) -> None:
    from tuinet.cli.output import write_facts, write_table

    data = report.data
    samples = ", ".join(f"{count:,} {part}" for part, count in data.samples.items())
    facts: list[tuple[str, object]] = [
        ("experiment", f"{report.name}: {report.title}" if report.title else report.name),
        ("data", f"{data.name}: {samples}"),
        ("input", _shape(data.input, data.sequence)),
        ("classes", (f"{data.classes} ({data.coding})" if data.coding else data.classes) if data.classes else ""),
        *_texts(data),
        ("steps", f"{data.steps:,}, {data.steps_per_epoch:,} an epoch" if data.steps else ""),
    ]
    write_facts(facts)
    click.echo()
    rows = [("input", "", "", _shape(data.prepared, data.sequence), "", ""), *map(_row, report.layers)]
    if report.totals is not None:
        rows.append(("total", "", "", "", f"{report.totals.parameters:,}", f"{report.totals.multiply_adds:,}"))
    numbers = ("output", "parameters", "multiply-adds")
    write_table(("layer", "kind", "settings", *numbers), rows, right=numbers)
    if report.totals is not None:
        click.echo()
        write_facts(_costs(report))


def _texts(data: DataSummary) -> list[tuple[str, object]]:
    """How many symbols there are, and how long sequences are, where there are any."""
    sizes = [
        f"{size:,} symbols {way}" for way, size in (("in", data.vocabulary), ("out", data.target_vocabulary)) if size
    ]
    if data.task == "next-symbol":
        sizes = [f"{data.vocabulary:,} symbols"]
    lengths = [
        f"{length:,.1f} steps {way} on average"
        for way, length, is_any in (
            ("in", data.length, data.sequence),
            ("out", data.target_length, data.task in ("seq2seq",)),
        )
        if is_any
    ]
    if data.task == "next-symbol":
        lengths = [f"windows of {data.length:,.0f} steps"]
    guess = " (assumed: the texts are not here yet)" if data.assumed else ""
    return [
        ("vocabulary", ", ".join(sizes) + guess if sizes else ""),
        ("lengths", ", ".join(lengths) + guess if lengths else ""),
    ]


def _row(layer: LayerRow) -> tuple[str, ...]:
    settings = f"{layer.settings} (frozen)".strip() if layer.frozen else layer.settings
    parameters = f"{layer.parameters:,}" if layer.parameters else ""
    work = f"{layer.multiply_adds:,}" if layer.multiply_adds else ""
    return layer.name, layer.kind, settings, _shape(layer.output, layer.steps) or "?", parameters, work


def _costs(report: Report) -> list[tuple[str, object]]:
    from tuinet.readable import size

    totals = report.totals
    assert totals is not None
    memory, each = totals.memory, "step" if totals.steps else "sample"
    parts = [
        f"{name} {size(count)}"
        for name, count in (
            ("weights", memory.weights),
            ("gradients", memory.gradients),
            ("optimizer", memory.optimizer),
            ("best weights", memory.best),
            (f"activations of {memory.samples:,} samples", memory.activations),
        )
        if count
    ]
    learning = f", of which {totals.trainable:,} learn" if totals.trainable != totals.parameters else ""
    return [
        ("parameters", f"{totals.parameters:,}{learning}"),
        ("work", f"{size(totals.flops, 'FLOP')} a {each} forwards, about three times that in training"),
        ("memory", f"about {size(memory.total)}: {', '.join(parts)}"),
        ("compare", report.comparison.text if report.comparison is not None else ""),
    ]


def _shape(sizes: tuple[int, ...], sequence: bool = False) -> str:
    """28×28×1; of a sequence T×64, and T for one of symbols."""
    return "×".join((*("T",) * sequence, *map(str, sizes)))
