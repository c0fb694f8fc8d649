"""The arrays of a .npz archive that nobody vouches for: what it holds, from headers alone, and where their bytes lie.

A .npz is a zip of .npy files (numpy.lib.format), stored as they are or deflated. The list of members is bounded before
it is read; a header is matched against the little that numpy.save writes of plain arrays, never evaluated; nothing is
unpickled; a member that says it is larger than deflate could make of its bytes is refused.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Generator
from io import BufferedReader
from typing import IO, NamedTuple

import numpy as np

from tuinet.files.header import MAX_TENSORS, UNREADABLE, HeaderError, quoted

SUFFIX = ".npy"
MAX_DIRECTORY = 4 * 2**20
"""Most bytes of the list of members."""
MAX_HEADER = 10_000
MAX_AXES = 32

DEFLATED_MOST = 1032
"""So many bytes can deflate make of one, at most (zlib's technical details)."""

CODES = {"f2": "F16", "f4": "F32", "f8": "F64", "b1": "BOOL"} | {
    f"{kind}{size}": f"{kind.upper()}{8 * size}" for kind in "iu" for size in (1, 2, 4, 8)
}
"""NumPy's types by the names that safetensors has for them."""

_HEADER = re.compile(
    r"\s*\{\s*'descr'\s*:\s*'(?P<descr>[<>|=]?[a-zA-Z?]\d{0,9}(?:\[\w{1,16}\])?)'\s*,"
    r"\s*'fortran_order'\s*:\s*(?P<fortran>True|False)\s*,"
    r"\s*'shape'\s*:\s*\((?P<shape>[\dL, ]*)\)\s*,?\s*\}\s*"
)
_STRUCTURED = re.compile(r"\s*\{\s*'descr'\s*:\s*\[")


class PickleError(Exception):
    """The archive is one that torch.save made: a pickle, which could run code, and what belongs to it."""


class Member(NamedTuple):
    """One array. `start`: where its bytes lie in the file if they are stored as they are, None if they are deflated.

    code     its dtype, by safetensors' name where that has one
    dtype    how its values lie; UNREADABLE if they are no numbers that are read (objects, texts, records)
    header   bytes of the member before its values
    """

    code: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    fortran: bool
    nbytes: int
    header: int
    start: int | None


@contextlib.contextmanager
def zip_errors() -> Generator[None, None, None]:
    """What zipfile and zlib raise for damaged, encrypted or oddly compressed archives, as HeaderError."""
    try:
        yield
    except OSError as error:  # a place before the file's start is one, too
        raise HeaderError(f"it cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError) as error:
        raise HeaderError(f"it is damaged: {ascii(str(error)[:200])[1:-1]}") from None


def open_archive(stream: BufferedReader) -> zipfile.ZipFile:
    """The archive in this file, its list of members read. Raises HeaderError."""
    _check_directory(stream)
    with zip_errors():
        return zipfile.ZipFile(stream)


def members(archive: zipfile.ZipFile, stream: BufferedReader) -> dict[str, Member]:
    """Every array by its name, in the order of the archive, from their headers alone.

    Raises HeaderError, or PickleError if it is no .npz but what PyTorch saves.
    """
    infos = archive.infolist()
    if len(infos) > MAX_TENSORS:
        raise HeaderError(f"it has {len(infos)} members; at most {MAX_TENSORS} are read")
    found: dict[str, Member] = {}
    for info in infos:
        if info.filename.endswith("/data.pkl"):
            raise PickleError
        if not info.filename.endswith(SUFFIX):
            raise HeaderError(f"its member {quoted(info.filename)} is no .npy file")
        name = info.filename.removesuffix(SUFFIX)
        if name in found:
            raise HeaderError(f"two arrays have the name {quoted(name)}")
        with zip_errors():
            found[name] = _member(archive, info, stream, f"array {quoted(name)}")
    return found


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, stream: BufferedReader, where: str) -> Member:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise HeaderError(f"{where} is compressed in a way that NumPy does not write")
    if info.file_size > DEFLATED_MOST * info.compress_size:
        raise HeaderError(f"{where} cannot hold the {info.file_size} bytes it claims")
    with archive.open(info) as file:
        descr, fortran, shape, header = _npy_header(file, where)
        # Behind the local header, which zipfile has read to its end: only there are its lengths known.
        start = _data_start(info, stream) + header if info.compress_type == zipfile.ZIP_STORED else None
    nbytes = info.file_size - header
    code, dtype = _dtype(descr)
    if dtype != UNREADABLE:
        size = math.prod(shape) * dtype.itemsize
        if size != nbytes:
            raise HeaderError(f"{where} says that it has {_short(size)} bytes, but has {nbytes}")
    if start is not None:
        stream.seek(0, io.SEEK_END)
        if start + nbytes > stream.tell():
            raise HeaderError(f"{where} ends behind the end of the file")
    return Member(code, dtype, shape, fortran and len(shape) > 1, nbytes, header, start)


def _data_start(info: zipfile.ZipInfo, stream: BufferedReader) -> int:
    """Where a member's bytes begin: behind its local header, whose name and extra field have lengths of their own."""
    stream.seek(info.header_offset + 26)
    lengths = stream.read(4)
    return info.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")


def _npy_header(file: IO[bytes], where: str) -> tuple[str, bool, tuple[int, ...], int]:
    """The type as it is written, Fortran order, the shape, and where the values begin."""
    magic = file.read(8)
    if len(magic) < 8 or magic[:6] != b"\x93NUMPY" or (magic[6], magic[7]) not in ((1, 0), (2, 0), (3, 0)):
        raise HeaderError(f"{where} is not a .npy file: it begins with {magic.hex(' ') or 'nothing'}")
    width = 2 if magic[6] == 1 else 4
    length = int.from_bytes(file.read(width), "little")
    if length > MAX_HEADER:
        raise HeaderError(f"{where} has a header of {length} bytes; at most {MAX_HEADER} are read")
    text = file.read(length).decode("latin-1")
    found = _HEADER.fullmatch(text)
    if found is None and _STRUCTURED.match(text):
        return "records", False, (), 8 + width + length
    if found is None:
        raise HeaderError(f"{where} has a header that is not that of an array")
    sizes = [part.strip().rstrip("L") for part in found["shape"].split(",") if part.strip()]
    if len(sizes) > MAX_AXES or not all(part.isdecimal() and len(part) <= 19 for part in sizes):
        raise HeaderError(f"{where} has an impossible shape")
    return found["descr"], found["fortran"] == "True", tuple(map(int, sizes)), 8 + width + length


def _dtype(descr: str) -> tuple[str, np.dtype[np.generic]]:
    """A type by its name here, and as NumPy's; UNREADABLE if it is none of those that safetensors knows, too."""
    code = CODES.get(descr.lstrip("<>|="))
    if code is None:
        return descr, UNREADABLE
    return code, np.dtype("u1") if code == "BOOL" else np.dtype(descr)


def _check_directory(stream: BufferedReader) -> None:
    """Bound the list of members before zipfile reads it whole: its length stands at the end of the file."""
    end = stream.seek(0, io.SEEK_END)
    start = max(0, end - (22 + 76 + 0xFFFF))
    stream.seek(start)
    tail = stream.read(end - start)
    stream.seek(0)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        raise HeaderError("it is damaged or no .npz file")
    size = int.from_bytes(tail[at + 12 : at + 16], "little")
    if tail[max(0, at - 20) : at].startswith(b"PK\6\7"):  # the 64-bit form, from 4 GiB on: its record lies before
        record = at - 76
        place = int.from_bytes(tail[at - 12 : at - 4], "little")
        if record < 0 or not tail[record:at].startswith(b"PK\6\6") or place != start + record:
            raise HeaderError("its list of members is damaged")
        size = int.from_bytes(tail[record + 40 : record + 48], "little")
    if size > MAX_DIRECTORY:
        raise HeaderError(f"its list of members has {size} bytes; at most {MAX_DIRECTORY} are read")


def _short(number: int) -> str:
    return str(number) if number < 10**20 else "over 10^20"
