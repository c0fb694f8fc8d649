"""Pairs of texts: one is to be turned into the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tuinet.data.dataset import Dataset, DatasetInfo, Split
from tuinet.data.reading import FileSource
from tuinet.data.text_lines import WORDS, lines_of
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape

Columns = tuple[list[str], list[str]]


class PairsFile(FileSource, frozen=True, tag="pairs"):
    """One pair a line: the source, a TAB, its target; further columns do not count. UTF-8, `.gz` is unpacked.

    A source may stand in several lines, with other targets: `data.split` puts them all into one part. Empty lines are
    passed over. On the command line a .tsv file is a table (`csv`); pairs are named in an experiment file:
    `source = { kind = "pairs", path = "fra.txt" }`.
    """

    path: str
    """The pairs."""
    validation_path: str | None = None
    """The pairs to validate on, if they have a file of their own."""
    test_path: str | None = None
    """The pairs to test on, if they have a file of their own."""
    swap: bool = False
    """Whether the second column is turned into the first."""

    def load(self, base: Path, seed: int) -> Dataset:
        paths = {"train": self.path, "validation": self.validation_path, "test": self.test_path}
        parts = {part: read_columns(base / path, "target") for part, path in paths.items() if path is not None}
        if self.swap:
            parts = {part: (targets, sources) for part, (sources, targets) in parts.items()}
        return pairs_dataset((base / self.path).name.split(".")[0], parts)

    def describe(self, base: Path) -> DatasetInfo:
        return self.load(base, 0).info


class ParallelFiles(FileSource, frozen=True, tag="parallel"):
    """Two files in step: each line of the source file is to become the same line of the target file. UTF-8.

    `.gz` files are unpacked. Lines that are empty in both files are passed over.
    """

    source_path: str
    """The sources."""
    target_path: str
    """Their targets."""
    validation_source_path: str | None = None
    """The sources to validate on, if they have files of their own."""
    validation_target_path: str | None = None
    """Their targets."""
    test_source_path: str | None = None
    """The sources to test on, if they have files of their own."""
    test_target_path: str | None = None
    """Their targets."""

    def load(self, base: Path, seed: int) -> Dataset:
        paths = {
            "train": (self.source_path, self.target_path),
            "validation": (self.validation_source_path, self.validation_target_path),
            "test": (self.test_source_path, self.test_target_path),
        }
        parts: dict[str, Columns] = {}
        for part, (source, target) in paths.items():
            if (source is None) != (target is None):
                raise TuinetError(f"{part}_source_path and {part}_target_path come together", "give both or neither")
            if source is not None and target is not None:
                parts[part] = _in_step(base / source, base / target)
        return pairs_dataset((base / self.source_path).name.split(".")[0], parts)

    def describe(self, base: Path) -> DatasetInfo:
        return self.load(base, 0).info


def pairs_dataset(name: str, parts: Mapping[str, Columns]) -> Dataset:
    """A data set of sources and targets, words on both sides."""
    splits = {part: Split(Texts(sources), Texts(targets)) for part, (sources, targets) in parts.items()}
    return Dataset(name, "seq2seq", Shape.tokens(0), splits, tokens=WORDS, target_tokens=WORDS)


def read_columns(path: Path, second: str) -> Columns:
    """The first two columns of a file, parted by TABs; `second` is what errors call the second one.

    White space around them does not count, empty lines are passed over. Raises TuinetError, with the line, if there is
    no TAB, if one of the two is empty, or if there are no lines.
    """
    firsts: list[str] = []
    seconds: list[str] = []
    for number, line in lines_of(path):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) < 2:
            raise TuinetError(f"{path}, line {number} has no TAB", f"write: text, TAB, {second}")
        first, other = cells[0].strip(), cells[1].strip()
        if not (first and other):
            empty = second if first else "text before the TAB"
            raise TuinetError(f"{path}, line {number}: the {empty} is empty", "fill it in or leave the line out")
        firsts.append(first)
        seconds.append(other)
    if not firsts:
        raise TuinetError(f"{path} is empty", f"write one line a sample: text, TAB, {second}")
    return firsts, seconds


def _in_step(source_path: Path, target_path: Path) -> Columns:
    sources = [line.strip() for _, line in lines_of(source_path)]
    targets = [line.strip() for _, line in lines_of(target_path)]
    if len(sources) != len(targets):
        raise TuinetError(
            f"{source_path} has {len(sources):,} lines, but {target_path} has {len(targets):,}",
            "each line of one belongs to the same line of the other",
        )
    both = [(first, second) for first, second in zip(sources, targets, strict=True) if first or second]
    if not both:
        raise TuinetError(f"{source_path} and {target_path} are empty")
    for number, (first, second) in enumerate(zip(sources, targets, strict=True), 1):
        if bool(first) != bool(second):
            path = target_path if first else source_path
            raise TuinetError(f"{path}, line {number} is empty, but its other side is not", "leave out both lines")
    return [first for first, _ in both], [second for _, second in both]
