"""Options that several commands have, declared once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tuinet.model.model import Model

Command = TypeVar("Command", bound=Callable[..., Any])


def off_option(command: Command) -> Command:
    """`--off`, as often as wanted; the command is given a tuple `off` of what was said."""
    text = "What if: units, maps (conv1:3,5-7) or a gate (lstm1:forget, lstm1:forget=1) off. May be repeated."
    return click.option("--off", multiple=True, metavar="LAYER:UNITS", help=text)(command)


def with_off(model: Model, off: tuple[str, ...]) -> Model | None:
    """A copy of the model with all of this off; None if nothing was said. Raises TuinetError."""
    if not off:
        return None
    from tuinet.inspection.off import parse_off, switched_off

    return switched_off(model, [parse_off(text) for text in off])
