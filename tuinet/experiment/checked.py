"""Reading an experiment and checking it whole with its data: what `check` shows and training begins with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tuinet.data.encoding import EncodedDataset
from tuinet.data.fetched import NotFetchedError
from tuinet.errors import TuinetError
from tuinet.experiment.check import Report, check
from tuinet.experiment.data import Described, describe_data
from tuinet.experiment.decode import load_experiment
from tuinet.experiment.edit import apply_settings
from tuinet.experiment.spec import Experiment


def read_experiment(text: str, changes: tuple[str, ...] = ()) -> Experiment:
    """The experiment of a recipe's name or a file, with KEY=VALUE changes. Its paths are absolute."""
    experiment = load_experiment(text)
    return apply_settings(experiment, changes, "--set") if changes else experiment


class Checked(NamedTuple):
    """Everything that `check` finds, what to do if the data must be fetched first ("" if they are here), and the data
    if they had to be read for it."""

    report: Report
    fetch: str
    encoded: EncodedDataset | None


def report_on(experiment: Experiment, base: Path | None = None) -> Checked:
    """What `check` says of an experiment. `base`: where its relative paths begin (default: the current folder)."""
    base, fetch = base or Path.cwd(), ""
    try:
        found = describe_data(experiment, base)
    except NotFetchedError as error:
        found, fetch = Described(error.info), str(error).replace("\n", ": ")
    return Checked(check(experiment, found.info, base, divided=found.divided), fetch, found.encoded)


def checked_experiment(text: str, changes: tuple[str, ...] = ()) -> tuple[Experiment, Checked]:
    """An experiment that can be trained, and what was found; there may be warnings. Raises TuinetError with every
    problem."""
    experiment = read_experiment(text, changes)
    found = report_on(experiment)
    if found.report.problems:
        raise TuinetError(f"{text} cannot be trained:\n{problem_lines(found.report)}")
    return experiment, found


def problem_lines(report: Report) -> str:
    """Each problem with its path, and the way out under it."""
    lines: list[str] = []
    for problem in report.problems:
        lines.append(f"  {problem}")
        if problem.hint:
            lines.append(f"    {problem.hint}")
    return "\n".join(lines)
