"""The sets that are too large to ship, as `tuinet data fetch` keeps them in the user's data folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import msgspec

from tuinet.data.cifar import CifarBinary
from tuinet.data.dataset import Dataset, DatasetInfo
from tuinet.data.idx import IdxFiles
from tuinet.data.kept import RECORD, data_folder
from tuinet.data.official import OFFICIAL, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape

MAX_RECORD = 1 << 20

DIGITS = tuple("0123456789")


class FileRecord(msgspec.Struct, frozen=True):
    """A kept file as it was when it was fetched."""

    bytes: int
    sha256: str


class FetchRecord(msgspec.Struct, frozen=True):
    """What was fetched, whence, and whether it is what the set's authors publish (by its hashes)."""

    name: str
    origin: str
    official: bool
    files: dict[str, FileRecord]

    @property
    def note(self) -> str:
        """What a person should know of it; "" if it is the official set."""
        if self.official:
            return ""
        if self.name in OFFICIAL and not OFFICIAL[self.name].mirrors:
            return f"{self.name} was taken from {self.origin}. Other editions differ: figures hold for this file alone."
        return (
            f"{self.name} was taken from {self.origin} and is not the official set: its SHA-256 differs. "
            "Its form was checked; figures for it do not compare with published ones."
        )


class NotFetchedError(TuinetError):
    """A set that has to be fetched first. `info` is what the official set is like, so that `check` can go on."""

    def __init__(self, info: DatasetInfo) -> None:
        super().__init__(f"{info.name} is not on this machine", f"tuinet data fetch {info.name}")
        self.info = info


class Fetched(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    """A set in the user's data folder, with a test part."""

    official: ClassVar[DatasetInfo]
    """What the set is like as its authors publish it."""

    def load(self, base: Path, seed: int) -> Dataset:
        return self.read(kept_folder(self.official))

    def describe(self, base: Path) -> DatasetInfo:
        return self.read_info(kept_folder(self.official))

    def read(self, folder: Path) -> Dataset:
        """The set as its files in `folder` hold it, by the strict readers of its file format.

        Raises TuinetError where they are not what the set's form demands.
        """
        raise NotImplementedError

    def read_info(self, folder: Path) -> DatasetInfo:
        """The same without its arrays or texts."""
        return self.read(folder).info


class FetchedImages(Fetched, frozen=True):
    """A set of images. IDX files are memory-mapped, CIFAR-10's batches read whole."""

    def reader(self) -> IdxFiles | CifarBinary:
        """What reads the files in the set's folder."""
        return IdxFiles(TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS, self.official.labels)

    def read(self, folder: Path) -> Dataset:
        known = self.official
        dataset = self.reader().load(folder, 0)
        _check_form(dataset.info, known, folder)
        return replace(dataset, name=known.name, labels=known.labels, letters_or_digits=known.letters_or_digits)

    def read_info(self, folder: Path) -> DatasetInfo:
        """Reads no more than the files' headers and labels."""
        known = self.official
        info = self.reader().describe(folder)
        _check_form(info, known, folder)
        return replace(info, name=known.name, labels=known.labels, letters_or_digits=known.letters_or_digits)


class Mnist(FetchedImages, frozen=True, tag="mnist"):
    """MNIST: handwritten digits, 28×28 grey (LeCun, Cortes and Burges 1998)."""

    official: ClassVar[DatasetInfo] = DatasetInfo(
        "mnist",
        "classification",
        Shape.image(28, 28, 1),
        {"train": 60_000, "test": 10_000},
        DIGITS,
        maximum=255.0,
        letters_or_digits=True,
    )


class FashionMnist(FetchedImages, frozen=True, tag="fashion-mnist"):
    """Fashion-MNIST: articles of clothing, 28×28 grey (Xiao, Rasul and Vollgraf 2017)."""

    official: ClassVar[DatasetInfo] = DatasetInfo(
        "fashion-mnist",
        "classification",
        Shape.image(28, 28, 1),
        {"train": 60_000, "test": 10_000},
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        maximum=255.0,
    )


class Cifar10(FetchedImages, frozen=True, tag="cifar10"):
    """CIFAR-10: small photographs, 32×32 in colour (Krizhevsky 2009)."""

    official: ClassVar[DatasetInfo] = DatasetInfo(
        "cifar10",
        "classification",
        Shape.image(32, 32, 3),
        {"train": 50_000, "test": 10_000},
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        maximum=255.0,
    )

    def reader(self) -> IdxFiles | CifarBinary:
        return CifarBinary(".")


def read_record(name: str) -> FetchRecord | None:
    """What is known of a fetched set; None if it was not fetched, or the record cannot be read or names too little."""
    try:
        with (data_folder() / name / RECORD).open("rb") as file:
            record = msgspec.json.decode(file.read(MAX_RECORD), type=FetchRecord)
    except (OSError, msgspec.DecodeError):
        return None
    required = {content.name for content in OFFICIAL[name].contents if content.required}
    return record if required <= record.files.keys() else None


def kept_folder(info: DatasetInfo) -> Path:
    """The folder of a fetched set, after a look at its files' sizes.

    Raises NotFetchedError if it is not there, TuinetError if files are missing or of another size than when fetched.
    """
    folder = data_folder() / info.name
    record = read_record(info.name)
    if record is None:
        raise NotFetchedError(info)
    for name, file in record.files.items():
        found = (folder / name).stat().st_size if (folder / name).is_file() else None
        if found != file.bytes:
            what = "is missing" if found is None else f"has {found:,} bytes, not {file.bytes:,}"
            raise TuinetError(f"{folder / name} {what}", f"fetch it again: tuinet data fetch {info.name}")
    return folder


def _check_form(info: DatasetInfo, official: DatasetInfo, folder: Path) -> None:
    if info.input_shape != official.input_shape:
        raise TuinetError(f"{folder}: images of {info.input_shape}; {official.name} has {official.input_shape}")
    if not (info.sizes.get("train") and info.sizes.get("test")):
        raise TuinetError(f"{folder}: {official.name} has a training part and a test part; here one is empty")
