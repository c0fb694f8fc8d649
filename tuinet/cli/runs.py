"""`tuinet runs`: look at runs, and steer those that are going on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuinet.errors import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from tuinet.training.runs import RunSummary


@click.group("runs", invoke_without_command=True, short_help="List runs, look at them, steer them.")
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the runs in $TUINET_RUNS or ./runs; look at one; steer one that is going on.

    RUN is a run's directory or its name in that folder.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_all, as_json=False)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One run a line.")
def list_all(as_json: bool) -> None:
    """All runs, the latest first."""
    from tuinet.cli.output import write_json, write_table
    from tuinet.readable import number
    from tuinet.training.directory import runs_folder
    from tuinet.training.runs import list_runs

    found = list_runs()
    if as_json:
        for run in found:
            write_json(run)
        return
    if not found:
        click.echo(f"no runs in {runs_folder()}; `tuinet train digits-cnn` makes one")
        return
    headers = ("run", "state", "epoch", "step", "loss", "validation", "test")
    rows = [
        (run.directory, run.state, f"{run.epoch}/{run.epochs}", f"{run.step:,}", number(run.loss), *_scores(run))
        for run in found
    ]
    write_table(headers, rows, right=headers[2:])


def _scores(run: RunSummary) -> tuple[str, str]:
    return _score(run.validation), _score(run.metrics.get("test"))


def _score(metrics: dict[str, float | None] | None) -> str:
    """The accuracy where there is one, else the loss."""
    from tuinet.readable import number, percent

    if not metrics:
        return ""
    accuracy = metrics.get("accuracy")
    return percent(accuracy) if accuracy is not None else number(metrics.get("loss"))


@command.command("show")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(run: str, as_json: bool) -> None:
    """How a run went: its state, its figures, and a chart of its losses."""
    from tuinet.cli.output import is_terminal, terminal_size, use_color, write_facts, write_json
    from tuinet.render.chart import chart
    from tuinet.training.directory import find_run
    from tuinet.training.runs import summary

    directory = find_run(run)
    found = summary(directory)
    if as_json:
        write_json(found)
        return
    write_facts(_facts(found))
    columns, rows = terminal_size()
    width, height = min(columns, 120), max(10, min(20, rows - 8)) if is_terminal() else 18
    drawn = chart(_losses(directory), width, height, x_label="step", color=use_color())
    if drawn:
        click.echo(f"\nloss\n{drawn}")


def _facts(run: RunSummary) -> list[tuple[str, object]]:
    from datetime import datetime

    from tuinet.training.words import REASONS, figures

    ended = f"{run.state}: {REASONS.get(run.reason, run.reason)}" if run.reason else run.state
    facts: list[tuple[str, object]] = [
        ("run", run.directory),
        ("experiment", run.name),
        ("state", ended),
        ("epoch", f"{run.epoch} of {run.epochs}"),
        ("step", f"{run.step:,}"),
        ("last change", f"{datetime.fromtimestamp(run.changed):%Y-%m-%d %H:%M:%S}"),
    ]
    parts = run.metrics or ({"validation": run.validation} if run.validation else {})
    facts += [(name, figures("", metrics)) for name, metrics in parts.items()]
    facts.append(("note", (run.message or "").replace("\n", " ")))
    return facts


def _losses(directory: Path) -> list[Any]:
    """The training losses, of steps or of epochs, and the validation losses, as series for the chart."""
    from tuinet.render.chart import Series
    from tuinet.training.curve import Curve
    from tuinet.training.feed import Both, Feed

    feed = Feed(directory)
    feed.read()
    epochs = feed.epochs_done.get("loss", Both(Curve(), Curve()))
    # A short run may have fewer step events than epochs.
    train = feed.train if len(feed.train) >= len(epochs.train) else epochs.train
    return [
        Series("train", [point.step for point in train.points], [point.mean for point in train.points], "blue"),
        Series(
            "validation",
            [point.step for point in epochs.validation.points],
            [point.mean for point in epochs.validation.points],
            "red",
            "o",
        ),
    ]


@command.command("watch")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="One event a line.")
def watch(run: str, as_json: bool) -> int:
    """Follow a run until it ends. Ctrl-C ends the watching, not the run."""
    from tuinet.cli.progress import new_progress
    from tuinet.readable import printable_lines
    from tuinet.training.directory import find_run
    from tuinet.training.events import RunFailed
    from tuinet.training.runs import follow, summary

    directory = find_run(run)
    failed = False
    with new_progress(directory, as_json=as_json) as progress:
        for event in follow(directory):
            progress.show(event)
            if isinstance(event, RunFailed):
                failed = True
                click.echo(printable_lines(event.message), err=True)
    if progress.reason is None and not failed:
        click.echo(f"{directory}: {summary(directory).state}", err=True)
    return EXIT_FAILED if failed else EXIT_DONE


def _steer(run: str, do: Any, **fields: object) -> None:
    from tuinet.readable import printable
    from tuinet.training.directory import find_run
    from tuinet.training.runs import command as send
    from tuinet.training.runs import new_line

    directory = find_run(run)
    given = {name: value for name, value in fields.items() if value is not None}
    click.echo(printable(send(directory, new_line(do, **given)).message))


@command.command("pause")
@click.argument("run")
def pause(run: str) -> None:
    """Hold a run after the step it is in."""
    _steer(run, "pause")


@command.command("resume")
@click.argument("run")
def resume(run: str) -> None:
    """Let a paused run go on, and one that waits in the queue begin. (One that has ended: `tuinet train --resume`.)"""
    _steer(run, "resume")


@command.command("step")
@click.argument("run")
@click.option("--epoch", is_flag=True, help="Go on to the end of the epoch.")
def step(run: str, epoch: bool) -> None:
    """Let a run do one step and hold."""
    _steer(run, "epoch" if epoch else "step")


@command.command("set")
@click.argument("run")
@click.option("--rate", type=float, help="The learning rate; a schedule goes on falling from there.")
@click.option("--pace", type=float, help="Steps a second; 0: as fast as it goes.")
@click.option(
    "--teacher-forcing", type=float, metavar="SHARE", help="The share of true symbols a decoder is fed, 0 to 1."
)
@click.option("--dropout", type=float, metavar="SHARE", help="The rate of every dropout layer, 0 to below 1.")
def set_values(
    run: str, rate: float | None, pace: float | None, teacher_forcing: float | None, dropout: float | None
) -> None:
    """Change the learning rate, the pace, the teacher forcing or the dropout of a run that is going on."""
    if rate is None and pace is None and teacher_forcing is None and dropout is None:
        raise click.UsageError("Name what to set: --rate, --pace, --teacher-forcing or --dropout.")
    _steer(run, "set", rate=rate, pace=pace, teacher_forcing=teacher_forcing, dropout=dropout)


@command.command("stop")
@click.argument("run")
@click.option("--keep", type=click.Choice(["best", "last"]), help="Which weights to hand back.")
def stop(run: str, keep: str | None) -> None:
    """End a run after the step it is in; its model is saved and evaluated."""
    _steer(run, "stop", keep=keep)


@command.command("remove")
@click.argument("run")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(run: str, yes: bool) -> int:
    """Remove a run that is not going on: its model, its log, all that a run makes. What else lies there stays."""
    import sys

    from tuinet.readable import printable
    from tuinet.training.directory import find_run
    from tuinet.training.runs import discard

    directory = find_run(run)
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("Removing a run asks first; where nobody can answer, say --yes.")
    if not yes and not click.confirm(f"Remove {printable(directory)} with its model?"):
        return EXIT_FAILED
    left = discard(directory)
    if left:
        names = ", ".join(printable(path.name) for path in left)
        click.echo(f"{printable(directory)} stays, for no run made what else is in it: {names}", err=True)
    return EXIT_DONE
