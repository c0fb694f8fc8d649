"""The app in a real pseudo-terminal, read by a terminal emulator: what a stranger at the keyboard sees."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte

KEYS = {
    "enter": "\r", "escape": "\x1b", "tab": "\t", "space": " ", "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C",
    "left": "\x1b[D", "pagedown": "\x1b[6~", "pageup": "\x1b[5~", "f1": "\x1bOP",
}  # fmt: skip


class Terminal:
    """`tuinet ARGUMENTS` in a terminal of so many columns and rows. `came` counts the bytes it was sent."""

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        columns: int = 80,
        rows: int = 24,
        command: tuple[str, ...] = (),
        **variables: str,
    ) -> None:
        self.columns, self.rows, self.came = columns, rows, 0
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        line = [*(command or (sys.executable, "-m", "tuinet")), *arguments]
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            left_out = ("NO_COLOR", "COLORTERM", "COLUMNS", "LINES", "TEXTUAL_COLOR_SYSTEM", "TUINET_RUNS")
            clean = {name: value for name, value in os.environ.items() if name not in left_out}
            os.execvpe(line[0], line, clean | {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | variables)
        self.resize(columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        """As if the window was dragged."""
        self.columns, self.rows = columns, rows
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def read(self, seconds: float) -> bytes:
        """Take in what comes within so long."""
        until, came = time.monotonic() + seconds, b""
        while (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select([self.file], [], [], left)
            if not ready:
                break
            try:
                block = os.read(self.file, 65536)
            except OSError:  # the other side is closed
                break
            if not block:
                break
            came += block
            self.came += len(block)
            self.stream.feed(block)
        return came

    def press(self, *keys: str) -> None:
        for key in keys:
            os.write(self.file, KEYS.get(key, key).encode())
            self.read(0.05)

    def until(self, seen: str | Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait for words on the screen. Raises AssertionError with the screen."""
        found = seen if callable(seen) else lambda: seen in self.text
        end = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < end, f"never seen: {seen}\n{self.text}"
            self.read(0.05)

    def ended(self, seconds: float = 10.0) -> int:
        """The exit code, once the app is gone."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"still there\n{self.text}")

    def close(self) -> None:
        """Hang up; kill what does not go."""
        with contextlib.suppress(OSError):
            os.close(self.file)
        if self.pid:
            end = time.monotonic() + 5
            while time.monotonic() < end:
                pid, _ = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    return
                time.sleep(0.02)
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


@contextlib.contextmanager
def terminal(*arguments: str, cwd: Path, columns: int = 80, rows: int = 24, **variables: str) -> Iterator[Terminal]:
    """One that is hung up at the end."""
    found = Terminal(*arguments, cwd=cwd, columns=columns, rows=rows, **variables)
    try:
        yield found
    finally:
        found.close()
