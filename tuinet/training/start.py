"""Runs in the background: a process of its own, in a session of its own, that outlives who started it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tuinet.errors import EXIT_DONE, EXIT_WRONG_INPUT, RunFailedError, TuinetError
from tuinet.training import interpreter
from tuinet.training.directory import EVENTS, LOCK, LOG, is_locked, new_directory, owner
from tuinet.training.events import RunEnded, RunFailed
from tuinet.training.log import last_event

TAIL = 4096
"""Bytes of log.txt's end that are looked at."""

MARK = "$ tuinet train"
"""How the line begins in log.txt that says what was started."""


class Started(NamedTuple):
    """The run's directory and the process that trains in it, or will."""

    directory: Path
    process: subprocess.Popen[bytes]


def start(arguments: Sequence[str], name: str, out: Path | None = None) -> Started:
    """Make a directory (`out`, else from `name`) and start `tuinet train ARGUMENTS --out DIRECTORY`.

    What the process says goes to log.txt there. It gets no signal of this terminal, not even of its end.
    Raises TuinetError if there can be no such directory.
    """
    directory = new_directory(name, out)
    return _start(directory, [*arguments, "--out", str(directory)])


def resume(directory: Path, arguments: Sequence[str] = ()) -> Started:
    """Start `tuinet train --resume DIRECTORY ARGUMENTS` in the same way."""
    return _start(directory, ["--resume", str(directory), *arguments])


def _start(directory: Path, arguments: Sequence[str]) -> Started:
    words = [*arguments, "--quiet"]
    with (directory / LOG).open("ab", buffering=0) as log:
        log.write(os.fsencode(f"{MARK} {shlex.join(words)}\n"))
        process = subprocess.Popen(
            interpreter.command("tuinet", "train", *words),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a hang-up of this terminal, or Ctrl-C in it, is not for the run
            env=interpreter.same_modules(),
        )
    return Started(directory, process)


def wait_until_there(started: Started) -> None:
    """Until the process has its run in hand, so that it can be listed and steered, or has trained it already.

    Raises TuinetError with what it said if it ended otherwise; a directory that would hold nothing else is removed.
    """
    directory, process = started
    while process.poll() is None:
        who = owner(directory)
        if who is not None and who.pid == process.pid and (who.after or (directory / EVENTS).exists()):
            return
        time.sleep(0.01)
    if process.returncode != EXIT_DONE:
        said = (failure(directory) or "it ended without a word").removeprefix("error: ")
        forget(directory)
        kind = TuinetError if process.returncode == EXIT_WRONG_INPUT else RunFailedError
        message, _, hint = said.partition("\n")
        raise kind(message, hint)


def failure(directory: Path) -> str | None:
    """What the last process here said at its end, if it is gone and the run's own log does not tell how it ended.

    None if there is nothing to tell, and before it has begun: ask when the process is known to have ended.
    """
    if is_locked(directory):
        return None
    said, last = _said(directory), last_event(directory / EVENTS)
    if isinstance(last, RunFailed) and last.message in said:
        return None
    if isinstance(last, RunEnded) and not re.search("^(error: |Traceback)", said, re.MULTILINE):
        return None
    return said or None


def _said(directory: Path) -> str:
    """The end of log.txt, from the last start on."""
    try:
        with (directory / LOG).open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - TAIL))
            lines = log.read(TAIL).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    if size > TAIL:
        del lines[:1]  # half of it is missing
    starts = [number for number, line in enumerate(lines) if line.startswith(MARK)]
    told = lines[starts[-1] + 1 :] if starts else lines
    return "\n".join("".join(c if c.isprintable() else "?" for c in line.rstrip()) for line in told).strip()


def forget(directory: Path) -> bool:
    """Remove the directory of a run that never began: one with nothing but log.txt (and a lock that nobody holds).

    Whether it was removed.
    """
    try:
        found = {path.name for path in directory.iterdir()}
        if not found <= {LOG, LOCK} or is_locked(directory):
            return False
        for name in found:
            (directory / name).unlink()
        directory.rmdir()
    except OSError:
        return False
    return True


def log_tail(directory: Path) -> list[str]:
    """The lines that the run's process wrote last, as many as TAIL bytes hold."""
    return [line for line in _said(directory).splitlines() if line.strip()]
