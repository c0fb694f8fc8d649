"""How long training will take, from a few real steps."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

import msgspec

from tuinet.errors import TuinetError
from tuinet.experiment.decode import absolute, encode
from tuinet.experiment.spec import Experiment
from tuinet.training import interpreter
from tuinet.training.build import build
from tuinet.training.events import RunFailed, RunStarted, StepDone
from tuinet.training.fit import default_threads, fit

STEPS = 3
"""Steps that are timed, after one that warms up."""

MOST_SECONDS = 120.0
"""How long measuring in a process of its own may take, loading the data included."""


class Timing(msgspec.Struct, frozen=True):
    """step      seconds of one step, the median of three
    epoch     seconds of all steps of an epoch; validation comes on top
    run       seconds of all epochs
    """

    step: float
    epoch: float
    run: float


def measured(experiment: Experiment, base: Path, threads: int | None = None) -> Timing:
    """Train a few steps and forget them. Raises TuinetError as `build` does, or if the loss is not finite."""
    job = build(experiment, base)
    steps_per_epoch, seconds = 1, list[float]()
    events = fit(*job, threads=threads or default_threads())
    try:
        begin = time.perf_counter()
        for event in events:
            if isinstance(event, RunStarted):
                steps_per_epoch = event.steps_per_epoch
            elif isinstance(event, RunFailed):
                raise TuinetError(event.message, "Take a smaller learning rate.")
            elif isinstance(event, StepDone):
                seconds.append(time.perf_counter() - begin)
            if len(seconds) > STEPS:
                break
            begin = time.perf_counter()
    finally:
        events.close()
    step = median(seconds[1:] or seconds)
    return Timing(step, step * steps_per_epoch, step * steps_per_epoch * experiment.training.epochs)


def measured_apart(experiment: Experiment, base: Path) -> Timing:
    """The same in a process of its own, as `tuinet check --time` does it: a screen stays quick beside it.

    Raises TuinetError with what the process said.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "experiment.toml"
        file.write_text(encode(absolute(experiment, base)), encoding="utf-8")
        try:
            done = subprocess.run(
                interpreter.command("tuinet", "check", str(file), "--time", "--json"),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=MOST_SECONDS,
                env=interpreter.same_modules(),
            )
        except subprocess.TimeoutExpired:
            raise TuinetError(f"a few steps took over {MOST_SECONDS:g} s") from None
    try:
        return msgspec.json.decode(done.stdout, type=_Said).timing
    except msgspec.DecodeError:
        words = done.stderr.decode("utf-8", "replace").strip() or "it ended without a word"
        raise TuinetError(f"it could not be measured: {words}") from None


class _Said(msgspec.Struct):
    timing: Timing
