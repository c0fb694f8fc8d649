"""`tuinet generate`: a language model goes on with a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tuinet.model.generation import Generation

# The program's own words go to stderr, so that the text alone can be kept.


@click.command("generate", short_help="Let a language model write.")
@click.argument("model")
@click.option("--prompt", default="", metavar="TEXT", help="What it goes on with. Default: as behind a line break.")
@click.option("--length", type=int, metavar="N", help="How many symbols it writes. Default: 500.")
@click.option(
    "--temperature", type=float, default=1.0, metavar="T", help="0: the likeliest each time, 1: as learnt, 2: wild."
)
@click.option("--top-k", type=int, metavar="K", help="Choose among the K likeliest symbols only.")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="The same seed writes the same text.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    model: str,
    prompt: str,
    length: int | None,
    temperature: float,
    top_k: int | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Let MODEL, a language model, go on with a text: the symbols appear as they are chosen."""
    from tuinet.cli.output import write_json
    from tuinet.errors import TuinetError
    from tuinet.files.load import load
    from tuinet.model.blas import one_blas_thread
    from tuinet.model.generation import LENGTH, Generation
    from tuinet.model.inputs import valid_text

    loaded = load(model)
    if loaded.meta.task != "next-symbol":
        raise TuinetError(f"{loaded.meta.name} does not go on with a text", "Ask it with tuinet predict.")
    prompt = valid_text(prompt, "the prompt")
    writing = Generation(loaded, prompt, LENGTH if length is None else length, temperature, top_k, seed)
    _tell_unknown(writing)
    with one_blas_thread:
        if not as_json:
            _write(writing)
            return
        text = "".join(writing)
        write_json({"prompt": prompt, "text": text, "symbols": len(writing.ids), "seed": writing.seed})


def _write(writing: Generation) -> None:
    """The prompt, then symbol after symbol."""
    from tuinet.readable import printable_text

    click.echo(printable_text(writing.prompt), nl=False)
    for piece in writing:
        click.echo(printable_text(piece), nl=False)
    click.echo()


def _tell_unknown(writing: Generation) -> None:
    from tuinet.readable import printable

    if not writing.unknown:
        return
    shown = " ".join(map(repr, writing.unknown[:10])) + (" …" if len(writing.unknown) > 10 else "")
    click.echo(f"note: {writing.model.meta.name} does not know {printable(shown)}", err=True)
