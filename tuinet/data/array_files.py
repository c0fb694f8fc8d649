"""NumPy's own files: a .npz archive (read whole, within a bound) and pairs of .npy files (mapped into memory).

The format: numpy.lib.format. Object arrays are refused: they hold pickles, and reading a pickle can run code.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Literal

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
    require_numbers,
    too_large,
)
from tuinet.errors import TuinetError
from tuinet.nn.params import Array

HEADER = re.compile(
    r"\s*\{\s*'descr'\s*:\s*'(?P<order>[<>|=]?)(?P<kind>[biufcOSUV?])(?P<size>\d{0,9})'\s*,"
    r"\s*'fortran_order'\s*:\s*(?P<fortran>True|False)\s*,"
    r"\s*'shape'\s*:\s*\((?P<shape>[\dL, ]*)\)\s*,?\s*\}\s*"
)
"""What numpy.save writes for plain arrays. The header is a Python literal; a pattern cannot be led astray by one."""

MAX_HEADER = 10_000
MAX_AXES = 32
MAX_DIRECTORY = 1 << 20
"""Most bytes of a zip's list of members: room for ten thousand arrays."""


class NpzFile(FileSource, frozen=True, tag="npz"):
    """A .npz archive that holds inputs and targets, as written by numpy.savez.

    inputs, targets  the arrays' names. If there are none of these, `x_train` and `y_train` are taken (and `x_test`
                     and `y_test` as the test part, where they are there), after the names given here
    task             settled by the targets' type if not given: whole numbers are classes, floats a regression
    labels           the names of the classes, in the order of their numbers
    """

    path: str
    """The .npz file."""
    inputs: str = "x"
    targets: str = "y"
    task: Literal["classification", "regression"] | None = None
    labels: tuple[str, ...] = ()

    def load(self, base: Path, seed: int) -> Dataset:
        return check_inputs(self._assembled(base / self.path, _member), base / self.path)

    def describe(self, base: Path) -> DatasetInfo:
        return self._assembled(base / self.path, _member_shape).info

    def _assembled(self, path: Path, read_inputs: Callable[[zipfile.ZipFile, str, Path], Array]) -> Dataset:
        with reading(path) as file:
            _check_directory(file, path)
            try:
                with zipfile.ZipFile(file) as archive:
                    names = self._names(archive.namelist(), path)
                    total = sum(archive.getinfo(f"{name}.npy").file_size for pair in names.values() for name in pair)
                    if total > MAX_WHOLE:
                        raise too_large(path, total)
                    parts = {
                        part: (read_inputs(archive, inputs, path), _member(archive, targets, path))
                        for part, (inputs, targets) in names.items()
                    }
            # What zipfile raises for damaged, encrypted or oddly compressed archives.
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
                raise TuinetError(f"{path} is damaged or no .npz file: {error}", "write it with numpy.savez") from None
        return assemble(path, parts, self.task, self.labels)

    def _names(self, members: list[str], path: Path) -> dict[str, tuple[str, str]]:
        """The names of the arrays of each part."""
        found = [member.removesuffix(".npy") for member in members if member.endswith(".npy")]
        if len(set(found)) != len(found):
            raise TuinetError(f"{path} holds two arrays of the same name")
        if self.inputs in found and self.targets in found:
            return {"train": (self.inputs, self.targets)}
        parts = {part: (f"{self.inputs}_{part}", f"{self.targets}_{part}") for part in ("train", "test")}
        present = {part: pair for part, pair in parts.items() if set(pair) <= set(found)}
        if "train" not in present:
            there = ", ".join(sorted(found)[:20]) or "none"
            hint = f"say which: inputs = … and targets = … (arrays in the file: {there})"
            raise TuinetError(f"{path} has no arrays {self.inputs!r} and {self.targets!r}", hint)
        return present


class NpyFiles(FileSource, frozen=True, tag="npy"):
    """A .npy file of inputs and one of targets, mapped into memory: they may be larger than it.

    inputs, targets            the training part
    test_inputs, test_targets  the test part, if there is one
    task, labels               as for npz
    """

    inputs: str
    targets: str
    test_inputs: str | None = None
    test_targets: str | None = None
    task: Literal["classification", "regression"] | None = None
    labels: tuple[str, ...] = ()

    def load(self, base: Path, seed: int) -> Dataset:
        return check_inputs(self._assembled(base), base / self.inputs)

    def describe(self, base: Path) -> DatasetInfo:
        return self._assembled(base).info

    def _assembled(self, base: Path) -> Dataset:
        if (self.test_inputs is None) != (self.test_targets is None):
            raise TuinetError("test_inputs and test_targets come together", "give both or neither")
        parts = {"train": (read_npy(base / self.inputs), read_npy(base / self.targets))}
        if self.test_inputs is not None and self.test_targets is not None:
            parts["test"] = (read_npy(base / self.test_inputs), read_npy(base / self.test_targets))
        return assemble(base / self.inputs, parts, self.task, self.labels)


def read_npy(path: Path) -> Array:
    """The array in a .npy file, mapped into memory in its stored type, C or Fortran order.

    Raises TuinetError for object arrays and types that are no numbers, and if the header and the size disagree.
    """
    with reading(path) as file:
        shape, fortran, dtype, start = _header(file, str(path))
        expected = math.prod(shape) * dtype.itemsize
        _check_length(str(path), shape, dtype, expected, path.stat().st_size - start)
    if expected == 0:
        return np.zeros(shape, dtype)
    return np.asarray(np.memmap(path, dtype, "r", start, shape, "F" if fortran else "C"))


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> Array:
    where = f"{path}, array {name!r}"
    info = _info(archive, name, where)
    with archive.open(info) as file:
        shape, fortran, dtype, start = _header(file, where)
        expected = math.prod(shape) * dtype.itemsize
        _check_length(where, shape, dtype, expected, info.file_size - start)
        data = read_into(file, expected, path).view(dtype)
    return data.reshape(shape, order="F" if fortran else "C")


def _member_shape(archive: zipfile.ZipFile, name: str, path: Path) -> Array:
    """The member's shape and type, from its header alone."""
    where = f"{path}, array {name!r}"
    info = _info(archive, name, where)
    with archive.open(info) as file:
        shape, _, dtype, start = _header(file, where)
        _check_length(where, shape, dtype, math.prod(shape) * dtype.itemsize, info.file_size - start)
    return placeholder(shape, dtype)


def _info(archive: zipfile.ZipFile, name: str, where: str) -> zipfile.ZipInfo:
    """Raises TuinetError for a compression that zipfile unpacks without a bound."""
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise TuinetError(f"{where} is packed in a way that is not read", "write it with numpy.savez_compressed")
    return info


def _header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, Fortran order, type, and where the data begins."""
    magic = file.read(8)
    if magic[:6] != b"\x93NUMPY" or len(magic) < 8:
        raise TuinetError(f"{where} is not a .npy file: it begins with {magic.hex(' ') or 'nothing'}")
    version = (magic[6], magic[7])
    if version not in ((1, 0), (2, 0)):
        raise TuinetError(f"{where}: version {version[0]}.{version[1]} of the .npy format is not supported")
    width = 2 if version == (1, 0) else 4
    size = file.read(width)
    length = int.from_bytes(size, "little")
    if length > MAX_HEADER:
        raise TuinetError(f"{where}: a header of {length} bytes is more than the {MAX_HEADER} that are read")
    found = HEADER.fullmatch(file.read(length).decode("latin-1"))
    if found is None:
        raise TuinetError(f"{where}: the header is not that of an array of numbers", "write it with numpy.save")
    if found["kind"] == "O":
        hint = "such arrays are pickles, and reading a pickle can run code; save an array of numbers"
        raise TuinetError(f"{where} holds Python objects, which are not read", hint)
    try:
        dtype = np.dtype(found["order"] + found["kind"] + found["size"])
    except TypeError:
        raise TuinetError(f"{where}: there is no type {found['kind']}{found['size']}") from None
    require_numbers(placeholder((), dtype), where)
    sizes = [text.strip().rstrip("L") for text in found["shape"].split(",") if text.strip()]
    if len(sizes) > MAX_AXES or not all(text.isdecimal() and len(text) <= 20 for text in sizes):
        raise TuinetError(f"{where}: the shape in the header is impossible")
    shape, fortran = tuple(map(int, sizes)), found["fortran"] == "True"
    return shape, fortran, dtype, 8 + width + length


def _check_length(where: str, shape: tuple[int, ...], dtype: np.dtype[Any], expected: int, found: int) -> None:
    if expected != found:
        promised = f"{'×'.join(map(str, shape))} values of type {dtype}, {expected} bytes"
        wrong = "is truncated" if found < expected else "holds more than it says"
        raise TuinetError(f"{where} {wrong}: the header promises {promised}, but {found} are there")


def _check_directory(file: IO[bytes], path: Path) -> None:
    """Bound the list of members before zipfile reads it whole: its length stands at the end of the file."""
    end = file.seek(0, io.SEEK_END)
    start = max(0, end - (22 + 20 + 0xFFFF))
    file.seek(start)
    tail = file.read(end - start)
    file.seek(0)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        raise TuinetError(f"{path} is damaged or no .npz file", "write it with numpy.savez")
    if tail[max(0, at - 20) : at].startswith(b"PK\6\7"):
        raise too_large(path, end)  # the 64-bit form is needed from 4 GiB or 65,536 members on
    if int.from_bytes(tail[at + 12 : at + 16], "little") > MAX_DIRECTORY:
        raise TuinetError(f"{path} lists too many members")
