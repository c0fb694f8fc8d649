"""Any file of weights: what it holds from its headers alone, its values decoded, and nothing that it can do to us."""

from __future__ import annotations

import io
import json
import os
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.files.test_reader import HOSTILE
from tuinet.errors import TuinetError
from tuinet.files import npz, tensors
from tuinet.files.numbers import decoded
from tuinet.files.tensors import matching, natural, open_weights, runs

NUMBERS = Path(__file__).parent.parent / "reference" / "numbers.npz"

KINDS = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32, "I16": np.int16,
    "I8": np.int8, "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8, "BOOL": np.bool_,
}  # fmt: skip


def safetensors(entries: dict[str, tuple[str, tuple[int, ...], bytes]], pad: int = 0) -> bytes:
    """A file made by hand, as the library cannot write all dtypes. `pad`: blanks behind the header."""
    header: dict[str, object] = {}
    data = b""
    for name, (dtype, shape, content) in entries.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": (len(data), len(data) + len(content))}
        data += content
    text = json.dumps(header).encode() + b" " * pad
    return struct.pack("<Q", len(text)) + text + data


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def some(kind: type, shape: tuple[int, ...] = (3, 4, 5)) -> np.ndarray:
    values = np.random.default_rng(0).normal(0, 40, shape)
    return (
        values > 0 if kind is np.bool_ else np.abs(values).astype(kind) if "u" in kind.__name__ else values.astype(kind)
    )


# numbers of few bits


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "F8_E5M2"])
def test_few_bits_are_what_pytorch_makes_of_them(dtype: str) -> None:
    with np.load(NUMBERS) as stored:
        bits, values = stored[f"{dtype}/bits"], stored[f"{dtype}/values"]
    found = decoded(dtype, bits)
    assert found.dtype == np.float32
    assert np.array_equal(found, values, equal_nan=True)
    assert (np.signbit(found) == np.signbit(values)).all()


@pytest.mark.parametrize(
    ("dtype", "bits", "value"),
    [
        ("F8_E4M3", 0b0_1111_110, 448.0),
        ("F8_E4M3", 0b0_0111_000, 1.0),
        ("F8_E4M3", 0b0_0000_001, 2.0**-9),
        ("F8_E4M3", 0b1_1000_100, -3.0),
        ("F8_E5M2", 0b0_11110_11, 57344.0),
        ("F8_E5M2", 0b1_11111_00, -np.inf),
        ("F8_E5M2", 0b0_00000_01, 2.0**-16),
        ("BF16", 0x3F80, 1.0),
        ("BF16", 0xC0A0, -5.0),
        ("BF16", 0x0001, 2.0**-133),
    ],
)
def test_few_bits_by_hand(dtype: str, bits: int, value: float) -> None:
    assert decoded(dtype, np.array([bits], np.uint16 if dtype == "BF16" else np.uint8)).tolist() == [value]


# what a file holds


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("pad", [0, 3])  # values need not lie where the processor likes them
def test_every_dtype_of_safetensors(tmp_path: Path, dtype: str, pad: int) -> None:
    array = some(KINDS[dtype])
    path = write(tmp_path / "a.safetensors", safetensors({"a": (dtype, array.shape, array.tobytes())}, pad))
    with open_weights(path) as file:
        assert file.tensors["a"].dtype == dtype
        assert file.tensors["a"].nbytes == array.nbytes
        assert file.read("a").dtype == file.tensors["a"].decoded
        assert np.array_equal(file.read("a"), array)
        assert np.array_equal(file.read("a", (slice(None), 2, np.array([4, 0]))), array[:, 2, [4, 0]])
        assert np.array_equal(np.concatenate(list(file.blocks("a"))), array.ravel())


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", KINDS)
def test_every_dtype_of_npz(tmp_path: Path, dtype: str, save: Callable[..., None]) -> None:
    array = some(KINDS[dtype])
    turned = np.asfortranarray(array)
    big = array.astype(array.dtype.newbyteorder(">"))
    save(tmp_path / "a.npz", **{"b/weight": array, "turned": turned, "big": big, "one": array[0, 0, 0]})
    with open_weights(tmp_path / "a.npz") as file:
        assert {tensor.dtype for tensor in file.tensors.values()} == {dtype}
        assert file.order == ("b/weight", "turned", "big", "one")
        for name in ("b/weight", "turned", "big"):
            assert file.tensors[name].shape == (3, 4, 5)
            assert np.array_equal(file.read(name), array)
            assert np.array_equal(file.read(name, (1, slice(0, 2))), array[1, 0:2])
        assert np.array_equal(np.concatenate(list(file.blocks("turned"))), array.ravel("F"))
        assert file.read("one") == array[0, 0, 0]


def test_runs_of_values_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "BLOCK_BYTES", 40)
    monkeypatch.setattr(tensors, "RUN", 4)
    array = np.arange(103, dtype=np.float32)
    np.savez_compressed(tmp_path / "d.npz", a=array)
    path = write(tmp_path / "s.safetensors", safetensors({"a": ("F32", (103,), array.tobytes())}))
    for each in (path, tmp_path / "d.npz"):
        for one_in in (1, 2, 7, 10, 13, 200):
            with open_weights(each) as file:
                blocks = list(file.blocks("a", one_in))
                assert max(len(block) for block in blocks) <= 10
                found = np.concatenate(blocks)
                wanted = [place for start, count in runs(103, one_in, 10) for place in range(start, start + count)]
                assert found.tolist() == wanted
                assert 103 / one_in <= len(found) <= 103 / one_in + 103 / (4 * one_in) + 1
                assert one_in > 1 or found.tolist() == array.tolist()


def test_runs_lie_in_other_columns_each_time() -> None:
    for columns in (4096, 8192, 40_960, 100_000):
        found = [start % columns for start, _ in runs(10**9, 100, 2**20)]
        assert len(found) == 2442
        assert np.histogram(found, 4, (0, columns))[0].min() > 450


def test_names_in_natural_order(tmp_path: Path) -> None:
    names = [
        "features.10.weight",
        "features.3.weight",
        "a",
        "features.3.bias",
        "features.03",
        "",
        "7",
        "x" + "9" * 9000,
    ]
    path = write(tmp_path / "a.safetensors", safetensors(dict.fromkeys(names, ("U8", (0,), b""))))
    with open_weights(path) as file:
        found = [name[:20] for name in file.tensors]
        assert file.order == tuple(names)
    expected = [
        "",
        "7",
        "a",
        "features.03",
        "features.3.bias",
        "features.3.weight",
        "features.10.weight",
        "x" + "9" * 19,
    ]
    assert found == expected
    assert natural("b2") < natural("b10") < natural("b10a") < natural("c1")


def test_filters() -> None:
    names = ["conv1.weight", "conv1.bias", "Conv2.weight", "fc.weight"]
    assert matching(names, "CONV") == names[:3]
    assert matching(names, "conv*.w*") == [names[0], names[2]]
    assert matching(names, "*") == names
    assert matching(names, "conv?.bias") == [names[1]]
    assert matching(names, "[a-z]") == []


# large and hostile


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2.4 GB, all of them a hole: 600 million zeros and a bfloat16."""
    path = tmp_path_factory.mktemp("large") / "large.safetensors"
    size = 600_000_000 * 4
    header = {
        "w.10": {"dtype": "F32", "shape": [600_000, 1000], "data_offsets": [0, size]},
        "w.9": {"dtype": "BF16", "shape": [1], "data_offsets": [size, size + 2]},
    }
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    os.truncate(path, 8 + len(text) + size + 2)
    return path


def test_gigabytes_are_listed_at_once_and_read_in_part(large: Path) -> None:
    tracemalloc.start()
    try:
        started = time.perf_counter()
        with open_weights(large) as file:
            assert list(file.tensors) == ["w.9", "w.10"]
            assert time.perf_counter() - started < 0.5
            assert file.read("w.10", (slice(None, None, 1000), slice(0, 50))).shape == (600, 50)
            assert file.read("w.9").tolist() == [0.0]
            with pytest.raises(TuinetError, match=r"2\.2 GiB\) is too large to be read whole"):
                file.read("w.10")
            next(iter(file.blocks("w.10")))
        assert tracemalloc.get_traced_memory()[1] < 30 * 2**20
    finally:
        tracemalloc.stop()


def test_an_unknown_dtype_is_listed_and_not_read(tmp_path: Path) -> None:
    content = safetensors({"a": ("F4\x1b", (3, 3), bytes(5)), "b": ("U8", (2,), b"\1\2"), "c": ("C64", (1,), bytes(8))})
    with open_weights(write(tmp_path / "a.safetensors", content)) as file:
        assert [tensor.readable for tensor in file.tensors.values()] == [False, True, False]
        assert file.read("b").tolist() == [1, 2]
        for read in (lambda: file.read("a"), lambda: next(file.blocks("c"))):
            with pytest.raises(TuinetError, match="is of dtype") as caught:
                read()
            assert "\x1b" not in caught.value.message
        with pytest.raises(TuinetError, match="no tensor 'd'") as caught:
            file.read("d")
        assert "a, b, c" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (safetensors({"a": ("BF16", (3,), bytes(5))}), "needs 6 bytes"),
        (safetensors({"a": ("F4", (3,), bytes(5))}) + b"x", "1 bytes after the last"),
        (safetensors({"a": ("F4", (3,), bytes(5))})[:-1], "cut off"),
        (b"PK\3\4", "damaged or no .npz"),
        (b"", "0 bytes"),
    ],
)
def test_hostile_files(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(TuinetError) as caught, open_weights(write(tmp_path / "bad", content)):
        pass
    assert words in caught.value.message
    assert str(tmp_path / "bad") in caught.value.message


@pytest.mark.parametrize("case", sorted(HOSTILE.keys() - {"BF16", "F8", "escape sequence in a name", "long name"}))
def test_what_the_reader_of_models_refuses(tmp_path: Path, case: str) -> None:
    """All but unknown dtypes: one parser reads both."""
    path = write(tmp_path / "bad.safetensors", HOSTILE[case][0])
    with pytest.raises(TuinetError, match=r"bad\.safetensors"), open_weights(path):
        pass


def archive(*members: tuple[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as file:
        for name, content in members:
            file.writestr(name, content)
    return stream.getvalue()


def npy(array: np.ndarray, pickled: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=pickled)
    return stream.getvalue()


GOOD = npy(np.arange(6.0))
SOUND = archive(("a.npy", GOOD), ("b.npy", npy(np.zeros((2, 3), np.int8))), kind=zipfile.ZIP_DEFLATED)
HOSTILE_NPZ = {
    "no array": (archive(("a.txt", b"hello")), "no .npy file"),
    "a pickle of PyTorch's": (archive(("m/data.pkl", b"x"), ("m/data/0", b"x")), "reading one can run code"),
    "not npy": (archive(("a.npy", b"hello, world")), "is not a .npy file"),
    "too short": (archive(("a.npy", GOOD[:-1])), "48 bytes, but has 47"),
    "too long": (archive(("a.npy", GOOD + b"x")), "48 bytes, but has 49"),
    "huge": (archive(("a.npy", GOOD.replace(b"(6,), }" + b" " * 14, b"(" + b"9" * 15 + b",), }"))), "has 48"),
    "code for a header": (archive(("a.npy", GOOD.replace(b"'<f8'", b"exit()"))), "header that is not"),
    "lzma": (archive(("a.npy", GOOD), kind=zipfile.ZIP_LZMA), "does not write"),
    "bzip2": (archive(("a.npy", GOOD), kind=zipfile.ZIP_BZIP2), "does not write"),
    "cut off": (SOUND[:-30], "damaged"),
    "many members": (archive(*((f"{k}.npy", b"") for k in range(10_001))), "at most 10000"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE_NPZ)
def test_hostile_archives(tmp_path: Path, case: str) -> None:
    content, words = HOSTILE_NPZ[case]
    with pytest.raises(TuinetError) as caught, open_weights(write(tmp_path / "bad.npz", content)):
        pass
    assert words in caught.value.message
    assert caught.value.hint


def test_two_arrays_of_one_name(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        content = archive(("a.npy", GOOD), ("a.npy", GOOD))
    with pytest.raises(TuinetError, match="two arrays"), open_weights(write(tmp_path / "bad.npz", content)):
        pass


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    evil = npy(np.array([{"a": 1}], dtype=object), pickled=True)
    record = npy(np.zeros(2, [("x", "f4"), ("y", "i2")]))
    content = archive(("objects.npy", evil), ("text.npy", npy(np.array(["abc"]))), ("record.npy", record))
    with open_weights(write(tmp_path / "a.npz", content)) as file:
        assert not any(tensor.readable for tensor in file.tensors.values())
        assert [tensor.dtype for tensor in file.tensors.values()] == ["|O", "records", "<U3"]
        with pytest.raises(TuinetError, match="is of dtype"):
            file.read("objects")


def test_a_zip_bomb_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MB of zeros in 64 kB: listed, gone through in blocks, and not read whole over the limit."""
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(2**24, np.float32))
    monkeypatch.setattr(tensors, "MAX_READ", 2**22)
    tracemalloc.start()
    try:
        with open_weights(tmp_path / "bomb.npz") as file:
            assert file.tensors["a"].nbytes == 2**26
            assert sum(len(block) for block in file.blocks("a", 64)) == 2**18
            with pytest.raises(TuinetError, match="too large"):
                file.read("a", (0,))
            monkeypatch.setattr(tensors, "MAX_INFLATED", 2**22)
            with pytest.raises(TuinetError, match="too large"):
                next(file.blocks("a"))
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_a_size_that_deflate_cannot_reach_is_refused(tmp_path: Path) -> None:
    content = bytearray(archive(("a.npy", GOOD), kind=zipfile.ZIP_DEFLATED))
    at = content.index(b"PK\1\2") + 24
    content[at : at + 4] = struct.pack("<I", 2**31)
    with pytest.raises(TuinetError, match="cannot hold"), open_weights(write(tmp_path / "bad.npz", bytes(content))):
        pass


def test_a_long_list_of_members_is_refused_unread(tmp_path: Path) -> None:
    content = bytearray(SOUND)
    at = content.rindex(b"PK\5\6") + 12
    content[at : at + 4] = struct.pack("<I", npz.MAX_DIRECTORY + 1)
    with pytest.raises(TuinetError, match="list of members"), open_weights(write(tmp_path / "bad.npz", bytes(content))):
        pass


def test_damage_inside_an_array(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=5000)
    content = bytearray(archive(("a.npy", npy(array)), kind=zipfile.ZIP_DEFLATED))
    content[20_000] ^= 255
    with open_weights(write(tmp_path / "bad.npz", bytes(content))) as file:
        for read in (lambda: file.read("a"), lambda: list(file.blocks("a"))):
            with pytest.raises(TuinetError, match=r"bad\.npz: tensor 'a'"):
                read()


def test_a_file_cut_off_while_it_is_open(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", safetensors({"a": ("F32", (100_000,), bytes(400_000))}))
    with open_weights(path) as file:
        os.truncate(path, 200_000)
        for read in (lambda: file.read("a", (0,)), lambda: list(file.blocks("a"))):
            with pytest.raises(TuinetError, match="ends inside tensor 'a'"):
                read()


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "none", tmp_path / "nul\0"):
        with pytest.raises(TuinetError, match=r"is not a file|could not be opened"), open_weights(path):
            pass


fuzz = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzz
@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(SOUND) - 1), st.binary(max_size=6), st.integers(0, 6)), min_size=1, max_size=4
    )
)
def test_mutated_archives(tmp_path: Path, edits: list[tuple[int, bytes, int]]) -> None:
    """Anything but a TuinetError fails."""
    content = bytearray(SOUND)
    for at, new, removed in edits:
        content[at : at + removed] = new
    path = write(tmp_path / "fuzz.npz", bytes(content))
    try:
        with open_weights(path) as file:
            for name, tensor in file.tensors.items():
                if tensor.readable:
                    assert zlib.crc32(file.read(name).tobytes()) >= 0
    except TuinetError:
        pass


def test_a_damaged_archive_is_called_what_its_name_says(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"QK\3\4 no archive")
    with pytest.raises(TuinetError, match=r"a\.npz: is not a \.npz file"), open_weights(tmp_path / "a.npz"):
        pass


def test_arrays_of_dates_are_listed_and_the_others_read(tmp_path: Path) -> None:
    dates = np.array(["2020-01-01"], dtype="M8[D]")
    np.savez(tmp_path / "a.npz", dates=dates, spans=dates - dates, w=np.eye(2))
    with open_weights(tmp_path / "a.npz") as file:
        assert [name for name, each in file.tensors.items() if each.readable] == ["w"]
        assert file.tensors["dates"].dtype == "<M8[D]" and file.read("w").tolist() == np.eye(2).tolist()
