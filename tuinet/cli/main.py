"""The command `tuinet`: finds the subcommand's module when it is asked for, and turns errors into lines for people."""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import click

from tuinet import __version__
from tuinet.errors import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_WRONG_INPUT, TuinetError

COMMANDS = (
    "ui", "recipes", "init", "check", "train", "evaluate", "predict", "generate", "inspect", "diff", "convolve",
    "import", "data", "runs", "bench",
)  # fmt: skip
"""Each is the module of the same name in this package; its `command` is the click command. In the order of --help."""

_MODULES = {"import": "import_weights"}
"""Where a module cannot have the command's name."""

_WRONG_PATH = {
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EROFS,
}  # fmt: skip
"""Errors of the system that mean "this path is wrong": the person's input. All others (a full disk) are failures."""


class LazyGroup(click.Group):
    """A group whose commands are imported when used: `tuinet --help` must not wait for what training needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"tuinet.cli.{_MODULES.get(cmd_name, cmd_name)}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else f" There are: {', '.join(COMMANDS)}."
            raise click.UsageError(f"There is no command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="tuinet", message="%(prog)s %(version)s")
def tuinet() -> None:
    """Build, train, steer and look inside neural networks in a terminal.

    Alone, `tuinet` opens the app. In a script begin with `tuinet recipes`, then `tuinet train digits-cnn`.

    Exit codes: 0 done, 1 failed, 2 wrong input (nothing was written), 130 interrupted and saved.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line, without arguments the app; errors go to stderr as one line and a hint. Returns the exit
    code."""
    try:
        result = tuinet.main(list(arguments) or ["ui"], prog_name="tuinet", standalone_mode=False)
        code = result if isinstance(result, int) else EXIT_DONE
        if code == EXIT_DONE:  # done means written, too
            sys.stdout.flush()
        return code
    except click.Abort:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except TuinetError as error:
        _debug()
        return _report(error.message, error.hint, error.exit_code)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_FAILED  # the reader has gone (`tuinet runs | head -1`) and needs no word
    except MemoryError:
        _debug()
        return _report("this needs more memory than there is", "Take a smaller batch or network.", EXIT_FAILED)
    except OSError as error:
        _debug()
        where = f"{error.filename}: " if error.filename else ""
        code = EXIT_WRONG_INPUT if error.errno in _WRONG_PATH else EXIT_FAILED
        return _report(f"{where}{error.strerror or error}", "", code)


def _report(message: str, hint: str, code: int) -> int:
    from tuinet.readable import printable_lines

    with contextlib.suppress(OSError):  # a terminal that is gone
        click.secho("error: ", fg=None if os.environ.get("NO_COLOR") else "red", nl=False, err=True)
        click.echo(printable_lines(message), err=True)
        if hint:
            click.echo(printable_lines(hint), err=True)
    return code


def _debug() -> None:
    """With TUINET_DEBUG=1, show where the error that is being handled came from."""
    if os.environ.get("TUINET_DEBUG") not in (None, "", "0"):
        import traceback

        traceback.print_exc()


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def main() -> None:
    """Where the installed command begins."""
    # Started with a closed stdout or stderr there is none: what is said then goes nowhere.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without × or é gets "?" in its place, not a traceback
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # said already, or not worth a word: Python's own flush at the end must not say it again
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            code = code or EXIT_FAILED
    sys.exit(code)
