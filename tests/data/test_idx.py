"""IDX files: the header against the length, mapped or unzipped."""

import gzip

import numpy as np
import pytest

from tuinet.data import idx
from tuinet.data.idx import IdxFiles, read_idx
from tuinet.errors import TuinetError

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def encoded(array, code=0x08):
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(TYPES[code]).tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, (5, 3, 4), dtype=np.uint8)
LABELS = np.array([0, 2, 1, 2, 0], np.uint8)


def write(folder, images=None, labels=None, suffix="", pack=bytes):
    (folder / f"images{suffix}").write_bytes(pack(encoded(IMAGES) if images is None else images))
    (folder / f"labels{suffix}").write_bytes(pack(encoded(LABELS) if labels is None else labels))
    return IdxFiles(f"images{suffix}", f"labels{suffix}")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_pair_gzipped_or_not(tmp_path, pack):
    source = write(tmp_path, pack=pack)
    dataset = source.load(tmp_path, 0)
    split = dataset.splits["train"]
    assert np.array_equal(split.inputs, IMAGES) and np.array_equal(split.targets, LABELS)
    assert dataset.labels == ("0", "1", "2") and dataset.input_shape.sizes == (3, 4, 1) and dataset.maximum == 255
    assert source.describe(tmp_path) == dataset.info
    assert isinstance(split.inputs.base, np.memmap) is (pack is bytes)


@pytest.mark.parametrize("code", TYPES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_all_types(tmp_path, code, pack):
    array = np.arange(6).reshape(2, 3)
    (tmp_path / "a").write_bytes(pack(encoded(array, code)))
    found = read_idx(tmp_path / "a")
    assert found.dtype == TYPES[code] and np.array_equal(found, array)


def test_the_header_by_hand(tmp_path):
    (tmp_path / "a").write_bytes(bytes.fromhex("00000b02 00000001 00000002 0100 fffe"))
    assert read_idx(tmp_path / "a").tolist() == [[256, -2]]


def test_names_test_part_and_letters(tmp_path):
    write(tmp_path, suffix="-test")
    write(tmp_path)
    source = IdxFiles("images", "labels", "images-test", "labels-test", ("a", "b", "c"), letters_or_digits=True)
    dataset = source.load(tmp_path, 0)
    assert dataset.labels == ("a", "b", "c") and dataset.letters_or_digits and set(dataset.splits) == {"train", "test"}
    with pytest.raises(TuinetError, match="come together"):
        IdxFiles("images", "labels", "images-test").load(tmp_path, 0)
    with pytest.raises(TuinetError, match="is 2, but 2 classes are named"):
        IdxFiles("images", "labels", names=("a", "b")).load(tmp_path, 0)


def refused(folder, *arguments, **settings):
    source = write(folder, *arguments, **settings)
    messages = []
    for read in (lambda: source.load(folder, 0), lambda: source.describe(folder)):
        with pytest.raises(TuinetError) as caught:
            read()
        messages.append(str(caught.value))
    return messages[0]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("images", "says"),
    [
        (b"", "begins with nothing"),
        (b"\0\0", "not an IDX file"),
        (b"\0\1\x08\1" + bytes(8), "begins with 00 01 08 01"),
        (b"\0\0\x07\1" + bytes(8), "not an IDX file"),
        (b"\0\0\x08\0" + bytes(8), "0 axes"),
        (b"\0\0\x08\xff" + bytes(2000), "255 axes"),
        (b"\0\0\x08\3" + bytes(8), "ends within the header"),
        (encoded(IMAGES[:0]), "no inputs"),
        (encoded(IMAGES[:4]), "4 inputs, but 5 targets"),
    ],
)
def test_wrong_headers(tmp_path, images, says, pack):
    assert says in refused(tmp_path, images, pack=pack)


def test_wrong_lengths(tmp_path):
    good = encoded(IMAGES)
    assert "the header promises 5×3×4 values, 60 bytes, but 59 are there" in refused(tmp_path, good[:-1])
    assert "holds more than it says" in refused(tmp_path, good + b"x")
    giant = b"\0\0\x08\2" + (2_000_000_000).to_bytes(4, "big") * 2
    assert "is truncated" in refused(tmp_path, giant)
    assert "GiB of data" in refused(tmp_path, giant, pack=gzip.compress)


def unreadable(folder, content):
    (folder / "a.gz").write_bytes(content)
    with pytest.raises(TuinetError) as caught:
        read_idx(folder / "a.gz")
    return str(caught.value)


def test_wrong_gzip_files(tmp_path, monkeypatch):
    good = encoded(IMAGES)
    packed = gzip.compress(good)
    assert "damaged" in unreadable(tmp_path, packed[:-9])
    assert "CRC check failed" in unreadable(tmp_path, packed[:-8] + bytes(4) + packed[-4:])
    assert "damaged" in unreadable(tmp_path, packed[:20] + b"\xff" * 20 + packed[40:])
    assert "is truncated: 50 of 60" in unreadable(tmp_path, gzip.compress(good[:-10]))
    assert "holds more than it says" in unreadable(tmp_path, gzip.compress(good + b"x"))
    large = b"\0\0\x08\1" + (1 << 30).to_bytes(4, "big")
    assert "compressed bytes cannot hold" in unreadable(tmp_path, gzip.compress(large))
    monkeypatch.setattr(idx, "MAX_WHOLE", 50)
    assert "more than the" in unreadable(tmp_path, packed)


def test_wrong_values(tmp_path):
    nan = np.ones((5, 2))
    nan[3, 1] = np.nan
    with pytest.raises(TuinetError, match="of sample 3 "):
        write(tmp_path, encoded(nan, 0x0D)).load(tmp_path, 0)
    assert "class number of sample 1 is -1" in refused(tmp_path, labels=encoded(np.array([0, -1, 1, 1, 1]), 0x09))
    assert "are no class numbers" in refused(tmp_path, labels=encoded(np.zeros((5, 3))))
