"""The checkpoint of a run: arrays and numbers, enough to continue to the same weights bit for bit."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from tuinet.data.dataset import Dataset
from tuinet.errors import TuinetError
from tuinet.files.reader import TensorFile, open_tensors
from tuinet.files.writer import write_tensors
from tuinet.nn.params import Array
from tuinet.nn.sequence import Ragged
from tuinet.training.events import CommandDone, StepDone
from tuinet.training.progress import Count, Progress, TrainingState

FORMAT = 1

LARGEST = 1 << 40
"""Bytes of tensors: a checkpoint is held to the sizes of the run's own arrays before any of it is read."""


class Place(msgspec.Struct):
    """What a checkpoint says beside its arrays: progress, settings, and how far the log had come.

    `answer` is that of the command the checkpoint was written for: its line in the log came after.
    """

    progress: Progress
    experiment: str
    log_offset: Count
    pending: StepDone | None
    data: str
    threads: Annotated[int, msgspec.Meta(ge=1, le=4096)]
    answer: CommandDone | None = None
    paused: bool = False
    pace: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    format: int = FORMAT


def save_checkpoint(path: Path, state: TrainingState, place: Place) -> None:
    """Write the whole file or, if that fails, leave the old one."""
    write_tensors(path, state.arrays(), {"tuinet": msgspec.json.encode(place).decode()})


def read_place(path: Path) -> Place:
    """What the checkpoint says beside its arrays. Raises TuinetError for a file that is none."""
    with open_tensors(path, LARGEST) as file:
        return _place(path, file)


def load_checkpoint(path: Path, state: TrainingState) -> Place:
    """Put the arrays of the file into `state` and return the rest. Raises TuinetError for a file that does not fit."""
    arrays = state.arrays()
    with open_tensors(path, LARGEST) as file:
        place = _place(path, file)
        for name, array in arrays.items():
            entry = file.entries.get(name)
            if entry is None or entry.shape != array.shape or entry.dtype != array.dtype:
                raise TuinetError(f"{path} does not fit its experiment: {name}", "was the experiment changed by hand?")
        for name in file.entries.keys() - arrays.keys():
            raise TuinetError(f"{path} has a tensor that belongs to no run: {name}")
        for name, array in arrays.items():
            file.read_into(name, array)
    state.progress = place.progress
    if place.progress.dropout is not None:
        state.set_dropout(place.progress.dropout)
    return place


def _place(path: Path, file: TensorFile) -> Place:
    try:
        place = msgspec.json.decode(file.metadata.get("tuinet", "").encode(), type=Place)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise TuinetError(f"{path} is not a checkpoint: {error}") from None
    p = place.progress
    if place.format != FORMAT:
        raise TuinetError(f"{path} was written by another version (format {place.format})", "update tuinet")
    if p.batch > p.seen or p.step < max(p.phase_step, p.best_step, p.batch) or p.epoch < p.phase_epoch:
        raise TuinetError(f"{path} contradicts itself: its counts do not fit each other")
    return place


def fingerprint(data: Dataset) -> str:
    """A cheap mark of the data: the size and form of every part, and a checksum of 64 samples spread over each."""
    marks: list[str] = []
    for name, part in sorted(data.splits.items()):
        x, y = part.take(np.linspace(0, len(part) - 1, num=min(64, len(part)), dtype=np.int64))
        checksum = _checksum(y, _checksum(x, 0))
        values = x.values if isinstance(x, Ragged) else x
        marks.append(f"{name} {len(part)} {values.dtype} {values.shape[1:]} {checksum:08x}")
    return "; ".join(marks)


def _checksum(data: Array | Ragged, before: int) -> int:
    if isinstance(data, Ragged):
        return _checksum(data.values, _checksum(data.offsets, before))
    return zlib.crc32(np.ascontiguousarray(data).tobytes(), before)
