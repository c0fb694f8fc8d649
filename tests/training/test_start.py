"""Runs in the background: they outlive who started them, and say why if they do not begin."""

from __future__ import annotations

import json
import os
import pty
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.commands import run_command
from tests.training.test_run import EXPERIMENT, lines, place, wait_for  # noqa: F401
from tuinet.errors import TuinetError
from tuinet.experiment.decode import decode
from tuinet.training.directory import Lock, is_locked
from tuinet.training.events import RunEnded, RunFailed, encode
from tuinet.training.run import new_run
from tuinet.training.runs import command, new_line, summary
from tuinet.training.start import failure, forget, resume, start, wait_until_there

LONG = EXPERIMENT.replace("epochs = 6", "epochs = 5000").replace("early_stopping", "# ")


def test_a_run_in_the_background_and_on_again(place: Path) -> None:  # noqa: F811
    (place / "e.toml").write_text(LONG)
    began = start(["e.toml", "--pace", "30"], "digits")
    wait_until_there(began)
    directory, process = began
    assert directory.parent == Path("runs") and directory.name.startswith("digits-")
    assert os.getsid(process.pid) == process.pid  # a session of its own
    assert summary(directory).state == "running" and failure(directory) is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
    assert summary(directory).state == "interrupted" and failure(directory) is None
    words = (directory / "log.txt").read_text().splitlines()
    assert words[0] == f"$ tuinet train e.toml --pace 30 --out {directory} --quiet"
    assert words[1].startswith("interrupted after ")
    again = resume(directory)
    wait_until_there(again)
    assert command(directory, new_line("stop")).ok
    assert again.process.wait(60) == 0
    assert summary(directory).reason == "stopped" and failure(directory) is None


def test_why_it_did_not_begin(place: Path) -> None:  # noqa: F811
    (place / "e.toml").write_text(EXPERIMENT.replace('kernel = 3, padding = "same"', "kernel = 99"))
    began = start(["e.toml"], "digits", place / "run")
    assert began.process.wait(60) == 2
    assert [path.name for path in began.directory.iterdir()] == ["log.txt"]
    said = failure(began.directory)
    assert said is not None and said.startswith("error: e.toml cannot be trained:") and "99" in said
    with pytest.raises(TuinetError, match=r"^e\.toml cannot be trained:") as raised:
        wait_until_there(began)
    assert raised.value.exit_code == 2 and "99" in raised.value.hint
    assert not (place / "run").exists()


def test_a_refusal_to_go_on_is_told_though_the_log_had_ended(place: Path) -> None:  # noqa: F811
    run, _ = new_run(decode(EXPERIMENT, "e"), place, place / "run")
    (run / "events.jsonl").write_bytes(encode(RunEnded(step=3, reason="epochs", metrics={})))
    assert failure(run) is None
    began = resume(run, ["--set", "training.batch_size=3"])
    assert began.process.wait(60) == 2
    said = failure(run)
    assert said is not None and "training.batch_size cannot change" in said
    assert not forget(run) and (run / "experiment.toml").exists()
    with Lock(run):
        assert failure(run) is None
    log = run / "log.txt"
    log.write_text("$ tuinet train x\nerror: old\n$ tuinet train --resume x\nall epochs done\n")
    assert failure(run) is None
    log.write_text("$ tuinet train x\nerror: not finite\n")
    (run / "events.jsonl").write_bytes(encode(RunFailed(step=3, message="not finite")))
    assert failure(run) is None  # the log says so itself


def test_words_from_outside_are_short_and_harmless(tmp_path: Path) -> None:
    assert failure(tmp_path) is None and failure(tmp_path / "nowhere") is None
    (tmp_path / "log.txt").write_bytes(b"x" * 10_000_000 + b"\n\xff\x1b[31mend\r\n\n")
    assert failure(tmp_path) == "\ufffd?[31mend"
    (tmp_path / "mine.txt").write_text("")
    assert not forget(tmp_path) and not forget(tmp_path / "nowhere")
    (tmp_path / "mine.txt").unlink()
    assert forget(tmp_path) and not tmp_path.exists()


def test_detached_from_the_command_line(place: Path) -> None:  # noqa: F811
    done = run_command("train", "xor", "--detach", "--json", "--out", "a", cwd=place)
    assert done.code == 0 and done.lines[0]["run"] == "a"
    wait_for(lambda: not is_locked(place / "a") and (place / "a/model.safetensors").exists())
    done = run_command("train", "--resume", "a", "--set", "training.epochs=500", "--detach", cwd=place)
    assert (done.code, done.out) == (0, "a\n")
    wait_for(lambda: not is_locked(place / "a") and summary(place / "a").epoch == 500)
    wrong = run_command("train", "xor", "--set", "training.epochs=0", "--detach", "--out", "b", cwd=place)
    assert wrong.code == 2 and "epochs" in wrong.err and not (place / "b").exists()
    full = run_command("train", "xor", "--detach", "--out", "a", cwd=place)
    assert full.code == 2 and "not empty" in full.err
    slow = run_command("train", "xor", "--detach", "--pace", "nan", cwd=place)
    assert slow.code == 2 and "pace" in slow.err and not (place / "runs").exists()


def test_it_outlives_the_terminal(place: Path) -> None:  # noqa: F811
    pid, terminal = pty.fork()
    if pid == 0:
        line = ("train", "digits-cnn", "--set", "training.epochs=2", "--pace", "60", "--out", "run", "--detach")
        os.execv(sys.executable, [sys.executable, "-m", "tuinet", *line])
    came = b""
    while b"run" not in came:
        came += os.read(terminal, 65536)
    os.close(terminal)  # the line drops: SIGHUP to all who are still in it
    os.waitpid(pid, 0)
    run = place / "run"
    assert is_locked(run)
    assert os.getsid(json.loads((run / "lock").read_bytes())["pid"]) != os.getsid(0)
    wait_for(lambda: not is_locked(run))
    assert lines(run)[-1]["reason"] == "epochs"
