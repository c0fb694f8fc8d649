"""Files nobody vouches for: each failure is one error that names the file and what is wrong with it."""

from __future__ import annotations

import json
import os
import struct
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save

from tuinet.errors import TuinetError
from tuinet.files.header import MAX_HEADER, MAX_METADATA, MAX_TENSORS
from tuinet.files.reader import open_tensors, read_tensors

TENSORS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b/weight": np.array([1.5, -2.5]),
    "count": np.array(7, np.int64),
    "mask": np.array([0, 255], np.uint8),
    "nothing": np.zeros((0, 3), np.float32),
}


def raw(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """A file made by hand: `header` is text, bytes, or something for JSON."""
    if isinstance(header, bytes):
        content = header
    else:
        content = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(content) if length is None else length) + content + data


def one(dtype: str = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def fails(path: Path, content: bytes, *words: str) -> TuinetError:
    path.write_bytes(content)
    with pytest.raises(TuinetError) as caught:
        read_tensors(path)
    error = caught.value
    assert str(path) in error.message
    assert error.hint
    assert error.exit_code == 2
    assert "\n" not in error.message
    for word in words:
        assert word in error.message
    return error


def test_reads_what_the_library_wrote(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(save(TENSORS, metadata={"one": "1", "zwei": "→ \N{GRINNING FACE} \x1b"}))
    tensors, metadata = read_tensors(path)
    assert metadata == {"one": "1", "zwei": "→ \N{GRINNING FACE} \x1b"}
    assert tensors.keys() == TENSORS.keys()
    for name, array in TENSORS.items():
        assert tensors[name].dtype == array.dtype
        assert tensors[name].shape == array.shape
        assert tensors[name].tobytes() == array.tobytes()
        assert tensors[name].flags.writeable


def test_reads_any_spelling_of_the_same_json(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    header = '{\n"\\u0061" :\t{"data_offsets":[ 0 , 8 ],"shape":[2 ],"dtype":"F32"} , "__metadata__": { } } \n '
    path.write_bytes(raw(header, np.array([1, 2], np.float32).tobytes()))
    tensors, metadata = read_tensors(path)
    assert tensors["a"].tolist() == [1, 2]
    assert metadata == {}


def test_an_empty_file_of_tensors_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(raw({}))
    assert read_tensors(path) == ({}, {})


HOSTILE = {
    "empty": (b"", "0 bytes"),
    "seven bytes": (b"1234567", "7 bytes"),
    "header of 10 GB": (raw("{}", length=10 * 10**9), "10000000000"),
    "header of 2^64 - 1": (raw("{}", length=2**64 - 1), "18446744073709551615"),
    "header of 18 MB": (raw(" " * (MAX_HEADER + 1)), str(MAX_HEADER)),
    "header longer than the file": (raw("{}", length=3), "cut off"),
    "not UTF-8": (raw(b'{"\xff": 1}'), "byte 10", "UTF-8"),
    "not JSON": (raw("hello"), "'{' expected at byte 8, found 'h'"),
    "nothing": (raw(""), "found its end"),
    "a list": (raw("[]"), "'{' expected"),
    "two objects": (raw("{}{}"), "the end of the header expected at byte 10"),
    "unclosed": (raw('{"a"'), "':' expected"),
    "trailing comma": (raw('{"__metadata__": {},}'), "a string expected"),
    "bad escape": (raw('{"\\q": 1}'), "not valid JSON"),
    "unclosed string": (raw('{"a'), "not valid JSON"),
    "raw control character": (raw('{"a\x01": 1}'), "not valid JSON"),
    "half a surrogate pair": (raw('{"\\ud800": 1}'), "not valid JSON"),
    "deep": (raw('{"a":' * 100_000 + "1" + "}" * 100_000), "too many"),
    "deep list": (raw('{"a":{"shape":' + "[" * 100_000), "shape"),
    "deep metadata": (raw('{"__metadata__":{"tuinet":' + "[" * 100_000), "a string expected"),
    "a number for an entry": (raw({"a": 1}), "'{' expected"),
    "null for an entry": (raw({"a": None}), "'{' expected"),
    "no dtype": (raw({"a": {"shape": [2], "data_offsets": [0, 8]}}, bytes(8)), "must have dtype"),
    "no shape": (raw({"a": {"dtype": "F32", "data_offsets": [0, 8]}}, bytes(8)), "must have dtype"),
    "a fourth field": (raw({"a": one() | {"x": 1}}, bytes(8)), "more than 3 fields"),
    "an unknown field": (raw('{"a": {"dtype": "F32", "x": 1}}'), "'x' too many"),
    "space before the header": (raw(" {}"), "'{' expected at byte 8"),
    "dtype twice": (raw('{"a":{"dtype":"F32","dtype":"F32"}}'), "'dtype' too many"),
    "shape twice": (raw('{"a":{"shape":[],"shape":[]}}'), "'shape' too many"),
    "BF16": (raw({"a": one("BF16", (4,))}, bytes(8)), "BF16", "F32, F64, I64, U8"),
    "F8": (raw({"a": one("F8_E4M3", (8,))}, bytes(8)), "F8_E4M3"),
    "dtype a number": (raw('{"a":{"dtype":3}}'), "a string expected"),
    "negative size": (raw({"a": one(shape=(-2,))}, bytes(8)), "none below 0"),
    "two negative sizes": (raw({"a": one(shape=(-1, -2))}, bytes(8)), "none below 0"),
    "a fraction": (raw({"a": one(shape=(2.0,))}, bytes(8)), "whole numbers"),
    "a leading zero": (raw('{"a":{"shape":[02]}}'), "whole numbers"),
    "other digits": (raw('{"a":{"shape":[٣]}}'), "whole numbers"),
    "true": (raw({"a": one(shape=(True,))}, bytes(8)), "whole numbers"),
    "shape a text": (raw({"a": one(shape="2")}, bytes(8)), "whole numbers"),
    "a number of 5000 digits": (raw('{"a":{"shape":[' + "9" * 5000 + "]}}"), "whole numbers"),
    "33 axes": (raw({"a": one(shape=(1,) * 33)}, bytes(8)), "at most 32"),
    "huge": (raw({"a": one(shape=(2**62, 2**62))}, bytes(8)), "over 10^20"),
    "10^12 values": (raw({"a": one(shape=(10**12,), offsets=(0, 4 * 10**12))}, bytes(8)), "4000000000000", "cut off"),
    "size that overflows to 8": (raw({"a": one(shape=(2**63 + 2, 2))}, bytes(8)), "needs"),
    "shape too small": (raw({"a": one(shape=(1,))}, bytes(8)), "needs 4 bytes", "has 8"),
    "one offset": (raw({"a": one(offsets=(8,))}, bytes(8)), "data_offsets"),
    "offsets backwards": (raw({"a": one(offsets=(8, 0))}, bytes(8)), "data_offsets"),
    "out of range": (raw({"a": one(offsets=(8, 16))}, bytes(8)), "ends at byte 16", "only 8"),
    "truncated data": (raw({"a": one()}, bytes(7)), "cut off"),
    "overlap": (raw({"a": one(offsets=(0, 8)), "b": one(offsets=(4, 12))}, bytes(12)), "'a' and 'b' overlap"),
    "same place": (raw({"a": one(), "b": one()}, bytes(8)), "overlap"),
    "empty tensor inside": (raw({"a": one(), "b": one(shape=(0,), offsets=(4, 4))}, bytes(8)), "overlap"),
    "gap": (raw({"a": one(offsets=(4, 12))}, bytes(12)), "4 unused bytes before"),
    "gap between": (raw({"a": one(), "b": one(offsets=(9, 17))}, bytes(17)), "1 unused bytes before tensor 'b'"),
    "trailing bytes": (raw({"a": one()}, bytes(9)), "1 bytes after the last"),
    "only bytes": (raw({}, bytes(9)), "9 bytes after the last"),
    "duplicate tensors": (raw('{"a":%s,"a":%s}' % ((json.dumps(one()),) * 2), bytes(8)), "two tensors", "'a'"),
    "duplicate by escape": (raw('{"a":%s,"\\u0061":%s}' % ((json.dumps(one()),) * 2), bytes(8)), "two tensors"),
    "metadata twice": (raw('{"__metadata__":{},"__metadata__":{}}'), "twice"),
    "metadata key twice": (raw('{"__metadata__":{"a":"1","a":"1"}}'), "two metadata entries"),
    "metadata of numbers": (raw({"__metadata__": {"a": 1}}), "a string expected"),
    "metadata no object": (raw({"__metadata__": "a"}), "'{' expected"),
    "16 MB of metadata": (raw({"__metadata__": {"a": "x" * MAX_METADATA}}), "over 16 MB"),
    "many metadata": (raw({"__metadata__": {str(i): "" for i in range(2000)}}), "more than 1000"),
    "many tensors": (
        raw({str(i): one(shape=(0,), offsets=(0, 0)) for i in range(MAX_TENSORS + 1)}),
        f"more than {MAX_TENSORS} tensors",
    ),
    "17 MB of brackets": (raw('{"a":' + "[]," * (MAX_HEADER // 3 - 10)), "'{' expected"),
    "17 MB of zeros": (raw('{"a":{"shape":[' + "0," * (MAX_HEADER // 2 - 20) + "0]}}"), "at most 32"),
    "17 MB of digits": (raw('{"a":{"shape":[' + "1" * (MAX_HEADER - 30) + "]}}"), "at most 32"),
    "17 MB of spaces": (raw("{" + " " * (MAX_HEADER - 2)), "a string expected"),
    "escape sequence in a name": (raw({"\x1b[2J": one("BAD")}, bytes(8)), "\\x1b[2J"),
    "long name": (raw({"n" * 10_000: one("BAD")}, bytes(8)), "..."),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_give_one_clear_error(tmp_path: Path, case: str) -> None:
    content, *words = HOSTILE[case]
    started = time.perf_counter()
    error = fails(tmp_path / "bad.safetensors", content, *words)
    assert time.perf_counter() - started < 5
    assert len(error.message) < 600
    assert "\x1b" not in error.message


@pytest.mark.parametrize("case", ["10^12 values", "17 MB of brackets", "17 MB of zeros", "17 MB of digits", "deep"])
def test_hostile_files_cost_no_memory(tmp_path: Path, case: str) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(HOSTILE[case][0])
    tracemalloc.start()
    try:
        with pytest.raises(TuinetError):
            read_tensors(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * MAX_HEADER


def test_metadata_just_under_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    text = "x" * (MAX_METADATA - 1)
    path.write_bytes(raw({"__metadata__": {"a": text}}))
    assert read_tensors(path)[1]["a"] == text


def test_a_sparse_file_of_five_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "sparse.safetensors"
    size = 5 * 2**30
    path.write_bytes(raw({"a": one(shape=(size // 4,), offsets=(0, size))}))
    start = path.stat().st_size
    os.truncate(path, start + size)
    with pytest.raises(TuinetError, match=r"5\.0 GB"):
        read_tensors(path)
    with open_tensors(path, limit=size) as file:  # asked for, the header is read and no tensor yet
        assert file.entries["a"].shape == (size // 4,)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(TuinetError, match="is not a file"):
            read_tensors(path)
    with pytest.raises(TuinetError, match=r"none\.safetensors: could not be opened: No such file"):
        read_tensors(tmp_path / "none.safetensors")
    with pytest.raises(TuinetError, match="could not be opened"):
        read_tensors(tmp_path / "nul\0")
    with pytest.raises(TuinetError, match="could not be opened"):
        read_tensors(tmp_path / ("long" * 100))


def test_a_file_cut_off_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(save({"a": np.zeros(100_000, np.float32)}))
    with open_tensors(path) as file:
        os.truncate(path, 200_000)
        with pytest.raises(TuinetError, match="ends inside tensor 'a'"):
            file.read("a")


def test_a_file_replaced_while_it_is_read_stays_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(save({"a": np.zeros(100_000, np.float32)}))
    (tmp_path / "new").write_bytes(save({"a": np.ones(10, np.float32)}))
    with open_tensors(path) as file:
        (tmp_path / "new").replace(path)
        assert file.read("a").shape == (100_000,)
        assert not file.read("a").any()


def readable(path: Path) -> bool:
    """Sound to our reader; anything but a TuinetError fails the test that asks."""
    try:
        read_tensors(path)
    except TuinetError:
        return False
    return True


SOUND = save(TENSORS, metadata={"tuinet": '{"format": 1}'})
fuzz = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzz
@given(content=st.binary(max_size=200))
@example(content=SOUND)
def test_random_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fuzz.safetensors"
    path.write_bytes(content)
    readable(path)


@fuzz
@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(SOUND) - 1), st.binary(max_size=6), st.integers(0, 6)), min_size=1, max_size=4
    ),
    length=st.none() | st.integers(0, 2**64 - 1) | st.integers(0, 600),
)
def test_mutated_bytes(tmp_path: Path, edits: list[tuple[int, bytes, int]], length: int | None) -> None:
    """Whatever we accept, the library accepts too, and reads the same."""
    content = bytearray(SOUND)
    for at, new, removed in edits:
        content[at : at + removed] = new
    if length is not None:
        content[:8] = struct.pack("<Q", length)
    path = tmp_path / "fuzz.safetensors"
    path.write_bytes(content)
    if readable(path):
        ours, theirs = read_tensors(path)[0], load_file(path)
        assert {name: array.tobytes() for name, array in ours.items()} == {
            name: array.tobytes() for name, array in theirs.items()
        }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F32", "F64", "I64", "U8", "BF16", "f4"]) | json_values,
        "shape": st.lists(st.integers(-2, 5), max_size=4) | json_values,
        "data_offsets": st.tuples(st.integers(-1, 40), st.integers(-1, 40)) | json_values,
    },
)


@fuzz
@given(
    header=st.dictionaries(st.sampled_from(["a", "b", "__metadata__"]) | st.text(max_size=3), entries | json_values),
    size=st.integers(0, 48),
)
def test_random_headers(tmp_path: Path, header: dict[str, object], size: int) -> None:
    path = tmp_path / "fuzz.safetensors"
    path.write_bytes(raw(header, bytes(size)))
    if readable(path):
        load_file(path)
