"""IDX, the format of MNIST: two zero bytes, a type, the number of axes, the sizes, then the values, big-endian.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits" (the page's last section).
"""

from __future__ import annotations

import dataclasses
import gzip
import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from tuinet.data.dataset import Dataset, DatasetInfo
from tuinet.data.reading import (
    MAX_WHOLE,
    FileSource,
    assemble,
    check_inputs,
    placeholder,
    read_into,
    reading,
    too_large,
)
from tuinet.errors import TuinetError
from tuinet.nn.params import Array

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_AXES = 8
GZIP = b"\x1f\x8b"
GZIP_BEST = 1032
"""Deflate makes at most 1032 bytes of one, so a compressed file holds at most that many times its size."""


class IdxFiles(FileSource, frozen=True, tag="idx"):
    """A file of images (or vectors) and one of class numbers, gzipped (read whole) or not (mapped into memory).

    images, labels            the training part
    test_images, test_labels  the test part, if there is one
    names                     the names of the classes, in the order of their numbers
    letters_or_digits         mirroring or turning a sample may change its class
    """

    images: str
    labels: str
    test_images: str | None = None
    test_labels: str | None = None
    names: tuple[str, ...] = ()
    letters_or_digits: bool = False

    def load(self, base: Path, seed: int) -> Dataset:
        return check_inputs(self._assembled(base, read_idx), base / self.images)

    def describe(self, base: Path) -> DatasetInfo:
        return self._assembled(base, _described).info

    def _assembled(self, base: Path, read_images: Callable[[Path], Array]) -> Dataset:
        if (self.test_images is None) != (self.test_labels is None):
            raise TuinetError("test_images and test_labels come together", "give both or neither")
        parts = {"train": (read_images(base / self.images), read_idx(base / self.labels))}
        if self.test_images is not None and self.test_labels is not None:
            parts["test"] = (read_images(base / self.test_images), read_idx(base / self.test_labels))
        dataset = assemble(base / self.images, parts, "classification", self.names)
        return dataclasses.replace(dataset, letters_or_digits=self.letters_or_digits)


def read_idx(path: Path) -> Array:
    """The array in an IDX file, in its stored type. Uncompressed: mapped, so only what is used is read.

    Raises TuinetError for a wrong magic number, a size that is not the header's, and gzipped data over 2 GiB.
    """
    with _opened(path) as (file, compressed):
        dtype, shape = _header(file, path)
        nbytes = math.prod(shape) * dtype.itemsize
        start = 4 + 4 * len(shape)
        size = path.stat().st_size
        if not compressed:
            if size != start + nbytes:
                raise _wrong_length(path, shape, nbytes, size - start)
            if nbytes == 0:
                return np.zeros(shape, dtype)
            return np.asarray(np.memmap(path, dtype, "r", start, shape))
        if nbytes > MAX_WHOLE:
            raise too_large(path, nbytes)
        if nbytes > size * GZIP_BEST:
            raise TuinetError(f"{path} is truncated: {size} compressed bytes cannot hold {nbytes} bytes of data")
        data = read_into(file, nbytes, path)
        if file.read(1):
            raise _wrong_length(path, shape, nbytes, None)
        return data.view(dtype).reshape(shape)


def _described(path: Path) -> Array:
    """An array of the right shape and type without its values, from the header alone."""
    with _opened(path) as (file, compressed):
        dtype, shape = _header(file, path)
        expected = 4 + 4 * len(shape) + math.prod(shape) * dtype.itemsize
        if not compressed and path.stat().st_size != expected:
            start = 4 + 4 * len(shape)
            raise _wrong_length(path, shape, expected - start, path.stat().st_size - start)
        if compressed and expected > MAX_WHOLE:
            raise too_large(path, expected)
        return placeholder(shape, dtype)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], bool]]:
    """The file's plain bytes, and whether they are compressed: told by the content, not by the name."""
    with reading(path) as file:
        compressed = file.read(2) == GZIP
        file.seek(0)
        if not compressed:
            yield file, False
            return
        try:
            with gzip.GzipFile(fileobj=file) as unzipped:
                yield cast(IO[bytes], unzipped), True
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise TuinetError(f"{path} is damaged: {error}", "get the file again") from None


def _header(file: IO[bytes], path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise TuinetError(
            f"{path} is not an IDX file: it begins with {magic.hex(' ') or 'nothing'}",
            "IDX begins with 00 00, the type of the values (08 for bytes) and the number of axes",
        )
    axes = magic[3]
    if not 1 <= axes <= MAX_AXES:
        raise TuinetError(f"{path}: {axes} axes; an IDX file of data has 1 to {MAX_AXES}")
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise TuinetError(f"{path} is truncated: it ends within the header")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    return np.dtype(TYPES[magic[2]]), shape


def _wrong_length(path: Path, shape: tuple[int, ...], expected: int, found: int | None) -> TuinetError:
    what = f"the header promises {'×'.join(map(str, shape))} values, {expected} bytes"
    if found is not None and found < expected:
        return TuinetError(f"{path} is truncated: {what}, but {found} are there", "get the file again")
    return TuinetError(f"{path} holds more than it says: {what}, but there are more", "get the file again")
