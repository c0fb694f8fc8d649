"""`tuinet init`: a recipe as a file to change."""

from __future__ import annotations

from pathlib import Path

import click

from tuinet.errors import TuinetError


@click.command("init", short_help="Write a recipe into a file, to change it.")
@click.argument("recipe")
@click.option("-o", "--output", metavar="FILE", help="Where to write; - for stdout. Default: RECIPE.toml here.")
def command(recipe: str, output: str | None) -> None:
    """Write RECIPE into a commented TOML file. A file that is already there is never overwritten."""
    from tuinet.experiment.recipes import recipe_text
    from tuinet.readable import printable

    text = recipe_text(recipe)
    if output == "-":
        click.echo(text, nl=False)
        return
    path = Path(output if output is not None else f"{recipe}.toml")
    if path.is_symlink() or path.exists():
        raise TuinetError(f"{path} is already there", "Name another file with -o, or remove it first.")
    from tuinet.files.atomic import write_bytes

    write_bytes(path, text.encode())
    click.echo(f"wrote {printable(path)}; look at it, then: tuinet check {printable(path)}")
