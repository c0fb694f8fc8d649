"""The real data sets that ship: small enough to be part of every installation. See datasets/*/README.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import msgspec

from tuinet.data.csv_file import CsvFile
from tuinet.data.dataset import Column, Dataset, DatasetInfo
from tuinet.data.idx import IdxFiles
from tuinet.data.official import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from tuinet.data.shipped import shipped_file
from tuinet.nn.layer import Shape


class Shipped(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    """A set that ships. Every file is known by its SHA-256."""

    known: ClassVar[DatasetInfo]
    files: ClassVar[dict[str, str]]

    def load(self, base: Path, seed: int) -> Dataset:
        """Raises TuinetError if a file is missing or damaged."""
        paths = [str(shipped_file(self.known.name, name, digest)) for name, digest in self.files.items()]
        test = (paths[2], paths[3]) if len(paths) == 4 else (None, None)
        source = CsvFile(paths[0], target="species") if len(paths) == 1 else IdxFiles(paths[0], paths[1], *test)
        known = self.known
        return replace(
            source.load(base, seed),
            name=known.name,
            labels=known.labels,
            columns=known.columns,
            maximum=known.maximum,
            letters_or_digits=known.letters_or_digits,
        )

    def describe(self, base: Path) -> DatasetInfo:
        return self.known


class Iris(Shipped, frozen=True, tag="iris"):
    """Iris: 150 flowers of three species, by the length and width of their sepals and petals (Fisher 1936)."""

    known: ClassVar[DatasetInfo] = DatasetInfo(
        "iris",
        "classification",
        Shape.vector(4),
        {"train": 150},
        ("setosa", "versicolor", "virginica"),
        tuple(Column(f"{name} (cm)") for name in ("sepal length", "sepal width", "petal length", "petal width")),
    )
    files: ClassVar[dict[str, str]] = {"iris.csv": "f7fac79ad999fd2d001fd012dd70c0f42c738a7e7cfb7069e71371b55c29341e"}


class Digits(Shipped, frozen=True, tag="digits"):
    """Digits: 1,797 handwritten digits, 8×8 pixels of 0 … 16 (Alpaydin and Kaynak 1998)."""

    known: ClassVar[DatasetInfo] = DatasetInfo(
        "digits",
        "classification",
        Shape.image(8, 8, 1),
        {"train": 1797},
        tuple("0123456789"),
        maximum=16.0,
        letters_or_digits=True,
    )
    files: ClassVar[dict[str, str]] = {
        "images-idx3-ubyte.gz": "c41c947a1014aa9bb82e371b01f16724f9ef929893351173edcc47aa0fc03930",
        "labels-idx1-ubyte.gz": "147c9192405199869317e6d9c62ea444f9770c3f8c6dd65035ba3a3690cc5460",
    }


class MnistSmall(Shipped, frozen=True, tag="mnist-small"):
    """mnist-small: 5,000 + 1,000 of MNIST's digits, as many of each class (LeCun, Cortes and Burges 1998)."""

    known: ClassVar[DatasetInfo] = DatasetInfo(
        "mnist-small",
        "classification",
        Shape.image(28, 28, 1),
        {"train": 5000, "test": 1000},
        tuple("0123456789"),
        maximum=255.0,
        letters_or_digits=True,
    )
    files: ClassVar[dict[str, str]] = {
        f"{TRAIN_IMAGES}.gz": "d285a08aadcea202042186ce8df9962657e637533e8d8cac43e6ecd8fb78f720",
        f"{TRAIN_LABELS}.gz": "aeeb3c9718503c1f3d679d7bcb2b90d0f32d045e5ae5c6a5a925fbe69f59a0ba",
        f"{TEST_IMAGES}.gz": "8c812fa7ddd774ca08e57a3a37d72517638fab01d0fa12efc4eda863a94594e7",
        f"{TEST_LABELS}.gz": "0d4e4a900e1dbae75e070984df83ad630ca5b4c143bc85b723126baaf8646bc3",
    }
