"""CIFAR-10's binary files: planes become pixels; the pickled version is refused."""

import gzip
import io
import pickle
import tarfile

import numpy as np
import pytest

from tuinet.data import cifar
from tuinet.data.cifar import LABELS, CifarBinary
from tuinet.errors import TuinetError


def records(count, seed=0):
    """Images (N, 32, 32, 3), their classes, and the bytes they are stored in, one plane after the other."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    ids = rng.integers(0, 10, count, dtype=np.uint8)
    stored = b"".join(
        bytes([number]) + b"".join(image[:, :, c].tobytes() for c in range(3))
        for number, image in zip(ids, images, strict=True)
    )
    return images, ids, stored


def archive(path, files, mode="w:gz"):
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


@pytest.fixture
def files():
    return {
        "readme.html": b"<html>",
        "data_batch_10.bin": records(1, 3)[2],
        "data_batch_2.bin": records(2, 1)[2],
        "data_batch_1.bin": records(3, 2)[2],
        "test_batch.bin": records(2, 4)[2],
        "batches.meta.txt": ("\n".join(LABELS) + "\n\n").encode(),
    }


@pytest.mark.parametrize("packed", ["", "w:gz", "w"])
def test_folder_and_archive(tmp_path, files, packed):
    if packed:
        archive(tmp_path / "c", files, packed)
    else:
        (tmp_path / "c").mkdir()
        for name, content in files.items():
            (tmp_path / "c" / name).write_bytes(content)
    source = CifarBinary("c")
    dataset = source.load(tmp_path, 0)
    expected = [records(3, 2), records(2, 1), records(1, 3)]  # in the order of the numbers 1, 2, 10
    train = dataset.splits["train"]
    assert np.array_equal(train.inputs, np.concatenate([images for images, _, _ in expected]))
    assert np.array_equal(train.targets, np.concatenate([ids for _, ids, _ in expected]))
    assert train.inputs.flags.c_contiguous and train.inputs.dtype == np.uint8
    assert np.array_equal(dataset.splits["test"].inputs, records(2, 4)[0])
    assert dataset.labels == LABELS and dataset.maximum == 255 and dataset.input_shape.sizes == (32, 32, 3)
    assert source.describe(tmp_path) == dataset.info


def test_one_batch_alone_is_enough(tmp_path):
    (tmp_path / "data_batch_1.bin").write_bytes(records(2)[2])
    source = CifarBinary(".")
    assert source.load(tmp_path, 0).info == source.describe(tmp_path)
    assert set(source.describe(tmp_path).sizes) == {"train"}


def refused(folder, path="."):
    messages = []
    for read in (lambda: CifarBinary(path).load(folder, 0), lambda: CifarBinary(path).describe(folder)):
        with pytest.raises(TuinetError) as caught:
            read()
        messages.append(str(caught.value))
    return messages[0]


def test_wrong_lengths_and_classes(tmp_path):
    batch = tmp_path / "data_batch_1.bin"
    for content in (b"", records(2)[2][:-1], records(2)[2] + b"x"):
        batch.write_bytes(content)
        assert f"{len(content)} bytes, which is not a multiple of 3073" in refused(tmp_path)
    stored = bytearray(records(3)[2])
    stored[3073] = 10
    batch.write_bytes(stored)
    with pytest.raises(TuinetError, match="class of image 1 "):
        CifarBinary(".").load(tmp_path, 0)


@pytest.mark.parametrize("meta", [b"cat\ndog\n", b"\xff\n" * 10, b"cat\n" * 10, b"x" * 5000])
def test_wrong_class_names(tmp_path, meta):
    (tmp_path / "data_batch_1.bin").write_bytes(records(1)[2])
    (tmp_path / "batches.meta.txt").write_bytes(meta)
    assert "batches.meta.txt" in refused(tmp_path)


def test_the_pickled_version_is_refused_with_the_reason(tmp_path):
    content = pickle.dumps({b"data": [1, 2]}, 2)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "data_batch_1").write_bytes(content)
    archive(tmp_path / "cifar-10-python.tar.gz", {"data_batch_1": content})
    archive(tmp_path / "renamed.tar.gz", {"data_batch_1": content, "test_batch": content})
    (tmp_path / "some.file").write_bytes(content)
    for path in ("folder", "folder/data_batch_1", "cifar-10-python.tar.gz", "renamed.tar.gz", "some.file"):
        message = refused(tmp_path, path)
        assert "reading a pickle can run code" in message and "cifar-10-binary.tar.gz" in message, path


def test_what_is_no_archive_or_too_much(tmp_path, files, monkeypatch):
    assert "no data_batch_N.bin" in refused(tmp_path)
    assert "no file" in refused(tmp_path, "missing")
    (tmp_path / "text").write_bytes(b"hello")
    assert "no CIFAR-10 archive" in refused(tmp_path, "text")
    archive(tmp_path / "whole.tar.gz", files)
    content = (tmp_path / "whole.tar.gz").read_bytes()
    (tmp_path / "half.tar.gz").write_bytes(content[: len(content) // 2])
    assert "damaged" in refused(tmp_path, "half.tar.gz")
    with tarfile.open(tmp_path / "link.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo("data_batch_1.bin")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    assert "not a plain file" in refused(tmp_path, "link.tar.gz")
    with tarfile.open(tmp_path / "twice.tar.gz", "w:gz") as tar:
        for folder in "ab":
            info = tarfile.TarInfo(f"{folder}/data_batch_1.bin")
            info.size = 3073
            tar.addfile(info, io.BytesIO(bytes(3073)))
    assert "twice" in refused(tmp_path, "twice.tar.gz")
    monkeypatch.setattr(cifar, "MAX_TOTAL", 20_000)
    assert "more than" in refused(tmp_path, "whole.tar.gz")


def test_a_giant_extended_header_is_not_read(tmp_path):
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 8 << 30
    content = info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)
    (tmp_path / "pax.tar").write_bytes(content)
    (tmp_path / "pax.tar.gz").write_bytes(gzip.compress(content))
    assert "too large" in refused(tmp_path, "pax.tar") and "too large" in refused(tmp_path, "pax.tar.gz")


def test_the_folder_around_the_pickled_version_is_refused_with_the_reason_too(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(TuinetError, match="reading a pickle can run code"):
        CifarBinary(path=".").load(tmp_path, 0)
