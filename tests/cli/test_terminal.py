"""What a person sees: the commands in a real pseudo-terminal, read by a terminal emulator."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios
from pathlib import Path

import pyte


def watch(
    *arguments: str, cwd: Path, columns: int = 80, rows: int = 24, **variables: str
) -> tuple[list[str], bytes, int]:
    """Run tuinet in a terminal: the lines at the end, all bytes that came, the exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLORTERM", "COLUMNS")}
        os.execve(
            sys.executable, [sys.executable, "-m", "tuinet", *arguments], clean | {"TERM": "xterm-256color"} | variables
        )
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    screen = pyte.Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    came = b""
    while True:
        try:
            block = os.read(terminal, 65536)
        except OSError:  # the other side is closed
            break
        if not block:
            break
        came += block
        stream.feed(block)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return [line.rstrip() for line in screen.display], came, os.waitstatus_to_exitcode(status)


TRAIN = ("train", "digits-cnn", "--set", "training.epochs=4", "--out", "run")


def test_training_shows_a_bar_that_is_gone_at_the_end(tmp_path: Path) -> None:
    lines, came, code = watch(*TRAIN, cwd=tmp_path)
    assert code == 0
    text = came.decode()
    assert "━" in text
    assert "epoch 4/4" in text or "epoch 3/4" in text
    assert "samples/s" in text
    assert " left" in text
    assert lines[0] == "digits-cnn: 38,282 parameters, 4 epochs of 40 steps"
    shown = "\n".join(lines)
    assert "━" not in shown
    assert "test: accuracy" in shown
    assert "model: run/model.safetensors" in shown


def test_without_colour_if_asked(tmp_path: Path) -> None:
    _, came, _ = watch(*TRAIN, cwd=tmp_path, NO_COLOR="1")
    assert b"38;5" not in came
    assert b"38;2" not in came
    assert b"\x1b[31m" not in came


def test_a_dumb_terminal_gets_plain_lines(tmp_path: Path) -> None:
    lines, came, code = watch(*TRAIN, cwd=tmp_path, TERM="dumb")
    assert code == 0
    assert b"\x1b" not in came
    assert any(line.startswith("epoch 1/4") for line in lines)


def test_tables_and_charts_fit_the_terminal(tmp_path: Path) -> None:
    assert watch(*TRAIN, "-q", cwd=tmp_path)[2] == 0
    for arguments in (
        ("recipes",),
        ("data", "list"),
        ("check", "digits-cnn"),
        ("inspect", "run"),
        ("runs", "show", "run"),
    ):
        _, came, code = watch(*arguments, cwd=tmp_path, columns=80, rows=60)
        assert code == 0
        screen = pyte.Screen(300, 100)
        pyte.ByteStream(screen).feed(came)
        wide = [line.rstrip() for line in screen.display if len(line.rstrip()) > 80]
        assert not wide, arguments


def test_a_chart_has_colours_on_a_terminal(tmp_path: Path) -> None:
    assert watch(*TRAIN, "-q", cwd=tmp_path)[2] == 0
    assert b"38;5;4m" in watch("runs", "show", "run", cwd=tmp_path)[1]
    assert b"38;5;4m" not in watch("runs", "show", "run", cwd=tmp_path, NO_COLOR="1")[1]


def test_a_run_whose_terminal_goes_away_is_saved(tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        line = ("train", "digits-cnn", "--set", "training.epochs=5000", "--out", "run")
        os.execve(sys.executable, [sys.executable, "-m", "tuinet", *line], os.environ | {"TERM": "xterm-256color"})
    came = b""
    while b"samples/s" not in came:
        came += os.read(terminal, 65536)
    os.close(terminal)  # the line drops: SIGHUP, and every write fails from now on
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    last = (tmp_path / "run/events.jsonl").read_bytes().splitlines()[-1]
    assert b'"reason":"interrupted"' in last
    assert (tmp_path / "run/checkpoint.safetensors").is_file()
