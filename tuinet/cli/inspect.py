"""`tuinet inspect`: any number in any model, as values, pictures and words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuinet.cli.options import off_option
from tuinet.cli.seen import output_options

if TYPE_CHECKING:
    from tuinet.cli.seen import Output
    from tuinet.inspection.asked import Inputs
    from tuinet.inspection.question import Choice, Offer
    from tuinet.model.model import Model


INPUTS = ("sample", "file", "text")
CHOICES = ("data", "split", "unit", "at", "step", "gate", "order", "decoder", "off", "masks")
"""Options that say what of a view is meant: without a view they would be passed over."""


@click.command("inspect", short_help="Look inside a model: layers, kernels, maps, gates, gradients.")
@click.argument("model")
@click.argument("layer", required=False)
@click.option("--view", metavar="NAME", help="What to see. Without it, the views there are.")
@click.option(
    "--sample", metavar="[SPLIT:]N", help="The input: sample N (or some: 0,3-7) of the test part, or of another."
)
@click.option("--file", metavar="PATH", help="The input: an image, a table, an array, a text; - is stdin.")
@click.option("--text", metavar="TEXT", help="The input: a text, or a row of numbers; - is stdin.")
@click.option("--data", metavar="NAME_OR_PATH", help="Other data than those the model was trained on.")
@click.option("--split", metavar="PART", help="The part to look through: train, validation, test or all.")
@click.option("--unit", metavar="N,N-N", help="Units, maps or kernels, counted from 0.")
@click.option("--at", metavar="ROW,COL", help="The place on a map, or the input of a weight.")
@click.option("--step", type=click.IntRange(0), metavar="T", help="The step of a sequence.")
@click.option("--gate", metavar="NAME", help="forget, input, output, candidate, cell, hidden …")
@click.option("--order", type=click.Choice(["index", "change"]), help="Units by number, or most changing first.")
@click.option(
    "--decoder", type=click.Choice(["forced", "free", "both"]), help="Feed it the target, its own answer, or both."
)
@click.option("--sum", "as_sum", is_flag=True, help="The value that is named, term by term.")
@off_option
@click.option("--masks", type=click.IntRange(0), metavar="SEED", help="As in training: dropout and noise from SEED.")
@click.option("--filter", "pattern", metavar="TEXT", help="Of a file of tensors: those whose names hold TEXT.")
@click.option("--axes", metavar="R,C", help="Of a tensor: which axes are rows and columns of a picture.")
@output_options
def command(model: str, layer: str | None, out: Output, **options: Any) -> None:
    """Look inside MODEL: a .safetensors or .npz file, a run's directory, or the name of a model that ships.

    Without LAYER and --view, it shows the layers, their parameters and costs, and how the model was trained. With a
    LAYER and no --view, it lists the views of that layer; views of the model as a whole need no LAYER.

    \b
      tuinet inspect digits-cnn conv1 --view kernels
      tuinet inspect digits-cnn conv1 --view maps --sample test:17
      tuinet inspect digits-cnn conv1 --sample test:17 --unit 3 --at 2,5 --sum
      tuinet inspect cmudict-seq2seq encoder/lstm1 --view gates --text thought
      tuinet inspect digits-cnn --view mistakes
    """
    from tuinet.cli.output import spare
    from tuinet.files.find import find_model
    from tuinet.files.model_file import is_model, load_model
    from tuinet.inspection.asked import Inputs

    path = find_model(model)
    spare(out.path, path, options["file"])
    if not is_model(path):
        from tuinet.cli.tensors import show_tensors

        show_tensors(path, layer, options, out)
        return
    for name in ("pattern", "axes"):
        if options[name] is not None:
            _refuse_of_tensors("--filter" if name == "pattern" else "--axes")
    loaded = load_model(path)
    inputs = Inputs(options["sample"], options["file"], options["text"])
    asked = [name for name in CHOICES if options[name] not in (None, ())]
    if options["view"] is None and not options["as_sum"] and (layer is not None or not any(inputs)):
        if asked or any(inputs):
            _refuse_without_a_view(asked[0] if asked else next(name for name in INPUTS if options[name]), layer)
        if layer is None:
            from tuinet.cli.summary import show_summary

            show_summary(path, loaded, out)
            return
    _look(path, loaded, layer, inputs, options, out)


def _refuse_without_a_view(name: str, layer: str | None) -> None:
    from tuinet.errors import TuinetError

    option = {"unit": "--unit", "as_sum": "--sum"}.get(name, f"--{name}")
    where = f"tuinet inspect MODEL{f' {layer}' if layer else ''}"
    raise TuinetError(f"{option} belongs to a view, and none is named", f"Name a --view; {where} lists them.")


def _refuse_unused(offer: Offer, inputs: Inputs, options: dict[str, Any]) -> None:
    """Raises TuinetError for an input or data that the view does not look at."""
    from tuinet.errors import TuinetError

    given = [f"--{name}" for name in INPUTS if options[name] is not None]
    if given and not (offer.looks_at_input or options["off"]):
        raise TuinetError(f"the view {offer.name} looks at no input", f"Leave out {given[0]}.")
    if not offer.looks_at_data:
        unused = [name for name in ("split", "data") if options[name] is not None]
        if unused and not (unused == ["data"] and inputs.sample is not None):
            raise TuinetError(f"the view {offer.name} looks through no data", f"Leave out --{unused[0]}.")


def _refuse_of_tensors(option: str) -> None:
    from tuinet.errors import TuinetError

    raise TuinetError(f"{option} is for files of tensors, and this is a model", "Name a LAYER and a --view of it.")


def _look(path: Path, model: Model, layer: str | None, inputs: Inputs, options: dict[str, Any], out: Output) -> None:
    from tuinet.cli.seen import write_seen
    from tuinet.cli.stdin import samples
    from tuinet.cli.summary import list_views
    from tuinet.inspection.asked import part_of
    from tuinet.inspection.catalog import look, offered, offers
    from tuinet.inspection.explain import explain
    from tuinet.inspection.off import with_off
    from tuinet.inspection.question import Question, find_layer
    from tuinet.inspection.views.predictions import effect
    from tuinet.model.blas import one_blas_thread

    found = "" if layer is None else find_layer(model, layer)
    changed = with_off(model, options["off"])
    asked = changed or model
    question = Question(
        model=asked,
        layer=found,
        samples=samples(path, model, inputs, options["data"]),
        part=part_of(path, asked, options["data"], options["split"]),
        choice=_choice(options),
        masks=options["masks"],
    )
    view = options["view"]
    if view is None and not found and question.samples is not None and not options["as_sum"]:
        view = "answer"
    with one_blas_thread:
        if options["as_sum"]:
            seens = (explain(question, view),)
        elif view is None and found:
            list_views(found, offers(asked, question.node), out)
            return
        else:
            assert view is not None
            _refuse_unused(offered(question, view), inputs, options)
            seens = look(question, view)
        if changed is not None and question.samples is not None:
            seens = (effect(model, changed, question.samples), *seens)
    write_seen(seens, out)


def _choice(options: dict[str, Any]) -> Choice:
    from tuinet.inspection.asked import place
    from tuinet.inspection.question import Choice
    from tuinet.inspection.ranges import numbers

    return Choice(
        units=None if options["unit"] is None else numbers(options["unit"], "--unit"),
        at=None if options["at"] is None else place(options["at"]),
        step=options["step"],
        gate=options["gate"],
        order=options["order"],
        decoder=options["decoder"],
    )
