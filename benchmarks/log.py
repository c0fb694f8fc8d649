"""How long the log of a run of a million steps takes to open, and in how much memory: `python benchmarks/log.py`.

Once as a run of `digits-cnn` writes it, once with a line for every step. Beyond what was asked for this ends with 1.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tuinet.training.curve import MOST_POINTS
from tuinet.training.directory import EVENTS
from tuinet.training.events import Checkpointed, EpochDone, Event, Range, RunStarted, StepDone, encode
from tuinet.training.feed import Feed

STEPS = 1_000_000
STEPS_PER_EPOCH, STEPS_PER_EVENT, STEPS_PER_CHECKPOINT = 40, 228, 6925
"""Those of `digits-cnn`, which does some 1,500 steps a second."""

ASKED = 1.0
"""Seconds, for the log that the run writes."""


def events(steps_per_event: int) -> Iterator[Event]:
    yield RunStarted(
        time=1.7e9, name="digits-cnn", version="0.1.0", parameters=38282,
        samples={"train": 1258, "validation": 180, "test": 359}, epochs=STEPS // STEPS_PER_EPOCH, batch_size=32,
        steps_per_epoch=STEPS_PER_EPOCH, shard_size=32, threads=2, steps_per_event=STEPS_PER_EVENT,
        steps_per_checkpoint=STEPS_PER_CHECKPOINT,
    )  # fmt: skip
    for step in range(1, STEPS + 1):
        now, loss = round(1.7e9 + step / 1500, 3), 2.3 / (1 + step / 1000) + step % 7 / 1e3
        epoch = -(-step // STEPS_PER_EPOCH)
        if step % steps_per_event == 0:
            seen = Range(loss, loss / 2, loss * 2)
            yield StepDone(
                step=step, time=now, epoch=epoch, count=steps_per_event, samples=32, loss=seen, rate=0.0019999999506
            )
        if step % STEPS_PER_EPOCH == 0:
            validation = {"samples": 180, "loss": loss, "accuracy": 0.9722222222222222, "errors": 5}
            train = {"loss": loss, "accuracy": 0.975357710651828}
            yield EpochDone(step=step, time=now, epoch=epoch, complete=True, train=train, validation=validation)
        if step % STEPS_PER_CHECKPOINT == 0:
            yield Checkpointed(step=step, time=now)


def anonymous() -> int:
    """This process's memory that lies in no file, in KB."""
    status = Path("/proc/self/status").read_text().split("\n")
    return int(next(line.split()[1] for line in status if line.startswith("RssAnon")))


def opened(directory: Path) -> tuple[float, int]:
    """Seconds, and the KB that were taken for it."""
    before = anonymous()
    feed, begin = Feed(directory), time.perf_counter()
    feed.read()
    took = time.perf_counter() - begin
    assert feed.step == STEPS
    assert all(len(curve) <= MOST_POINTS for curve in (feed.train, *feed.epochs_done["loss"]))
    return took, anonymous() - before


def main() -> int:
    """1 if it took longer than was asked for."""
    print(f"{'a line for':>16} {'lines':>10} {'MB':>8} {'seconds':>8} {'KB':>8}")
    slow = False
    for steps_per_event in (STEPS_PER_EVENT, 1):
        with tempfile.TemporaryDirectory() as folder:
            directory = Path(folder)
            with (directory / EVENTS).open("wb") as log:
                lines = sum(log.write(encode(event)) > 0 for event in events(steps_per_event))
            rounds = [opened(directory) for _ in range(3)]
            took, memory = min(took for took, _ in rounds), rounds[0][1]
            size = (directory / EVENTS).stat().st_size / 2**20
            print(f"{steps_per_event:>10} steps {lines:>10,} {size:>8.1f} {took:>8.2f} {memory:>8,}", flush=True)
            slow = slow or (steps_per_event == STEPS_PER_EVENT and took > ASKED)
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
