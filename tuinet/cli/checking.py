"""Reading an experiment and checking it whole: what `check` shows and `train` does first."""

from __future__ import annotations

from pathlib import Path

import click

from tuinet.cli.output import printable
from tuinet.data.fetched import NotFetchedError
from tuinet.errors import TuinetError
from tuinet.experiment.check import Report, check
from tuinet.experiment.data import describe_data
from tuinet.experiment.decode import load_experiment
from tuinet.experiment.edit import apply_settings
from tuinet.experiment.spec import Experiment


def read_experiment(text: str, changes: tuple[str, ...] = ()) -> Experiment:
    """The experiment of a recipe's name or a file, with KEY=VALUE changes. Its paths are absolute."""
    experiment = load_experiment(text)
    return apply_settings(experiment, changes, "--set") if changes else experiment


def report_on(experiment: Experiment) -> tuple[Report, str]:
    """Everything that `check` finds, and what to do if the data must be fetched first ("" if they are here)."""
    base = Path.cwd()
    fetch, divided = "", False
    try:
        info, divided = describe_data(experiment, base)
    except NotFetchedError as error:
        info, fetch = error.info, str(error).replace("\n", ": ")
    return check(experiment, info, base, divided=divided), fetch


def checked_experiment(text: str, changes: tuple[str, ...] = ()) -> Experiment:
    """An experiment without problems; warnings go to stderr. Raises TuinetError with every problem."""
    experiment = read_experiment(text, changes)
    report, _ = report_on(experiment)
    if report.problems:
        raise TuinetError(f"{text} cannot be trained:\n{problem_lines(report)}")
    for warning in report.warnings:
        click.echo(f"warning: {printable(warning)}", err=True)
    return experiment


def problem_lines(report: Report) -> str:
    """Each problem with its path, and the way out under it."""
    lines: list[str] = []
    for problem in report.problems:
        lines.append(f"  {problem}")
        if problem.hint:
            lines.append(f"    {problem.hint}")
    return "\n".join(lines)
