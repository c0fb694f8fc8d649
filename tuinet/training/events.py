"""What happens during training, as frozen values: each is one line of `events.jsonl` and of `train --json`.

`fit` yields them without a time; the log stamps `time` (seconds since 1970) when it writes a line.
A number that does not exist or is not finite is null, for JSON knows neither NaN nor infinity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class Range(msgspec.Struct, frozen=True):
    """The mean, minimum and maximum of a quantity over the steps of one event."""

    mean: float | None
    minimum: float | None
    maximum: float | None


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    """Every event: `step` is the number of finished training steps, `time` when the line was written."""

    step: Count = 0
    time: float | None = None


class RunStarted(Event, frozen=True, kw_only=True, tag="run-started"):
    """The run begins: what is trained, on how much, and the fixed rules by which it works.

    `shard_size` samples are computed at a time (it decides the rounding, threads do not), a step event is written
    every `steps_per_event` steps and a checkpoint every `steps_per_checkpoint`, both by a fixed rule from the
    network and the batch so that equal runs write equal logs. Where there is an answer at every step of a sequence,
    `symbols` is how many a sample has on average.
    """

    name: str
    version: str
    parameters: Count
    samples: Mapping[str, Count]
    epochs: Positive
    batch_size: Positive
    steps_per_epoch: Positive
    shard_size: Positive
    threads: Positive
    steps_per_event: Positive
    steps_per_checkpoint: Positive
    task: str | None = None
    symbols: float | None = None


class StepDone(Event, frozen=True, kw_only=True, tag="step"):
    """`count` steps up to and including `step`: the loss on their batches, the samples seen, the last rate.

    `epoch` is the epoch that `step` belongs to, counted from 1.
    """

    epoch: Count
    count: Positive
    samples: Count
    loss: Range
    rate: float


class EpochDone(Event, frozen=True, kw_only=True, tag="epoch"):
    """Epoch `epoch` (a pass over the training part, counted from 1) is done; not `complete`: a validation inside it.

    `train` holds the running means over the epoch's batches so far, measured while the weights moved;
    `validation` what the weights reach now; `best` says whether this was the best validation so far.
    """

    epoch: Count
    complete: bool
    train: Mapping[str, int | float | None]
    validation: Mapping[str, int | float | None] | None = None
    best: bool = False


class PhaseStarted(Event, frozen=True, kw_only=True, tag="phase-started"):
    """After early stopping, training goes on with the validation data too.

    "retrain": from scratch, for `epochs`; "continue": from the best weights, until the loss is below `target_loss`.
    """

    phase: str
    samples: Count
    epochs: Positive
    target_loss: float | None = None


class Checkpointed(Event, frozen=True, kw_only=True, tag="checkpointed"):
    """The run can be continued from here."""


class CommandDone(Event, frozen=True, kw_only=True, tag="command"):
    """A line of `control.jsonl` was carried out (or refused: `ok` false, `message` says why).

    `rate`, `pace`, `teacher_forcing` and `dropout` are what it set, where it was `set`.
    """

    id: str
    do: str
    ok: bool
    message: str
    rate: float | None = None
    pace: float | None = None
    teacher_forcing: float | None = None
    dropout: float | None = None


class SettingsChanged(Event, frozen=True, kw_only=True, tag="settings-changed"):
    """The run was resumed with other settings; from `step` on these hold. `epochs` is the number it now aims at."""

    changes: Mapping[str, str]
    epochs: Positive


class RunEnded(Event, frozen=True, kw_only=True, tag="run-ended"):
    """The run ended: `reason` is epochs, early-stopping, no-mistakes, stopped or interrupted."""

    reason: str
    metrics: Mapping[str, Mapping[str, int | float | None]]
    model: str | None = None
    message: str | None = None


class RunFailed(Event, frozen=True, kw_only=True, tag="run-failed"):
    """The loss was not finite: where it went wrong first. `step` steps were done; the one after them failed.

    The last good checkpoint stands.
    """

    message: str
    layer: str | None = None
    rate: float | None = None


AnyEvent = (
    RunStarted
    | StepDone
    | EpochDone
    | PhaseStarted
    | Checkpointed
    | CommandDone
    | SettingsChanged
    | RunEnded
    | RunFailed
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(event: Event) -> bytes:
    """One line of JSON, with its line end."""
    return _encoder.encode(event) + b"\n"


def decode(line: bytes) -> AnyEvent:
    """The event of one line. Raises msgspec.DecodeError or ValidationError for anything else."""
    return _decoder.decode(line)


def finite(value: float) -> int | float | None:
    """The value, or None if JSON cannot carry it. A count stays a whole number, also on the way back from a file."""
    return value if math.isfinite(value) else None


def merge(first: StepDone | None, second: StepDone) -> StepDone:
    """One event for the steps of both."""
    if first is None:
        return second
    count = first.count + second.count
    loss = _joined(first.loss, first.count, second.loss, second.count)
    samples = first.samples + second.samples
    return StepDone(step=second.step, epoch=second.epoch, count=count, samples=samples, loss=loss, rate=second.rate)


def _joined(a: Range, m: int, b: Range, n: int) -> Range:
    """Over m and n steps; nothing where one of them had a loss that is no number."""
    if a.mean is None or a.minimum is None or a.maximum is None or b.mean is None or b.minimum is None:
        return Range(None, None, None)
    if b.maximum is None:
        return Range(None, None, None)
    return Range((a.mean * m + b.mean * n) / (m + n), min(a.minimum, b.minimum), max(a.maximum, b.maximum))
