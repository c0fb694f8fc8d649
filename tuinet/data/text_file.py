"""A plain text, of which the next symbol is to be learnt."""

from __future__ import annotations

from pathlib import Path

from tuinet.data.dataset import Dataset, DatasetInfo, Split
from tuinet.data.reading import FileSource
from tuinet.data.text_lines import whole_text
from tuinet.data.texts import Texts
from tuinet.data.vocabulary import Tokens
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape


class TextFile(FileSource, frozen=True, tag="text"):
    """A file of text in UTF-8: the network learns which symbol comes next. `.gz` files are unpacked.

    What `data.split` cuts off comes from the end of the text, the validation part before the test part; there a number
    counts characters.
    """

    path: str
    """The text."""
    validation_path: str | None = None
    """The text to validate on, if it has a file of its own."""
    test_path: str | None = None
    """The text to test on, if it has a file of its own."""

    def load(self, base: Path, seed: int) -> Dataset:
        paths = {"train": self.path, "validation": self.validation_path, "test": self.test_path}
        splits: dict[str, Split] = {}
        for part, path in paths.items():
            if path is None:
                continue
            text = whole_text(base / path)
            if len(text) < 2:
                raise TuinetError(f"{base / path}: a text of {len(text)} characters has no next symbol to learn")
            texts = Texts([text])
            splits[part] = Split(texts, texts)
        return Dataset(
            (base / self.path).name.split(".")[0],
            "next-symbol",
            Shape.tokens(0),
            splits,
            tokens=Tokens(),
            target_tokens=Tokens(),
        )

    def describe(self, base: Path) -> DatasetInfo:
        return self.load(base, 0).info
