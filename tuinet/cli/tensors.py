"""`tuinet inspect` of a file that is no tuinet model: its tensors, each as numbers, statistics and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuinet.cli.seen import Output
    from tuinet.inspection.tensor_views import Axes

OF_MODELS = ("sample", "file", "text", "data", "split", "step", "gate", "order", "decoder", "as_sum", "off", "masks")
"""What can only be asked of a model."""


AXES = "Name two of the tensor's axes, counted from 0: --axes 2,3"


def show_tensors(path: Path, tensor: str | None, options: dict[str, Any], out: Output) -> None:
    """The tensors of the file at `path`, or one of them. Raises TuinetError for what only a model has."""
    from tuinet.cli.seen import write_seen
    from tuinet.cli.summary import list_views
    from tuinet.errors import TuinetError
    from tuinet.files.tensors import open_weights
    from tuinet.inspection.asked import place
    from tuinet.inspection.question import Choice
    from tuinet.inspection.ranges import numbers
    from tuinet.inspection.tensor_views import TENSOR_VIEWS, tensor_table, tensor_view

    asked = [name for name in OF_MODELS if options[name] not in (None, False, ())]
    if asked:
        option = f"--{asked[0].removeprefix('as_')}"
        hint = "tuinet import makes such a file into a model. Of its tensors: --view, --unit, --at, --axes, --filter."
        raise TuinetError(f"{path} is no tuinet model, so there is nothing for {option}", hint)
    if options["view"] is None:
        _refuse_without_a_view(options)
    with open_weights(path) as file:
        if tensor is None:
            if options["view"] is not None:
                raise TuinetError("a view is of one tensor, and none is named", f"tuinet inspect {path} lists them.")
            write_seen((tensor_table(file, options["pattern"] or ""),), out)
            return
        if options["pattern"] is not None:
            raise TuinetError(f"--filter is for the list of tensors, and {tensor} is named", "Leave one of them out.")
        if options["view"] is None:
            file.tensor(tensor)
            list_views(tensor, TENSOR_VIEWS, out)
            return
        choice = Choice(
            units=None if options["unit"] is None else numbers(options["unit"], "--unit"),
            at=None if options["at"] is None else place(options["at"]),
        )
        write_seen(tensor_view(file, tensor, options["view"], _axes(options["axes"]), choice), out)


def _refuse_without_a_view(options: dict[str, Any]) -> None:
    """Raises TuinetError for what says which part of a view is meant: it would be passed over."""
    from tuinet.errors import TuinetError

    given = [name for name in ("unit", "at", "axes") if options[name] is not None]
    if given:
        hint = "Name a tensor and a --view; tuinet inspect FILE TENSOR lists them."
        raise TuinetError(f"--{given[0]} belongs to a view, and none is named", hint)


def _axes(text: str | None) -> Axes | None:
    from tuinet.errors import TuinetError
    from tuinet.inspection.asked import place

    if text is None:
        return None
    found = place(text, "--axes", "pair of axes", AXES)
    if len(found) != 2:
        raise TuinetError(f"--axes {text!r} names {len(found)} axes", AXES)
    return found[0], found[1]
