"""Wrong input, ends in the middle, and text that would steer a terminal: one clear line, the right exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.commands import Command, Done, run_command
from tuinet.cli.main import run
from tuinet.errors import RunFailedError, TuinetError
from tuinet.readable import printable

WRONG = [
    (("train", "digits-cn"), "digits-cnn"),
    (("train", "nowhere/there.toml"), "there is no file"),
    (("train", "xor", "--set", "training.epoch=3"), "training.epoch"),
    (("train", "xor", "--set", "training.epochs"), "KEY=VALUE"),
    (("train", "xor", "--set", "training.epochs=many"), "training.epochs"),
    (("train", "mnist-mlp"), "tuinet data fetch mnist"),
    (("train", "--resume", "nowhere"), "nowhere is not a run"),
    (("init", "no-such"), "no-such"),
    (("init", "xor", "-o", "no/such/folder.toml"), "no/such"),
    (("check", "."), "folder"),
    (("evaluate", "no-such-model"), "no-such-model"),
    (("evaluate", "broken.safetensors"), "broken.safetensors"),
    (("predict", "broken.safetensors", "1,2"), "broken.safetensors"),
    (("inspect", "text.txt"), "text.txt"),
    (("inspect", "."), "model.safetensors"),
    (("data", "info", "mnits"), "mnist"),
    (("data", "fetch", "iris"), "iris"),
    (("data", "fetch", "mnist", "--from", "nowhere"), "nowhere"),
    (("runs", "show", "nowhere"), "nowhere is not a run"),
    (("runs", "watch", "."), "is not a run"),
    (("runs", "set", ".", "--rate", "fast"), "fast"),
    (("evaluate", "x\x1b[2Jy"), "x\\x1b[2Jy"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "broken.safetensors").write_bytes(b"\xff" * 100)
    (tmp_path / "text.txt").write_text("hello")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "said"), WRONG, ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else ""
)
def test_wrong_input_is_one_clear_error(
    line: tuple[str, ...], said: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TUINET_DATA", str(folder / "data"))
    assert run(line) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert "\x1b" not in captured.err
    assert len(captured.err.splitlines()) <= 6
    assert [path for path in sorted(folder.rglob("*")) if path.name != "data"] == before


def test_json_errors_go_to_stderr(tuinet: Command) -> None:
    for line in (("train", "no-such", "--json"), ("evaluate", "no-such", "--json"), ("runs", "show", "x", "--json")):
        done = tuinet(*line)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: ")


def test_the_run_folder_cannot_be_a_file(tuinet: Command, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    assert tuinet("train", "xor", "--out", "taken").code == 2
    assert tuinet("train", "xor", TUINET_RUNS=str(tmp_path / "taken")).code == 2
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_full_disk_is_a_failure_in_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tuinet", "recipes"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "error: No space left on device\n"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tuinet", "train", "sine", "--json", "--out", "/dev/null/nowhere"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as refused:
        assert refused.stdout is not None
        refused.stdout.close()
        assert refused.wait(60) == 2  # what went wrong is still said on stderr
    read, write = os.pipe()
    os.close(read)
    line = [sys.executable, "-m", "tuinet", "init", "digits-cnn", "-o", "-"]
    done = subprocess.run(line, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_debug_shows_where_an_error_came_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["train", "no-such"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("TUINET_DEBUG", "1")
    assert run(["train", "no-such"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_exit_codes_of_errors() -> None:
    assert (TuinetError("x").exit_code, RunFailedError("x").exit_code) == (2, 1)


def test_a_loss_that_is_not_finite_is_a_failed_run(tuinet: Command, tmp_path: Path) -> None:
    done = tuinet("train", "sine", "--set", "training.optimizer.kind=sgd", "--set", "training.optimizer.rate=1e6",
                  "--set", "training.schedule=constant", "--json", "--out", "run")  # fmt: skip
    assert done.code == 1, done.err
    assert done.lines[-1]["event"] == "run-failed"
    assert done.err.startswith("error: ")
    watched = tuinet("runs", "watch", "run")
    assert watched.code == 1
    assert tuinet("runs", "show", "run", "--json").lines[0]["state"] == "failed"


def _start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    line = ("train", "digits-cnn", "--set", "training.epochs=5000", "--out", "run", *arguments)
    return subprocess.Popen(
        [sys.executable, "-m", "tuinet", *line],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _wait_for(condition: object, seconds: float = 30) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_is_saved(number: signal.Signals, tmp_path: Path, tuinet: Command) -> None:
    with _start(tmp_path, "--json") as process:
        _wait_for(
            lambda: (
                '"epoch"' in (tmp_path / "run/events.jsonl").read_text()
                if (tmp_path / "run/events.jsonl").exists()
                else False
            )
        )
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["reason"]) == ("run-ended", "interrupted")
    assert (tmp_path / "run/checkpoint.safetensors").is_file()
    assert tuinet("runs", "show", "run", "--json").lines[0]["state"] == "interrupted"
    assert tuinet("evaluate", "run", "--json").code == 0


def test_a_run_whose_reader_leaves_is_saved(tmp_path: Path, tuinet: Command) -> None:
    with _start(tmp_path, "--json") as process:
        assert process.stdout is not None and process.stderr is not None
        assert json.loads(process.stdout.readline())["event"] == "run-started"
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == ""
    assert tuinet("runs", "show", "run", "--json").lines[0]["state"] == "interrupted"
    assert (tmp_path / "run/checkpoint.safetensors").is_file()


def test_a_run_is_steered_from_another_terminal(tmp_path: Path, tuinet: Command) -> None:
    with _start(tmp_path, "--quiet") as process:
        _wait_for(lambda: tuinet("runs", "show", "run", "--json").out.startswith('{"directory":"run"'))
        assert "paused after step" in tuinet("runs", "pause", "run").out
        before = _step(tuinet)
        assert _step(tuinet) == before
        assert tuinet("runs", "step", "run").code == 0
        assert "learning rate 0.0005" in tuinet("runs", "set", "run", "--rate", "0.0005", "--pace", "100").out
        refused = tuinet("runs", "set", "run", "--rate", "-1")
        assert (refused.code, refused.out) == (2, "")
        second = tuinet("train", "--resume", "run")
        assert second.code == 2
        assert "trained already" in second.err or "being trained" in second.err
        assert tuinet("runs", "resume", "run").code == 0
        assert tuinet("runs", "stop", "run", "--keep", "last").code == 0
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "stopped on request" in out
    assert "model: run/model.safetensors" in out


def _step(tuinet: Command) -> int:
    found: Done = tuinet("runs", "show", "run", "--json")
    step: int = found.lines[0]["step"]
    return step


def test_text_from_files_cannot_steer_the_terminal(tmp_path: Path, tuinet: Command) -> None:
    table = tmp_path / "evil.csv"
    rows = "".join(f"{n},{n % 3},{label}\n" for n, label in enumerate(("[/s]", "\x1b[31mred", "[UNK]") * 20))
    table.write_text(f"a\x1b]0;title\x07,b,kind\n{rows}")
    experiment = """
name = "evil"
[data.source]
kind = "csv"
path = "evil.csv"
target = "kind"
[model]
layers = [{kind = "dense", units = 3}]
[training]
epochs = 2
[training.loss]
kind = "cross-entropy"
[training.optimizer]
kind = "adam"
"""
    (tmp_path / "evil.toml").write_text(experiment)
    assert tuinet("train", "evil.toml", "--out", "run").code == 0
    for line in (
        ("check", "evil.toml"), ("inspect", "run"), ("evaluate", "run", "--split", "train"), ("predict", "run", "1,2"),
        ("predict", "run", "evil.csv", "--top", "3"),
    ):  # fmt: skip
        done = tuinet(*line)
        assert done.code == 0, done.err
        assert "\x1b" not in done.out + done.err
        assert "\x07" not in done.out
    assert "[/s]" in tuinet("inspect", "run").out
    assert "\\x1b[31mred" in tuinet("inspect", "run").out


def test_printable() -> None:
    assert printable("conv1 3×3 ü") == "conv1 3×3 ü"
    assert printable("a\x1b[0mb\rc\nd\x9b") == "a\\x1b[0mb\\rc\\nd\\x9b"
    assert printable("\ud800") == "\\ud800"
    assert printable("\u202eabc") == "\\u202eabc"


def test_a_terminal_without_these_characters_gets_others(trained: Path) -> None:
    done = run_command("inspect", "runs/digits", cwd=trained, PYTHONIOENCODING="iso8859-5")
    assert done.code == 0
    assert "8x8x1" in done.out and "?" not in done.out
