"""Random and mutated files: whatever is in them, only TuinetError comes out."""

import contextlib
import gzip
import io
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tuinet.data.array_files import NpyFiles, NpzFile
from tuinet.data.cifar import CifarBinary
from tuinet.data.csv_file import CsvFile, rows_from_csv
from tuinet.data.dataset import Column
from tuinet.data.encoding import encode_dataset
from tuinet.data.idx import IdxFiles
from tuinet.data.image_folder import ImageFolder, read_image
from tuinet.data.json_lines import JsonLines
from tuinet.data.labelled_text import LabelledText
from tuinet.data.pairs import PairsFile, ParallelFiles
from tuinet.data.series import SeriesFile
from tuinet.data.text_file import TextFile
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.nn.sequence import Ragged


def saved(save, *arguments, **named):
    buffer = io.BytesIO()
    save(buffer, *arguments, **named)
    return buffer.getvalue()


def packed(content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
        info.pax_headers = {"comment": "x" * 50}
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


X = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
Y = np.array([0, 1, 0, 1])
IDX_X = b"\0\0\x08\3" + b"".join(n.to_bytes(4, "big") for n in X.shape) + X.tobytes()
IDX_Y = b"\0\0\x08\1\0\0\0\4" + bytes([0, 1, 0, 1])
PICTURE = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
SEVERAL = {"save_all": True, "append_images": [PICTURE.rotate(90)]}

SAMPLES = {
    "csv": (CsvFile("f"), b'a,"b c",kind\n1,red,"x"\n2.5,blue,y\n-3e2,red,x\n'),
    "text": (TextFile("f"), "Ça va,\r\nnon ?\n".encode()),
    "pairs": (PairsFile("f"), "Go.\tVa !\tx\n\nHi 😀\tשלום\n".encode()),
    "parallel": (ParallelFiles("f", "f"), b"one\ntwo\n"),
    "labelled": (LabelledText("f"), b"a film\tgood\nb\tbad\n"),
    "json": (JsonLines("f"), b'{"text": "a", "label": "b"}\n{"text": "c", "label": 1}\n'),
    "json-tags": (JsonLines("f"), b'{"text": ["a", "b"], "label": ["x", "y"]}\n'),
    "series": (SeriesFile("f", sequence=0), b"run,x,kind\na,1,2.5\na,3,2.5\nb,5,7\n"),
    "npy": (NpyFiles("f", "y.npy"), saved(np.save, X.astype(np.float32))),
    "npy-targets": (NpyFiles("x.npy", "f"), saved(np.save, Y.astype(np.float32))),
    "npz": (NpzFile("f"), saved(np.savez, x=X, y=Y)),
    "npz-deflated": (NpzFile("f"), saved(np.savez_compressed, x=X, y=Y)),
    "idx": (IdxFiles("f", "labels"), IDX_X),
    "idx-labels": (IdxFiles("images", "f"), IDX_Y),
    "idx-gzip": (IdxFiles("f", "labels"), gzip.compress(IDX_X, mtime=0)),
    "cifar": (CifarBinary("f"), packed(bytes(3073))),
    "png": (ImageFolder("pictures"), saved(PICTURE.save, "PNG")),
    "jpeg": (ImageFolder("pictures"), saved(PICTURE.save, "JPEG")),
    "gif": (ImageFolder("pictures"), saved(PICTURE.save, "GIF", **SEVERAL)),
    "bmp": (ImageFolder("pictures"), saved(PICTURE.save, "BMP")),
    "tiff": (ImageFolder("pictures"), saved(PICTURE.save, "TIFF", compression="tiff_lzw")),
    "webp": (ImageFolder("pictures"), saved(PICTURE.save, "WEBP")),
    "ppm": (ImageFolder("pictures"), saved(PICTURE.save, "PPM")),
}

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def survive(name, content):
    source, _ = SAMPLES[name]
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        np.save(folder / "x.npy", X)
        np.save(folder / "y.npy", Y)
        (folder / "images").write_bytes(IDX_X)
        (folder / "labels").write_bytes(IDX_Y)
        (folder / "f").write_bytes(content)
        (folder / "pictures" / "one").mkdir(parents=True)
        (folder / "pictures" / "one" / "f.png").write_bytes(content)
        with contextlib.suppress(TuinetError):
            info = source.describe(folder)
            dataset = source.load(folder, 0)  # what describe lets pass, load may refuse, never otherwise read
            assert dataset.info == info
            for split in dataset.splits.values():
                assert len(split.inputs) == len(split.targets) == len(split)
                if isinstance(split.inputs, Texts):
                    continue
                if isinstance(split.inputs, Ragged):
                    assert np.isfinite(split.inputs.values).all() and split.inputs.lengths.min() > 0
                    continue
                assert split.inputs.dtype.kind in "biuf" and np.isfinite(split.inputs).all()
                if dataset.labels:
                    assert split.targets.min() >= 0 and split.targets.max() < len(dataset.labels)
            encode_dataset(dataset)
        if isinstance(source, ImageFolder):
            with contextlib.suppress(TuinetError):
                assert read_image(folder / "f", 4, 5, 3).shape == (4, 5, 3)


@pytest.mark.parametrize("name", sorted(set(SAMPLES) - {"gif"}))  # a GIF of two frames is refused
def test_the_samples_themselves_can_be_read(name, tmp_path):
    source, content = SAMPLES[name]
    for file in ("f", "pictures/one/f.png"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    (tmp_path / "images").write_bytes(IDX_X)
    (tmp_path / "labels").write_bytes(IDX_Y)
    assert len(source.load(tmp_path, 0).splits["train"])


@pytest.mark.parametrize("name", SAMPLES)
@QUICK
@given(data=st.data())
def test_random_bytes_with_or_without_a_right_beginning(name, data):
    good = SAMPLES[name][1]
    survive(name, good[: data.draw(st.integers(0, min(40, len(good))))] + data.draw(st.binary(max_size=200)))


@pytest.mark.parametrize("name", SAMPLES)
@QUICK
@given(data=st.data())
def test_mutated_files(name, data):
    content = bytearray(SAMPLES[name][1])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["set", "cut", "insert", "flip"])):
            case "set":
                new = data.draw(st.sampled_from([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\1\0"]))
                content[place : place + 4] = new
            case "cut":
                del content[place : place + data.draw(st.integers(1, 20))]
            case "insert":
                content[place:place] = data.draw(st.binary(min_size=1, max_size=8))
            case _:
                content[place] ^= 1 << data.draw(st.integers(0, 7))
        content = content or bytearray(b"\0")
    survive(name, bytes(content))


CELLS = st.sampled_from(["1", "2.5", "-0", "1e400", "nan", "", "x", '"', '"a,b"', "1_0", "é", "\0", "\r", " ", "٣"])


@QUICK
@given(rows=st.lists(st.lists(CELLS, max_size=4), max_size=6), header=st.sampled_from([None, True, False]))
def test_tables_of_odd_cells(rows, header):
    text = "\n".join(map(",".join, rows))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "f").write_bytes(text.encode())
        with contextlib.suppress(TuinetError):
            dataset = CsvFile("f", header=header).load(Path(folder), 0)
            assert np.isfinite(dataset.splits["train"].inputs).all()
    with contextlib.suppress(TuinetError):
        found = rows_from_csv(text.split("\n"), (Column("1"), Column("x", ("x", "é"))))
        assert found.shape[1] == 3 and np.isfinite(found).all()
