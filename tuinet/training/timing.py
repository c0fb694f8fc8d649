"""How long training will take, from a few real steps."""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import msgspec

from tuinet.errors import TuinetError
from tuinet.experiment.checked import Checked, problem_lines, report_on
from tuinet.experiment.costs import machine_memory, size_in_words
from tuinet.experiment.decode import absolute, encode
from tuinet.experiment.spec import Experiment
from tuinet.experiment.training_rules import LARGEST_MEMORY
from tuinet.model.blas import cores
from tuinet.readable import about
from tuinet.training import interpreter
from tuinet.training.build import Job, build
from tuinet.training.events import RunFailed, StepDone
from tuinet.training.fit import fit
from tuinet.training.numbers import batch_samples, sample_length, step_seconds

STEPS = 3
"""Steps that are timed, after one that warms up."""

MOST_SECONDS = 120.0
"""How long measuring in a process of its own may take, loading the data included."""


LONGEST_STEP = 4.0
"""Seconds that a step may take by estimate on a slow machine; of larger batches only a part is measured."""

LONGEST = 20.0
"""Seconds after which no further step begins."""

SLOW_FLOPS, SLOW_CALL = 5e10, 1e-5
"""That machine: FLOP/s, and seconds a layer."""


class Timing(msgspec.Struct, frozen=True):
    """step      seconds of one step, the median of those that were timed
    epoch     seconds of an epoch and its validation
    run       seconds of all epochs, which early stopping may cut short
    steps     how many steps were timed
    samples   how many samples each of them had; where these are less than a batch, `step` is what a whole one takes
    """

    step: float
    epoch: float
    run: float
    steps: int = 1
    samples: int = 1


def measured(experiment: Experiment, base: Path, threads: int | None = None, found: Checked | None = None) -> Timing:
    """Train a few steps and forget them. No more than half of this machine's memory is taken for that.

    `found`: what `report_on(experiment)` says, for who has asked already.
    Raises TuinetError if the experiment cannot be trained, is too large to be tried out, or its loss is not finite, and
    NotFetchedError if its data are not here.
    """
    found = found or report_on(experiment, base)
    totals = found.report.totals
    if found.report.problems:
        raise TuinetError(f"{experiment.name} cannot be trained:\n{problem_lines(found.report)}")
    most = (machine_memory() or LARGEST_MEMORY) // 2
    if totals is not None and totals.memory.total > most:
        message = f"training takes about {size_in_words(totals.memory.total)} of memory, too much to try it out"
        raise TuinetError(message, f"at most {size_in_words(most)}, half of this machine's, are taken for that")
    return _measured(build(experiment, base, encoded=found.encoded), threads or cores())


def _measured(job: Job, threads: int) -> Timing:
    settings, data = job.settings, job.data
    parts = {name: len(part) for name, part in data.splits.items()}
    batch = min(batch_samples(settings, data), parts["train"])
    samples = _samples_to_try(job, batch)
    trial = msgspec.structs.replace(
        settings,
        batch_size=samples,
        epochs=max(settings.epochs, STEPS + 1),
        early_stopping=None,
        validate_every=None,
        checkpoint_every=10**9,
    )
    alone = replace(data, splits={"train": data.splits["train"]})
    seconds = _step_seconds(job._replace(settings=trial, data=alone), threads)
    timed = seconds[1:] or seconds
    step = median(timed) * batch / samples
    # The last batch of an epoch may be smaller; to validate is only the way forward, a third of a step's work.
    epoch = step / batch * (parts["train"] + parts.get("validation", 0) / 3)
    return Timing(step, epoch, epoch * settings.epochs, len(timed), samples)


def _samples_to_try(job: Job, batch: int) -> int:
    """The samples of a step that cannot take much longer than LONGEST_STEP: all of a batch, if that is not large."""
    length = sample_length(job.data)
    one, whole = (step_seconds(job.model, count, length, SLOW_FLOPS, SLOW_CALL) for count in (1, batch))
    if one > LONGEST:
        message = f"one sample may take {about(one)}, too long to try it out"
        raise TuinetError(message, "take a smaller network, or shorter sequences")
    return batch if whole <= LONGEST_STEP else max(1, int(batch * LONGEST_STEP / whole))


def _step_seconds(job: Job, threads: int) -> list[float]:
    """The seconds of each step, the first too; without what happens between two of them."""
    seconds: list[float] = []
    events = fit(*job, threads=threads)
    try:
        start = begin = time.perf_counter()
        for event in events:
            now = time.perf_counter()
            if isinstance(event, RunFailed):
                raise TuinetError(event.message, "Take a smaller learning rate.")
            if isinstance(event, StepDone):
                seconds.append(now - begin)
            if len(seconds) > STEPS or (seconds and now - start > LONGEST):
                break
            begin = time.perf_counter()
    finally:
        events.close()
    return seconds


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
