"""How this Python starts another with the same modules."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def command(module: str, *arguments: str) -> list[str]:
    """The command line of `python -m module`, to be given `same_modules()`.

    -P: a file of the current folder that is named like a library must not take its place.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def same_modules() -> dict[str, str]:
    """This process's environment, with what it can import in PYTHONPATH."""
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    return {**os.environ, "PYTHONPATH": path}
