"""Texts as they were read, until a vocabulary makes ids of them: a column of a data set whose cells are strings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt


class Texts:
    """M strings that do not change. It is indexed as an array is: by a slice or by places, which give Texts again."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[str] = ()) -> None:
        self._rows: tuple[str, ...] = tuple(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __getitem__(self, where: slice | npt.ArrayLike) -> Texts:
        """These texts, in this order."""
        if isinstance(where, slice):
            return Texts(self._rows[where])
        return Texts(self._rows[place] for place in np.asarray(where, np.intp).tolist())

    def __add__(self, other: Texts) -> Texts:
        return Texts(self._rows + other._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Texts) and self._rows == other._rows

    def __hash__(self) -> int:
        return hash(self._rows)

    def __repr__(self) -> str:
        return f"Texts({len(self)})"

    def row(self, index: int) -> str:
        """The text at `index`."""
        return self._rows[index]

    @property
    def characters(self) -> int:
        """How many characters all of them have together."""
        return sum(map(len, self._rows))
