"""Reading an experiment and checking it whole: what `check` shows and `train` does first."""

from __future__ import annotations

from pathlib import Path

import click

from tuinet.cli.output import printable
from tuinet.errors import TuinetError
from tuinet.experiment.check import Report, check
from tuinet.experiment.decode import apply_settings, load_experiment
from tuinet.experiment.spec import Experiment


def read_experiment(text: str, changes: tuple[str, ...] = ()) -> tuple[Experiment, Path]:
    """The experiment of a recipe's name or a file, with KEY=VALUE changes, and the folder its paths start from."""
    experiment = load_experiment(text)
    if changes:
        experiment = apply_settings(experiment, changes)
    path = Path(text)
    return experiment, path.parent if path.is_file() else Path.cwd()


def report_on(experiment: Experiment, base: Path) -> Report:
    """Everything that `check` finds, with the data looked at."""
    from tuinet.data.sources import describe

    return check(experiment, describe(experiment.data.source, base))


def checked_experiment(text: str, changes: tuple[str, ...] = ()) -> tuple[Experiment, Path]:
    """An experiment without problems; warnings go to stderr. Raises TuinetError with every problem."""
    experiment, base = read_experiment(text, changes)
    report = report_on(experiment, base)
    if report.problems:
        raise TuinetError(f"{text} cannot be trained:\n{problem_lines(report)}")
    for warning in report.warnings:
        click.echo(f"warning: {printable(warning)}", err=True)
    return experiment, base


def problem_lines(report: Report) -> str:
    """Each problem with its path, and the way out under it."""
    lines: list[str] = []
    for problem in report.problems:
        lines.append(f"  {problem}")
        if problem.hint:
            lines.append(f"    {problem.hint}")
    return "\n".join(lines)
