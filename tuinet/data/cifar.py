"""CIFAR-10 in its binary version: records of one class byte and 3 × 32 × 32 pixel bytes, one colour after the other.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009), and the data's page.
"""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, cast

import numpy as np

from tuinet.data.dataset import Dataset, DatasetInfo, Split
from tuinet.data.reading import FileSource, placeholder, read_into, reading
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape
from tuinet.nn.params import Array

LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD = 1 + 3 * 32 * 32
MAX_TOTAL = 512 << 20
"""Most bytes read: 512 MiB. CIFAR-10 has 176."""

META = "batches.meta.txt"
MAX_META = 4096
MAX_MEMBERS = 1000
MAX_READ = 16 << 20
BATCH = re.compile(r"data_batch_(\d{1,3})\.bin|test_batch\.bin")
PICKLED = re.compile(r"data_batch_\d+|test_batch|batches\.meta|cifar-10-(python|batches-py).*")
PICKLE = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")

File = tuple[str, Array, int]
"""Name, bytes (none of a batch that is only described), size."""


class CifarBinary(FileSource, frozen=True, tag="cifar-binary"):
    """The folder `cifar-10-batches-bin`, or the archive `cifar-10-binary.tar.gz` it comes in (unzipped or not).

    Every `data_batch_N.bin`, in the order of N, is the training part, `test_batch.bin` the test part. The classes are
    named by `batches.meta.txt`, if it is there. The version for Python is refused: it is made of pickles.
    """

    path: str
    """The folder with the batches, or the archive."""

    def load(self, base: Path, seed: int) -> Dataset:
        """Images (N, 32, 32, 3) of uint8, read whole."""
        path = base / self.path
        batches: dict[str, tuple[Array, Array]] = {}
        labels = LABELS
        for name, content, size in _files(path, whole=True):
            if name == META:
                labels = _labels(content, path)
            else:
                batches[name] = _records(content, _count(size, f"{path}, {name}"), f"{path}, {name}")
        return _dataset(path, batches, labels)

    def describe(self, base: Path) -> DatasetInfo:
        path = base / self.path
        batches: dict[str, tuple[Array, Array]] = {}
        labels = LABELS
        for name, content, size in _files(path, whole=False):
            if name == META:
                labels = _labels(content, path)
            else:
                count = _count(size, f"{path}, {name}")
                batches[name] = (placeholder((count, 32, 32, 3), np.dtype("u1")), placeholder((count,), np.dtype("u1")))
        return _dataset(path, batches, labels).info


def _dataset(path: Path, batches: Mapping[str, tuple[Array, Array]], labels: tuple[str, ...]) -> Dataset:
    training = sorted((name for name in batches if name.startswith("data")), key=lambda name: int(name[11:-4]))
    if not training:
        raise TuinetError(f"{path} holds no data_batch_N.bin", "give the folder cifar-10-batches-bin or its .tar.gz")
    splits = {"train": _joined([batches[name] for name in training])}
    if "test_batch.bin" in batches:
        splits["test"] = _joined([batches["test_batch.bin"]])
    return Dataset("cifar10", "classification", Shape.image(32, 32, 3), splits, labels, maximum=255.0)


def _joined(batches: list[tuple[Array, Array]]) -> Split:
    if len(batches) == 1:
        return Split(*batches[0])
    if not any(any(images.strides) for images, _ in batches):  # placeholders stay what they are
        count = sum(len(ids) for _, ids in batches)
        return Split(placeholder((count, 32, 32, 3), np.dtype("u1")), placeholder((count,), np.dtype("u1")))
    return Split(np.concatenate([images for images, _ in batches]), np.concatenate([ids for _, ids in batches]))


def _count(size: int, where: str) -> int:
    if size == 0 or size % RECORD:
        raise TuinetError(
            f"{where} has {size} bytes, which is not a multiple of {RECORD} (one class and 32×32×3 pixels)",
            "it is truncated or another kind of file; get it again",
        )
    return size // RECORD


def _records(content: Array, count: int, where: str) -> tuple[Array, Array]:
    """Images (N, 32, 32, 3) and class ids (N,)."""
    records = content.reshape(count, RECORD)
    ids = records[:, 0].copy()
    if ids.max() >= len(LABELS):
        row = int(np.argmax(ids >= len(LABELS)))
        raise TuinetError(f"{where}: the class of image {row} (counted from 0) is {ids[row]}, not one of 0 … 9")
    planes = records[:, 1:].reshape(count, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), ids


def _labels(content: Array, path: Path) -> tuple[str, ...]:
    try:
        text = content.tobytes().decode("utf-8")
    except UnicodeDecodeError:
        raise TuinetError(f"{path}: {META} is not text in UTF-8") from None
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
    if len(names) != len(LABELS) or len(set(names)) != len(names):
        raise TuinetError(f"{path}: {META} must hold the {len(LABELS)} class names, one a line")
    return names


def _files(path: Path, whole: bool) -> Iterator[File]:
    """The batches (their content if `whole`) and the class names in a folder or an archive."""
    if PICKLED.fullmatch(path.name) and path.is_file():
        raise _pickled(path)
    total = 0
    seen: set[str] = set()
    for name, content, size in _in_folder(path, whole) if path.is_dir() else _in_archive(path, whole):
        total += size
        if total > MAX_TOTAL:
            raise TuinetError(f"{path} holds more than {MAX_TOTAL >> 20} MiB of batches; CIFAR-10 has 176")
        if name in seen:
            raise TuinetError(f"{path} holds {name} twice")
        seen.add(name)
        yield name, content, size


def _content(file: IO[bytes], name: str, size: int, path: Path, whole: bool) -> Array:
    """Read here, not by the caller, so that what goes wrong meets the reader that knows what it means."""
    limit = MAX_META if name == META else MAX_TOTAL
    if size > limit:
        raise TuinetError(f"{path}: {name} has {size} bytes, far more than CIFAR-10's")
    return read_into(file, size if whole or name == META else 0, path)


def _in_folder(path: Path, whole: bool) -> Iterator[File]:
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise TuinetError(f"{path} cannot be read: {error.strerror or error}") from None
    wanted = [name for name in names if name == META or BATCH.fullmatch(name)]
    if not any(map(BATCH.fullmatch, names)):
        for name in names:
            if PICKLED.fullmatch(name):
                raise _pickled(path / name)
    for name in wanted:
        with reading(path / name) as file:
            size = (path / name).stat().st_size
            content = _content(file, name, size, path, whole)
        yield name, content, size


def _in_archive(path: Path, whole: bool) -> Iterator[File]:
    with reading(path) as file:
        start = file.read(2)
        file.seek(0)
        if start in PICKLE:
            raise _pickled(path)
        try:
            plain = cast(IO[bytes], gzip.GzipFile(fileobj=file)) if start == b"\x1f\x8b" else file
            yield from _members(path, cast(IO[bytes], _Bounded(plain)), whole)
        # What gzip and tarfile raise for damaged files; deep chains of header entries make tarfile recurse.
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, RecursionError, ValueError) as error:
            hint = "give the folder cifar-10-batches-bin or its .tar.gz"
            raise TuinetError(f"{path} is damaged or no CIFAR-10 archive: {error}", hint) from None


def _members(path: Path, plain: IO[bytes], whole: bool) -> Iterator[File]:
    pickled = ""
    found = 0
    with tarfile.open(fileobj=plain, mode="r:") as archive:
        for number, member in enumerate(archive):
            if number >= MAX_MEMBERS or member.offset_data + member.size > 2 * MAX_TOTAL:
                raise TuinetError(f"{path} holds more than CIFAR-10 does")
            name = member.name.rpartition("/")[2]
            if PICKLED.fullmatch(name):
                pickled = name
            if name != META and not BATCH.fullmatch(name):
                continue
            content = None if member.issparse() or not member.isreg() else archive.extractfile(member)
            if content is None:
                raise TuinetError(f"{path}: {name} is not a plain file")
            found += name != META
            with content:
                yield name, _content(content, name, member.size, path, whole), member.size
    if pickled and not found:
        raise _pickled(path / pickled)


def _pickled(path: Path) -> TuinetError:
    return TuinetError(
        f"{path} belongs to the Python version of CIFAR-10, which is made of pickles: reading a pickle can run code",
        "get the binary version, cifar-10-binary.tar.gz",
    )


class _Bounded:
    """Refuses single reads beyond any honest one: tarfile reads an extended header at once, however large it says."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_READ:
            raise tarfile.ReadError("a header entry is too large")
        return self._file.read(size)
