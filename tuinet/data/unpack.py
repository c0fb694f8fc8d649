"""Taking files out of .gz and .tar.gz: only the files asked for, whole, within a bound, never a link or a path."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, cast

from tuinet.errors import TuinetError

BLOCK = 1 << 20

GZIP_MAGIC = b"\x1f\x8b"

MAX_MEMBERS = 100
"""Entries looked at in an archive; CIFAR-10's has eight."""

MAX_EXTRA = 1 << 20
"""Bytes an archive may hold beside the content of the files asked for: headers, padding, a page of text."""


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class BoundedReader:
    """Reads a stream up to `limit` bytes; more is an error: a few kB of gzip can hold gigabytes."""

    def __init__(self, stream: Readable, limit: int, what: str) -> None:
        self._stream = stream
        self._left = limit
        self._limit = limit
        self._what = what

    def read(self, size: int = BLOCK) -> bytes:
        data = self._stream.read(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise TuinetError(f"{self._what}: holds more than the {self._limit:,} bytes it can have")
        return data


def copy_unpacked(source: Path, target: Path, limit: int) -> None:
    """Copy a file, unpacking it if it is gzip (by its first bytes, not its name).

    Raises TuinetError if it is damaged or holds more than `limit` bytes; OSError if it cannot be read or written.
    """
    with source.open("rb") as file, _damage_of(source):
        _copy(BoundedReader(_unpacked(file), limit, str(source)), target)


def extract(archive: Path, folder: str, sizes: Mapping[str, int], target: Path) -> list[str]:
    """Take the files `folder/name` out of a .tar or .tar.gz into `target`; `sizes` gives their names and most bytes.

    Returns the names of all entries. What else is in the archive is passed over. Nothing is written outside `target`:
    a file's name is one of `sizes`, never a path of the archive's. Raises TuinetError if the archive is damaged, if
    one of the files is not a plain file (a link, a device), comes twice or is too large, or if the archive unpacks to
    more than the files asked for can explain; OSError if it cannot be read or written.
    """
    limit = sum(sizes.values()) + (len(sizes) + 1) * MAX_EXTRA
    entries: list[str] = []
    with archive.open("rb") as file, _damage_of(archive):
        bounded = cast(IO[bytes], BoundedReader(_unpacked(file), limit, str(archive)))
        with tarfile.open(fileobj=bounded, mode="r|") as members:
            for member in members:
                entries.append(member.name)
                if len(entries) > MAX_MEMBERS:
                    raise TuinetError(f"{archive}: has more than {MAX_MEMBERS} entries")
                path = PurePosixPath(member.name)
                if str(path.parent) == folder and path.name in sizes:
                    _extract(members, member, archive, target / path.name, sizes[path.name])
    return entries


def _extract(members: tarfile.TarFile, member: tarfile.TarInfo, archive: Path, target: Path, limit: int) -> None:
    if not member.isreg():
        raise TuinetError(f"{archive}: {member.name} is a link or a device, not a file")
    if member.size > limit:
        raise TuinetError(f"{archive}: {member.name} has {member.size:,} bytes; {limit:,} are possible")
    if target.exists():
        raise TuinetError(f"{archive}: {member.name} comes twice")
    content = members.extractfile(member)
    if content is not None:
        _copy(BoundedReader(content, limit, f"{archive}: {member.name}"), target)


def _unpacked(file: IO[bytes]) -> Readable:
    packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if packed else file


def _copy(source: BoundedReader, target: Path) -> None:
    with target.open("xb") as out:
        while block := source.read():
            out.write(block)


@contextmanager
def _damage_of(path: Path) -> Iterator[None]:
    """Whatever unpacking trips over, said as one line about `path`."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TuinetError(
            f"{path}: damaged or cut short ({error})", "get the file again and compare its size with the original's"
        ) from error
