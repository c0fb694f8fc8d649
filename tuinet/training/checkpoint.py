"""The checkpoint of a run: arrays and numbers, enough to continue to the same weights bit for bit."""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec
import numpy as np

from tuinet.data.dataset import Dataset
from tuinet.errors import TuinetError
from tuinet.files.reader import read_tensors
from tuinet.files.writer import write_tensors
from tuinet.training.events import StepDone
from tuinet.training.progress import Progress, TrainingState

FORMAT = 1


class Place(msgspec.Struct, forbid_unknown_fields=True):
    """What a checkpoint says beside its arrays: progress, and how far the log and the commands had come."""

    progress: Progress
    log_offset: int
    control_offset: int
    pending: StepDone | None
    data: str
    threads: int
    format: int = FORMAT


def save_checkpoint(path: Path, state: TrainingState, place: Place) -> None:
    """Write the whole file or, if that fails, leave the old one."""
    write_tensors(path, state.arrays(), {"tuinet": msgspec.json.encode(place).decode()})


def load_checkpoint(path: Path, state: TrainingState) -> Place:
    """Put the arrays of the file into `state` and return the rest. Raises TuinetError for a file that does not fit."""
    tensors, metadata = read_tensors(path)
    try:
        place = msgspec.json.decode(metadata.get("tuinet", "").encode(), type=Place)
    except (msgspec.DecodeError, RecursionError) as error:
        raise TuinetError(f"{path} is not a checkpoint: {error}") from None
    if place.format != FORMAT:
        raise TuinetError(f"{path} was written by another version (format {place.format})", "update tuinet")
    arrays = state.arrays()
    for name, array in arrays.items():
        found = tensors.get(name)
        if found is None or found.shape != array.shape or found.dtype != array.dtype:
            raise TuinetError(f"{path} does not fit its experiment.toml: {name}", "was the experiment changed by hand?")
    if tensors.keys() != arrays.keys():
        raise TuinetError(f"{path} has tensors that belong to no run: {sorted(tensors.keys() - arrays.keys())[0]}")
    for name, array in arrays.items():
        array[...] = tensors[name]
    state.progress = place.progress
    return place


def fingerprint(data: Dataset) -> str:
    """A cheap mark of the data: the size and form of every part, and a checksum of 64 samples spread over each."""
    marks: list[str] = []
    for name, part in sorted(data.splits.items()):
        x, y = part.take(np.linspace(0, len(part) - 1, num=min(64, len(part)), dtype=np.int64))
        checksum = zlib.crc32(np.ascontiguousarray(y).tobytes(), zlib.crc32(np.ascontiguousarray(x).tobytes()))
        marks.append(f"{name} {len(part)} {x.dtype} {x.shape[1:]} {checksum:08x}")
    return "; ".join(marks)
