"""The texts that are too large to ship, or that may not: fetched like the images of fetched.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from tuinet.data.dataset import SPLITS, Dataset, DatasetInfo, Split
from tuinet.data.fetched import Fetched
from tuinet.data.pairs import PairsFile, ParallelFiles, read_columns
from tuinet.data.text_lines import whole_text
from tuinet.data.texts import Texts
from tuinet.data.vocabulary import Tokens
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape

WORDS = Tokens(unit="words")

SEEN_TWICE = Tokens(unit="words", minimum_count=2)
"""A word that the training part has once is an unknown word, so that the network learns what to do with those."""

HELD_OUT = 20
"""One of so many source sentences of eng-fra is in the test part, and one in the validation part."""


class EngFra(Fetched, frozen=True, tag="eng-fra"):
    """eng-fra: short sentences in English and French (Tatoeba's, by way of ManyThings).

    The file comes in one part and grows with every edition, so a sentence tells by itself where it belongs: what the
    SHA-256 of the source sentence, a number, leaves when divided by 20 puts it and all its translations into the test
    part (0), the validation part (1) or the training part. It is the same for everybody, whatever edition they have.
    """

    direction: Literal["eng-fra", "fra-eng"] = "eng-fra"
    """From which language into which."""

    official: ClassVar[DatasetInfo] = DatasetInfo(
        "eng-fra",
        "seq2seq",
        Shape.tokens(0),
        # Of an edition of 18,065 pairs; later ones have ten times as many.
        {"train": 16_236, "validation": 845, "test": 984},
        tokens=SEEN_TWICE,
        target_tokens=WORDS,
    )

    def read(self, folder: Path) -> Dataset:
        dataset = PairsFile("fra.txt", swap=self.direction == "fra-eng").load(folder, 0)
        every = dataset.splits["train"]
        place = np.array([_part(source) for source in every.inputs])
        rows = {part: np.flatnonzero(place == part) for part in SPLITS}
        if not (len(rows["train"]) and len(rows["test"])):
            raise TuinetError(
                f"{folder / 'fra.txt'}: {len(every):,} pairs are too few: none or all of them are in the test part"
            )
        splits = {part: Split(every.inputs, every.targets, where) for part, where in rows.items() if len(where)}
        return _named(dataset, self.official, splits)


class Multi30k(Fetched, frozen=True, tag="multi30k"):
    """Multi30k: captions of photographs in English, and in German by translators (Elliott, Frank, Sima'an and Specia
    2016). The test part is that of 2016.
    """

    direction: Literal["en-de", "de-en"] = "en-de"
    """From which language into which."""

    official: ClassVar[DatasetInfo] = DatasetInfo(
        "multi30k",
        "seq2seq",
        Shape.tokens(0),
        {"train": 29_000, "validation": 1014, "test": 1000},
        tokens=SEEN_TWICE,
        target_tokens=SEEN_TWICE,
    )

    def read(self, folder: Path) -> Dataset:
        source, target = self.direction.split("-")
        paths = [f"{part}.{side}" for part in ("train", "val", "test_2016_flickr") for side in (source, target)]
        dataset = ParallelFiles(*paths).load(folder, 0)
        return _named(dataset, self.official, dataset.splits)


class Sst2(Fetched, frozen=True, tag="sst2"):
    """SST-2: sentences of film reviews, negative or positive (Socher and others 2013)."""

    official: ClassVar[DatasetInfo] = DatasetInfo(
        "sst2",
        "classification",
        Shape.tokens(0),
        {"train": 6920, "validation": 872, "test": 1821},
        ("negative", "positive"),
        tokens=SEEN_TWICE,
    )

    def read(self, folder: Path) -> Dataset:
        files = {"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv"}
        return self.official.dataset({part: _labelled(folder / name) for part, name in files.items()})


class TinyShakespeare(Fetched, frozen=True, tag="tinyshakespeare"):
    """tinyshakespeare: 1.1 million characters of Shakespeare's plays (Karpathy 2015); the last tenth is the test part.

    `data.split.validation` takes its characters from the end of the rest. It overlaps shakespeare: never train on one
    and report a figure on the other.
    """

    official: ClassVar[DatasetInfo] = DatasetInfo(
        "tinyshakespeare",
        "next-symbol",
        Shape.tokens(0),
        {"train": 1_003_854, "test": 111_540},
        tokens=Tokens(),
        target_tokens=Tokens(),
    )

    def read(self, folder: Path) -> Dataset:
        text = whole_text(folder / "input.txt")
        cut = len(text) * 9 // 10
        if len(text) - cut < 2:
            raise TuinetError(f"{folder / 'input.txt'}: a tenth of {len(text)} characters is too little to test on")
        splits: dict[str, Split] = {}
        for part, piece in (("train", text[:cut]), ("test", text[cut:])):
            whole = Texts((piece,))
            splits[part] = Split(whole, whole)
        return self.official.dataset(splits)


def _named(dataset: Dataset, known: DatasetInfo, splits: Mapping[str, Split]) -> Dataset:
    tokens, target_tokens = known.tokens, known.target_tokens
    return replace(dataset, name=known.name, splits=splits, tokens=tokens, target_tokens=target_tokens)


def _part(source: str) -> str:
    left = int.from_bytes(sha256(source.encode()).digest()) % HELD_OUT
    return {0: "test", 1: "validation"}.get(left, "train")


def _labelled(path: Path) -> Split:
    texts, labels = read_columns(path, "0 or 1")
    return Split(Texts(texts), np.array(_ids(path, labels), np.uint8))


def _ids(path: Path, labels: Iterable[str]) -> list[int]:
    for number, label in enumerate(labels, 1):
        if label not in ("0", "1"):
            raise TuinetError(f"{path}, sentence {number}: the label is {label[:40]!r}", "0 is negative, 1 is positive")
    return [int(label) for label in labels]
