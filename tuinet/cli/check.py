"""`tuinet check`: what an experiment would do, and everything that is wrong with it. Trains nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tuinet.errors import EXIT_DONE, EXIT_WRONG_INPUT

if TYPE_CHECKING:
    from tuinet.experiment.check import Report


@click.command("check", short_help="Show what an experiment would do, and what is wrong with it.")
@click.argument("experiment")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a setting first: training.epochs=3.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(experiment: str, changes: tuple[str, ...], as_json: bool) -> int:
    """Show the layers of EXPERIMENT with shapes, parameters, costs and data; name every problem. Trains nothing.

    EXPERIMENT is a recipe's name or a TOML file. The exit code is 2 if there are problems.
    """
    from tuinet.cli.checking import read_experiment, report_on
    from tuinet.cli.output import write_json

    read, base = read_experiment(experiment, changes)
    report = report_on(read, base)
    if as_json:
        write_json(report)
    else:
        _write(report)
    return EXIT_WRONG_INPUT if report.problems else EXIT_DONE
