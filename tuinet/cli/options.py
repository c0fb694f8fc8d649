"""Options that several commands have, declared once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def off_option(command: Command) -> Command:
    """`--off`, as often as wanted; the command is given a tuple `off` of what was said."""
    text = "What if: units, maps (conv1:3,5-7) or a gate (lstm1:forget, lstm1:forget=1) off. May be repeated."
    return click.option("--off", multiple=True, metavar="LAYER:UNITS", help=text)(command)
