"""`tuinet bench`: every row with figures that fit each other; how fast it is, no test says."""

from __future__ import annotations

import math
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.commands import Command
from tuinet import __version__
from tuinet.cli.main import run
from tuinet.model.blas import cores
from tuinet.nn.shards import LANES
from tuinet.training.bench_work import WORKS

UNITS = ("samples", "samples", "symbols", "symbols", "pairs", "images", "images")


@pytest.mark.parametrize("threads", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_every_kind_of_work_as_json(tuinet: Command, threads: int) -> None:
    done = tuinet("bench", "--seconds", "0.05", "--threads", threads, "--json")
    assert (done.code, done.err) == (0, "")
    (found,) = done.lines
    assert list(found) == ["version", "limit", "rows"]
    limit, rows = found["limit"], found["rows"]
    assert found["version"] == __version__
    assert list(limit) == ["gflops", "threads", "kernels", "blas"]
    assert (limit["threads"], 0 < limit["gflops"] < math.inf) == (min(threads, cores()), True)
    assert all(limit[name] is None or limit[name].strip() for name in ("kernels", "blas"))
    assert [row["work"] for row in rows] == [work.name for work in WORKS]
    assert tuple(row["unit"] for row in rows) == UNITS
    for row in rows:
        assert list(row) == ["work", "per_second", "unit", "gflops", "share"]
        assert all(0 < row[name] < math.inf for name in ("per_second", "gflops", "share"))
        assert row["share"] == pytest.approx(row["gflops"] / limit["gflops"])
    symbol = 6 * ((64 + 128) * 4 * 128 + 128 * 64)  # the floating-point operations of one, trained
    assert rows[2]["gflops"] == pytest.approx(rows[2]["per_second"] * symbol / 1e9)


@pytest.mark.slow
def test_for_people_it_is_a_table(tuinet: Command) -> None:
    """And a thousand threads are as many as there are cores, and as a training can use."""
    done = tuinet("bench", "--seconds", "0.05", "--threads", "1000")
    assert (done.code, done.err) == (0, "")
    facts, table = done.out.split("\n\n")
    most = min(LANES, cores())
    assert facts.splitlines()[0].endswith(f"on {most} cores at once" if most > 1 else "on one core")
    head, *rows = table.splitlines()
    assert head.split("  ")[0] == "work"
    assert [row[: len(work.name)] for row, work in zip(rows, WORKS, strict=True)] == [work.name for work in WORKS]
    assert all(row.endswith(" %") for row in rows)
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--seconds", value) for value in ("0", "-1", "0.049", "60.1", "nan", "inf", "-inf", "1e999", "x", "")),
        *(("--threads", value) for value in ("0", "-1", "1025", "1.5", "nan", "x", "")),
    ],
)
def test_values_that_cannot_be(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", option, value]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1].startswith(f"Error: Invalid value for '{option}': ")
    assert "Traceback" not in said.err


def test_there_is_nothing_to_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "mlp"]) == 2
    assert "unexpected extra argument" in capsys.readouterr().err


def test_ctrl_c_ends_it_and_leaves_no_note(tmp_path: Path) -> None:
    ours, terminal = pty.openpty()
    line = [sys.executable, "-m", "tuinet", "bench", "--seconds", "60", "--json"]
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(line, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=terminal) as process:
        os.close(terminal)
        said = b""
        while b"measuring: MLP" not in said:
            said += os.read(ours, 4096)
        time.sleep(0.8)  # workers have been started
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    said += os.read(ours, 4096)
    os.close(ours)
    assert (process.returncode, out) == (130, b"")
    assert said.endswith(b"\r" + b" " * 60 + b"\r\r\n")
