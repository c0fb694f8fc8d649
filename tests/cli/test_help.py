"""Every --help is quick: it loads no library that it does not need."""

from __future__ import annotations

import resource
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from tuinet import __version__
from tuinet.cli.main import COMMANDS, run, tuinet

HEAVY = {"numpy", "textual", "rich", "plotext", "PIL", "msgspec", "safetensors", "pooch", "requests", "platformdirs"}

RUN_COMMANDS = ("list", "show", "watch", "pause", "resume", "step", "set", "stop", "remove")
DATA_COMMANDS = ("list", "info", "fetch")
LINES = [(), *((name,) for name in COMMANDS)]
LINES += [("runs", name) for name in RUN_COMMANDS] + [("data", name) for name in DATA_COMMANDS]


def test_every_help_loads_nothing_heavy() -> None:
    """All in one interpreter: the first that loads something heavy spoils the rest, and is named."""
    code = f"""
import sys
from tuinet.cli.main import run
for line in {LINES!r}:
    code = run([*line, "--help"])
    heavy = sorted({HEAVY!r} & set(sys.modules))
    if code != 0 or heavy:
        sys.exit(f"tuinet {{' '.join(line)}} --help: exit {{code}}, loads {{heavy}}")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for line in LINES:
        assert f"Usage: {' '.join(('tuinet', *line))}" in done.stdout


@pytest.mark.parametrize("line", LINES, ids=lambda line: " ".join(line) or "tuinet")
def test_every_command_and_option_is_explained(line: tuple[str, ...]) -> None:
    command: click.Command = tuinet
    context = click.Context(tuinet)
    for name in line:
        assert isinstance(command, click.Group)
        found = command.get_command(context, name)
        assert found is not None
        command = found
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.opts


def test_the_list_of_commands_is_that_of_the_files() -> None:
    assert set(RUN_COMMANDS) == set(_subcommands("runs"))
    assert set(DATA_COMMANDS) == set(_subcommands("data"))


def _subcommands(name: str) -> list[str]:
    group = tuinet.get_command(click.Context(tuinet), name)
    assert isinstance(group, click.Group)
    return list(group.commands)


def test_version() -> None:
    result = CliRunner().invoke(tuinet, ["--version"])
    assert (result.exit_code, result.output) == (0, f"tuinet {__version__}\n")


def test_version_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "tuinet", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"tuinet {__version__}\n")


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trian"]) == 2
    assert "Did you mean 'train'?" in capsys.readouterr().err


def test_wrong_use_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train"]) == 2
    assert run(["train", "xor", "--resume", "somewhere"]) == 2
    assert run(["train", "--nonsense", "xor"]) == 2
    assert run(["train", "--threads", "0", "xor"]) == 2
    assert run(["runs", "set", "somewhere"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("line", [("--help",), ("train", "--help"), ("runs", "set", "--help")], ids=" ".join)
def test_help_takes_less_than_150_milliseconds(line: tuple[str, ...]) -> None:
    """In processor time, the best of five: another process on the machine must not make this fail."""
    best = 1.0
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "tuinet", *line], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert best < 0.15
