"""The header of a safetensors file, read strictly: https://huggingface.co/docs/safetensors

    8 bytes    N, the header's length, little-endian
    N bytes    JSON: {"__metadata__": {"key": "text"},
                      "tensor": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
    the rest   the tensors' bytes, row-major, little-endian, without gaps

The library takes duplicate names (the last wins) and headers of 100 MB; a general JSON parser turns 17 MB of brackets
into gigabytes of lists. The grammar above is so small that reading it directly costs less than guarding against both:
nothing nests, every count is bounded, and what does not belong ends the reading where it stands.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, NoReturn

import numpy as np

MAX_METADATA = 16 * 2**20
MAX_HEADER = 17 * 2**20
MAX_TENSORS = 10_000
MAX_METADATA_KEYS = 1_000
MAX_AXES = 32

METADATA_KEY = "__metadata__"

DTYPES = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "I64": np.dtype("<i8"), "U8": np.dtype("u1")}
"""Weights are F32 or F64; checkpoints also hold whole numbers."""

ALL_DTYPES = DTYPES | {
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "F8_E4M3": np.dtype("u1"),
    "F8_E5M2": np.dtype("u1"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "BOOL": np.dtype("u1"),
}
"""What other programs write, too, and how it lies in the file. What NumPy has no type for, `numbers` decodes."""

UNREADABLE = np.dtype("V")
"""The type of a tensor whose dtype is none of those: nothing is known of its values but where their bytes lie."""

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = r"(?:0|[1-9][0-9]{0,18})"
_NUMBERS = re.compile(rf"\[\s*((?:{_NUMBER}\s*(?:,\s*{_NUMBER}\s*){{0,{MAX_AXES - 1}}})?)\]", re.ASCII)
_strings = json.JSONDecoder()


class HeaderError(Exception):
    """What is wrong with a header, without the file's name."""


class TensorEntry(NamedTuple):
    """One tensor of a file: bytes `start` to `stop`, counted from the end of the header. `code`: its dtype there."""

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    start: int
    stop: int
    code: str


class Header(NamedTuple):
    tensors: dict[str, TensorEntry]
    metadata: dict[str, str]


def parse_header(content: bytes, data_size: int, foreign: bool = False) -> Header:
    """The header `content` of a file with `data_size` bytes after it. Raises HeaderError.

    `foreign`: of a file that another program may have written: of any dtype. Where a dtype is not even known
    (UNREADABLE), it cannot be held against the shape how many bytes there are; all else is as strict.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HeaderError(f"byte {8 + error.start} of its header is not UTF-8") from None
    header = _Parser(text, ALL_DTYPES if foreign else DTYPES, foreign).header()
    _check_layout(header.tensors, data_size)
    return header


def quoted(name: str) -> str:
    """A name from a file as it can be shown: short, and with every character a terminal might obey escaped."""
    return ascii(name if len(name) <= 60 else name[:57] + "...")


def _check_layout(tensors: dict[str, TensorEntry], data_size: int) -> None:
    """Tensors lie side by side: no overlaps, no gaps, nothing behind the last."""
    end, previous = 0, ""
    for name, entry in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].stop)):
        size = math.prod(entry.shape) * entry.dtype.itemsize
        if entry.dtype != UNREADABLE and entry.stop - entry.start != size:
            shape = "×".join(map(str, entry.shape)) or "1 value"
            kind = entry.dtype.name if entry.code in DTYPES else entry.code
            raise HeaderError(
                f"tensor {quoted(name)} needs {_short(size)} bytes ({shape}, {kind}), "
                f"but has {entry.stop - entry.start}"
            )
        if entry.stop > data_size:
            raise HeaderError(
                f"tensor {quoted(name)} ends at byte {entry.stop} of the data, but the file has only {data_size}; "
                "it is cut off or damaged"
            )
        if entry.start < end:
            raise HeaderError(f"tensors {quoted(previous)} and {quoted(name)} overlap")
        if entry.start > end:
            raise HeaderError(f"{entry.start - end} unused bytes before tensor {quoted(name)}")
        end, previous = entry.stop, name
    if end != data_size:
        raise HeaderError(f"{data_size - end} bytes after the last tensor")


def _short(number: int) -> str:
    return str(number) if number < 10**20 else "over 10^20"


class _Parser:
    """One pass over the header's text."""

    def __init__(self, text: str, dtypes: Mapping[str, np.dtype[np.generic]], others: bool) -> None:
        self.text = text
        self.dtypes = dtypes
        self.others = others
        self.at = 0

    def header(self) -> Header:
        if not self.text.startswith("{"):  # no space before it, says the format
            self._fail(repr("{"))
        tensors: dict[str, TensorEntry] = {}
        metadata: dict[str, str] | None = None
        for name in self._members("tensors", MAX_TENSORS):
            if name == METADATA_KEY:
                if metadata is not None:
                    raise HeaderError(f"{METADATA_KEY} appears twice")
                metadata = self._metadata()
            elif name in tensors:
                raise HeaderError(f"two tensors have the name {quoted(name)}")
            else:
                tensors[name] = self._tensor(name)
        self._skip_space()
        if self.at != len(self.text):
            self._fail("the end of the header")
        return Header(tensors, metadata or {})

    def _metadata(self) -> dict[str, str]:
        metadata: dict[str, str] = {}
        size = 0
        for key in self._members("metadata entries", MAX_METADATA_KEYS):
            if key in metadata:
                raise HeaderError(f"two metadata entries have the name {quoted(key)}")
            metadata[key] = text = self._string()
            size += len(key.encode("utf-8")) + len(text.encode("utf-8"))
            if size > MAX_METADATA:
                raise HeaderError(f"its metadata are over {MAX_METADATA // 2**20} MB")
        return metadata

    def _tensor(self, name: str) -> TensorEntry:
        where = f"tensor {quoted(name)}"
        dtype: str | None = None
        lists: dict[str, tuple[int, ...]] = {}
        for field in self._members("fields", 3):
            if field == "dtype" and dtype is None:
                dtype = self._string()
            elif field in ("shape", "data_offsets") and field not in lists:
                lists[field] = self._numbers(where, field)
            else:
                raise HeaderError(f"{where} has a field {quoted(field)} too many")
        if dtype is None or len(lists) < 2:
            raise HeaderError(f"{where} must have dtype, shape and data_offsets")
        shape, offsets = lists["shape"], lists["data_offsets"]
        if dtype not in self.dtypes and not self.others:
            raise HeaderError(f"{where} has dtype {quoted(dtype)}; tuinet reads {', '.join(self.dtypes)}")
        if len(offsets) != 2 or offsets[0] > offsets[1]:
            raise HeaderError(f"{where}: data_offsets must be [start, stop], not {list(offsets)}")
        return TensorEntry(self.dtypes.get(dtype, UNREADABLE), shape, offsets[0], offsets[1], dtype)

    def _members(self, what: str, most: int) -> Iterator[str]:
        """The keys of the object that begins here; whoever takes a key reads its value before asking for the next."""
        self._expect("{")
        if self._next() == "}":
            self.at += 1
            return
        for _ in range(most):
            key = self._string()
            self._expect(":")
            yield key
            if self._next() == "}":
                self.at += 1
                return
            self._expect(",")
        raise HeaderError(f"more than {most} {what} at byte {self._place()}")

    def _string(self) -> str:
        if self._next() != '"':
            self._fail("a string")
        try:
            value, self.at = _strings.raw_decode(self.text, self.at)
            assert isinstance(value, str)
            value.encode("utf-8")  # half of a surrogate pair is no text
        except ValueError:
            raise HeaderError(f"the string at byte {self._place()} is not valid JSON") from None
        return value

    def _numbers(self, where: str, field: str) -> tuple[int, ...]:
        self._skip_space()
        match = _NUMBERS.match(self.text, self.at)
        if match is None:
            wanted = f"a list of at most {MAX_AXES} whole numbers, none below 0"
            raise HeaderError(f"{where}: {field} at byte {self._place()} must be {wanted}")
        self.at = match.end()
        return tuple(map(int, match[1].split(","))) if match[1] else ()

    def _next(self) -> str:
        self._skip_space()
        return self.text[self.at : self.at + 1]

    def _expect(self, character: str) -> None:
        if self._next() != character:
            self._fail(repr(character))
        self.at += 1

    def _skip_space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def _place(self) -> int:
        return 8 + len(self.text[: self.at].encode("utf-8"))

    def _fail(self, wanted: str) -> NoReturn:
        found = self.text[self.at : self.at + 1]
        raise HeaderError(f"{wanted} expected at byte {self._place()}, found {ascii(found) if found else 'its end'}")
