"""What a person sees: the commands in a real pseudo-terminal, read by a terminal emulator."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

import numpy as np
import pyte
import pytest

from tests.cli.commands import run_command
from tests.model.models import made
from tuinet.data.coding import Coding
from tuinet.files.model_file import save_model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.dense import Dense
from tuinet.nn.losses import SquaredError


def terminal(
    *command: str, cwd: Path, columns: int = 80, rows: int = 24, typed: bytes = b"", **variables: str
) -> tuple[pyte.Screen, bytes, int]:
    """Run Python with these arguments in a terminal, with what is typed there: what it shows at the end, all bytes that
    came, the exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLORTERM", "COLUMNS")}
        os.execve(sys.executable, [sys.executable, *command], clean | {"TERM": "xterm-256color"} | variables)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.write(terminal, typed)
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
    return screen, came, os.waitstatus_to_exitcode(status)


def watch(
    *arguments: str, cwd: Path, columns: int = 80, rows: int = 24, **variables: str
) -> tuple[list[str], bytes, int]:
    """Run tuinet in a terminal: the lines at the end, all bytes that came, the exit code."""
    screen, came, code = terminal("-m", "tuinet", *arguments, cwd=cwd, columns=columns, rows=rows, **variables)
    return [line.rstrip() for line in screen.display], came, code


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


def test_removing_a_run_asks_on_a_terminal(tmp_path: Path) -> None:
    assert watch(*TRAIN, "-q", cwd=tmp_path)[2] == 0
    lines, _, code = watch("runs", "remove", "run", cwd=tmp_path, typed=b"n\n")
    assert code == 1 and any("Remove run with its model?" in line for line in lines)
    assert (tmp_path / "run/model.safetensors").is_file()
    assert watch("runs", "remove", "run", cwd=tmp_path, typed=b"y\n")[2] == 0
    assert not (tmp_path / "run").exists()


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


@pytest.mark.parametrize("columns", [40, 60])
def test_what_is_predicted_fits_the_terminal(tmp_path: Path, columns: int) -> None:
    """Six values of twelve characters, with all on and with a unit off: no line breaks, and no number is lost."""
    rng = np.random.default_rng(0)
    weights: dict[str, object] = {
        "dense1/weight": rng.normal(size=(3, 4)),
        "dense2/weight": 1e-5 * rng.normal(size=(4, 6)),
    }
    model = made((Dense(4), Dense(6)), weights, Shape.vector(3), SquaredError(), Coding("values"))
    save_model(model, tmp_path / "m.safetensors")
    for off in ((), ("--off", "dense1:0")):
        asked = ("predict", "./m.safetensors", "5.1,3.5,1.4", *off)
        lines, came, code = watch(*asked, cwd=tmp_path, columns=columns, rows=60)
        assert code == 0
        written = re.sub(r"\x1b\[[0-9;]*m", "", came.decode()).split("\r\n")
        assert max(map(len, written)) <= columns
        assert [line.rstrip() for line in written if line] == [line for line in lines if line]
        (answer,) = run_command(*asked, "--json", cwd=tmp_path).lines
        shown = set(" ".join(written).split())
        for found in (answer, *([answer["off"]] if off else [])):
            assert {f"{value:.6g}" for value in found["values"].values()} <= shown
    labels = watch(
        "predict", "cmudict-seq2seq", "unquestionably", "--off", "encoder/lstm1:0-3", cwd=tmp_path, columns=columns
    )
    assert max(map(len, re.sub(r"\x1b\[[0-9;]*m", "", labels[1].decode()).split("\r\n"))) <= columns
