"""What ships: the right numbers, known by their hashes; damage is noticed."""

import gzip
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from tuinet.data import shipped
from tuinet.data.shipped_sets import Digits, Iris, MnistSmall, Shipped
from tuinet.data.shipped_text import Cmudict, DigitCaptions, Shakespeare
from tuinet.errors import TuinetError

HERE = Path()
KINDS: list[type[Shipped]] = [Iris, Digits, MnistSmall, Cmudict, Shakespeare, DigitCaptions]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_of_a_set_is_what_its_files_hold(kind):
    assert kind().load(HERE, 0).info == kind().describe(HERE)


@pytest.mark.parametrize("kind", KINDS)
def test_the_readme_names_every_file_with_its_hash_and_size(kind):
    folder = shipped.shipped("datasets", kind.known.name)
    text = (folder / "README.md").read_text()
    for name, digest in kind.files.items():
        content = (folder / name).read_bytes()
        assert sha256(content).hexdigest() == digest
        assert digest in text and f"`{name}`" in text and f"{len(content):,}" in text
    assert "licence" in text and "source" in text and "authors" in text
    assert {path.name for path in folder.iterdir()} <= {*kind.files, "README.md", "LICENSE", "make.py", "__pycache__"}


def test_all_that_ships_is_small():
    folder = shipped.shipped("datasets")
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 4e6


def test_iris_has_fishers_numbers():
    data = Iris().load(HERE, 0)
    inputs, ids = data.splits["train"].take([0, 34, 50, 149])
    assert inputs.tolist() == [[5.1, 3.5, 1.4, 0.2], [4.9, 3.1, 1.5, 0.2], [7.0, 3.2, 4.7, 1.4], [5.9, 3.0, 5.1, 1.8]]
    assert [data.labels[label] for label in ids] == ["setosa", "setosa", "versicolor", "virginica"]
    every = data.splits["train"].inputs
    assert np.allclose(every.mean(axis=0), [5.843, 3.057, 3.758, 1.199], atol=5e-4)
    assert np.bincount(data.splits["train"].targets).tolist() == [50, 50, 50]


def test_digits_are_the_uci_ones():
    data = Digits().load(HERE, 0)
    images, ids = data.splits["train"].take([0])
    assert images[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0] and ids.tolist() == [0]
    every = data.splits["train"].inputs
    assert every.dtype == np.uint8 and every.max() == data.maximum == 16
    assert np.bincount(data.splits["train"].targets).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_mnist_small_is_balanced_and_its_parts_share_no_image():
    data = MnistSmall().load(HERE, 0)
    assert np.bincount(data.splits["train"].targets).tolist() == [500] * 10
    assert np.bincount(data.splits["test"].targets).tolist() == [100] * 10
    train, test = ({image.tobytes() for image in data.splits[part].inputs} for part in ("train", "test"))
    assert len(train) == 5000 and len(test) == 1000 and not train & test


def test_a_damaged_file_is_noticed(tmp_path, monkeypatch):
    (tmp_path / "tuinet").mkdir()
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "tuinet")
    folder = tmp_path / "datasets" / "digits"
    folder.mkdir(parents=True)
    with pytest.raises(TuinetError, match=r"images-idx3-ubyte\.gz: a data file that ships .* cannot be read"):
        Digits().load(HERE, 0)
    (folder / "images-idx3-ubyte.gz").write_bytes(gzip.compress(b"\0" * 100))
    with pytest.raises(TuinetError, match=r"images-idx3-ubyte\.gz: damaged: its SHA-256 is .*, not c41c947a") as caught:
        Digits().load(HERE, 0)
    assert "install tuinet again" in caught.value.hint


def test_a_wheel_carries_the_folders_inside_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "tuinet")
    assert shipped.shipped("models", "digits-cnn") == tmp_path / "models" / "digits-cnn"
    (tmp_path / "tuinet" / "shipped").mkdir(parents=True)
    assert shipped.shipped("models", "digits-cnn") == tmp_path / "tuinet" / "shipped" / "models" / "digits-cnn"
