"""NumPy's files: kept in their stored type, mapped or bounded; wrong headers cost nothing."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from tuinet.data import reading
from tuinet.data.array_files import NpyFiles, NpzFile, read_npy
from tuinet.data.reading import check_finite
from tuinet.errors import TuinetError


def header(shape, descr="'<f4'", order=False):
    """The bytes of a .npy file up to its data, whatever they promise."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def npy(folder, inputs, targets, **settings):
    np.save(folder / "x.npy", inputs)
    np.save(folder / "y.npy", targets)
    source = NpyFiles("x.npy", "y.npy", **settings)
    dataset = source.load(folder, 0)
    assert source.describe(folder) == dataset.info
    return dataset


def refused(folder, inputs, targets, **settings):
    with pytest.raises(TuinetError) as caught:
        npy(folder, inputs, targets, **settings)
    return str(caught.value)


def mapped(array):
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


def test_a_pair_is_mapped_and_kept_in_its_type(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (6, 4, 5), dtype=np.uint8)
    dataset = npy(tmp_path, images, np.array([0, 2, 1, 0, 2, 1]))
    split = dataset.splits["train"]
    assert mapped(split.inputs) and split.inputs.dtype == np.uint8 and np.array_equal(split.inputs, images)
    assert type(split.inputs) is np.ndarray  # np.memmap itself is slow to slice
    assert dataset.task == "classification" and dataset.labels == ("0", "1", "2") and dataset.maximum == 255
    assert dataset.input_shape.sizes == (4, 5, 1)


@pytest.mark.parametrize("dtype", ["u1", "i1", "<u2", ">i4", "<i8", "<f2", ">f4", "<f8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_types_and_orders(tmp_path, dtype, order):
    inputs = np.asarray(np.arange(6).reshape(3, 2) % 2, dtype, order=order)
    split = npy(tmp_path, inputs, np.array([0.5, 1.5, 2.5])).splits["train"]
    assert np.array_equal(split.inputs, inputs) and split.inputs.dtype == inputs.dtype
    assert split.targets.tolist() == [[0.5], [1.5], [2.5]]


@pytest.mark.parametrize(
    ("shape", "sizes", "maximum"),
    [((3,), (1,), 1), ((3, 2), (2,), 1), ((3, 2, 4), (2, 4, 1), 255), ((3, 2, 4, 3), (2, 4, 3), 255)],
)
def test_shapes_of_inputs(tmp_path, shape, sizes, maximum):
    dataset = npy(tmp_path, np.ones(shape, np.uint8), np.zeros(3, int))
    assert dataset.input_shape.sizes == sizes and dataset.maximum == maximum
    assert len(dataset.splits["train"].inputs.shape) >= 2


def test_what_targets_are_taken_for(tmp_path):
    x = np.zeros((3, 2))
    assert npy(tmp_path, x, np.array([True, False, True])).labels == ("0", "1")
    assert npy(tmp_path, x, np.array([[1], [0], [1]])).splits["train"].targets.tolist() == [1, 0, 1]
    assert npy(tmp_path, x, np.array([1.0, 0.0, 1.0]), task="classification").labels == ("0", "1")
    assert npy(tmp_path, x, np.array([1, 0, 1]), task="regression").target_names == ("target",)
    assert npy(tmp_path, x, np.ones((3, 2))).target_names == ("target 1", "target 2")
    assert npy(tmp_path, x, np.array([0, 1, 0]), labels=("cat", "dog")).labels == ("cat", "dog")


@pytest.mark.parametrize(
    ("inputs", "targets", "settings", "says"),
    [
        (np.zeros((3, 2)), np.zeros(2, int), {}, "3 inputs, but 2 targets"),
        (np.zeros((3, 2)), np.zeros((), int), {}, "3 inputs, but 1 targets"),
        (np.zeros((0, 2)), np.zeros(0, int), {}, "no inputs"),
        (np.zeros((3, 0)), np.zeros(3, int), {}, "no inputs"),
        (np.zeros(()), np.zeros((), int), {}, "neither vectors nor images"),
        (np.zeros((3, 1, 1, 1, 1)), np.zeros(3, int), {}, "neither vectors nor images"),
        (np.zeros((3, 2)), np.array([0, -1, 1]), {}, "class number of sample 1 is -1"),
        (np.zeros((3, 2)), np.array([0, 1, 2_000_000_000]), {}, "class number of sample 2 is 2000000000"),
        (np.zeros((3, 2)), np.array([0, 1, 2**63], np.uint64), {}, "class number of sample 2"),
        (np.zeros((3, 2)), np.array([0, 1, 2]), {"labels": ("a", "b")}, "is 2, but 2 classes are named"),
        (np.zeros((3, 2)), np.array([0, 0.5, 1]), {"task": "classification"}, "target of sample 1 is 0.5"),
        (np.zeros((3, 2)), np.array([0, 1e30, 1]), {"task": "classification"}, "no class numbers"),
        (np.zeros((3, 2)), np.zeros((3, 4), int), {}, "are no class numbers"),
        (np.zeros((3, 2)), np.array([0, np.nan, 1]), {}, "a target of sample 1 (counted from 0) is nan"),
        (np.array([[0, 1], [2, np.nan], [3, 4]]), np.zeros(3, int), {}, "input of sample 1 (counted from 0) is nan"),
        (np.array([[0, 1], [2, 3], [-np.inf, 4]]), np.zeros(3, int), {}, "input of sample 2 (counted from 0) is -inf"),
        (np.array([[0, 1], [2, 1e39], [3, 4]]), np.zeros(3, int), {}, "is 1e+39"),
        (np.zeros((3, 2), complex), np.zeros(3, int), {}, "type complex128"),
        (np.zeros((3, 2), "U3"), np.zeros(3, int), {}, "type <U3"),
        (np.zeros((3, 2)), np.array(["a", "b", "c"]), {}, "type <U1"),
        (np.zeros(3, [("a", "f4")]), np.zeros(3, int), {}, "not that of an array"),
        (np.array([[{}], [{}], [{}]]), np.zeros(3, int), {}, "reading a pickle can run code"),
        (np.zeros((3, 2)), np.zeros((3, 2, 2)), {}, "not a few values"),
    ],
)
def test_wrong_arrays_are_refused(tmp_path, inputs, targets, settings, says):
    assert says in refused(tmp_path, inputs, targets, **settings)


def test_a_bad_value_is_found_in_any_block_and_order(monkeypatch):
    monkeypatch.setattr(reading, "BLOCK_VALUES", 7)
    for order in "CF":
        for place in [(0, 0), (4, 2), (9, 4)]:
            array = np.zeros((10, 5), order=order)
            check_finite(array, "x")
            array[place] = np.nan
            with pytest.raises(TuinetError, match=f"of sample {place[0]} "):
                check_finite(array, "x")


@pytest.mark.parametrize("order", [True, False])
def test_looking_at_values_takes_no_memory(tmp_path, order):
    with (tmp_path / "x.npy").open("wb") as file:
        file.write(header((1 << 24, 4), order=order))
        file.truncate(file.tell() + (1 << 28))  # 256 MiB of zeros that take no room on the disk
    np.save(tmp_path / "y.npy", np.zeros(1 << 24, np.uint8))
    tracemalloc.start()
    dataset = NpyFiles("x.npy", "y.npy").load(tmp_path, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(dataset.splits["train"]) == 1 << 24 and peak < 16 << 20


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a .npy file"),
        (b"\x93NUMPY", "not a .npy file"),
        (b"\x93NUMPY\x09\x00\x00\x00", "version 9.0"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "header of 4294967295 bytes"),
        (b"\x93NUMPY\x01\x00\x40\x00{", "not that of an array"),
        (header("(2000000000, 784)"), "is truncated: the header promises 2000000000×784 values"),
        (header("(99999999999999999999, 9)") + bytes(8), "is truncated"),
        (header("(2,)") + bytes(9), "holds more than it says"),
        (header("(-1,)"), "not that of an array"),
        (header("(1L2,)"), "impossible"),
        (header("(" + "9" * 5000 + ",)"), "impossible"),
        (header("(" + "1," * 40 + ")") + bytes(4), "impossible"),
        (header("(2,)", "'O'") + bytes(16), "Python objects"),
        (header("(2,)", "'V0'"), "not supported"),
        (header("(2,)", "'i3'"), "no type i3"),
        (header("(2,)", "__import__('os')"), "not that of an array"),
        (header("(" * 300 + ")" * 300), "not that of an array"),
        (header("'x'"), "not that of an array"),
    ],
)
def test_damaged_npy_files(tmp_path, content, says):
    (tmp_path / "x.npy").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(TuinetError) as caught:
        read_npy(tmp_path / "x.npy")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert says in str(caught.value) and peak < 4 << 20


def test_test_parts(tmp_path):
    np.save(tmp_path / "tx.npy", np.ones((2, 3)))
    np.save(tmp_path / "ty.npy", np.array([0, 3]))
    dataset = npy(tmp_path, np.zeros((4, 3)), np.arange(4) % 2, test_inputs="tx.npy", test_targets="ty.npy")
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 4, "test": 2}
    assert len(dataset.labels) == 4
    assert "come together" in refused(tmp_path, np.zeros((4, 3)), np.arange(4), test_inputs="tx.npy")
    both = {"test_inputs": "tx.npy", "test_targets": "ty.npy"}
    assert "samples of 3, but the training part has 2" in refused(tmp_path, np.zeros((4, 2)), np.arange(4), **both)


def npz_refused(path, **settings):
    messages = []
    for read in (lambda s: s.load(path.parent, 0), lambda s: s.describe(path.parent)):
        with pytest.raises(TuinetError) as caught:
            read(NpzFile(path.name, **settings))
        messages.append(str(caught.value))
    return messages[0]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives(tmp_path, save):
    x, y = np.asfortranarray(np.random.default_rng(0).random((5, 3))), np.array([0, 1, 0, 1, 1])
    save(tmp_path / "a.npz", x=x, y=y, other=np.array([{}], object))
    source = NpzFile("a.npz")
    dataset = source.load(tmp_path, 0)
    assert np.array_equal(dataset.splits["train"].inputs, x) and dataset.name == "a"
    assert source.describe(tmp_path) == dataset.info
    save(tmp_path / "b.npz", x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
    source = NpzFile("b.npz")
    assert source.load(tmp_path, 0).info == source.describe(tmp_path)
    assert source.describe(tmp_path).sizes == {"train": 5, "test": 2}
    assert NpzFile("b.npz", inputs="x_test", targets="y_test").describe(tmp_path).sizes == {"train": 2}
    assert "arrays in the file: other, x, y" in npz_refused(tmp_path / "a.npz", inputs="images")
    assert "reading a pickle" in npz_refused(tmp_path / "a.npz", inputs="other")


def write_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)


def saved(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_archives_that_promise_more_than_they_hold(tmp_path):
    y = saved(np.zeros(2, int))
    path = tmp_path / "a.npz"
    write_zip(path, [("x.npy", header("(2000000000, 784)")), ("y.npy", y)])
    assert "array 'x' is truncated" in npz_refused(path)
    write_zip(path, [("x.npy", header("(2, 1)") + bytes(99)), ("y.npy", y)])
    assert "array 'x' holds more than it says" in npz_refused(path)
    write_zip(path, [("x.npy", b"hello"), ("y.npy", y)])
    assert "not a .npy file" in npz_refused(path)


def test_zip_bombs(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    write_zip(
        path, [("x.npy", header("(1000000, 8)", "'<f8'") + bytes(64_000_000)), ("y.npy", saved(np.zeros(2, int)))]
    )
    monkeypatch.setattr("tuinet.data.array_files.MAX_WHOLE", 1 << 20)
    assert "GiB that are read whole" in npz_refused(path)
    # A directory that lies about the size gets no more than it says.
    monkeypatch.undo()
    content = path.read_bytes()
    true = (64_000_000 + len(header("(1000000, 8)", "'<f8'"))).to_bytes(4, "little")
    assert content.count(true) == 2
    path.write_bytes(content.replace(true, (1000).to_bytes(4, "little")))
    assert "Bad CRC" in npz_refused(path)


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archives_packed_so_that_unpacking_has_no_bound(tmp_path, packing):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", packing) as archive:
        for name in ("x", "y"):
            content = io.BytesIO()
            np.save(content, np.arange(6.0))
            archive.writestr(f"{name}.npy", content.getvalue())
    assert "packed in a way that is not read" in npz_refused(tmp_path / "a.npz")


def test_damaged_archives(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.ones((50, 3)), y=np.zeros(50, int))
    good = path.read_bytes()
    path.write_bytes(good[:-30])
    assert "damaged or no .npz file" in npz_refused(path)
    path.write_bytes(b"PK\5\6" + bytes(18))
    assert "has no arrays 'x' and 'y'" in npz_refused(path)
    path.write_bytes(saved(np.zeros(3)))
    assert "damaged or no .npz file" in npz_refused(path)
    place = good.index(np.float64(1).tobytes()) + 8
    path.write_bytes(good[:place] + b"\x01" + good[place + 1 :])
    with pytest.raises(TuinetError, match="Bad CRC"):
        NpzFile(path.name).load(tmp_path, 0)
    end = good.rindex(b"PK\5\6")
    path.write_bytes(good[: end + 12] + b"\xff\xff\xff\x7f" + good[end + 16 :])
    assert "too many members" in npz_refused(path)
    with pytest.warns(UserWarning, match="Duplicate"):
        write_zip(path, [("x.npy", saved(np.zeros(2))), ("x.npy", saved(np.zeros(2))), ("y.npy", saved(np.zeros(2)))])
    assert "two arrays of the same name" in npz_refused(path)
