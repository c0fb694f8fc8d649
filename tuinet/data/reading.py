"""What all readers of data files share: opening, bounds, and turning arrays from outside into a Dataset.

Nothing read is trusted: sizes are compared with the file before memory is asked for, values are looked at in blocks.
"""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np

from tuinet.data.dataset import Dataset, DatasetInfo, Split, Task
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape
from tuinet.nn.params import Array

MAX_WHOLE = 2 << 30
"""Most bytes any reader holds in memory: 2 GiB. Larger data belongs into .npy or uncompressed IDX, which are mapped."""

MAX_CLASSES = 1 << 16
MAX_TARGETS = 1 << 16

BLOCK_VALUES = 1 << 20
"""Values looked at in one go."""

LARGEST = float(np.finfo(np.float32).max)


class FileSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    """Data in files of the user's own. Its fields are the keys of `data.source` in an experiment file."""

    def load(self, base: Path, seed: int) -> Dataset:
        """The parts the files hold ("train", and "test" where given). Relative paths are relative to `base`.

        Raises TuinetError, naming the file and the place in it. `seed` is not used: files hold no chance.
        """
        raise NotImplementedError

    def describe(self, base: Path) -> DatasetInfo:
        """What `load` would give, read from headers where they say it. Values of the inputs are not looked at."""
        raise NotImplementedError


@contextmanager
def reading(path: Path) -> Iterator[IO[bytes]]:
    """The file opened for reading bytes. What the system says against it becomes a TuinetError."""
    try:
        # A pipe or a device would wait for ever, or never end.
        if "\0" in str(path) or not stat.S_ISREG(path.stat().st_mode):
            raise TuinetError(f"{str(path)!r} is not a file")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        hint = "Look for a slip in its name; in an experiment file, paths start at its folder."
        raise TuinetError(f"there is no file {path}", hint) from None
    except OSError as error:
        raise TuinetError(f"{path} cannot be read: {error.strerror or error}") from None


def read_into(file: IO[bytes], nbytes: int, path: Path) -> Array:
    """Exactly `nbytes` bytes of `file` as uint8. The caller has checked that they can be there."""
    if nbytes > MAX_WHOLE:
        raise too_large(path, nbytes)
    data = np.empty(nbytes, np.uint8)
    done = 0
    while done < nbytes:
        chunk = file.read(min(1 << 20, nbytes - done))
        if not chunk:
            raise TuinetError(f"{path} is truncated: {done} of {nbytes} bytes of data are there")
        data[done : done + len(chunk)] = np.frombuffer(chunk, np.uint8)
        done += len(chunk)
    return data


def too_large(path: Path, nbytes: int) -> TuinetError:
    return TuinetError(
        f"{path} holds {nbytes / 2**30:.3g} GiB of data, more than the {MAX_WHOLE >> 30} GiB that are read whole",
        "use .npy or uncompressed IDX files: they are read from the disk as needed",
    )


def assemble(
    path: Path, parts: Mapping[str, tuple[Array, Array]], task: Task | None, labels: Sequence[str] = ()
) -> Dataset:
    """A Dataset of arrays from outside: {"train": (inputs, targets), …}. Input values are not looked at.

    inputs   (N, P) vectors, (N, H, W) grey images, (N, H, W, C) images; whole numbers, true/false or floats
    targets  (N,) whole numbers: class ids; (N,) or (N, T) floats: regression; `task` settles it where given
    """
    shape = Shape.vector(1)
    splits: dict[str, Split] = {}
    for part, (inputs, targets) in parts.items():
        where = f"{path} ({part} part)"
        found = _sample_shape(inputs, where)
        if splits and found != shape:
            raise TuinetError(f"{where}: samples of {found}, but the training part has {shape}")
        shape = found
        if len(inputs) != len(targets if targets.ndim else [0]):
            raise TuinetError(f"{where}: {len(inputs)} inputs, but {len(targets) if targets.ndim else 1} targets")
        if task is None:
            task = "classification" if targets.dtype.kind in "biu" else "regression"
        checked = _class_ids(targets, where) if task == "classification" else _values(targets, where)
        splits[part] = Split(inputs[:, None] if inputs.ndim == 1 else inputs, checked)
    first = splits["train"]
    images = first.inputs.ndim > 2
    pixels = images and first.inputs.dtype.kind == "u" and first.inputs.dtype.itemsize <= 2
    if task == "classification":
        classes = _class_names(path, splits, labels)
        names: tuple[str, ...] = ()
    else:
        width = first.targets.shape[1]
        if any(split.targets.shape[1] != width for split in splits.values()):
            raise TuinetError(f"{path}: the parts have different numbers of target values")
        classes = ()
        names = ("target",) if width == 1 else tuple(f"target {n + 1}" for n in range(width))
    return Dataset(
        name=path.stem,
        task=task or "regression",
        input_shape=shape,
        splits=splits,
        labels=classes,
        target_names=names,
        maximum=float(np.iinfo(first.inputs.dtype).max) if pixels else 1.0,
    )


def check_inputs(dataset: Dataset, path: Path) -> Dataset:
    """The dataset, if every input value is finite and fits a float32."""
    for part, split in dataset.splits.items():
        check_finite(split.inputs, f"{path} ({part} part): the input")
    return dataset


def check_finite(array: Array, what: str) -> None:
    """Raises TuinetError for NaN, infinity and what float32 cannot hold. Looks at a block at a time."""
    if array.dtype.kind != "f":
        return
    # In the order in which the values lie, so that a mapped file is read from front to back.
    largest = min(LARGEST, float(np.finfo(array.dtype).max))
    ordered = array if array.flags.c_contiguous else array.T
    flat = ordered.reshape(-1)
    for start in range(0, flat.size, BLOCK_VALUES):
        block = flat[start : start + BLOCK_VALUES]
        if not (block.min() >= -largest and block.max() <= largest):  # NaN fails both
            bad = start + int(np.argmin(np.abs(block) <= largest))
            place = np.unravel_index(bad, ordered.shape)
            row = place[0] if ordered is array else place[-1]
            raise TuinetError(
                f"{what} of sample {row} (counted from 0) is {flat[bad]:g}", "every value must be a finite number"
            )


def require_numbers(array: Array, where: str) -> None:
    """Raises TuinetError unless the array holds true/false, whole or floating numbers of at most 8 bytes."""
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise TuinetError(f"{where}: values of type {array.dtype} are not supported", "use uint8 or float32")


def _sample_shape(inputs: Array, where: str) -> Shape:
    require_numbers(inputs, f"{where}, inputs")
    sizes = inputs.shape[1:]
    if not 1 <= inputs.ndim <= 4:
        shape = "×".join(map(str, inputs.shape)) or "a single number"
        hint = "give (samples, values), (samples, rows, columns) or (samples, rows, columns, channels)"
        raise TuinetError(f"{where}: inputs of shape {shape} are neither vectors nor images", hint)
    if not inputs.size:
        raise TuinetError(f"{where}: there are no inputs (shape {'×'.join(map(str, inputs.shape))})")
    if len(sizes) < 2:
        return Shape.vector(math.prod(sizes))
    return Shape.image(sizes[0], sizes[1], sizes[2] if len(sizes) == 3 else 1)


def _class_ids(targets: Array, where: str) -> Array:
    """(N,) whole numbers ≥ 0."""
    require_numbers(targets, f"{where}, targets")
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.ndim != 1:
        hint = 'give one class number a sample, or say task = "regression"'
        raise TuinetError(f"{where}: targets of shape {'×'.join(map(str, targets.shape))} are no class numbers", hint)
    if targets.dtype.kind == "b":
        return targets.astype(np.uint8)
    if targets.dtype.kind == "f":
        check_finite(targets, f"{where}: the target")
        for start in range(0, len(targets), BLOCK_VALUES):
            block = targets[start : start + BLOCK_VALUES]
            if (block != np.floor(block)).any():
                row = start + int(np.argmax(block != np.floor(block)))
                raise TuinetError(f"{where}: the target of sample {row} is {targets[row]:g}, no class number")
            if abs(float(block.min())) > MAX_CLASSES or float(block.max()) >= MAX_CLASSES:
                raise TuinetError(f"{where}: targets up to {block.max():g} are no class numbers")
        targets = targets.astype(np.int32)
    lowest = int(targets.min())
    if lowest < 0:
        row = int(np.argmin(targets))
        raise TuinetError(f"{where}: the class number of sample {row} is {lowest}", "classes are numbered from 0")
    return targets


def _class_names(path: Path, splits: Mapping[str, Split], labels: Sequence[str]) -> tuple[str, ...]:
    for part, split in splits.items():
        largest = int(split.targets.max())
        if largest >= (len(labels) or MAX_CLASSES):
            known = f"{len(labels)} classes are named" if labels else f"at most {MAX_CLASSES} classes are possible"
            row = int(np.argmax(split.targets))
            raise TuinetError(
                f"{path} ({part} part): the class number of sample {row} is {largest}, but {known}",
                "classes are numbered from 0",
            )
    count = max(int(split.targets.max()) for split in splits.values()) + 1
    return tuple(labels) or tuple(str(number) for number in range(count))


def _values(targets: Array, where: str) -> Array:
    """(N, T) real values."""
    require_numbers(targets, f"{where}, targets")
    if targets.ndim == 1:
        targets = targets[:, None]
    if targets.ndim != 2 or not 1 <= targets.shape[1] <= MAX_TARGETS:
        shape = "×".join(map(str, targets.shape))
        raise TuinetError(f"{where}: targets of shape {shape} are not a few values a sample")
    check_finite(targets, f"{where}: a target")
    return targets


def placeholder(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An array of this shape that takes no memory, for describing what was not read."""
    return np.broadcast_to(np.zeros((), dtype), shape)
