"""How soon a first training step is done, and what memory that took: whole processes, from command to step.

tuinet trains the recipe `digits-cnn` as a person would. At full speed an event covers hundreds of steps, so it is given
a pace at which each step is an event of its own; that delays no first step, it only adds the command's own event and a
checkpoint before it. Its peer is the script `first_step.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from contestants import peak_memory
from figures import OURS

HERE = Path(__file__).parent
TRAIN = ("-m", "tuinet", "train", "digits-cnn", "--json", "--pace", "20", "--out")


def first_step(name: str) -> tuple[float, float]:
    """Seconds to that contestant's first step, and the peak memory in MB when it is there."""
    with tempfile.TemporaryDirectory() as folder:
        own = [*TRAIN, str(Path(folder) / "run")]
        arguments = own if name == OURS else [str(HERE / "first_step.py"), *name.split("-")]
        begin = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if is_first_step(line):
                    taken, peak = time.perf_counter() - begin, peak_memory(process.pid)
                    process.kill()
                    return taken, peak / 1024
    raise SystemExit(f"{name} ended before its first step; see its error above")


def is_first_step(line: str) -> bool:
    """Raises SystemExit if an event covers more than the first step: it would have come too late."""
    if line.strip() == "step":
        return True
    event = json.loads(line)
    if event["event"] != "step":
        return False
    if event["step"] != 1:
        raise SystemExit(f"tuinet's first event is of step {event['step']}")
    return True
