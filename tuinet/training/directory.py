"""A run is a directory: the names of its files, and the lock that keeps a second trainer out."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from datetime import datetime
from pathlib import Path

import msgspec

from tuinet.errors import TuinetError

EXPERIMENT = "experiment.toml"
EVENTS = "events.jsonl"
MODEL = "model.safetensors"
CHECKPOINT = "checkpoint.safetensors"
CONTROL = "control.jsonl"
LIVE = "live.safetensors"
LOCK = "lock"
LOG = "log.txt"
"""What a run that was started in the background says."""

PATIENCE_SECONDS = 0.2
"""How long a trainer tries to get the lock."""


def runs_folder() -> Path:
    """Where runs go without --out: $TUINET_RUNS, else ./runs."""
    return Path(os.environ.get("TUINET_RUNS") or "runs")


def new_directory(name: str, out: Path | None) -> Path:
    """Make the directory of a new run: `out`, else runs/NAME-DATE-TIME.

    `out` must be new or empty, but for the log.txt of who started this process in the background.
    """
    if out is not None:
        if out.exists() and (not out.is_dir() or {path.name for path in out.iterdir()} - {LOG}):
            raise TuinetError(f"{out} is already there and not empty", f"tuinet train --resume {out}, or another --out")
        out.mkdir(parents=True, exist_ok=True)
        return out
    stem = f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    for suffix in ("", *(f"-{n}" for n in range(2, 1000))):
        directory = runs_folder() / (stem + suffix)
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            continue
        return directory
    raise TuinetError(f"{runs_folder()} has too many runs named {stem}", "name another place with --out")


def find_run(text: str) -> Path:
    """The run directory that a person means: a path, or a name in the runs folder."""
    for directory in (Path(text), runs_folder() / text):
        if (directory / EXPERIMENT).is_file():
            return directory
    raise TuinetError(f"{text} is not a run", "tuinet runs lists them; a run is a directory with experiment.toml in it")


class Owner(msgspec.Struct, omit_defaults=True):
    """Who holds the lock of a run. `after`: the run whose end it waits for."""

    pid: int
    host: str
    after: str | None = None


class Lock:
    """An advisory lock on the run's `lock` file. The system lets go of it when the process ends, however it ends.

    `after`: the run whose end its owner waits for, until it says `begin`.
    """

    def __init__(self, directory: Path, after: Path | None = None) -> None:
        self.path, self.after = directory / LOCK, after
        self._file = -1

    def __enter__(self) -> Lock:
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._take()
            self._write(self.after)
        except BaseException:
            os.close(self._file)
            raise
        return self

    def begin(self) -> None:
        """The owner waits for nobody any more."""
        if self.after is not None:
            self._write(None)

    def _write(self, after: Path | None) -> None:
        os.ftruncate(self._file, 0)
        who = Owner(os.getpid(), socket.gethostname(), str(after.resolve()) if after is not None else None)
        os.pwrite(self._file, msgspec.json.encode(who), 0)

    def _take(self) -> None:
        """Who only asks whether the lock is held (`is_locked`) holds it for a moment: try for a while."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(0.005)
                    continue
            who = owner(self.path.parent)
            by = f" (process {who.pid} on {who.host})" if who else ""
            hint = f"tuinet runs watch {self.path.parent}"
            raise TuinetError(f"{self.path.parent} is being trained already{by}", hint)

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self._file, 0)
        os.close(self._file)


def owner(directory: Path) -> Owner | None:
    """Who last took the lock, as far as the file tells."""
    try:
        return msgspec.json.decode((directory / LOCK).read_bytes()[:16_384], type=Owner)
    except (OSError, msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def waits_for(directory: Path) -> Path | None:
    """The run whose end the living owner of this one waits for."""
    who = owner(directory) if is_locked(directory) else None
    return Path(who.after) if who is not None and who.after else None


def is_locked(directory: Path) -> bool:
    """Whether a living process trains in this directory now."""
    try:
        file = os.open(directory / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False
