"""`tuinet ui`: the app."""

from __future__ import annotations

import gc
import sys

import click

from tuinet.errors import EXIT_DONE, EXIT_WRONG_INPUT


@click.command("ui", short_help="Open the app: train and look inside on screen.")
@click.argument("opened", metavar="[MODEL|RUN|FILE]", required=False)
@click.option("--ascii", "only_ascii", is_flag=True, help="Draw with ASCII characters alone.")
@click.option("--theme", metavar="NAME", help="The colours of the screen: textual-light, nord, gruvbox …")
def command(opened: str | None, only_ascii: bool, theme: str | None) -> int:
    """Open the app; on a RUN to watch it, on a MODEL or any FILE of tensors to look into it.

    `tuinet` alone opens it, too. Without a terminal there is no app, and this prints what the commands are.
    """
    if not _has_terminal():
        parent = click.get_current_context().parent
        assert parent is not None
        click.echo(parent.get_help())
        return EXIT_WRONG_INPUT
    gc.disable()  # imports leave little garbage: looking for it would take a tenth of them. The app turns it on again
    from tuinet.tui.app import TuinetApp

    app = TuinetApp(opened, ascii=only_ascii, theme=theme)
    app.run()
    return app.return_code or EXIT_DONE


def _has_terminal() -> bool:
    """Whether a person can type here, and see what is drawn: Textual draws on stderr."""
    return all(stream is not None and stream.isatty() for stream in (sys.__stdin__, sys.__stderr__))
