"""`tuinet recipes`: the experiments that ship."""

from __future__ import annotations

import re

import click


@click.command("recipes", short_help="List the experiments that ship.")
def command() -> None:
    """List the experiments that ship, in the order of the lecture.

    `tuinet train NAME` trains one, `tuinet init NAME` makes a file of it to change.
    """
    from tuinet.cli.output import write_table
    from tuinet.experiment.recipes import recipes

    found = recipes()
    rows = [(each.name, each.title, re.sub(r"\(tuinet data fetch .*\)", "(fetch)", each.data)) for each in found]
    write_table(("recipe", "what", "data"), rows)
    click.echo("\n(fetch): tuinet data fetch NAME brings it to this machine first")
