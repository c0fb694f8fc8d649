"""`tuinet diff`: how two models, or two files of tensors, differ."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuinet.cli.seen import output_options

if TYPE_CHECKING:
    from tuinet.cli.seen import Output
    from tuinet.inspection.difference import Side


@click.command("diff", short_help="Compare two models, layer by layer.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.argument("layer", required=False)
@click.option("--exit-code", is_flag=True, help="Exit with 1 unless they are equal, bit for bit.")
@output_options
def command(before: str, after: str, layer: str | None, exit_code: bool, out: Output) -> int:
    """Compare the models A and B: norms and cosines of every layer, the largest changes, settings that differ.

    Each is a .safetensors or .npz file, a run's directory, or the name of a model that ships. Unless tuinet wrote both,
    their tensors are compared by name. With a LAYER (or the name of a tensor), its parameters are drawn before and
    after on one scale, and their difference.
    """
    from tuinet.cli.seen import write_object, write_seen
    from tuinet.files.find import find_model
    from tuinet.inspection.difference import difference
    from tuinet.inspection.difference_views import difference_views, layer_difference, tensors_of

    with _sides((before, find_model(before)), (after, find_model(after))) as (a, b):
        names = None if layer is None or exit_code else tensors_of(a, b, layer)  # the exit code is of all of them
        found = difference(a, b, names)
        if layer is not None:
            write_seen(layer_difference(a, b, found, layer), out)
        elif out.gives_json:
            write_object(found, out)
        else:
            write_seen(difference_views(found), out)
    return 1 if exit_code and found.equal != "bits" else 0


@contextlib.contextmanager
def _sides(*named: tuple[str, Path]) -> Generator[tuple[Side, ...], None, None]:
    """Both as models if tuinet wrote both, else as files of tensors; named as the person names them."""
    from tuinet.files.model_file import is_model, load_model
    from tuinet.files.tensors import open_weights
    from tuinet.inspection.difference import side_of

    with contextlib.ExitStack() as stack:
        if all(is_model(path) for _, path in named):
            yield tuple(side_of(load_model(path), name) for name, path in named)
        else:
            yield tuple(side_of(stack.enter_context(open_weights(path)), name) for name, path in named)
