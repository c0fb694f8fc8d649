"""Any file of weights, safetensors or .npz, whoever wrote it: listed from its headers, read no further than asked.

A list costs the header, a picture the places that it shows (from a memory map), statistics one pass through a buffer
of a few megabytes. Every failure is one TuinetError that names the file.
"""

from __future__ import annotations

import contextlib
import fnmatch
import math
import mmap
import os
import re
import stat
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from tuinet.errors import TuinetError
from tuinet.files import npz
from tuinet.files.header import UNREADABLE, HeaderError, quoted
from tuinet.files.numbers import WIDE, decoded
from tuinet.files.reader import DAMAGED, open_tensors
from tuinet.nn.params import Array

MAX_READ = 2**30
"""Most bytes of one tensor that are read whole: what is larger is seen in part, or by its statistics."""

MAX_INFLATED = 64 * 2**30
"""Most bytes of a deflated array that are gone through."""

BLOCK_BYTES = 4 * 2**20
"""Bytes of a file that are held at a time while its values are gone through."""

RUN = 4096
"""Values side by side that are taken together where only some are."""

SPREAD = 2_654_435_761
"""A prime about 2³² / φ: its multiples fall evenly into any range (Knuth, The Art of Computer Programming 3, 6.4)."""

Place = int | slice | Array


class Tensor(NamedTuple):
    """One tensor of a file.

    dtype    by safetensors' name: F32, BF16, I8 …
    stored   how its bytes lie; UNREADABLE if nobody here knows what they mean
    fortran  column by column (only in a .npz)
    start    where its bytes begin in the file; None if they are deflated
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    stored: np.dtype[np.generic]
    fortran: bool
    start: int | None

    @property
    def size(self) -> int:
        """The number of its values."""
        return math.prod(self.shape)

    @property
    def readable(self) -> bool:
        """Whether its values can be read, and not only listed."""
        return self.stored != UNREADABLE

    @property
    def decoded(self) -> np.dtype[np.generic]:
        """The type in which its values are handed out: what NumPy has no type for, as float32."""
        if self.dtype in WIDE:
            return np.dtype(np.float32)
        return self.stored.newbyteorder("=")


class TensorsFile:
    """An open file: `tensors` by name in natural order, `order` the names as they stand in the file, `metadata` what
    was written about them."""

    def __init__(
        self,
        path: Path,
        stream: BufferedReader,
        tensors: Iterable[Tensor],
        inflate: Callable[[str], BufferedIOBase],
        metadata: Mapping[str, str],
    ) -> None:
        self.metadata = metadata
        found = {tensor.name: tensor for tensor in tensors}
        self.path = path
        self.order = tuple(found)
        self.tensors: Mapping[str, Tensor] = {name: found[name] for name in sorted(found, key=natural)}
        self._stream = stream
        self._inflate = inflate

    def tensor(self, name: str) -> Tensor:
        """The one of this name, with values that can be read. Raises TuinetError."""
        found = self.tensors.get(name)
        if found is None:
            raise TuinetError(f"{self.path}: has no tensor {quoted(name)}", _nearest(name, self.tensors))
        if not found.readable:
            hint = "It is listed, but its values cannot be read, drawn or measured."
            raise TuinetError(f"{self.path}: tensor {quoted(name)} is of dtype {quoted(found.dtype)[1:-1]}", hint)
        return found

    def read(self, name: str, places: tuple[Place, ...] = ()) -> Array:
        """The values at these places (none: all), decoded, in a new array. Only they are read, unless deflated.

        Raises TuinetError as `tensor`, and if they are over MAX_READ bytes.
        """
        tensor = self.tensor(name)
        whole = math.prod(tensor.shape) * tensor.decoded.itemsize
        if tensor.start is None and tensor.nbytes > MAX_READ:
            raise self._too_large(tensor, tensor.nbytes, "It is deflated, so that no part of it can be read alone.")
        view = self._inflated(tensor) if tensor.start is None else self._mapped(tensor)
        part = view[places] if places else view
        if part.size * tensor.decoded.itemsize > MAX_READ:
            raise self._too_large(tensor, whole, "Ask for a part of it, or for its statistics.")
        return decoded(tensor.dtype, np.asarray(part))

    def blocks(self, name: str, one_in: int = 1) -> Iterator[Array]:
        """Its values in the order in which they lie, decoded, some thousands at a time; or about one in so many of
        them, in runs of RUN. What lies between runs is not read, unless it is deflated.

        Raises TuinetError as `tensor`, if the file ends too early, and for what would take hours to inflate.
        """
        tensor = self.tensor(name)
        if tensor.start is None and tensor.nbytes > MAX_INFLATED:
            raise self._too_large(tensor, tensor.nbytes, f"At most {MAX_INFLATED >> 30} GiB are inflated.")
        item = tensor.stored.itemsize
        most = max(1, BLOCK_BYTES // item)
        buffer = memoryview(bytearray(min(most, tensor.size) * item))
        with self._bytes(tensor) as source:
            at = held = 0
            for start, count in runs(tensor.size, one_in, most):
                self._skip(source, tensor, at, start)
                self._fill(source, buffer[held * item : (held + count) * item], tensor)
                at, held = start + count, held + count
                if held + min(RUN, most) > most:
                    yield decoded(tensor.dtype, np.frombuffer(buffer[: held * item], tensor.stored))
                    held = 0
            if held:
                yield decoded(tensor.dtype, np.frombuffer(buffer[: held * item], tensor.stored))

    def _skip(self, source: BufferedIOBase, tensor: Tensor, at: int, start: int) -> None:
        """From value `at` to value `start`."""
        item = tensor.stored.itemsize
        if tensor.start is not None and start > at:
            source.seek(tensor.start + start * item)
            return
        scratch = memoryview(bytearray(min(BLOCK_BYTES, (start - at) * item)))
        for done in range(0, (start - at) * item, BLOCK_BYTES):
            self._fill(source, scratch[: min(BLOCK_BYTES, (start - at) * item - done)], tensor)

    @contextlib.contextmanager
    def _bytes(self, tensor: Tensor) -> Generator[BufferedIOBase, None, None]:
        """The file at the first byte of the tensor's values."""
        if tensor.start is None:
            with self._inflate(tensor.name) as source:
                yield source
        else:
            self._stream.seek(tensor.start)
            yield self._stream

    def _fill(self, source: BufferedIOBase, part: memoryview, tensor: Tensor) -> None:
        done = 0
        while done < len(part):
            try:
                with npz.zip_errors():
                    count = source.readinto(part[done:])
            except HeaderError as error:
                raise TuinetError(f"{self.path}: tensor {quoted(tensor.name)}: {error}", DAMAGED) from None
            if not count:
                raise TuinetError(f"{self.path}: ends inside tensor {quoted(tensor.name)}", DAMAGED)
            done += count

    def _inflated(self, tensor: Tensor) -> Array:
        buffer = bytearray(tensor.nbytes)
        with self._bytes(tensor) as source:
            self._fill(source, memoryview(buffer), tensor)
        return np.frombuffer(buffer, tensor.stored).reshape(tensor.shape, order="F" if tensor.fortran else "C")

    def _mapped(self, tensor: Tensor) -> Array:
        if not tensor.size:
            return np.zeros(tensor.shape, tensor.stored)
        assert tensor.start is not None
        # Bytes of a map that the file no longer has would end the process.
        if os.fstat(self._stream.fileno()).st_size < tensor.start + tensor.nbytes:
            raise TuinetError(f"{self.path}: ends inside tensor {quoted(tensor.name)}", DAMAGED)
        begin = tensor.start - tensor.start % mmap.ALLOCATIONGRANULARITY
        whole = mmap.mmap(
            self._stream.fileno(), tensor.start + tensor.nbytes - begin, access=mmap.ACCESS_READ, offset=begin
        )
        if hasattr(mmap, "MADV_RANDOM"):  # places far apart are wanted, and not what lies between them
            whole.madvise(mmap.MADV_RANDOM)
        values = np.frombuffer(whole, tensor.stored, tensor.size, tensor.start - begin)
        return values.reshape(tensor.shape, order="F" if tensor.fortran else "C")

    def _too_large(self, tensor: Tensor, nbytes: int, hint: str) -> TuinetError:
        size = f"{nbytes / 2**30:,.1f} GiB"
        return TuinetError(f"{self.path}: tensor {quoted(tensor.name)} ({size}) is too large to be read whole", hint)


@contextlib.contextmanager
def open_weights(path: Path) -> Generator[TensorsFile, None, None]:
    """The file at `path`, of the kind that its first bytes say, with its headers read and checked.

    Raises TuinetError, naming the file.
    """
    if _is_zip(path):
        with _open_npz(path) as file:
            yield file
        return
    if path.suffix.lower() == ".npz" and path.is_file():
        raise TuinetError(f"{path}: is not a .npz file: it does not begin as a zip archive does", DAMAGED)
    with open_tensors(path, None, foreign=True) as file:
        start = file.data_start
        tensors = [
            Tensor(name, entry.code, entry.shape, entry.stop - entry.start, entry.dtype, False, start + entry.start)
            for name, entry in file.entries.items()
        ]
        yield TensorsFile(path, file.stream, tensors, _nothing, file.metadata)


def _is_zip(path: Path) -> bool:
    """False for what cannot be read, too: the other reader says why."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
            return False
        with path.open("rb") as probe:
            return probe.read(4) in (b"PK\3\4", b"PK\5\6")
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return False


@contextlib.contextmanager
def _open_npz(path: Path) -> Generator[TensorsFile, None, None]:
    with path.open("rb") as stream:
        try:
            with npz.open_archive(stream) as archive:
                found = npz.members(archive, stream)
                tensors = [
                    Tensor(name, each.code, each.shape, each.nbytes, each.dtype, each.fortran, each.start)
                    for name, each in found.items()
                ]
                yield TensorsFile(path, stream, tensors, lambda name: _inflating(archive, name, found[name].header), {})
        except HeaderError as error:
            raise TuinetError(f"{path}: is not a sound .npz file: {error}", DAMAGED) from None
        except npz.PickleError:
            hint = 'In Python: safetensors.torch.save_file(model.state_dict(), "weights.safetensors").'
            raise TuinetError(f"{path}: is a pickle of PyTorch's, and reading one can run code", hint) from None


def _inflating(archive: zipfile.ZipFile, name: str, header: int) -> BufferedIOBase:
    with npz.zip_errors():
        file = cast("BufferedIOBase", archive.open(name + npz.SUFFIX))
        file.read(header)
        return file


def _nothing(name: str) -> BufferedIOBase:
    raise AssertionError(f"{name} is not deflated")


def runs(size: int, one_in: int, most: int) -> Iterator[tuple[int, int]]:
    """(start, count) of the values that are taken of `size`: all of them, or about one in so many, in runs of RUN (or
    `most`, if that is less), one in each stretch of RUN · one_in. Where in its stretch a run lies differs from stretch
    to stretch by a fixed rule, so that it is not the same columns of a matrix again and again."""
    longest = min(RUN, most) if one_in > 1 else most
    for number, first in enumerate(range(0, size, longest * one_in)):
        room = min(longest * one_in, size - first)
        count = -(-room // one_in)
        yield first + number * SPREAD % (room - count + 1), count


def natural(name: str) -> tuple[tuple[str, int, str], ...]:
    """What to sort by so that `features.3` comes before `features.10`."""
    parts = re.split(r"([0-9]+)", name)
    # Digits by how many they are and then one by one: numbers of thousands of digits are texts, too.
    digits = [(part.lstrip("0") or "0") if place % 2 else "" for place, part in enumerate(parts)]
    return tuple(("", len(digit), digit) if digit else (part, 0, "") for part, digit in zip(parts, digits, strict=True))


def matching(names: Iterable[str], pattern: str) -> list[str]:
    """The names that hold this text, or fit it if it has * or ? in it; capitals count for nothing."""
    wanted = pattern.casefold()
    if any(sign in wanted for sign in "*?"):
        return [name for name in names if fnmatch.fnmatchcase(name.casefold(), wanted)]
    return [name for name in names if wanted in name.casefold()]


def _nearest(name: str, names: Iterable[str]) -> str:
    import difflib

    known = list(names)
    inside = matching(known, name) if name else []
    near = (inside or difflib.get_close_matches(name, known, n=1))[:1]
    some = ", ".join(quoted(each)[1:-1] for each in known[:8])
    there = f"There are {len(known):,}: {some}{' …' if len(known) > 8 else ''}" if known else "There are none."
    return f"Did you mean {quoted(near[0])[1:-1]}? {there}" if near else there
