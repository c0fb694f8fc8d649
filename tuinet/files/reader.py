"""Tensors out of a safetensors file that nobody vouches for.

Header first, within bounds; then only bytes that the file really has are read, into memory whose size was checked
against them. Every failure is one TuinetError that names the file.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator, Mapping
from io import BufferedReader
from pathlib import Path

import numpy as np

from tuinet.errors import TuinetError
from tuinet.files.header import MAX_HEADER, Header, HeaderError, TensorEntry, parse_header, quoted
from tuinet.nn.params import Array

DEFAULT_LIMIT = 4 * 2**30
"""The most bytes of tensors that are read unless more is asked for: a thousand million float32 weights."""

DAMAGED = "The file is damaged or was made by another program. Take a whole copy of it, or make it again."


class TensorFile:
    """An open file: `entries` says which tensors it holds, `metadata` what was written about them."""

    def __init__(self, path: Path, stream: BufferedReader, header: Header, data_start: int) -> None:
        self.path = path
        self.entries: Mapping[str, TensorEntry] = header.tensors
        self.metadata: Mapping[str, str] = header.metadata
        self.stream = stream
        self.data_start = data_start

    def read(self, name: str) -> Array:
        """A new array with the tensor's values."""
        entry = self.entries[name]
        try:
            array = np.empty(entry.shape, entry.dtype)
        except MemoryError:
            size = (entry.stop - entry.start) / 2**20
            raise TuinetError(f"{self.path}: tensor {quoted(name)} ({size:,.0f} MB) does not fit in memory") from None
        self.read_into(name, array)
        return array

    def read_into(self, name: str, array: Array) -> None:
        """The tensor's values into a contiguous array of its shape and dtype."""
        entry = self.entries[name]
        if array.shape != entry.shape or array.dtype != entry.dtype or not array.flags.c_contiguous:
            raise ValueError(f"tensor {name} is {entry.dtype} {entry.shape}, not {array.dtype} {array.shape}")
        if not array.size:
            return
        target = array.reshape(-1).view(np.uint8).data
        try:
            self.stream.seek(self.data_start + entry.start)
            count = self.stream.readinto(target)
        except OSError as error:
            raise TuinetError(f"{self.path}: could not be read: {error.strerror or error}") from error
        if count != len(target):
            raise TuinetError(f"{self.path}: ends inside tensor {quoted(name)}", DAMAGED)


@contextlib.contextmanager
def open_tensors(
    path: Path, limit: int | None = DEFAULT_LIMIT, foreign: bool = False
) -> Generator[TensorFile, None, None]:
    """The file at `path` with its header read and checked; no tensor is read yet.

    `limit` None: of any size, for who reads no more than a part of it. `foreign`: with tensors of any dtype.
    One open file from first to last: what replaces it meanwhile is another file. Raises TuinetError.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever, a device never end
            raise TuinetError(f"{path}: is not a file")
        stream = path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise TuinetError(f"{path}: could not be opened: {reason}") from error
    with stream:
        try:
            yield _read_header(path, stream, limit, foreign)
        except HeaderError as error:
            raise TuinetError(f"{path}: is not a sound safetensors file: {error}", DAMAGED) from None


def read_tensors(path: Path, limit: int = DEFAULT_LIMIT) -> tuple[dict[str, Array], dict[str, str]]:
    """All tensors of the file and its metadata. `limit` bounds the bytes of its tensors. Raises TuinetError."""
    with open_tensors(path, limit) as file:
        return {name: file.read(name) for name in file.entries}, dict(file.metadata)


def _read_header(path: Path, stream: BufferedReader, limit: int | None, foreign: bool) -> TensorFile:
    try:
        size = os.fstat(stream.fileno()).st_size
        prefix = stream.read(8)
        if len(prefix) < 8:
            raise HeaderError(f"it has {size} bytes, and its first 8 should give its header's length")
        length = int.from_bytes(prefix, "little")
        if length > MAX_HEADER:
            raise HeaderError(f"it announces a header of {length} bytes; {MAX_HEADER} are allowed")
        if 8 + length > size:
            raise HeaderError(f"it announces a header of {length} bytes, but is {size} bytes long; it is cut off")
        content = stream.read(length)
    except OSError as error:
        raise TuinetError(f"{path}: could not be read: {error.strerror or error}") from error
    if len(content) < length:
        raise HeaderError("it is cut off inside its header")
    data_start = 8 + length
    if limit is not None and size - data_start > limit:
        gigabytes = (size - data_start) / 2**30
        raise TuinetError(f"{path}: holds {gigabytes:.1f} GB of tensors; at most {limit / 2**30:g} GB are read")
    return TensorFile(path, stream, parse_header(content, size - data_start, foreign), data_start)
