"""`tuinet init`: a recipe, or a network in one line, as a file to change."""

from __future__ import annotations

from pathlib import Path

import click

from tuinet.errors import TuinetError


@click.command("init", short_help="Write a recipe, or a network in one line, into a file to change.")
@click.argument("recipe", required=False)
@click.option("--layers", metavar="LINE", help='A network in one line: "conv 16 3 same relu, pool 2, dense 10".')
@click.option("--data", metavar="NAME", help="With --layers: what it learns from, a data set's name or a file.")
@click.option("--name", help="With --layers: the experiment's name. Default: after the data and the network.")
@click.option("-o", "--output", metavar="FILE", help="Where to write; - for stdout. Default: NAME.toml here.")
def command(recipe: str | None, layers: str | None, data: str | None, name: str | None, output: str | None) -> None:
    """Write RECIPE, or the network of --layers with usual settings for its data, into a TOML file.

    A file that is already there is never overwritten. Layers are parted by commas; each is its name, its numbers, then
    words: conv 16 3 same relu · pool 2 · flatten · dropout 0.4 · dense 128 relu · embed 64 · lstm 256 peephole · rnn ·
    gru · clockwork 64 1 2 4 · bi lstm 64 · last · mean · max · rows · encoder(embed 64, lstm 128)
    decoder(embed 64, lstm 128, dense) reversed. A last dense layer without a number has what the data need.
    """
    from tuinet.readable import printable

    if layers is not None and data is not None and recipe is None:
        name, text = _in_one_line(layers, data, name)
    elif layers is None and data is None and name is None and recipe is not None:
        from tuinet.experiment.recipes import recipe_text

        name, text = recipe, recipe_text(recipe)
    else:
        hint = 'tuinet init RECIPE, or tuinet init --layers "conv 16 3 relu, pool 2, dense" --data digits'
        raise TuinetError("either a recipe is named, or layers and their data", hint)
    if output == "-":
        click.echo(text, nl=False)
        return
    path = Path(output if output is not None else f"{name}.toml")
    if path.is_symlink() or path.exists():
        raise TuinetError(f"{path} is already there", "Name another file with -o, or remove it first.")
    from tuinet.files.atomic import write_bytes

    write_bytes(path, text.encode())
    click.echo(f"wrote {printable(path)}; look at it, then: tuinet check {printable(path)}")


def _in_one_line(line: str, data: str, name: str | None) -> tuple[str, str]:
    """The name and the text of the experiment. Raises TuinetError with everything that is wrong with it."""
    from tuinet.data.fetched import NotFetchedError
    from tuinet.data.sources import source_from_argument
    from tuinet.experiment.checked import problem_lines, report_on
    from tuinet.experiment.decode import absolute, encode
    from tuinet.experiment.layer_edits import set_field
    from tuinet.experiment.quick import parse_layers
    from tuinet.experiment.starters import from_layers

    source = source_from_argument(data)
    try:
        info = source.describe(Path.cwd())
    except NotFetchedError as error:
        info = error.info
    # Absolute, since the file may be written elsewhere and paths in a file start at its folder.
    experiment = absolute(from_layers(source, info, parse_layers(line, info.input_shape)), Path.cwd())
    if name is not None:
        experiment = set_field(experiment, "name", name)
    report = report_on(experiment).report
    if report.problems:
        raise TuinetError(f"these layers cannot be trained on {info.name}:\n{problem_lines(report)}")
    return experiment.name, f"# {' '.join(line.split())}\n\n{encode(experiment, complete=False)}"
