"""The command line that does what a screen does."""

from __future__ import annotations

import shlex
from pathlib import Path

from tuinet.experiment.spec import Experiment


def command_for(experiment: Experiment, path: Path | None) -> str:
    """`tuinet train my-cnn.toml`: of the file that holds the experiment, or of the one it would be saved to."""
    file = path if path is not None else Path(f"{experiment.name}.toml")
    return f"tuinet train {shlex.quote(str(file))}"
