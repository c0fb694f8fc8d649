"""Running the command as people do: `python -m tuinet` in a process of its own, in an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """stdout as lines of JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Done]


def run_command(*arguments: object, cwd: Path, **variables: str) -> Done:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TUINET_")} | variables
    environment["TUINET_DATA"] = variables.get("TUINET_DATA", str(cwd / "no-data"))
    done = subprocess.run(
        [sys.executable, "-m", "tuinet", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)
